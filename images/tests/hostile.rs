//! Registries that mean harm.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;
use mayfly_images::{Digest, Error, Keyring, Named, Policy, PullLimits, Puller, Shelf, silent};

use crate::fake::{Fake, MANIFEST, WASM, answer, pull, words};

/// What pulling `version` fails with.
async fn refusal(registry: &Fake, version: &str) -> String {
    words(&registry.pull(version).await.unwrap_err())
}

/// Has `trick` answer for the module of an artifact that announces so many bytes.
async fn module_answers(
    bytes: usize,
    trick: impl Fn() -> Response + Send + Sync + 'static,
) -> (Fake, Vec<u8>) {
    let registry = Fake::start().await;
    let module = vec![9; bytes];
    registry.artifact("1", &module);
    let path = Digest::of(&module).hex().to_owned();
    registry.trick(move |asked| asked.path.contains(&path).then(&trick));
    (registry, module)
}

fn stream(body: impl futures_util::Stream<Item = Vec<u8>> + Send + 'static) -> Response {
    use futures_util::StreamExt as _;
    Response::new(Body::from_stream(body.map(Ok::<_, std::io::Error>)))
}

#[tokio::test]
async fn content_that_is_not_what_its_digest_says_is_refused_and_not_kept() {
    let (registry, module) =
        module_answers(1000, || Response::new(Body::from(vec![8; 1000]))).await;
    let state = tempfile::tempdir().unwrap();
    let puller = registry.puller(state.path());
    let error = pull(&puller, &registry.name(":1")).await.unwrap_err();
    assert!(matches!(error, Error::Digest { .. }), "{error}");
    assert!(!state.path().join("images/blobs").join(Digest::of(&module).hex()).exists());
    assert!(puller.kept(&registry.name(":1"), &Keyring::default()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_manifest_that_is_not_the_one_asked_for_is_refused() {
    let registry = Fake::start().await;
    let digest = registry.artifact("1", b"module");
    let text = String::from_utf8(registry.content("manifests/1")).unwrap() + " ";
    registry.trick(move |asked| {
        asked.path.contains("manifests").then(|| Response::new(Body::from(text.clone())))
    });
    let error = registry.pull(&format!("@{digest}")).await.unwrap_err();
    assert!(matches!(error, Error::Digest { .. }), "{error}");
}

#[tokio::test]
async fn content_without_an_end_is_cut_at_its_announced_size() {
    let (registry, _) =
        module_answers(1000, || stream(futures_util::stream::repeat_with(|| vec![9; 64 << 10])))
            .await;
    assert!(refusal(&registry, ":1").await.contains("more came than the 1000 bytes announced"));
}

#[tokio::test]
async fn content_that_always_ends_early_is_given_up() {
    let (registry, _) = module_answers(1000, || Response::new(Body::from(vec![9; 10]))).await;
    // Without ranges each attempt begins anew.
    assert!(refusal(&registry, ":1").await.contains("it broke off 5 times"));
    assert_eq!(registry.asked("blobs/").len(), 1 + 5);
}

#[tokio::test]
async fn silence_is_not_waited_for_for_ever() {
    let (registry, _) = module_answers(1000, || {
        // From here on only timers pass.
        tokio::time::pause();
        stream(futures_util::stream::pending())
    })
    .await;
    assert!(refusal(&registry, ":1").await.contains("nothing came for 30 seconds"));
}

#[tokio::test]
async fn a_manifest_without_an_end_is_refused() {
    let registry = Fake::start().await;
    registry.trick(|_| Some(stream(futures_util::stream::repeat_with(|| vec![b' '; 64 << 10]))));
    assert!(refusal(&registry, ":1").await.contains("larger than 4194304 bytes"));
}

#[tokio::test]
async fn a_complaint_without_an_end_is_cut() {
    let registry = Fake::start().await;
    registry.trick(|_| {
        let mut answer = stream(futures_util::stream::repeat_with(|| vec![b'x'; 64 << 10]));
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
        Some(answer)
    });
    let said = refusal(&registry, ":1").await;
    assert!(said.contains("502 Bad Gateway") && said.len() < 500, "{said}");
}

#[tokio::test]
async fn redirects_have_an_end_and_lead_nowhere_private() {
    let other = Fake::start().await;
    let elsewhere = format!("http://{}/v2/x", other.host);
    for (location, expect) in [
        ("/v2/me/pi/manifests/1", "sent on more than 5 times"),
        ("http://169.254.169.254/latest/meta-data/", "is not encrypted"),
        ("https://169.254.169.254/latest/meta-data/", "which is link-local"),
        ("https://10.0.0.1/", "which is private"),
        ("https://[::1]/", "which is loopback"),
        ("https://localhost/", "which is loopback"),
        ("http://ghcr.io/", "is not encrypted"),
        ("file:///etc/passwd", "is no server"),
        ("https://me:pw@ghcr.io/", "no server to ask"),
        (elsewhere.as_str(), "which is loopback"),
    ] {
        let registry = Fake::start().await;
        let target = location.to_owned();
        registry.trick(move |_| {
            let answer = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
            Some(answer.header(header::LOCATION, target.clone()).body(Body::empty()).unwrap())
        });
        let said = refusal(&registry, ":1").await;
        assert!(said.contains(expect), "{location}: {said}");
    }
    assert!(other.asked("").is_empty(), "nobody was asked whom the operator had not named");
}

#[tokio::test]
async fn a_registry_on_loopback_that_the_operator_has_not_named_is_not_asked() {
    let registry = Fake::start().await;
    registry.artifact("1", b"module");
    let state = tempfile::tempdir().unwrap();
    let puller = Puller::new(Shelf::of(state.path()), Named::default(), Policy::default());
    let port = registry.host.rsplit(':').next().unwrap();
    for host in [registry.host.clone(), format!("localhost:{port}")] {
        let name = mayfly_images::ImageName::parse(&format!("{host}/me/pi:1")).unwrap();
        let error = puller.pull(&name, &Keyring::default(), &silent).await.unwrap_err();
        let said = words(&error);
        assert!(
            said.contains("loopback") && said.contains(&format!("--registry {host}")),
            "{said}"
        );
    }
    assert!(registry.asked("").is_empty());
}

#[tokio::test]
async fn what_is_no_manifest_is_refused() {
    for (text, expect) in [
        ("<html>login here</html>", "can't be read"),
        (r#"{"schemaVersion": 1}"#, "of an old kind"),
        ("", "can't be read"),
        (r#"{"schemaVersion": 2, "mediaType": "text/html"}"#, "is not known"),
        (r#"{"schemaVersion": 2, "manifests": []}"#, "no variant for WebAssembly"),
        (r#"{"schemaVersion": 2, "manifests": [], "layers": []}"#, "an image and an index at once"),
        (r#"{"schemaVersion": 2, "config": 3, "layers": []}"#, "can't be read"),
    ] {
        let registry = Fake::start().await;
        registry.manifest("1", MANIFEST, text);
        let said = refusal(&registry, ":1").await;
        assert!(said.contains(expect), "{text}: {said}");
    }
}

#[tokio::test]
async fn an_index_that_leads_to_itself_is_refused() {
    let registry = Fake::start().await;
    registry.trick(|asked| {
        // Whatever is asked for is the same index, which can't have the digest that it names.
        let digest = format!("sha256:{}", "1".repeat(64));
        let text = format!(
            r#"{{"schemaVersion": 2, "manifests": [{{"mediaType": "{MANIFEST}", "digest": "{digest}",
            "size": 1, "platform": {{"architecture": "wasm", "os": "wasi"}}}}]}}"#
        );
        asked.path.contains("manifests").then(|| answer(StatusCode::OK, &text))
    });
    assert!(refusal(&registry, ":1").await.contains("not what its digest says"));
}

#[tokio::test]
async fn what_an_image_announces_is_weighed_before_anything_is_fetched() {
    let registry = Fake::start().await;
    let config = registry.blob("application/vnd.wasm.config.v0+json", b"{}");
    let huge = format!(
        r#"{{"mediaType": "{WASM}", "digest": "sha256:{}", "size": 2000000000}}"#,
        "0".repeat(64)
    );
    registry.image("huge", &config, &[huge]);
    registry.image("many", &config, &vec![registry.blob(WASM, b"x"); 200]);
    let large = format!(
        r#"{{"mediaType": "application/json", "digest": "sha256:{}", "size": 2000000}}"#,
        "0".repeat(64)
    );
    registry.image("config", &large, &[registry.blob(WASM, b"x")]);
    for (version, expect) in [
        (":huge", "at most 1073741824 are taken"),
        (":many", "it has 200 layers"),
        (":config", "at most 1048576 are taken"),
    ] {
        let said = refusal(&registry, version).await;
        assert!(said.contains(expect), "{version}: {said}");
    }
    assert!(registry.asked("blobs/").is_empty());
}

#[tokio::test]
async fn what_is_here_already_must_have_the_size_that_is_announced() {
    let registry = Fake::start().await;
    registry.artifact("1", &[9; 1000]);
    let config = registry.blob("application/vnd.wasm.config.v0+json", b"{}");
    let digest = Digest::of(&[9; 1000]);
    let less = format!(r#"{{"mediaType": "{WASM}", "digest": "{digest}", "size": 1}}"#);
    registry.image("2", &config, &[less]);
    let state = tempfile::tempdir().unwrap();
    let puller = registry.puller(state.path());
    pull(&puller, &registry.name(":1")).await.unwrap();
    let said = words(&pull(&puller, &registry.name(":2")).await.unwrap_err());
    assert!(said.contains("it has 1000 bytes, and not the 1 that the manifest says"), "{said}");
    // What is damaged here is fetched again.
    let blob = state.path().join("images/blobs").join(digest.hex());
    std::fs::write(&blob, b"cut").unwrap();
    let image = pull(&puller, &registry.name(":1")).await.unwrap();
    assert_eq!(std::fs::read(image.module).unwrap(), [9; 1000]);
}

#[tokio::test]
async fn an_image_that_becomes_too_large_for_the_folder_is_not_kept() {
    let registry = Fake::start().await;
    registry.artifact("1", &[7; 1000]);
    let mut archive = tar::Builder::new(Vec::new());
    for number in 0..100 {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        archive.append_data(&mut header, format!("{number}.wasm"), std::io::empty()).unwrap();
    }
    let layer = archive.into_inner().unwrap();
    let layer = registry.blob("application/vnd.oci.image.layer.v1.tar", &layer);
    let config = br#"{"config": {"Entrypoint": ["/1.wasm"]}}"#;
    let config = registry.blob("application/vnd.oci.image.config.v1+json", config);
    registry.image("2", &config, &[layer]);
    let state = tempfile::tempdir().unwrap();
    // The layer has room, and files of no size take up some.
    let limits = PullLimits { store_bytes_max: 300_000, ..PullLimits::default() };
    let puller = registry.puller(state.path()).within(limits);
    let said = words(&pull(&puller, &registry.name(":2")).await.unwrap_err());
    assert!(said.contains("have at most 300000 bytes here"), "{said}");
    let trees = std::fs::read_dir(state.path().join("images/trees")).unwrap();
    let left: Vec<_> = trees.flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["lock"]);

    pull(&puller, &registry.name(":1")).await.unwrap();
    // What is here needs no more room.
    let full = PullLimits { store_bytes_max: 1, ..limits };
    pull(&registry.puller(state.path()).within(full), &registry.name(":1")).await.unwrap();
}

#[tokio::test]
async fn a_layer_that_is_a_bomb_is_not_kept() {
    use std::io::Write as _;
    let registry = Fake::start().await;
    let mut archive = tar::Builder::new(Vec::new());
    let zeros = vec![0; 64 << 20];
    let mut header = tar::Header::new_gnu();
    header.set_size(zeros.len() as u64);
    archive.append_data(&mut header, "pi.wasm", zeros.as_slice()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&archive.into_inner().unwrap()).unwrap();
    let layer =
        registry.blob("application/vnd.oci.image.layer.v1.tar+gzip", &gzip.finish().unwrap());
    let config = br#"{"config": {"Entrypoint": ["/pi.wasm"]}}"#;
    let config = registry.blob("application/vnd.oci.image.config.v1+json", config);
    registry.image("1", &config, &[layer]);
    let state = tempfile::tempdir().unwrap();
    let error = pull(&registry.puller(state.path()), &registry.name(":1")).await.unwrap_err();
    assert!(words(&error).contains("more than 100 times as many"), "{error}");
    let trees = std::fs::read_dir(state.path().join("images/trees")).unwrap();
    let left: Vec<_> = trees.flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["lock"], "what was unpacked is gone");
}
