//! Guests that try to get out.

use super::field::{Field, denied, denied_with, refused};
use super::*;

pub(super) async fn escape_absolute() {
    refused("escape_absolute", Access::ReadOnly).await;
    refused("escape_absolute", Access::ReadWrite).await;
}

pub(super) async fn escape_climb() {
    denied("escape_climb").await;
}

pub(super) async fn escape_data() {
    run("escape_data", []).await.trapped("out of bounds memory access");
}

pub(super) async fn escape_device() {
    denied("escape_device").await;
}

pub(super) async fn escape_fd() {
    refused("escape_fd", Access::ReadWrite).await;
}

pub(super) async fn escape_hardlink() {
    denied("escape_hardlink").await;
}

pub(super) async fn escape_import() {
    let error = load("escape_import").await.expect_err("it must be refused").to_string();
    assert!(error.contains("env.system, wasi_snapshot_preview1.proc_exec"), "{error}");
}

pub(super) async fn escape_import_type() {
    let error = load("escape_import_type").await.expect_err("it must be refused").to_string();
    assert!(error.contains("fd_write"), "{error}");
}

pub(super) async fn escape_iovec() {
    let ran = run("escape_iovec", []).await;
    let is_documented = matches!(ran.outcome.end, End::Trapped { .. } | End::Exited(0));
    assert!(is_documented, "{:?}", ran.outcome.end);
    assert_eq!(ran.stdout, "");
}

pub(super) async fn escape_long_path() {
    denied("escape_long_path").await;
}

pub(super) async fn escape_memory() {
    run("escape_memory", []).await.trapped("out of bounds memory access");
}

pub(super) async fn escape_moved() {
    refused("escape_moved", Access::ReadWrite).await;
}

pub(super) async fn escape_neighbour() {
    denied("escape_neighbour").await;
}

pub(super) async fn escape_pointer() {
    let end = run("escape_pointer", []).await.outcome.end;
    assert!(matches!(end, End::Trapped { .. } | End::Exited(0)), "{end:?}");
}

pub(super) async fn escape_proc() {
    denied("escape_proc").await;
}

pub(super) async fn escape_read() {
    run("escape_read", []).await.exited(0);
    denied("escape_read").await;
}

pub(super) async fn escape_readonly() {
    denied_with("escape_readonly", Access::ReadOnly).await;
}

pub(super) async fn escape_remove() {
    denied("escape_remove").await;
}

pub(super) async fn escape_rename() {
    denied("escape_rename").await;
}

pub(super) async fn escape_renumber() {
    refused("escape_renumber", Access::ReadOnly).await;
}

pub(super) async fn escape_residue() {
    for name in ["first", "second"] {
        let ran = run("escape_residue", [name, "e"]).await.exited(0);
        assert_eq!(ran.stdout, name);
        assert_eq!(ran.outcome.termination_message, name.as_bytes());
    }
}

pub(super) async fn escape_rights() {
    refused("escape_rights", Access::ReadOnly).await;
}

pub(super) async fn escape_slashes() {
    refused("escape_slashes", Access::ReadOnly).await;
    refused("escape_slashes", Access::ReadWrite).await;
}

pub(super) async fn escape_socket() {
    refused("escape_socket", Access::ReadWrite).await;
}

pub(super) async fn escape_swap() {
    let field = Field::new();
    let data = field.data();
    fs::create_dir(data.join("place")).expect("it must be made");
    fs::write(data.join("place/secret"), "own").expect("it must be written");
    std::os::unix::fs::symlink("..", data.join("link")).expect("it must be made");
    let run = |what| {
        let guest = field.guest(Access::ReadWrite);
        run_with("escape_swap", ["/data", what, "2000"], guest, Limits::default())
    };
    let (swapper, reader) = tokio::join!(run("swap"), run("read"));
    swapper.exited(0);
    reader.exited(0);
    field.is_unharmed(Access::ReadWrite);
}

pub(super) async fn escape_symlink() {
    denied("escape_symlink").await;
}

pub(super) async fn escape_symlink_chain() {
    denied("escape_symlink_chain").await;
}

pub(super) async fn escape_table() {
    run("escape_table", []).await.trapped("indirect call type mismatch");
}

pub(super) async fn escape_utf8() {
    refused("escape_utf8", Access::ReadWrite).await;
}

pub(super) async fn escape_write() {
    run("escape_write", []).await.exited(0);
    denied("escape_write").await;
}
