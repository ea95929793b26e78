use super::*;
use crate::limits::{LOG_BYTES_MAX, LOG_LINE_BYTES_MAX};
use crate::node::runtime::{Output, Stream};

fn logs() -> (tempfile::TempDir, Logs) {
    let root = tempfile::tempdir().unwrap();
    let logs = Logs::new(root.path(), Clock::system());
    (root, logs)
}

fn run(restart: u32) -> Run {
    let pod = PodIdentity { namespace: "ns".into(), name: "p".into(), uid: "u".into() };
    Run { pod, container: "main".into(), restart }
}

fn text(lines: &[LogLine]) -> String {
    lines.iter().map(|line| String::from_utf8_lossy(&line.bytes)).collect()
}

#[test]
fn what_is_printed_is_read_back_whatever_its_pieces() {
    let check = |pieces: &[&str]| {
        let (_root, logs) = logs();
        let writer = logs.create(run(0)).unwrap();
        for piece in pieces {
            writer.write(Stream::Stdout, piece.as_bytes()).unwrap();
        }
        logs.finish(&run(0), &writer);
        let lines = logs.read(&run(0), &ReadOptions::default()).unwrap();
        assert_eq!(text(&lines), pieces.concat(), "{pieces:?}");
    };
    check(&[]);
    check(&["one\n"]);
    check(&["one\ntwo\n", "three\n"]);
    check(&["o", "n", "e\nt", "wo"]);
    check(&["\n\n", "\n"]);
    check(&["no newline"]);
    check(&[&"x".repeat(3 * LOG_LINE_BYTES_MAX + 5)]);
}

#[test]
fn the_tail_is_the_last_lines() {
    let (_root, logs) = logs();
    let writer = logs.create(run(0)).unwrap();
    let printed: Vec<String> = (0..5000).map(|n| format!("line {n}\n")).collect();
    writer.write(Stream::Stdout, printed.concat().as_bytes()).unwrap();
    let check = |tail: usize| {
        let options = ReadOptions { tail_lines: Some(tail), since: None };
        let lines = logs.read(&run(0), &options).unwrap();
        assert_eq!(text(&lines), printed[5000usize.saturating_sub(tail)..].concat(), "{tail}");
    };
    for tail in [0, 1, 80, 4999, 5000, 9000] {
        check(tail);
    }
}

#[test]
fn a_flood_is_cut_and_says_so() {
    let (_root, logs) = logs();
    let writer = logs.create(run(0)).unwrap();
    let line = [b'x'; 1023].iter().chain(b"\n").copied().collect::<Vec<_>>();
    let writes = (0..2 * LOG_BYTES_MAX / line.len())
        .take_while(|_| writer.write(Stream::Stdout, &line).is_ok())
        .count();
    assert!(writes < LOG_BYTES_MAX / line.len(), "the limit must count what a line costs");
    assert!(writer.write(Stream::Stdout, b"more\n").is_err());
    let lines = logs.read(&run(0), &ReadOptions::default()).unwrap();
    let last = text(&lines[lines.len() - 1..]);
    assert!(last.starts_with("[mayfly: the log ends here"), "{last}");
}

#[test]
fn each_run_has_its_own_log_and_old_ones_go() {
    let (_root, logs) = logs();
    for restart in 0..=LOG_RUNS_MAX {
        let writer = logs.create(run(restart)).unwrap();
        writer.write(Stream::Stdout, format!("run {restart}\n").as_bytes()).unwrap();
        logs.finish(&run(restart), &writer);
    }
    let read = |restart| logs.read(&run(restart), &ReadOptions::default());
    assert_eq!(read(0).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(text(&read(1).unwrap()), "run 1\n");
    assert_eq!(text(&read(LOG_RUNS_MAX).unwrap()), format!("run {LOG_RUNS_MAX}\n"));
}

#[tokio::test(start_paused = true)]
async fn a_follower_wakes_when_something_is_printed_and_ends_with_the_run() {
    let (_root, logs) = logs();
    let writer = logs.create(run(0)).unwrap();
    writer.write(Stream::Stdout, b"before\n").unwrap();
    let mut follower = logs.follow(&run(0), &ReadOptions::default()).unwrap();
    let following = tokio::spawn(async move {
        let mut printed = Vec::new();
        while let Some(line) = follower.next().await.unwrap() {
            printed.push(String::from_utf8(line.bytes).unwrap());
        }
        printed
    });
    tokio::task::yield_now().await;
    writer.write(Stream::Stderr, b"while\nlast").unwrap();
    tokio::task::yield_now().await;
    logs.finish(&run(0), &writer);
    assert_eq!(following.await.unwrap(), ["before\n", "while\n", "last"]);

    let mut late = logs.follow(&run(0), &ReadOptions::default()).unwrap();
    for expected in [Some("before\n"), Some("while\n"), Some("last"), None] {
        let line = late.next().await.unwrap().map(|line| String::from_utf8(line.bytes).unwrap());
        assert_eq!(line.as_deref(), expected);
    }
}
