//! Guests that do some work.

use mayfly_runtime::Stdin;

use super::*;

#[tokio::test]
async fn job_echo() {
    let guest = Guest::new().env("B", "two words").env("A", "");
    let ran = run_with("job_echo", ["x", "", "π"], guest, Limits::default()).await.exited(0);
    let expect = "arg 0: job_echo\narg 1: x\narg 2: \narg 3: π\nenv A=\nenv B=two words\n";
    assert_eq!(ran.stdout, expect);
    assert_eq!(run("job_echo", []).await.exited(0).stdout, "arg 0: job_echo\n");
}

#[tokio::test]
async fn job_index() {
    let guest = Guest::new().env("JOB_COMPLETION_INDEX", "17");
    let ran = run_with("job_index", [], guest, Limits::default()).await.exited(0);
    assert_eq!(ran.stdout, "17\n");
    run("job_index", []).await.exited(1);
}

#[tokio::test]
async fn job_line() {
    assert_eq!(run("job_line", []).await.exited(0).stdout, "done\n");
}

#[tokio::test]
async fn job_ledger() {
    let folder = tempfile::tempdir().expect("a folder must be made");
    let ran = async || {
        let data = with_data(folder.path(), Access::ReadWrite);
        let args = ["/data", "name.7", "1", "4", "5", "6"];
        run_with("job_ledger", args, data, Limits::default()).await.outcome.end
    };
    // The first code is that of the sum of the name's bytes; each run has the next one.
    let first = "name.7".bytes().map(u32::from).sum::<u32>() % 3;
    for number in 0..2 {
        let code = 4 + (first + number) % 3;
        assert_eq!(ran().await, End::Exited(code));
        for entry in ["start".to_owned(), format!("end.{code}")] {
            let path = folder.path().join(format!("name.7.{number}.{entry}"));
            assert!(path.exists(), "{}", path.display());
        }
    }
    assert_eq!(fs::read_dir(folder.path()).expect("it must be there").count(), 4);
    run("job_ledger", ["/none", "name", "1", "0"]).await.exited(120);
}

#[tokio::test]
async fn job_pi() {
    let ran = run("job_pi", ["30"]).await.exited(0);
    assert_eq!(ran.stdout.trim_end(), "3.14159265358979323846264338328");
}

#[tokio::test]
async fn job_dice() {
    let roll = async |wasm: Vec<u8>, seed: &str, names: [&str; 3]| {
        let folder = tempfile::tempdir().expect("a folder must be made");
        for name in names {
            fs::write(folder.path().join(name), name).expect("it must be written");
        }
        let guest = with_data(folder.path(), Access::ReadOnly).args(["job_dice", "/data"]);
        let guest = guest.deterministic(seed);
        run_metered(wasm, guest, Limits::default(), Metering::Deterministic).await
    };
    let (ours, theirs) = (["c", "a", "b"], ["b", "c", "a"]);
    for wasm in [wasm("job_dice"), component::component("job_dice")] {
        let first = roll(wasm.clone(), "seed", ours).await.exited(0);
        let second = roll(wasm.clone(), "seed", theirs).await.exited(0);
        assert_eq!(second.stdout, first.stdout);
        assert!(first.stdout.contains("\nslept for 3600 s\n"), "{}", first.stdout);
        let names = ["\"a\" of", "\"b\" of", "\"c\" of"].map(|name| first.stdout.find(name));
        assert!(names[0].is_some() && names.is_sorted(), "{}", first.stdout);

        let other = roll(wasm, "another", ours).await.exited(0);
        let pairs = first.stdout.lines().zip(other.stdout.lines());
        let same: Vec<_> = pairs.filter(|(first, other)| first == other).collect();
        assert_eq!(same, [("slept for 3600 s", "slept for 3600 s")]);
    }
    let limits = deadline(500);
    let guest = Guest::new().args(["job_dice"]);
    let ran = run_metered(wasm("job_dice"), guest, limits, Metering::Epochs).await;
    ended_in_time(&ran, limits);
}

#[tokio::test]
async fn job_sleep() {
    let ran = run("job_sleep", ["0.05"]).await.exited(0);
    assert!(ran.outcome.usage.wall >= Duration::from_millis(50));
    assert_eq!(ran.stdout, "slept 0.05\n");

    let limits = deadline(100);
    ended_in_time(&run_with("job_sleep", ["86400"], Guest::new(), limits).await, limits);
}

#[tokio::test]
async fn job_stdin() {
    let guest = Guest::new().stdin(Stdin::Bytes("one\ntwo".into()));
    let ran = run_with("job_stdin", [], guest, Limits::default()).await.exited(0);
    assert_eq!(ran.stdout, "one\ntwo");
    assert_eq!(run("job_stdin", []).await.exited(0).stdout, "");

    let limits = deadline(100);
    let silent = Guest::new().stdin(Stdin::Silent);
    ended_in_time(&run_with("job_stdin", [], silent, limits).await, limits);
}

#[tokio::test]
async fn job_cat() {
    let folder = tempfile::tempdir().expect("a folder must be made");
    fs::write(folder.path().join("file"), "some text\n").expect("it must be written");
    let data = || with_data(folder.path(), Access::ReadOnly);
    let limits = Limits::default();
    let args = ["/data/file", "/dev/null", "/data/file"];
    let ran = run_with("job_cat", args, data(), limits).await.exited(0);
    assert_eq!(ran.stdout, "some text\nsome text\n");

    let relative = data().working_dir("/data");
    assert_eq!(
        run_with("job_cat", ["file"], relative, limits).await.exited(0).stdout,
        "some text\n"
    );
    run_with("job_cat", ["/data/none"], data(), limits).await.exited(1);

    let single = Mount {
        host: folder.path().join("file"),
        below: <_>::default(),
        guest: "/etc/app/config".to_owned(),
        access: Access::ReadOnly,
    };
    let guest = Guest::new().mount(single);
    let ran = run_with("job_cat", ["/etc/app/config"], guest, limits).await.exited(0);
    assert_eq!(ran.stdout, "some text\n");
}

#[tokio::test]
async fn job_write() {
    let folder = tempfile::tempdir().expect("a folder must be made");
    let args = ["/data/made", "one", "two"];
    let data = with_data(folder.path(), Access::ReadWrite);
    run_with("job_write", args, data, Limits::default()).await.exited(0);
    let made = folder.path().join("made");
    assert_eq!(fs::read_to_string(&made).expect("it must be there"), "one\ntwo\n");

    fs::remove_file(&made).expect("it must be there");
    let data = with_data(folder.path(), Access::ReadOnly);
    run_with("job_write", args, data, Limits::default()).await.exited(1);
    assert!(!made.exists());
    run("job_write", ["/dev/null", "x"]).await.exited(0);
}
