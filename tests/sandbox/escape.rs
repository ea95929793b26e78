//! Guests that try to get out.

use super::*;

/// A folder to mount, beside a file that must stay unseen and unchanged.
fn folder_beside_a_secret() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder must be made");
    fs::create_dir(folder.path().join("data")).expect("it must be made");
    fs::write(folder.path().join("secret"), "secret").expect("it must be written");
    folder
}

/// What lies in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder must be there");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("it must be readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

async fn denied(name: &str) {
    for access in [Access::ReadOnly, Access::ReadWrite] {
        let folder = folder_beside_a_secret();
        let data = with_data(&folder.path().join("data"), access);
        let ran = run_with(name, ["/data"], data, Limits::default()).await.exited(0);
        assert!(ran.stdout.lines().count() > 0, "it must have tried something");
        assert!(ran.stdout.lines().all(|line| line.starts_with("denied ")), "{}", ran.stdout);
        assert_eq!(names(folder.path()), ["data", "secret"]);
        assert_eq!(fs::read(folder.path().join("secret")).expect("it must be there"), b"secret");
    }
}

#[tokio::test]
async fn escape_read() {
    run("escape_read", []).await.exited(0);
    denied("escape_read").await;
}

#[tokio::test]
async fn escape_write() {
    run("escape_write", []).await.exited(0);
    denied("escape_write").await;
}

#[tokio::test]
async fn escape_symlink() {
    denied("escape_symlink").await;
}
