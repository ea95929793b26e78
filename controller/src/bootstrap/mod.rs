//! Bootstrap tokens: with which a host joins that has nothing else yet.
//!
//! ```text
//! abcdef.0123456789abcdef ─▶ Secret kube-system/bootstrap-token-abcdef ─▶ system:bootstrap:abcdef
//!  id      secret
//! ```
//!
//! Kubernetes' own, as its documentation says ("Authenticating with Bootstrap Tokens"); of those that
//! `mayfly token` makes, the digest alone is kept. Whoever has one may ask for the certificate of a node,
//! and nothing else.

mod cleaner;

pub use self::cleaner::TokenCleaner;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use k8s_openapi::ByteString;
use sha2::{Digest as _, Sha256};

use crate::api::{Key, Secret, Timestamp};
use crate::store::Store;

/// The type of the Secrets that tokens are kept in.
pub const SECRET_TYPE: &str = "bootstrap.kubernetes.io/token";

/// Where they are.
pub const NAMESPACE: &str = "kube-system";
/// With what their names begin, before the id.
pub const NAME_PREFIX: &str = "bootstrap-token-";

/// Key: the first part of the token.
pub const TOKEN_ID: &str = "token-id";
/// Key: the second, as Kubernetes has it.
const TOKEN_SECRET: &str = "token-secret";
/// Key: the hexadecimal SHA-256 of the whole token, in the place of its secret. Ours alone.
pub const TOKEN_SHA256: &str = "token-sha256";
/// Key: until when it is good, as RFC 3339 has it; left out, for ever.
pub const EXPIRATION: &str = "expiration";
/// Key: what it is for, for people.
pub const DESCRIPTION: &str = "description";
/// Key: `true` if it lets somebody in.
pub const USAGE_AUTHENTICATION: &str = "usage-bootstrap-authentication";
/// Key: groups beside `system:bootstrappers`, with commas between.
const EXTRA_GROUPS: &str = "auth-extra-groups";

/// With what the names of groups begin that a token may give.
const GROUP_PREFIX: &str = "system:bootstrappers:";

/// How long the parts of a token are.
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 16;

/// A token, in its two parts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// By which it is known; no secret.
    pub id: &'a str,
    /// What proves it.
    pub secret: &'a str,
}

impl<'a> Token<'a> {
    /// The token that `text` is, if it has the form of one: `[a-z0-9]{6}.[a-z0-9]{16}`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (id, secret) = text.split_once('.')?;
        let is_good = |part: &str, bytes: usize| {
            part.len() == bytes
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        (is_good(id, ID_BYTES) && is_good(secret, SECRET_BYTES)).then_some(Self { id, secret })
    }

    /// Its SHA-256, as hexadecimal digits.
    pub fn digest(self) -> String {
        digest(&format!("{}.{}", self.id, self.secret))
    }
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrapper {
    /// The id of the token.
    pub id: String,
    /// Groups beside that of all who come with a token.
    pub groups: Vec<String>,
}

/// Who comes with `text`, if that is a token which is known in `store` and good at `now`.
pub fn authenticate(store: &Store, text: &str, now: Timestamp) -> Option<Bootstrapper> {
    let token = Token::parse(text)?;
    let key = Key::new(NAMESPACE, &format!("{NAME_PREFIX}{}", token.id));
    let secret = store.get::<Secret>(&key)?;
    is_good(&secret, token, now).then(|| {
        let groups = value(&secret, EXTRA_GROUPS).unwrap_or_default();
        let groups = groups.split(',').map(str::trim).filter(|it| it.starts_with(GROUP_PREFIX));
        Bootstrapper { id: token.id.to_owned(), groups: groups.map(str::to_owned).collect() }
    })
}

fn is_good(secret: &Secret, token: Token<'_>, now: Timestamp) -> bool {
    // Of digests, a comparison tells nothing by the time that it takes.
    let kept = match (value(secret, TOKEN_SHA256), value(secret, TOKEN_SECRET)) {
        (Some(kept), _) => kept.to_ascii_lowercase(),
        (None, Some(plain)) => digest(&format!("{}.{plain}", token.id)),
        (None, None) => return false,
    };
    secret.type_.as_deref() == Some(SECRET_TYPE)
        && secret.metadata.deletion_timestamp.is_none()
        && value(secret, TOKEN_ID) == Some(token.id)
        && value(secret, USAGE_AUTHENTICATION) == Some("true")
        && !has_expired(secret, now)
        && kept == token.digest()
}

/// Whether a token is over; one that says so in no good way, too.
fn has_expired(secret: &Secret, now: Timestamp) -> bool {
    match value(secret, EXPIRATION) {
        None => false,
        Some(text) => !text.parse::<Timestamp>().is_ok_and(|at| now < at),
    }
}

fn value<'a>(secret: &'a Secret, key: &str) -> Option<&'a str> {
    let data: Option<&BTreeMap<String, ByteString>> = secret.data.as_ref();
    let text = std::str::from_utf8(&data?.get(key)?.0).ok()?;
    (!text.is_empty()).then_some(text)
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TOKEN: &str = "abcdef.0123456789abcdef";

    #[test]
    fn a_token_has_two_parts() {
        let check = |text: &str, expect: bool| {
            assert_eq!(Token::parse(text).is_some(), expect, "{text}");
        };
        check(TOKEN, true);
        check("abcdef.0123456789abcde", false);
        check("abcdef.0123456789abcdef0", false);
        check("abcdef0123456789abcdef", false);
        check("Abcdef.0123456789abcdef", false);
        check("abcdef.0123456789abcde.", false);
        check("", false);
    }

    #[test]
    fn a_token_is_good_for_as_long_as_its_secret_says() {
        let check = |change: Value, expect: bool| {
            let mut secret = json!({
                "type": SECRET_TYPE, "metadata": {"name": "bootstrap-token-abcdef"},
            });
            let mut data = json!({
                TOKEN_ID: "abcdef", TOKEN_SHA256: digest(TOKEN), USAGE_AUTHENTICATION: "true",
                EXPIRATION: "2026-03-01T00:00:01Z",
            });
            for (key, value) in change.as_object().expect("a map") {
                match key.as_str() {
                    "type" => secret["type"] = value.clone(),
                    key => data[key] = value.clone(),
                }
            }
            let mut secret: Secret = serde_json::from_value(secret).expect("a Secret");
            let data = data.as_object().expect("a map").iter().filter(|(_, it)| !it.is_null());
            let bytes = |it: &Value| ByteString(it.as_str().expect("text").into());
            secret.data = Some(data.map(|(key, it)| (key.clone(), bytes(it))).collect());
            let now = "2026-03-01T00:00:00Z".parse().expect("a time");
            let token = Token::parse(TOKEN).expect("a token");
            assert_eq!(is_good(&secret, token, now), expect, "{change}");
        };
        check(json!({}), true);
        check(json!({EXPIRATION: null}), true);
        check(json!({TOKEN_SHA256: null, TOKEN_SECRET: "0123456789abcdef"}), true);
        check(json!({TOKEN_SHA256: null, TOKEN_SECRET: "0123456789abcdeg"}), false);
        check(json!({TOKEN_SHA256: digest("abcdef.0123456789abcdeg")}), false);
        check(json!({TOKEN_SHA256: null}), false);
        check(json!({EXPIRATION: "2026-03-01T00:00:00Z"}), false);
        check(json!({EXPIRATION: "tomorrow"}), false);
        check(json!({USAGE_AUTHENTICATION: "false"}), false);
        check(json!({TOKEN_ID: "abcdeg"}), false);
        check(json!({"type": "Opaque"}), false);
    }
}
