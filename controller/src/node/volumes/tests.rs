use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use super::*;
use crate::api::Volume;
use crate::node::directory::PodDirectory;
use crate::node::downward::Downward;
use crate::node::env::Environment;
use crate::node::fixtures::{config_map, container_from, pod_from, secret};
use crate::node::runtime::{MountAccess, PodIdentity};
use crate::node::sources::{ConfigError, Sources};

/// The files of a volume: path, mode and text.
fn files(volume: &str) -> Result<Vec<(String, u32, String)>, ConfigError> {
    let pod = pod_from(
        r#"{"metadata": {"name": "p", "namespace": "ns", "labels": {"app": "x"}},
           "spec": {"containers": [{"name": "main", "resources": {"limits": {"cpu": "2"}}}]}}"#,
    );
    let downward = Downward { pod: &pod, host_ip: "", allocatable: <_>::default() };
    let sources = Sources::of(
        vec![config_map("c", &[("a", "A"), ("b", "B")])],
        vec![secret("s", &[("password", "hush")])],
    );
    let volume: Volume = serde_json::from_str(volume).unwrap();
    match content(&volume, &downward, &sources)? {
        Content::Scratch => Ok(Vec::new()),
        Content::Files(files) => Ok(files
            .into_iter()
            .map(|file| (file.path, file.mode, String::from_utf8(file.bytes).unwrap()))
            .collect()),
    }
}

#[test]
fn a_volume_holds_what_its_source_says() {
    let check = |volume: &str, expected: &[(&str, u32, &str)]| {
        let found = files(volume).unwrap();
        let found: Vec<_> =
            found.iter().map(|(path, mode, text)| (path.as_str(), *mode, text.as_str())).collect();
        assert_eq!(found, expected, "{volume}");
    };
    check(r#"{"name": "v", "emptyDir": {}}"#, &[]);
    check(r#"{"name": "v", "configMap": {"name": "c"}}"#, &[("a", 0o644, "A"), ("b", 0o644, "B")]);
    check(
        r#"{"name": "v", "configMap": {"name": "c", "defaultMode": 256,
            "items": [{"key": "b", "path": "x/y"}, {"key": "a", "path": "z", "mode": 448}]}}"#,
        &[("x/y", 0o400, "B"), ("z", 0o700, "A")],
    );
    check(r#"{"name": "v", "configMap": {"name": "no", "optional": true}}"#, &[]);
    check(
        r#"{"name": "v", "configMap": {"name": "c", "optional": true,
            "items": [{"key": "no", "path": "x"}]}}"#,
        &[],
    );
    check(r#"{"name": "v", "secret": {"secretName": "s"}}"#, &[("password", 0o644, "hush")]);
    check(
        r#"{"name": "v", "downwardAPI": {"items": [
            {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
            {"path": "cpu", "resourceFieldRef": {"containerName": "main", "resource": "limits.cpu"}}]}}"#,
        &[("labels", 0o644, "app=\"x\""), ("cpu", 0o644, "2")],
    );
    check(
        r#"{"name": "v", "projected": {"defaultMode": 288, "sources": [
            {"configMap": {"name": "c"}},
            {"secret": {"name": "s", "items": [{"key": "password", "path": "a"}]}},
            {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}}"#,
        &[("a", 0o440, "hush"), ("b", 0o440, "B"), ("n", 0o440, "p")],
    );
}

