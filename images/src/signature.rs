//! Signatures of images, as cosign writes them with a key of one's own.
//!
//! For the digest `sha256:…` they are at the tag `sha256-….sig` of the same repository: each a layer,
//! whose content says what is signed, with the signature in an annotation. What is signed must be the
//! digest that is run and the repository that it came from.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::digest::Digest;
use crate::error::Result;
use crate::limits::{PAYLOAD_BYTES_MAX, SIGNATURES_MAX};
use crate::manifest::{Manifest, Named};
use crate::media;
use crate::name::ImageName;
use crate::policy::Wanted;
use crate::registry::Session;
use crate::store::write_whole;

/// Where cosign puts the signature of a layer.
const ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// What the file of kept signatures has at most.
const KEPT_BYTES_MAX: u64 = 8 << 20;

const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const ED25519_KEY: &str = "1.3.101.112";

/// A public key that may have signed images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    EcdsaP256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A signature and what is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signature {
    /// JSON, byte for byte as it was signed.
    payload: String,
    /// In base64.
    signature: String,
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "docker-reference")]
    docker_reference: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    docker_manifest_digest: String,
}

impl Key {
    /// Reads a public key as `cosign generate-key-pair` and `openssl` write it.
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let wrong = "this is no public key as PEM: ECDSA on P-256 and Ed25519 are taken";
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem).map_err(|_| wrong)?;
        if pem.label != "PUBLIC KEY" {
            return Err(format!("{wrong}, not {}", pem.label));
        }
        let (_, key) = SubjectPublicKeyInfo::from_der(&pem.contents).map_err(|_| wrong)?;
        let bytes = key.subject_public_key.data.to_vec();
        let curve = key.algorithm.parameters.as_ref().and_then(|it| it.as_oid().ok());
        match (key.algorithm.algorithm.to_id_string().as_str(), curve) {
            (EC_PUBLIC_KEY, Some(curve)) if curve.to_id_string() == P256 => {
                Ok(Self::EcdsaP256(bytes))
            }
            (ED25519_KEY, _) => Ok(Self::Ed25519(bytes)),
            _ => Err(wrong.to_owned()),
        }
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::EcdsaP256(key) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key).verify(message, signature)
            }
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
        };
        verified.is_ok()
    }
}

/// The signatures that the registry has of `digest`, good or not.
pub(crate) async fn fetch(
    session: &Session<'_>,
    name: &ImageName,
    digest: &Digest,
) -> Result<Vec<Signature>> {
    let tag = name.signatures_of(digest);
    let bytes = match session.manifest(tag.version()).await {
        Err(error) if error.is_absence() => return Ok(Vec::new()),
        found => found?.0,
    };
    let what = format!("the signatures at {tag}");
    let Named::Image(manifest) = Named::read(&bytes, &what)? else { return Ok(Vec::new()) };
    let mut signatures = Vec::new();
    for (layer, signature) in signed_layers(&manifest) {
        let payload = session.blob(layer, PAYLOAD_BYTES_MAX).await?;
        if let Ok(payload) = String::from_utf8(payload) {
            signatures.push(Signature { payload, signature });
        }
    }
    Ok(signatures)
}

fn signed_layers(
    manifest: &Manifest,
) -> impl Iterator<Item = (&crate::manifest::Descriptor, String)> {
    let annotated = manifest.layers.iter().zip(&manifest.raw.layers);
    annotated
        .filter(|(layer, _)| layer.media_type == media::SIMPLE_SIGNING)
        .filter_map(|(layer, raw)| {
            Some((layer, raw.annotations.as_ref()?.get(ANNOTATION)?.clone()))
        })
        .take(SIGNATURES_MAX)
}

/// Whether one of `signatures` is by one of the keys that are wanted, and of `digest` in the
/// repository of `name`; else why not.
pub(crate) fn check(
    signatures: &[Signature],
    wanted: &Wanted<'_>,
    name: &ImageName,
    digest: &Digest,
) -> Result<(), String> {
    let Wanted { keys, rule } = wanted;
    if signatures.is_empty() {
        return Err(format!("rules[{rule}] wants a signature of {digest}, and there is none"));
    }
    let mut why = format!(
        "rules[{rule}] wants a signature of {digest} by one of its keys, and there is none among \
         the {} that it has",
        signatures.len()
    );
    for Signature { payload, signature } in signatures {
        let Ok(signature) = STANDARD.decode(signature.trim()) else { continue };
        // Nothing of what is said is looked at before it is known who says it.
        if !keys.iter().any(|key| key.has_signed(payload.as_bytes(), &signature)) {
            continue;
        }
        match is_about(payload, name, digest) {
            Ok(()) => return Ok(()),
            Err(other) => why = format!("rules[{rule}]: the signature is of {other}"),
        }
    }
    Err(why)
}

