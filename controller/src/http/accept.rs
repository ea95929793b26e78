//! What a client accepts, as it says in the header of that name.

use axum::http::header::{ACCEPT, HeaderMap};

/// One of the forms in which a client takes an answer.
pub(super) struct Choice<'a> {
    media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl Choice<'_> {
    /// Whether `media_type` is among what is meant.
    pub(super) fn takes(&self, media_type: &str) -> bool {
        let all_of = self.media_type.strip_suffix("/*");
        match all_of {
            Some("*") => true,
            Some(all_of) => media_type.split('/').next() == Some(all_of),
            None => self.media_type == media_type,
        }
    }

    /// The value of a parameter, `""` without it.
    pub(super) fn parameter(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(key, _)| *key == name);
        found.map_or("", |(_, value)| value)
    }
}

/// All that a client accepts, what it likes best first; anything if it says nothing.
pub(super) fn choices(headers: &HeaderMap) -> Vec<Choice<'_>> {
    let header = headers.get(ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or("*/*");
    let mut choices: Vec<Choice<'_>> = header.split(',').map(choice).collect();
    choices.sort_by(|one, other| quality(other).total_cmp(&quality(one)));
    choices
}

fn choice(text: &str) -> Choice<'_> {
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    Choice { media_type, parameters: parts.filter_map(|it| it.split_once('=')).collect() }
}

fn quality(choice: &Choice<'_>) -> f32 {
    choice.parameter("q").parse().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_liked_best_comes_first() {
        let check = |accept: &'static str, expect: &[&str]| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            let found: Vec<_> = choices(&headers).iter().map(|it| it.media_type).collect();
            assert_eq!(found, expect, "{accept}");
        };
        check("application/json, */*", &["application/json", "*/*"]);
        check("*/*;q=0.1,a/b;q=0.5,c/d", &["c/d", "a/b", "*/*"]);
        let of = choice("application/*;as=Table;v=v1");
        assert!(of.takes("application/json") && !of.takes("text/plain"));
        assert_eq!((of.parameter("as"), of.parameter("g")), ("Table", ""));
    }
}
