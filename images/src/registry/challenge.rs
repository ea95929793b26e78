//! What a registry wants to see before it answers.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// How a registry wants to be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With a name and a password.
    Basic,
    /// With a token that the server at `realm` gives.
    Bearer { realm: String, service: Option<String> },
}

impl Challenge {
    /// The one in `headers` that is best known; tokens come first.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut basic = None;
        for value in headers.get_all(WWW_AUTHENTICATE) {
            let Ok(text) = value.to_str() else { continue };
            for challenge in http_auth::ChallengeParser::new(text).filter_map(Result::ok) {
                let parameter = |name: &str| {
                    let found =
                        challenge.params.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
                    found.map(|(_, value)| value.to_unescaped())
                };
                if challenge.scheme.eq_ignore_ascii_case("basic") {
                    basic = Some(Self::Basic);
                } else if challenge.scheme.eq_ignore_ascii_case("bearer")
                    && let Some(realm) = parameter("realm")
                {
                    return Some(Self::Bearer { realm, service: parameter("service") });
                }
            }
        }
        basic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let check = |texts: &[&str], expect: Option<Challenge>| {
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(WWW_AUTHENTICATE, text.parse().unwrap());
            }
            assert_eq!(Challenge::of(&headers), expect, "{texts:?}");
        };
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.map(str::to_owned) })
        };
        check(
            &[
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:x:pull""#,
            ],
            bearer("https://auth.docker.io/token", Some("registry.docker.io")),
        );
        check(&[r#"bearer Realm="https://a/""#], bearer("https://a/", None));
        check(&[r#"Basic realm="x""#], Some(Challenge::Basic));
        check(&[r#"Basic realm="x""#, r#"Bearer realm="https://a/""#], bearer("https://a/", None));
        check(&["Bearer service=\"x\""], None);
        check(&["Negotiate"], None);
        check(&["\"\"\""], None);
        check(&[], None);
    }
}
