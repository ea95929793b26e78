//! Modules that are made for a test: they print a text, after a while.

use std::fmt::Write as _;
use std::time::Duration;

/// A WASI command that waits for `pause`, prints `text` and exits with 0, whatever it is told.
pub(crate) fn printing(text: &str, pause: Duration) -> Vec<u8> {
    let mut escaped = String::new();
    for byte in text.bytes() {
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
            (func (export "_start")
                (i32.store (i32.const 80) (i32.const 1))
                (i64.store (i32.const 88) (i64.const {nanoseconds}))
                (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 160)))
                (i32.store (i32.const 0) (i32.const 1024))
                (i32.store (i32.const 4) (i32.const {length}))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#,
        nanoseconds = pause.as_nanos(),
        length = text.len(),
    );
    wat::parse_str(source).expect("the module must be well-formed")
}
