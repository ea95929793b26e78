//! Who may have an image, and what is shown to whom.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;
use mayfly_images::{Keyring, Login, Named, Policy, Puller, Shelf, silent};

use crate::fake::{Asked, Fake, WASM, WASM_CONFIG, answer, words};

/// `me:pw` in base64.
const ME: &str = "Basic bWU6cHc=";

fn login(password: &str) -> Login {
    Login::Password { username: "me".to_owned(), password: password.to_owned() }
}

fn challenge(with: &str) -> Option<Response> {
    let answer = Response::builder().status(StatusCode::UNAUTHORIZED);
    Some(answer.header(header::WWW_AUTHENTICATE, with).body(Body::empty()).unwrap())
}

fn authorization(asked: &Asked) -> Option<String> {
    asked.header(header::AUTHORIZATION).map(str::to_owned)
}

/// A registry with an image for `me:pw` alone.
async fn private() -> Fake {
    let registry = Fake::start().await;
    registry.artifact("1", b"module");
    registry.trick(|asked| match authorization(asked).as_deref() {
        Some(ME) => None,
        _ => challenge("Basic realm=\"here\""),
    });
    registry
}

#[tokio::test]
async fn a_password_is_shown_to_whoever_it_is_for_once_asked() {
    let registry = private().await;
    let state = tempfile::tempdir().unwrap();
    let puller = registry.puller(state.path());
    let name = registry.name(":1");
    let error = puller.pull(&name, &Keyring::default(), &silent).await.unwrap_err();
    assert!(words(&error).contains("401 Unauthorized: it is not there, or needs a login"));
    let error = puller.pull(&name, &Keyring::one(&registry.host, login("wrong")), &silent).await;
    assert!(words(&error.unwrap_err()).contains("401 Unauthorized"));
    // One that is another registry's is not shown at all.
    let shown = registry.asked("").len();
    puller.pull(&name, &Keyring::one("ghcr.io", login("pw")), &silent).await.unwrap_err();
    assert!(registry.asked("")[shown..].iter().all(|asked| authorization(asked).is_none()));

    let before = registry.asked("").len();
    let mut keyring = Keyring::one(&registry.host, login("wrong"));
    keyring.extend(Keyring::one(&registry.host, login("pw")));
    puller.pull(&name, &keyring, &silent).await.expect("the second login must be tried, too");
    assert_eq!(authorization(&registry.asked("")[before]), None, "nothing is shown unasked");
}