/// Whether `payload` is about `digest` in the repository of `name`; else about what.
fn is_about(payload: &str, name: &ImageName, digest: &Digest) -> Result<(), String> {
    let payload: Payload =
        serde_json::from_str(payload).map_err(|_| "something else than an image".to_owned())?;
    let Critical { identity, image, kind } = payload.critical;
    // By its older name, too, as cosign does.
    if !matches!(kind.as_str(), "cosign container image signature" | "atomic container signature") {
        return Err("something else than an image".to_owned());
    }
    if image.docker_manifest_digest != digest.as_str() {
        return Err(format!(
            "another image, {}",
            crate::registry::printable(&image.docker_manifest_digest)
        ));
    }
    let reference = identity.docker_reference;
    let is_same = ImageName::parse(&reference).is_ok_and(|it| it.repository() == name.repository());
    if is_same {
        return Ok(());
    }
    Err(format!("an image in another repository, {}", crate::registry::printable(&reference)))
}

/// Keeps `signatures` in the file at `path`, to be looked at whenever the image is used.
pub(crate) fn keep(path: &Path, signatures: &[Signature]) -> Result<()> {
    let json = serde_json::to_vec(signatures).expect("signatures must be writable as JSON");
    write_whole(path, &json)
}

/// The signatures in the file at `path`; none if they can't be read, so that they are asked for again.
pub(crate) fn read_kept(path: &Path) -> Vec<Signature> {
    let json = crate::store::read_bounded(path, KEPT_BYTES_MAX).unwrap_or_default();
    serde_json::from_slice(&json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    };

    use super::*;

    fn payload(reference: &str, digest: &str) -> String {
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"{reference}"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
        )
    }

    fn signed(payload: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> Signature {
        let signature = STANDARD.encode(sign(payload.as_bytes()));
        Signature { payload: payload.to_owned(), signature }
    }

    #[test]
    fn what_is_signed_must_be_what_is_run() {
        let random = SystemRandom::new();
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let ours = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let theirs = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let ecdsa =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random)
                .unwrap();
        let keys = [
            Key::Ed25519(ours.public_key().as_ref().to_vec()),
            Key::EcdsaP256(ecdsa.public_key().as_ref().to_vec()),
        ];
        let name = ImageName::parse("ghcr.io/me/pi:1").unwrap();
        let digest = Digest::of(b"pi");
        let wanted = Wanted { keys: &keys, rule: 0 };
        let check = |signatures: &[Signature], expect: Result<(), &str>| match (
            check(signatures, &wanted, &name, &digest),
            expect,
        ) {
            (Ok(()), Ok(())) => {}
            (Err(why), Err(expect)) => assert!(why.contains(expect), "{why}"),
            (found, _) => panic!("{found:?}"),
        };
        let by_us = |payload: &str| signed(payload, |it| ours.sign(it).as_ref().to_vec());
        let by_them = |payload: &str| signed(payload, |it| theirs.sign(it).as_ref().to_vec());
        let by_ecdsa = |payload: &str| {
            signed(payload, |it| ecdsa.sign(&random, it).unwrap().as_ref().to_vec())
        };
        let good = payload("ghcr.io/me/pi", digest.as_str());
        check(&[by_us(&good)], Ok(()));
        check(&[by_ecdsa(&good)], Ok(()));
        check(&[by_them(&good), by_us(&good)], Ok(()));
        check(&[], Err("there is none"));
        check(&[by_them(&good)], Err("none among the 1"));
        let other = payload("ghcr.io/me/pi", Digest::of(b"other").as_str());
        check(&[by_us(&other)], Err("of another image"));
        check(&[by_us(&payload("ghcr.io/you/pi", digest.as_str()))], Err("another repository"));
        check(&[by_us("{}")], Err("something else"));
        let mut changed = by_us(&good);
        changed.payload = good.replace("null", "0");
        check(&[changed], Err("none among the 1"));
        let mut broken = by_us(&good);
        broken.signature = "not base64!".to_owned();
        check(&[broken], Err("none among the 1"));
    }

    #[test]
    fn keys_are_read_as_openssl_writes_them() {
        let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        assert!(
            matches!(Key::from_pem(ed25519.as_bytes()), Ok(Key::Ed25519(key)) if key.len() == 32)
        );
        let p256 = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf4lBTnM8rGxkiw/0nXQ8HTfiP+Ru\nHdT+9mP+Bv4C2r1R5k6yr9OXG5ngi2ys4zRvfzP6xIUhpBQTHMVBCCyQ9w==\n-----END PUBLIC KEY-----\n";
        assert!(
            matches!(Key::from_pem(p256.as_bytes()), Ok(Key::EcdsaP256(key)) if key.len() == 65)
        );
        for wrong in ["", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert!(Key::from_pem(wrong.as_bytes()).is_err());
        }
    }
}
