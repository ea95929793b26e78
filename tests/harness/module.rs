//! Modules that are made for a test: they print something, wait for a while, and print the rest.

use std::fmt::Write as _;
use std::time::Duration;

/// A WASI command that prints `before`, waits for `pause`, prints `after` and exits with 0, whatever
/// it is told.
pub(crate) fn printing(before: &str, pause: Duration, after: &str) -> Vec<u8> {
    let mut escaped = String::new();
    for byte in before.bytes().chain(after.bytes()) {
        write!(escaped, "\\{byte:02x}").expect("a String takes everything");
    }
    // A clock's subscription is 48 bytes: its tag at 8, the clock at 16, the time at 24.
    let source = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "poll_oneoff"
                (func $poll (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 2)
            (data (i32.const 1024) "{escaped}")
            (func $print (param $at i32) (param $length i32)
                (i32.store (i32.const 0) (local.get $at))
                (i32.store (i32.const 4) (local.get $length))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
            (func (export "_start")
                (call $print (i32.const 1024) (i32.const {before}))
                (i32.store (i32.const 80) (i32.const 1))
                (i64.store (i32.const 88) (i64.const {nanoseconds}))
                (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 160)))
                (call $print (i32.const {second}) (i32.const {after}))))"#,
        before = before.len(),
        nanoseconds = pause.as_nanos(),
        second = 1024 + before.len(),
        after = after.len(),
    );
    wat::parse_str(source).expect("the module must be well-formed")
}
