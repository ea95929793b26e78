//! Arguments, environment, standard streams and devices.

use super::*;
use crate::Stdin;

/// Prints what `get` and its sizes give: all strings, each with its zero byte.
pub(super) fn strings(get: &str) -> String {
    format!(
        r#"(memory (export "memory") 1)
           (func (export "_start")
             (drop (call ${get}_sizes_get (i32.const 0) (i32.const 4)))
             (drop (call ${get}_get (i32.const 1024) (i32.const 4096)))
             (i32.store (i32.const 8) (i32.const 4096))
             (i32.store (i32.const 12) (i32.load (i32.const 4)))
             (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))
             (call $exit (i32.load (i32.const 0))))"#
    )
}

/// Reads up to 4096 bytes once from the descriptor that the code `open` leaves, prints them, and
/// exits with the error of reading.
pub(super) fn reads(open: &str) -> String {
    format!(
        r#"(memory (export "memory") 1)
           (data (i32.const 512) "null") (data (i32.const 520) "zero")
           (data (i32.const 528) "urandom") (data (i32.const 536) "stdin")
           (data (i32.const 544) "nothing") (data (i32.const 552) "../dev/null")
           (data (i32.const 568) "stdout") (data (i32.const 576) "termination-log")
           (func $open (param $name i32) (param $length i32) (param $oflags i32) (result i32)
             (local $errno i32)
             (local.set $errno (call $path_open (i32.const 3) (i32.const 0)
               (local.get $name) (local.get $length) (local.get $oflags)
               (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 16)))
             (if (local.get $errno) (then (call $exit (local.get $errno))))
             (i32.load (i32.const 16)))
           (func (export "_start") (local $fd i32) (local $errno i32)
             (local.set $fd {open})
             (i32.store (i32.const 0) (i32.const 4096))
             (i32.store (i32.const 4) (i32.const 4096))
             (local.set $errno
               (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 4)))
             (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
             (call $exit (local.get $errno)))"#
    )
}

#[tokio::test]
async fn a_guest_is_given_no_arguments_and_no_environment() {
    for get in ["args", "environ"] {
        let (end, printed) = printed(&strings(get), Guest::new()).await;
        assert_eq!((end, printed.as_str()), (End::Exited(0), ""), "{get}");
    }
}

#[tokio::test]
async fn arguments_and_variables_arrive_as_they_are() {
    let strange = ["", " ", "a b", "$HOME", "'\"\\", "-\n\t\u{1}\u{7f}", "π — 你好 🦀", "="];
    let (end, args) = printed(&strings("args"), Guest::new().args(strange)).await;
    assert_eq!(end, End::Exited(8));
    assert_eq!(args, strange.map(|arg| format!("{arg}\0")).concat());

    let guest = Guest::new().env("A", "1=2").env("leer", "").env("Ä.b-c", "\n");
    let (end, env) = printed(&strings("environ"), guest).await;
    assert_eq!((end, env.as_str()), (End::Exited(3), "A=1=2\0leer=\0Ä.b-c=\n\0"));
}

#[tokio::test]
async fn what_wasi_cannot_pass_is_refused() {
    let table = [
        (Guest::new().args(["a", "b\0c"]), "argument 1 must not contain a zero byte"),
        (Guest::new().env("A", "b\0"), "the variable A must not contain a zero byte"),
        (Guest::new().env("A=B", ""), "must not be empty or contain `=`"),
        (Guest::new().env("", ""), "must not be empty or contain `=`"),
        (Guest::new().working_dir("work"), "the working directory must be an absolute path"),
    ];
    let module = load(&strings("args"), Metering::Epochs).await;
    let sandbox = Sandbox::new(ENGINE.clone());
    for (guest, expect) in table {
        let run = sandbox.run(&module, guest, Limits::default(), CancellationToken::new());
        let error = run.await.unwrap_err().to_string();
        assert!(error.contains(expect), "{expect:?} in {error:?}");
    }
}

#[tokio::test]
async fn standard_input_is_what_is_given() {
    let table = [
        (Stdin::Closed, ""),
        (Stdin::Bytes("some input".into()), "some input"),
        (Stdin::Stream(Box::new(&b"a stream"[..])), "a stream"),
    ];
    for (stdin, expect) in table {
        let end = printed(&reads("(i32.const 0)"), Guest::new().stdin(stdin)).await;
        assert_eq!(end, (End::Exited(0), expect.to_owned()));
    }
}

#[tokio::test]
async fn the_devices_are_what_they_are_elsewhere() {
    let zeros = "\0".repeat(4096);
    let table = [
        ("null", "(call $open (i32.const 512) (i32.const 4) (i32.const 9))", 0, ""),
        ("zero", "(call $open (i32.const 520) (i32.const 4) (i32.const 0))", 0, &zeros),
        ("stdin", "(call $open (i32.const 536) (i32.const 5) (i32.const 0))", 0, "input"),
        ("nothing", "(call $open (i32.const 544) (i32.const 7) (i32.const 0))", 44, ""), // NOENT
        ("made", "(call $open (i32.const 544) (i32.const 7) (i32.const 1))", 69, ""),    // ROFS
        ("made anew", "(call $open (i32.const 512) (i32.const 4) (i32.const 5))", 20, ""), // EXIST
        ("entered", "(call $open (i32.const 512) (i32.const 4) (i32.const 2))", 54, ""), // NOTDIR
        ("left", "(call $open (i32.const 552) (i32.const 11) (i32.const 0))", 63, ""),   // PERM
    ];
    for (name, open, errno, expect) in table {
        let guest = Guest::new().stdin(Stdin::Bytes("input".into()));
        let (end, read) = printed(&reads(open), guest).await;
        assert_eq!(end, End::Exited(errno), "{name}");
        assert!(read == expect, "{name}: {} bytes", read.len());
    }
}

