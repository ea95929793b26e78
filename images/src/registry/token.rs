//! Gets what is shown to a registry, once it has said what it wants to see.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use reqwest::{Method, Url};
use serde::Deserialize;

use super::answer::{body, success};
use super::challenge::Challenge;
use super::session::timely;
use super::transport::{Ask, Transport};
use crate::error::{Error, Result};
use crate::limits::TOKEN_BYTES_MAX;
use crate::login::Login;

/// What is to be allowed: `repository:PATH:pull`.
pub(super) struct Wish<'a> {
    pub(super) registry: &'a str,
    pub(super) scope: String,
    pub(super) login: Option<&'a Login>,
}

#[derive(Deserialize)]
struct Granted {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

/// The header that meets `challenge`; `None` if nothing that we have could.
pub(super) async fn authorization(
    transport: &Transport,
    challenge: Challenge,
    wish: &Wish<'_>,
) -> Result<Option<HeaderValue>> {
    match (challenge, wish.login) {
        (Challenge::Basic, Some(login @ Login::Password { .. })) => Ok(Some(basic(login)?)),
        (Challenge::Basic, _) => Ok(None),
        (Challenge::Bearer { .. }, Some(Login::RegistryToken(token))) => bearer(token).map(Some),
        (Challenge::Bearer { realm, service }, _) => {
            let what = format!("a token for {}", wish.registry);
            let token = timely(&what, token(transport, &realm, service, wish)).await?;
            bearer(&token).map(Some)
        }
    }
}

/// Asks the server at `realm`, with the login if there is one.
async fn token(
    transport: &Transport,
    realm: &str,
    service: Option<String>,
    wish: &Wish<'_>,
) -> Result<String> {
    let what = format!("a token for {}", wish.registry);
    let mut url = Url::parse(realm).map_err(|_| {
        Error::answer(&what, "the registry names a token server that is no address")
    })?;
    let mut parameters = vec![("scope", wish.scope.as_str())];
    parameters.extend(service.as_deref().map(|service| ("service", service)));
    let ask = if let Some(Login::IdentityToken(token)) = wish.login {
        parameters.extend([
            ("grant_type", "refresh_token"),
            ("client_id", "mayfly"),
            ("refresh_token", token),
        ]);
        let form = encoded(&parameters);
        let body = Some((form.into(), "application/x-www-form-urlencoded".to_owned()));
        Ask { method: Method::POST, body, ..Ask::get(url) }
    } else {
        url.query_pairs_mut().extend_pairs(&parameters);
        let authorization = wish.login.map(basic).transpose()?;
        Ask { authorization, ..Ask::get(url) }
    };
    let response = success(transport.send(ask).await?, &what).await?;
    let granted = body(response, &what, TOKEN_BYTES_MAX).await?;
    let granted: Granted = serde_json::from_slice(&granted)
        .map_err(|_| Error::answer(&what, "the token server's answer can't be read"))?;
    let token = granted.token.or(granted.access_token).filter(|token| !token.is_empty());
    token.ok_or_else(|| Error::answer(&what, "the token server gives none"))
}

fn encoded(parameters: &[(&str, &str)]) -> String {
    let mut url = Url::parse("http://form/").expect("a constant must be right");
    url.query_pairs_mut().extend_pairs(parameters);
    url.query().unwrap_or_default().to_owned()
}

fn basic(login: &Login) -> Result<HeaderValue> {
    let (username, password) = match login {
        Login::Password { username, password } => (username.as_str(), password.as_str()),
        Login::IdentityToken(token) | Login::RegistryToken(token) => ("<token>", token.as_str()),
    };
    secret(&format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
}

fn bearer(token: &str) -> Result<HeaderValue> {
    secret(&format!("Bearer {token}"))
}

/// A header that is left out of logs.
fn secret(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Error::Logins("a token has characters that can't be sent".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
