//! Guests that take all that they get.

use super::*;

#[tokio::test]
async fn hog_cpu() {
    let limits = deadline(200);
    let ran = run_with("hog_cpu", [], Guest::new(), limits).await;
    assert_eq!(ran.stdout, "spinning\n");
    ended_in_time(&ran, limits);

    let limits = Limits { fuel: Some(100_000_000), ..Limits::default() };
    let first = run_with("hog_cpu", [], Guest::new(), limits).await.outcome;
    let second = run_with("hog_cpu", [], Guest::new(), limits).await.outcome;
    assert_eq!(first.end, End::FuelExhausted);
    assert_eq!(first.usage.fuel, second.usage.fuel);
}

#[tokio::test]
async fn hog_memory() {
    let limits = Limits { memory_bytes: 16 << 20, ..Limits::default() };
    let ran = run_with("hog_memory", [], Guest::new(), limits).await;
    assert_eq!(ran.outcome.end, End::OutOfMemory);
    assert!(ran.outcome.usage.memory_bytes_peak <= 16 << 20);

    let ran = run_with("hog_memory", ["8"], Guest::new(), limits).await.exited(0);
    assert_eq!(ran.stdout, "holding 8 MiB\n");
    assert!(ran.outcome.usage.memory_bytes_peak >= 8 << 20);
}

#[tokio::test]
async fn hog_output() {
    let limits = Limits { output_bytes: 1_000_000, ..Limits::default() };
    let ran = run_with("hog_output", [], Guest::new(), limits).await;
    assert_eq!(ran.outcome.end, End::OutputExceeded);
    assert_eq!(ran.stdout.len(), 1_000_000);
    assert_eq!(run("hog_output", ["1"]).await.exited(0).stdout.len(), 1 << 20);
}

#[tokio::test]
async fn hog_stack() {
    let ran = run("hog_stack", []).await;
    assert!(matches!(ran.outcome.end, End::Trapped { .. }), "{:?}", ran.outcome.end);
    assert_eq!(ran.stdout, "descending\n");
}

#[tokio::test]
async fn hog_files() {
    let folder = tempfile::tempdir().expect("a folder must be made");
    fs::write(folder.path().join("file"), "").expect("it must be written");
    let limits = Limits { descriptors: 50, ..Limits::default() };
    for file in ["/dev/null", "/data/file"] {
        let data = with_data(folder.path(), Access::ReadOnly);
        let ran = run_with("hog_files", [file], data, limits).await.exited(0);
        assert!(ran.stdout.starts_with("opened 50: "), "{file}: {}", ran.stdout);
    }
}