#[tokio::test]
async fn an_image_that_one_login_has_brought_is_not_for_everybody() {
    let registry = private().await;
    let state = tempfile::tempdir().unwrap();
    let puller = registry.puller(state.path());
    let name = registry.name(":1");
    let keyring = Keyring::one(&registry.host, login("pw"));
    puller.pull(&name, &keyring, &silent).await.unwrap();
    assert!(puller.kept(&name, &keyring).await.unwrap().is_some());
    for other in [Keyring::default(), Keyring::one(&registry.host, login("guess"))] {
        assert!(puller.kept(&name, &other).await.unwrap().is_none());
    }
    let by_digest = name.at(&puller.kept(&name, &keyring).await.unwrap().unwrap().digest);
    assert!(puller.kept(&by_digest, &Keyring::default()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_is_got_from_where_the_registry_says() {
    let registry = Fake::start().await;
    registry.artifact("1", b"module");
    let realm = format!("http://{}/token", registry.host);
    registry.trick(move |asked| {
        if asked.path == "/token" {
            assert_eq!(asked.query, "scope=repository%3Ame%2Fpi%3Apull&service=the+service");
            return Some(match authorization(asked).as_deref() {
                None => answer(StatusCode::OK, r#"{"token": "anonymous"}"#),
                Some(ME) => answer(StatusCode::OK, r#"{"access_token": "mine", "expires_in": 60}"#),
                Some(_) => answer(StatusCode::UNAUTHORIZED, "no"),
            });
        }
        match authorization(asked).as_deref() {
            Some("Bearer mine") => None,
            _ => challenge(&format!("Bearer realm=\"{realm}\",service=\"the service\"")),
        }
    });
    let state = tempfile::tempdir().unwrap();
    let puller = registry.puller(state.path());
    let name = registry.name(":1");
    let error = puller.pull(&name, &Keyring::default(), &silent).await.unwrap_err();
    assert!(words(&error).contains("401 Unauthorized"), "anonymous is not enough: {error}");
    puller.pull(&name, &Keyring::one(&registry.host, login("pw")), &silent).await.unwrap();
    assert_eq!(registry.asked("/token").len(), 2, "one token is for all requests of a pull");
    let error = puller.pull(&name, &Keyring::one(&registry.host, login("no")), &silent).await;
    assert!(words(&error.unwrap_err()).contains("a token for"));
}

#[tokio::test]
async fn a_token_server_is_no_way_into_a_private_network() {
    let other = Fake::start().await;
    for (realm, expect) in [
        (format!("http://{}/token", other.host), "which is loopback"),
        ("https://169.254.169.254/token".to_owned(), "which is link-local"),
        ("http://auth.example/token".to_owned(), "is not encrypted"),
        ("nonsense".to_owned(), "no address"),
    ] {
        let registry = Fake::start().await;
        let challenged = format!("Bearer realm=\"{realm}\"");
        registry.trick(move |_| challenge(&challenged));
        let state = tempfile::tempdir().unwrap();
        let keyring = Keyring::one(&registry.host, login("pw"));
        let puller = registry.puller(state.path());
        let error = puller.pull(&registry.name(":1"), &keyring, &silent).await.unwrap_err();
        assert!(words(&error).contains(expect), "{realm}: {error}");
    }
    assert!(other.asked("").is_empty());
}

#[tokio::test]
async fn a_password_does_not_go_where_a_registry_sends_us_on() {
    let (registry, elsewhere) = (Fake::start().await, Fake::start().await);
    let module = b"module".as_slice();
    registry.artifact("1", module);
    elsewhere.artifact("1", module);
    let blob = format!("blobs/{}", mayfly_images::Digest::of(module));
    let target = format!("http://{}/v2/me/pi/{blob}?secret=x", elsewhere.host);
    registry.trick(move |asked| {
        if authorization(asked).as_deref() != Some(ME) {
            return challenge("Basic");
        }
        asked.path.ends_with(&blob).then(|| {
            let answer = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
            answer.header(header::LOCATION, target.clone()).body(Body::empty()).unwrap()
        })
    });
    // Whoever is sent to asks for a password in vain.
    elsewhere.trick(|asked| asked.path.contains("manifests").then(|| challenge("Basic").unwrap()));
    let state = tempfile::tempdir().unwrap();
    let named = Named::new([&registry.host, &elsewhere.host].map(|host| host.parse().unwrap()));
    let puller = Puller::new(Shelf::of(state.path()), named, Policy::default());
    let keyring = Keyring::one(&registry.host, login("pw"));
    puller.pull(&registry.name(":1"), &keyring, &silent).await.unwrap();
    let asked = elsewhere.asked("blobs/");
    assert_eq!(asked.len(), 1);
    assert_eq!(authorization(&asked[0]), None);
}

#[tokio::test]
async fn who_knows_the_digest_of_a_private_layer_does_not_have_it() {
    let (registry, evil) = (private().await, Fake::start().await);
    let state = tempfile::tempdir().unwrap();
    let named = Named::new([&registry.host, &evil.host].map(|host| host.parse().unwrap()));
    let puller = Puller::new(Shelf::of(state.path()), named, Policy::default());
    let keyring = Keyring::one(&registry.host, login("pw"));
    puller.pull(&registry.name(":1"), &keyring, &silent).await.unwrap();

    let digest = mayfly_images::Digest::of(b"module");
    let layer = format!(r#"{{"mediaType": "{WASM}", "digest": "{digest}", "size": 6}}"#);
    let config = evil.blob(WASM_CONFIG, br#"{"architecture": "wasm", "os": "wasip1"}"#);
    evil.image("1", &config, &[layer]);
    let error = puller.pull(&evil.name(":1"), &Keyring::default(), &silent).await.unwrap_err();
    assert!(words(&error).contains("404 Not Found"), "{error}");
    assert!(puller.kept(&evil.name(":1"), &Keyring::default()).await.unwrap().is_none());
    // Whoever has it themselves can have it, and it is kept once.
    evil.blob(WASM, b"module");
    let image = puller.pull(&evil.name(":1"), &Keyring::default(), &silent).await.unwrap();
    assert_eq!(image.module_digest, digest);
    puller.pull(&evil.name(":1"), &Keyring::default(), &silent).await.unwrap();
    assert_eq!(evil.asked(digest.hex()).len(), 2, "once in vain, and once");
}
