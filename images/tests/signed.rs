//! Images that must be signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mayfly_images::{Digest, Keyring, Policy, PolicyDocument};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::fake::{Fake, pull, words};

struct Signer(Ed25519KeyPair);

impl Signer {
    fn new() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    fn pem(&self) -> String {
        // What says that an Ed25519 key follows.
        let mut key = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        key.extend_from_slice(self.0.public_key().as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(key))
    }

    /// Signs `digest` in `registry`, as cosign does.
    fn sign(&self, registry: &Fake, digest: &Digest) {
        let payload = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"{}/me/pi"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#,
            registry.host
        );
        let signature = STANDARD.encode(self.0.sign(payload.as_bytes()));
        let layer =
            registry.blob("application/vnd.dev.cosign.simplesigning.v1+json", payload.as_bytes());
        let layer = layer.trim_end_matches('}').to_owned()
            + &format!(
                r#", "annotations": {{"dev.cosignproject.cosign/signature": "{signature}"}}}}"#
            );
        let config = registry.blob("application/vnd.oci.image.config.v1+json", b"{}");
        registry.image(&format!("sha256-{}.sig", digest.hex()), &config, &[layer]);
    }

    /// A policy that wants this signature on everything of `registry`.
    fn policy(&self, registry: &Fake) -> Policy {
        let json = serde_json::json!({
            "rules": [{
                "images": [format!("{}/**", registry.host)],
                "action": "signed",
                "keys": [{"pem": self.pem()}],
            }],
            "otherwise": "deny",
        });
        let document: PolicyDocument = serde_json::from_value(json).unwrap();
        Policy::of(document, |_| Err(std::io::ErrorKind::NotFound.into())).unwrap()
    }
}

#[tokio::test]
async fn only_what_is_signed_is_fetched() {
    let (ours, theirs) = (Signer::new(), Signer::new());
    let registry = Fake::start().await;
    let digest = registry.artifact("1", b"module");
    let state = tempfile::tempdir().unwrap();
    let puller = registry.puller_with(state.path(), ours.policy(&registry));
    let name = registry.name(":1");
    let refused = |error| words(&error);
    let said = refused(pull(&puller, &name).await.unwrap_err());
    assert!(
        said.contains("the image policy does not allow") && said.contains("there is none"),
        "{said}"
    );
    theirs.sign(&registry, &digest);
    let said = refused(pull(&puller, &name).await.unwrap_err());
    assert!(said.contains("none among the 1"), "{said}");
    let module = Digest::of(b"module");
    assert!(registry.asked(module.hex()).is_empty(), "nothing of it is fetched before");

    ours.sign(&registry, &digest);
    pull(&puller, &name).await.unwrap();
    assert!(puller.kept(&name, &Keyring::default()).await.unwrap().is_some());
    // Another image under the same name is not signed by it.
    registry.artifact("1", b"another");
    pull(&puller, &name).await.unwrap_err();
}

#[tokio::test]
async fn what_is_here_is_held_against_the_policy_of_today() {
    let (ours, theirs) = (Signer::new(), Signer::new());
    let registry = Fake::start().await;
    let digest = registry.artifact("1", b"module");
    ours.sign(&registry, &digest);
    let state = tempfile::tempdir().unwrap();
    let name = registry.name(":1");
    let nobody = Keyring::default();
    let lax = registry.puller(state.path());
    pull(&lax, &name).await.unwrap();
    // Nobody has looked for signatures yet.
    let strict = registry.puller_with(state.path(), ours.policy(&registry));
    assert!(strict.kept(&name, &nobody).await.unwrap().is_none());
    pull(&strict, &name).await.unwrap();
    assert!(strict.kept(&name, &nobody).await.unwrap().is_some());
    let other = registry.puller_with(state.path(), theirs.policy(&registry));
    assert!(other.kept(&name, &nobody).await.unwrap().is_none());
    // Signatures that somebody has changed on the disk are worth nothing.
    let file = state.path().join("images/signatures").join(digest.hex()).with_extension("json");
    let kept = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, kept.replace("cosign container", "Cosign container")).unwrap();
    assert!(strict.kept(&name, &nobody).await.unwrap().is_none());
}