#[test]
fn what_a_volume_can_not_hold_is_told() {
    let check = |volume: &str, expected: &str| {
        assert_eq!(files(volume).unwrap_err().to_string(), expected, "{volume}");
    };
    check(r#"{"name": "v", "configMap": {"name": "no"}}"#, "configmap \"no\" not found");
    check(r#"{"name": "v", "secret": {"secretName": "no"}}"#, "secret \"no\" not found");
    check(
        r#"{"name": "v", "configMap": {"name": "c", "items": [{"key": "no", "path": "x"}]}}"#,
        "configmap references non-existent config key: no",
    );
    check(
        r#"{"name": "v", "configMap": {"name": "c", "items": [{"key": "a", "path": "../x"}]}}"#,
        "path ../x leads out of its volume",
    );
    check(
        r#"{"name": "v", "nfs": {"server": "s", "path": "/"}}"#,
        "volume \"v\" is of a type that this node has not",
    );
}

fn directory() -> (tempfile::TempDir, PodDirectory) {
    let root = tempfile::tempdir().unwrap();
    let pod = PodIdentity { namespace: "ns".into(), name: "p".into(), uid: "u".into() };
    let directory = PodDirectory::new(root.path(), &pod).unwrap();
    (root, directory)
}

#[test]
fn files_are_made_anew_and_scratch_space_stays() {
    let (_root, pod) = directory();
    let file = |text: &str| {
        let bytes = text.as_bytes().to_vec();
        Content::Files(vec![content::File { path: "x/y".into(), mode: 0o400, bytes }])
    };
    for text in ["old", "new"] {
        materialise(&pod.volume("files").unwrap(), &file(text)).unwrap();
        let path = pod.volume("files").unwrap().join("x/y");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
    }
    materialise(&pod.volume("scratch").unwrap(), &Content::Scratch).unwrap();
    let kept = pod.volume("scratch").unwrap().join("kept");
    fs::write(&kept, "").unwrap();
    materialise(&pod.volume("scratch").unwrap(), &Content::Scratch).unwrap();
    assert!(kept.exists());
}

#[test]
fn a_container_sees_its_mounts() {
    let (_root, pod) = directory();
    materialise(&pod.volume("scratch").unwrap(), &Content::Scratch).unwrap();
    materialise(&pod.volume("config").unwrap(), &Content::Files(Vec::new())).unwrap();
    let host = tempfile::tempdir().unwrap();
    let host_paths = HostPaths::allow([host.path()]).unwrap();
    let spec = pod_from(
        &r#"{"spec": {"containers": [], "volumes": [
            {"name": "scratch", "emptyDir": {}}, {"name": "config", "configMap": {"name": "c"}},
            {"name": "host", "hostPath": {"path": "@/shared"}}]}}"#
            .replace('@', host.path().to_str().unwrap()),
    )
    .spec
    .unwrap();
    let scratch = pod.volume("scratch").unwrap();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), scratch.join("link")).unwrap();
    let environment =
        Environment { variables: vec![("NAME".into(), "seven".into())], skipped: Vec::new() };
    let check = |mount: &str, expected: Result<(&str, MountAccess), &str>| {
        let container = container_from(&format!(r#"{{"name": "m", "volumeMounts": [{mount}]}}"#));
        let found = mounts(&container, &spec, &environment, &pod, (&host_paths, None));
        let found = found.map(|mounts| {
            let path = mounts[0].host_path.join(&mounts[0].below);
            let relative = path.strip_prefix(pod.volumes()).or(path.strip_prefix(host.path()));
            let relative = relative.unwrap().components().collect::<std::path::PathBuf>();
            (relative.to_str().unwrap().to_owned(), mounts[0].access)
        });
        match (&found, expected) {
            (Ok((path, access)), Ok(expected)) => assert_eq!((path.as_str(), *access), expected),
            (Err(error), Err(expected)) => assert!(error.0.contains(expected), "{error}"),
            _ => panic!("{mount}: {found:?}, not {expected:?}"),
        }
    };
    let (read, write) = (MountAccess::ReadOnly, MountAccess::ReadWrite);
    check(r#"{"name": "scratch", "mountPath": "/m"}"#, Ok(("scratch", write)));
    check(r#"{"name": "scratch", "mountPath": "/m", "readOnly": true}"#, Ok(("scratch", read)));
    check(r#"{"name": "config", "mountPath": "/m"}"#, Ok(("config", read)));
    check(
        r#"{"name": "scratch", "mountPath": "/m", "subPath": "a/b"}"#,
        Ok(("scratch/a/b", write)),
    );
    check(
        r#"{"name": "scratch", "mountPath": "/m", "subPathExpr": "x-$(NAME)"}"#,
        Ok(("scratch/x-seven", write)),
    );
    check(
        r#"{"name": "scratch", "mountPath": "/m", "subPathExpr": "$(NO)"}"#,
        Err("missing value for \"$(NO)\""),
    );
    check(r#"{"name": "scratch", "mountPath": "/m", "subPath": "../x"}"#, Err("leads out"));
    check(r#"{"name": "scratch", "mountPath": "/m", "subPath": "/etc"}"#, Err("leads out"));
    check(r#"{"name": "scratch", "mountPath": "/m", "subPath": "link/x"}"#, Err("symbolic link"));
    check(r#"{"name": "host", "mountPath": "/m"}"#, Ok(("shared", write)));
    check(r#"{"name": "host", "mountPath": "/m", "readOnly": true}"#, Ok(("shared", read)));
    check(r#"{"name": "host", "mountPath": "/m", "subPath": "a/b"}"#, Ok(("shared/a/b", write)));
    symlink(outside.path(), host.path().join("shared/link")).unwrap();
    check(r#"{"name": "host", "mountPath": "/m", "subPath": "link/x"}"#, Err("symbolic link"));
    check(r#"{"name": "nope", "mountPath": "/m"}"#, Err("volume \"nope\""));
    let made: BTreeMap<_, _> =
        fs::read_dir(outside.path()).unwrap().map(|e| (e.unwrap().path(), ())).collect();
    assert!(made.is_empty(), "nothing must be made outside");
}
