use super::*;
use crate::limits::{LOG_FILE_BYTES_MAX, LOG_FILES_MAX, LOG_LINE_BYTES_MAX, LOG_SMALL_BYTES_MAX};
use crate::node::runtime::{Output, Stream};

/// Digits of a line that is one of many.
const LINE: usize = 16_000;

/// Stands for a text that is too large for a segment.
const LARGE: &str = "large";

const ALL: ReadOptions = ReadOptions { tail_lines: None, since: None };

fn logs() -> (tempfile::TempDir, Logs) {
    let root = tempfile::tempdir().unwrap();
    let logs = Logs::new(root.path(), Clock::system(), LogLimits::default());
    (root, logs)
}

fn run(restart: u32) -> Run {
    let pod = PodIdentity { namespace: "ns".into(), name: "p".into(), uid: "u".into() };
    Run { pod, container: "main".into(), restart }
}

/// What is left of a log, as it was printed.
fn text(mut lines: Follower) -> String {
    let mut text = Vec::new();
    while let Some(line) = lines.try_next().unwrap() {
        text.extend(line.bytes);
    }
    String::from_utf8(text).unwrap()
}

fn read(logs: &Logs, restart: u32) -> io::Result<String> {
    logs.read(&run(restart), &ALL).map(text)
}

/// Prints long lines, numbered from `from` on, that fill `files` files and no more.
fn flood(writer: &LogWriter, from: usize, files: usize) -> usize {
    let lines = LOG_FILE_BYTES_MAX / (LINE + 1 + "2026-01-02T03:04:05.000000000Z stdout F ".len());
    for number in from..from + files * lines {
        writer.write(Stream::Stdout, format!("{number:0LINE$}\n").as_bytes()).unwrap();
    }
    from + files * lines
}

