//! Registries that do what they should.

use std::fs;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;
use mayfly_images::Keyring;

use crate::fake::{Fake, INDEX, WASM, WASM_CONFIG, pull, words};

#[tokio::test]
async fn an_artifact_is_pulled_once_and_kept_by_name_and_digest() {
    let registry = Fake::start().await;
    let digest = registry.artifact("1", b"module");
    let state = tempfile::tempdir().unwrap();
    let puller = registry.puller(state.path());
    let nobody = Keyring::default();
    assert!(puller.kept(&registry.name(":1"), &nobody).await.unwrap().is_none());
    let image = pull(&puller, &registry.name(":1")).await.unwrap();
    assert_eq!(image.digest, digest);
    assert_eq!(fs::read(&image.module).unwrap(), b"module");
    assert!(image.root.is_none());

    pull(&puller, &registry.name(":1")).await.unwrap();
    assert_eq!(registry.asked("manifests/1").len(), 2, "a tag is looked up each time");
    assert_eq!(registry.asked("blobs/").len(), 2, "config and module, once each");
    for version in [":1".to_owned(), format!("@{digest}")] {
        let kept = puller.kept(&registry.name(&version), &nobody).await.unwrap();
        assert_eq!(kept.unwrap().digest, digest);
    }
    assert!(puller.kept(&registry.name(":2"), &nobody).await.unwrap().is_none());

    // A name that has moved brings what it stands for now.
    let moved = registry.artifact("1", b"another");
    assert_eq!(pull(&puller, &registry.name(":1")).await.unwrap().digest, moved);
}

#[tokio::test]
async fn of_an_index_the_image_for_webassembly_is_pulled() {
    let registry = Fake::start().await;
    let wasm = registry.artifact("wasm", b"module");
    let entry = |digest: &str, architecture: &str, os: &str| {
        format!(
            r#"{{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "{digest}",
            "size": 1, "platform": {{"architecture": "{architecture}", "os": "{os}"}}}}"#
        )
    };
    let other = format!("sha256:{}", "0".repeat(64));
    let entries = [entry(&other, "amd64", "linux"), entry(wasm.as_str(), "wasm", "wasip1")];
    let text = format!(r#"{{"schemaVersion": 2, "manifests": [{}]}}"#, entries.join(","));
    let index = registry.manifest("1", INDEX, &text);
    let image = registry.pull(":1").await.unwrap();
    assert_eq!(image.digest, index, "what the name stands for is the index");
    assert_eq!(image.bytes, 46);
}

#[tokio::test]
async fn an_ordinary_image_brings_its_files() {
    let registry = Fake::start().await;
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in [("app/pi.wasm", "module"), ("etc/motd", "hello")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    let layer = archive.into_inner().unwrap();
    let config = br#"{"architecture": "wasm", "os": "wasip1",
        "config": {"Entrypoint": ["/app/pi.wasm"], "Cmd": ["20"], "Env": ["A=b"], "WorkingDir": "/etc"}}"#;
    let config = registry.blob("application/vnd.oci.image.config.v1+json", config);
    let layer = registry.blob("application/vnd.oci.image.layer.v1.tar", &layer);
    registry.image("1", &config, &[layer]);
    let state = tempfile::tempdir().unwrap();
    let dead = state.path().join("images/trees/unpacking-dead");
    fs::create_dir_all(dead.join("root")).unwrap();
    let puller = registry.puller(state.path());
    let image = pull(&puller, &registry.name(":1")).await.unwrap();
    assert!(!dead.exists(), "what somebody who died has left is removed");
    let root = image.root.unwrap();
    assert_eq!(image.module, root.join("app/pi.wasm"));
    assert_eq!(fs::read_to_string(root.join("etc/motd")).unwrap(), "hello");
    assert_eq!(image.program.entrypoint, ["/app/pi.wasm"]);
    assert_eq!(image.program.cmd, ["20"]);
    assert_eq!(image.program.working_dir.as_deref(), Some("/etc"));
    // Unpacked once.
    let again = pull(&puller, &registry.name(":1")).await.unwrap();
    assert_eq!(again.root.unwrap(), root);
}

#[tokio::test]
async fn where_there_are_as_many_names_as_may_be_those_can_be_pulled_again() {
    let registry = Fake::start().await;
    registry.artifact("1", b"module");
    registry.artifact("2", b"another");
    let state = tempfile::tempdir().unwrap();
    let puller = registry.puller(state.path());
    pull(&puller, &registry.name(":1")).await.unwrap();
    let path = puller.shelf().names_path();
    let mut names: serde_json::Map<_, _> =
        serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let entry = names[&registry.name(":1").full()].clone();
    for number in names.len()..mayfly_images::limits::NAMES_MAX {
        names.insert(format!("ghcr.io/me/{number}:1"), entry.clone());
    }
    fs::write(&path, serde_json::to_vec(&names).unwrap()).unwrap();
    pull(&puller, &registry.name(":1")).await.unwrap();
    let said = words(&pull(&puller, &registry.name(":2")).await.unwrap_err());
    assert!(said.contains("at most 20000 names are kept here"), "{said}");
}