#[tokio::test]
async fn random_bytes_differ_and_are_bounded() {
    let open = "(call $open (i32.const 528) (i32.const 7) (i32.const 0))";
    let (_, one) = printed(&reads(open), Guest::new()).await;
    let (_, other) = printed(&reads(open), Guest::new()).await;
    assert_ne!(one, other);

    let body = r#"(memory (export "memory") 600)
        (func (export "_start")
          (call $exit (i32.or
            (call $random_get (i32.const 0) (i32.const 16777216))
            (i32.ne (call $random_get (i32.const 0) (i32.const 16777217)) (i32.const 28)))))"#;
    assert_eq!(end_of(body, Limits::default()).await, End::Exited(0));
}

#[tokio::test]
async fn a_standard_stream_can_be_replaced_by_null() {
    let body = reads(
        r#"(block (result i32)
             (drop (call $fd_renumber
               (call $open (i32.const 512) (i32.const 4) (i32.const 0)) (i32.const 1)))
             (i32.store (i32.const 0) (i32.const 512)) (i32.store (i32.const 4) (i32.const 4))
             (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
             (i32.const 1))"#,
    );
    assert_eq!(printed(&body, Guest::new()).await, (End::Exited(0), String::new()));
}

#[tokio::test]
async fn what_is_written_to_dev_stdout_is_printed() {
    let body = reads(
        r#"(block (result i32)
             (i32.store (i32.const 0) (i32.const 512)) (i32.store (i32.const 4) (i32.const 4))
             (drop (call $fd_write
               (call $open (i32.const 568) (i32.const 6) (i32.const 9))
               (i32.const 0) (i32.const 1) (i32.const 8)))
             (i32.const 0))"#,
    );
    assert_eq!(printed(&body, Guest::new()).await, (End::Exited(0), "null".to_owned()));
}

#[tokio::test]
async fn a_line_written_in_parts_arrives_in_one() {
    let body = r#"(memory (export "memory") 1)
        (data (i32.const 0) "\20\00\00\00\05\00\00\00\00\00\00\00\00\00\00\00\28\00\00\00\01\00\00\00")
        (data (i32.const 32) "hello") (data (i32.const 40) "\n")
        (func (export "_start")
          (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 3) (i32.const 64)))
          (call $exit (i32.load (i32.const 64))))"#;
    assert_eq!(printed(body, Guest::new()).await, (End::Exited(6), "hello\n".to_owned()));
}

#[tokio::test]
async fn a_termination_message_is_kept_in_the_outcome() {
    for guest in ["/dev/termination-log", "/var/run/message"] {
        // The directory of another log comes second among what is given.
        let (dir, name) =
            if guest.starts_with("/dev") { (3, "termination-log") } else { (4, "message") };
        let body = format!(
            r#"(memory (export "memory") 1)
               (data (i32.const 0) "\20\00\00\00\04\00\00\00") (data (i32.const 32) "why\n{name}")
               (func (export "_start")
                 (drop (call $path_open (i32.const {dir}) (i32.const 0) (i32.const 36)
                   (i32.const {}) (i32.const 9) (i64.const 64) (i64.const 0) (i32.const 0)
                   (i32.const 16)))
                 (drop (call $fd_write (i32.load (i32.const 16)) (i32.const 0) (i32.const 1)
                   (i32.const 20)))
                 unreachable)"#,
            name.len()
        );
        let module = load(&body, Metering::Epochs).await;
        let outcome = run(&module, Guest::new().termination_log(guest), Limits::default()).await;
        assert!(matches!(outcome.end, End::Trapped { .. }));
        assert_eq!(outcome.termination_message, b"why\n", "{guest}");
    }
}

#[tokio::test]
async fn waiting_for_an_output_is_over_at_once_and_for_an_input_when_it_comes() {
    // Waits for descriptor FD by TAG (1 to read, 2 to write) or a minute, and exits with the
    // number of what came about first, plus 10 for each thing that did.
    let body = |fd: u32, tag: u32| {
        format!(
            r#"(memory (export "memory") 1)
               (func (export "_start")
                 (i64.store (i32.const 0) (i64.const 1))
                 (i32.store (i32.const 8) (i32.const {tag}))
                 (i32.store (i32.const 16) (i32.const {fd}))
                 (i64.store (i32.const 48) (i64.const 2))
                 (i32.store (i32.const 64) (i32.const 1))
                 (i64.store (i32.const 72) (i64.const 60000000000))
                 (if (call $poll_oneoff
                   (i32.const 0) (i32.const 256) (i32.const 2) (i32.const 512))
                   (then (call $exit (i32.const 99))))
                 (call $exit (i32.add
                   (i32.load (i32.const 256))
                   (i32.mul (i32.const 10) (i32.load (i32.const 512))))))"#
        )
    };
    for (fd, tag) in [(1, 2), (2, 2), (0, 1)] {
        let guest = Guest::new().stdin(Stdin::Bytes("x".into()));
        assert_eq!(printed(&body(fd, tag), guest).await.0, End::Exited(11), "descriptor {fd}");
    }
    assert_eq!(printed(&body(77, 1), Guest::new()).await.0, End::Exited(99));
}