#[test]
fn what_is_printed_is_read_back_whatever_its_pieces() {
    let check = |pieces: &[&str]| {
        let (_root, logs) = logs();
        let writer = logs.create(run(0), None).unwrap();
        for piece in pieces {
            writer.write(Stream::Stdout, piece.as_bytes()).unwrap();
        }
        writer.finish();
        assert_eq!(read(&logs, 0).unwrap(), pieces.concat(), "{pieces:?}");
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
    let writer = logs.create(run(0), None).unwrap();
    let printed: Vec<String> = (0..5000).map(|n| format!("line {n}\n")).collect();
    writer.write(Stream::Stdout, printed.concat().as_bytes()).unwrap();
    let check = |tail: usize| {
        let options = ReadOptions { tail_lines: Some(tail), since: None };
        let lines = logs.read(&run(0), &options).unwrap();
        assert_eq!(text(lines), printed[5000usize.saturating_sub(tail)..].concat(), "{tail}");
    };
    for tail in [0, 1, 80, 4999, 5000, 9000] {
        check(tail);
    }
}

#[test]
fn a_flood_drops_what_is_oldest_and_goes_on() {
    let (root, logs) = logs();
    let writer = logs.create(run(0), None).unwrap();
    let end = flood(&writer, 0, 7);
    writer.finish();
    let files = fs::read_dir(root.path().join("pods/ns_p_u/main")).unwrap();
    let sizes = files.map(|file| file.unwrap().metadata().unwrap().len());
    let sizes: Vec<_> = sizes.collect();
    assert_eq!(sizes.len(), LOG_FILES_MAX as usize);
    assert!(sizes.iter().all(|size| *size <= LOG_FILE_BYTES_MAX as u64), "{sizes:?}");

    let numbers =
        |text: String| -> Vec<usize> { text.lines().map(|line| line.parse().unwrap()).collect() };
    let left = numbers(read(&logs, 0).unwrap());
    assert_eq!(left, (end * 2 / 7..end).collect::<Vec<_>>(), "five of seven files are left");
    for tail in [0, 1, end / 7 + 1] {
        let options = ReadOptions { tail_lines: Some(tail), since: None };
        let lines = numbers(text(logs.read(&run(0), &options).unwrap()));
        let expected = end - tail.min(end * 5 / 7)..end;
        assert!(lines == expected.clone().collect::<Vec<_>>(), "{tail}: not {expected:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_goes_on_with_the_next_file_and_says_what_it_missed() {
    let (_root, logs) = logs();
    let writer = logs.create(run(0), None).unwrap();
    let begun = flood(&writer, 0, 1);
    let mut follower = logs.follow(&run(0), &ALL).unwrap();
    for number in 0..begun {
        let line = follower.next().await.unwrap().unwrap();
        assert_eq!(line.bytes, format!("{number:0LINE$}\n").as_bytes());
    }
    let rotated = flood(&writer, begun, 2);
    for number in begun..rotated {
        let line = follower.next().await.unwrap().unwrap();
        assert_eq!(line.bytes, format!("{number:0LINE$}\n").as_bytes());
    }
    let end = flood(&writer, rotated, 6);
    writer.finish();
    let gap = follower.next().await.unwrap().unwrap();
    assert!(gap.bytes.starts_with(b"[mayfly: lines are missing here"), "{gap:?}");
    assert_eq!(gap.stream, Stream::Stderr);
    let mut last = Vec::new();
    while let Some(line) = follower.next().await.unwrap() {
        last = line.bytes;
    }
    assert_eq!(last, format!("{:0LINE$}\n", end - 1).as_bytes());
}

#[test]
fn a_log_that_is_read_ends_where_it_ended_then() {
    let (_root, logs) = logs();
    let writer = logs.create(run(0), None).unwrap();
    writer.write(Stream::Stdout, b"before\n").unwrap();
    let lines = logs.read(&run(0), &ALL).unwrap();
    writer.write(Stream::Stdout, b"after\n").unwrap();
    assert_eq!(text(lines), "before\n");
}

#[test]
fn each_run_has_its_own_log_and_old_ones_go() {
    let (_root, logs) = logs();
    for restart in 0..=LOG_RUNS_MAX {
        let writer = logs.create(run(restart), None).unwrap();
        writer.write(Stream::Stdout, format!("run {restart}\n").as_bytes()).unwrap();
        writer.finish();
    }
    assert_eq!(read(&logs, 0).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(read(&logs, 1).unwrap(), "run 1\n");
    assert_eq!(read(&logs, LOG_RUNS_MAX).unwrap(), format!("run {LOG_RUNS_MAX}\n"));
}

#[test]
fn a_run_that_begins_once_more_has_a_log_of_its_own() {
    let (root, _) = logs();
    // Of a small log and of a large one, in every order.
    let texts = ["first\n", "second\n", LARGE, "third\n", LARGE, LARGE, "fourth\n"];
    let large = "x".repeat(LOG_SMALL_BYTES_MAX) + "\n";
    let texts = texts.map(|text| if text == LARGE { large.clone() } else { text.to_owned() });
    let mut before: Option<&str> = None;
    for printed in &texts {
        let logs = Logs::new(root.path(), Clock::system(), LogLimits::default());
        if let Some(before) = before {
            assert_eq!(read(&logs, 0).unwrap(), before);
        }
        let writer = logs.create(run(0), None).unwrap();
        writer.write(Stream::Stdout, printed.as_bytes()).unwrap();
        writer.write(Stream::Stdout, b"what has no newline is lost with the process").unwrap();
        assert_eq!(read(&logs, 0).unwrap(), *printed);
        let lost = logs.read_lost(&run(0), &ALL).map(text);
        match before {
            Some(before) => assert_eq!(lost.unwrap(), before),
            None => assert_eq!(lost.unwrap_err().kind(), io::ErrorKind::NotFound),
        }
        // Not finished: as when the process is killed.
        std::mem::forget(writer);
        before = Some(printed);
    }
    let logs = Logs::new(root.path(), Clock::system(), LogLimits::default());
    let never = logs.read_lost(&run(1), &ALL).err().unwrap();
    assert_eq!(never.kind(), io::ErrorKind::NotFound);
}

#[test]
fn what_is_printed_costs_no_file_until_it_is_much() {
    let (root, logs) = logs();
    let directory = root.path().join("pods");
    let writer = logs.create(run(0), None).unwrap();
    let line = "x".repeat(99) + "\n";
    let mut printed = String::new();
    while printed.len() < LOG_SMALL_BYTES_MAX * 2 {
        writer.write(Stream::Stdout, line.as_bytes()).unwrap();
        printed += &line;
        assert_eq!(read(&logs, 0).unwrap(), printed, "whoever reads sees no difference");
        let is_large = printed.len() > LOG_SMALL_BYTES_MAX;
        assert!(is_large || printed.len() > LOG_SMALL_BYTES_MAX / 2 || !directory.exists());
        assert!(!is_large || directory.exists());
    }
    writer.finish();
    assert_eq!(read(&logs, 0).unwrap(), printed);
    let next = Logs::new(root.path(), Clock::system(), LogLimits::default());
    assert_eq!(read(&next, 0).unwrap(), printed);
}

#[test]
fn a_log_that_became_large_is_found_in_files_only_when_all_of_it_is_there() {
    let (root, logs) = logs();
    let writer = logs.create(run(0), None).unwrap();
    writer.write(Stream::Stdout, b"small\n").unwrap();
    // Where its file would be made: as when the disk is full.
    let unfinished = root.path().join("pods/ns_p_u/main/0.log.new");
    fs::create_dir_all(&unfinished).unwrap();
    let large = "x".repeat(LOG_SMALL_BYTES_MAX) + "\n";
    assert!(writer.write(Stream::Stdout, large.as_bytes()).is_err());
    fs::remove_dir(&unfinished).unwrap();
    // As when the process was killed meanwhile.
    fs::write(&unfinished, "half of").unwrap();
    let next = Logs::new(root.path(), Clock::system(), LogLimits::default());
    for logs in [&logs, &next] {
        assert_eq!(read(logs, 0).unwrap(), "small\n");
    }
    writer.write(Stream::Stdout, large.as_bytes()).unwrap();
    let all = format!("small\n{large}");
    let next = Logs::new(root.path(), Clock::system(), LogLimits::default());
    for logs in [&logs, &next] {
        assert_eq!(read(logs, 0).unwrap(), all);
    }
    assert!(!unfinished.exists());
}

#[test]
fn a_run_that_printed_nothing_has_an_empty_log() {
    let (root, logs) = logs();
    drop(logs.create(run(0), None).unwrap());
    assert_eq!(read(&logs, 0).unwrap(), "");
    let next = Logs::new(root.path(), Clock::system(), LogLimits::default());
    assert_eq!(read(&next, 0).unwrap(), "");
    next.remove_pod("u");
    assert_eq!(read(&next, 0).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn the_logs_of_an_earlier_mayfly_are_read() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("pods/ns_p_u/main");
    fs::create_dir_all(&directory).unwrap();
    let mut line = Vec::new();
    line::format(&mut line, Clock::system().now(), Stream::Stdout, true, b"from before");
    fs::write(directory.join("0.log"), line).unwrap();
    let logs = Logs::new(root.path(), Clock::system(), LogLimits::default());
    assert_eq!(read(&logs, 0).unwrap(), "from before\n");
    drop(logs.create(run(0), None).unwrap());
    assert_eq!(text(logs.read_lost(&run(0), &ALL).unwrap()), "from before\n");
    assert_eq!(read(&logs, 0).unwrap(), "");
}

#[tokio::test(start_paused = true)]
async fn a_follower_goes_on_when_a_log_moves_to_files() {
    let (_root, logs) = logs();
    let writer = logs.create(run(0), None).unwrap();
    writer.write(Stream::Stdout, b"one\n").unwrap();
    let mut followers = [logs.follow(&run(0), &ALL).unwrap(), logs.follow(&run(0), &ALL).unwrap()];
    assert_eq!(followers[0].next().await.unwrap().unwrap().bytes, b"one\n");
    let long = "x".repeat(LOG_SMALL_BYTES_MAX) + "\n";
    for _ in 0..3 {
        writer.write(Stream::Stdout, long.as_bytes()).unwrap();
    }
    writer.finish();
    assert_eq!(followers[1].next().await.unwrap().unwrap().bytes, b"one\n");
    for mut follower in followers {
        for _ in 0..3 {
            assert_eq!(follower.next().await.unwrap().unwrap().bytes, long.as_bytes());
        }
        assert_eq!(follower.next().await.unwrap(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_attached_sees_what_is_printed_from_then_on_before_the_line_ends() {
    let (_root, logs) = logs();
    assert!(logs.attach(&run(0)).unwrap().is_none(), "it has not begun");
    let writer = logs.create(run(0), None).unwrap();
    writer.write(Stream::Stdout, b"before\nname").unwrap();
    let mut attached = logs.attach(&run(0)).unwrap().unwrap();
    let mut check = async |expected: Option<(Stream, &str)>| {
        let printed = attached.next().await.unwrap();
        let expected = expected.map(|(stream, text)| (stream, text.as_bytes().to_vec()));
        assert_eq!(printed, expected);
    };
    check(Some((Stream::Stdout, "name"))).await;
    writer.write(Stream::Stdout, b"? ").unwrap();
    check(Some((Stream::Stdout, "? "))).await;
    writer.write(Stream::Stdout, b"").unwrap();
    writer.write(Stream::Stdout, b"\nhello\nyou").unwrap();
    writer.write(Stream::Stderr, b"oh\n").unwrap();
    check(Some((Stream::Stdout, "\nhello\n"))).await;
    check(Some((Stream::Stderr, "oh\n"))).await;
    check(Some((Stream::Stdout, "you"))).await;
    let long = "x".repeat(2 * LOG_LINE_BYTES_MAX);
    writer.write(Stream::Stdout, long.as_bytes()).unwrap();
    check(Some((Stream::Stdout, &long[..2 * LOG_LINE_BYTES_MAX - 3]))).await;
    check(Some((Stream::Stdout, "xxx"))).await;
    writer.write(Stream::Stdout, b"end").unwrap();
    writer.finish();
    check(Some((Stream::Stdout, "end"))).await;
    check(None).await;
    assert!(logs.attach(&run(0)).unwrap().is_none(), "it is over");
}

#[tokio::test(start_paused = true)]
async fn a_follower_wakes_when_something_is_printed_and_ends_with_the_run() {
    let (_root, logs) = logs();
    let writer = logs.create(run(0), None).unwrap();
    writer.write(Stream::Stdout, b"before\n").unwrap();
    let mut follower = logs.follow(&run(0), &ALL).unwrap();
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
    writer.finish();
    assert_eq!(following.await.unwrap(), ["before\n", "while\n", "last"]);

    let mut late = logs.follow(&run(0), &ALL).unwrap();
    for expected in [Some("before\n"), Some("while\n"), Some("last"), None] {
        let line = late.next().await.unwrap().map(|line| String::from_utf8(line.bytes).unwrap());
        assert_eq!(line.as_deref(), expected);
    }
}
