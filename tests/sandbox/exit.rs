//! How guests end by themselves.

use super::*;

#[tokio::test]
async fn exit_code() {
    for code in [0, 1, 42, 125, 126, 137, 255] {
        run("exit_code", [&code.to_string()]).await.exited(code);
    }
}

#[tokio::test]
async fn exit_panic() {
    let ran = run("exit_panic", []).await.trapped("unreachable");
    assert!(ran.stderr.contains("this guest panics on purpose"), "{}", ran.stderr);
}

#[tokio::test]
async fn exit_message() {
    let ran = run("exit_message", ["that was it", "7"]).await.exited(7);
    assert_eq!(ran.outcome.termination_message.trim_ascii_end(), b"that was it");
    assert_eq!(ran.stdout, "");
}

#[tokio::test]
async fn fail_until() {
    let folder = tempfile::tempdir().expect("a folder must be made");
    for code in [1, 1, 0] {
        let data = with_data(folder.path(), Access::ReadWrite);
        let args = ["2", "/data/attempts"];
        run_with("fail_until", args, data, Limits::default()).await.exited(code);
    }
}