/// Has the module break off after `bytes` of each answer; whether the registry knows of ranges.
async fn breaking(module: &[u8], bytes: usize, knows_ranges: bool) -> Fake {
    let registry = Fake::start().await;
    registry.artifact("1", module);
    let module = module.to_vec();
    let path = format!("blobs/{}", mayfly_images::Digest::of(&module));
    registry.trick(move |asked| {
        if !asked.path.ends_with(&path) {
            return None;
        }
        let from = if knows_ranges { asked.from() } else { 0 };
        let end = module.len().min(from + bytes);
        let part: Vec<_> = module[from..end].to_vec();
        let status = if from > 0 { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        let answer = Response::builder().status(status).header(
            header::CONTENT_RANGE,
            format!("bytes {from}-{}/{}", module.len() - 1, module.len()),
        );
        Some(answer.body(Body::from(part)).unwrap())
    });
    registry
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    let module: Vec<u8> = (0..250_000_u32).map(|it| (it % 251) as u8).collect();
    let registry = breaking(&module, 100_000, true).await;
    let state = tempfile::tempdir().unwrap();
    let image = pull(&registry.puller(state.path()), &registry.name(":1")).await.unwrap();
    assert_eq!(fs::read(&image.module).unwrap(), module);
    let path = format!("blobs/{}", mayfly_images::Digest::of(&module));
    let from: Vec<_> = registry.asked(&path).iter().map(super::fake::Asked::from).collect();
    assert_eq!(from, [0, 100_000, 200_000]);
}

#[tokio::test]
async fn what_one_pull_has_brought_the_next_goes_on_with() {
    let module: Vec<u8> = (0..250_000_u32).map(|it| (it % 251) as u8).collect();
    let registry = breaking(&module, 40_000, true).await;
    let state = tempfile::tempdir().unwrap();
    // Every puller is another process to the folder.
    let error = pull(&registry.puller(state.path()), &registry.name(":1")).await.unwrap_err();
    assert!(!words(&error).is_empty());
    let image = pull(&registry.puller(state.path()), &registry.name(":1")).await.unwrap();
    assert_eq!(fs::read(&image.module).unwrap(), module);
    let path = format!("blobs/{}", mayfly_images::Digest::of(&module));
    let from: Vec<_> = registry.asked(&path).iter().map(super::fake::Asked::from).collect();
    assert_eq!(from, [0, 40_000, 80_000, 120_000, 160_000, 200_000, 240_000]);
}

#[tokio::test]
async fn a_registry_without_ranges_is_begun_with_anew() {
    let module = vec![7; 50_000];
    let registry = breaking(&module, 50_000, false).await;
    let state = tempfile::tempdir().unwrap();
    let partial = state.path().join("images/partial");
    fs::create_dir_all(&partial).unwrap();
    let digest = mayfly_images::Digest::of(&module);
    let repository = mayfly_images::Digest::of(registry.name(":1").repository().as_bytes());
    let file = format!("{}.{}", digest.hex(), &repository.hex()[..16]);
    fs::write(partial.join(file), &module[..20_000]).unwrap();
    let image = pull(&registry.puller(state.path()), &registry.name(":1")).await.unwrap();
    assert_eq!(fs::read(&image.module).unwrap(), module);
    assert_eq!(registry.asked(digest.hex())[0].from(), 20_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_many_want_at_once_is_fetched_once() {
    let registry = Fake::start().await;
    let module = vec![3; 300_000];
    for tag in ["1", "2", "3"] {
        registry.artifact(tag, &module);
    }
    let state = tempfile::tempdir().unwrap();
    let pullers: Vec<_> = (0..3).map(|_| Arc::new(registry.puller(state.path()))).collect();
    let mut pulls = tokio::task::JoinSet::new();
    for number in 0..18 {
        let (puller, name) =
            (pullers[number % 3].clone(), registry.name(&format!(":{}", number % 3 + 1)));
        pulls.spawn(async move { pull(&puller, &name).await.map(|image| image.module) });
    }
    for module in pulls.join_all().await {
        assert_eq!(fs::read(module.unwrap()).unwrap().len(), 300_000);
    }
    assert_eq!(registry.asked("blobs/").len(), 2, "one config, one module");
}

#[tokio::test]
async fn what_is_built_is_pushed_and_pulled() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("lib");
    fs::create_dir_all(folder.join("deep")).unwrap();
    fs::write(folder.join("deep/x"), "content").unwrap();
    let registry = Fake::start().await;
    let puller = registry.puller(state.path());
    let name = registry.name(":built");
    let recipe = |files| mayfly_images::Recipe {
        module: b"\0asm",
        kind: mayfly_images::ModuleKind::Module,
        file_name: "pi.wasm".to_owned(),
        files,
        annotations: vec![("a".to_owned(), "b".to_owned())],
    };
    let alone = puller.shelf().build(&name, &recipe(Vec::new())).unwrap();
    assert_eq!(puller.shelf().build(&name, &recipe(Vec::new())).unwrap(), alone);
    let about = puller.shelf().about(&name).unwrap().unwrap();
    assert_eq!(about.config.unwrap().media_type, WASM_CONFIG);
    assert_eq!(about.layers[0].media_type, WASM);
    assert_eq!(about.annotations["a"], "b");

    let files = || vec![(folder.clone(), "/usr/lib".to_owned())];
    let packed = puller.shelf().build(&name, &recipe(files())).unwrap();
    assert_eq!(puller.shelf().build(&name, &recipe(files())).unwrap(), packed);
    let image = puller.kept(&name, &Keyring::default()).await.unwrap().unwrap();
    let root = image.root.unwrap();
    assert_eq!(fs::read_to_string(root.join("usr/lib/deep/x")).unwrap(), "content");
    assert_eq!(fs::read(&image.module).unwrap(), b"\0asm");
    assert_eq!(image.program.entrypoint, ["/pi.wasm"]);
}
