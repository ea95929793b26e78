//! Modules and components that are made for a test.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use super::repository;

/// The component of the prebuilt guest `name`, with the types of what it calls of the network.
pub(crate) fn component(name: &str) -> Vec<u8> {
    let guests = repository().join("guests");
    let path = guests.join("sockets/network.wit");
    let text = fs::read_to_string(&path).expect("the types must be there");
    let mut wit = wit_parser::Resolve::default();
    let package = wit.push_str(&path, &text).expect("the types must be well-formed");
    let world = wit.select_world(&[package], Some("network")).expect("it must have a world");
    let module = fs::read(guests.join(format!("prebuilt/{name}.wasm")));
    let mut module = module.expect("the prebuilt guest must be there");
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &wit, world, encoding)
        .expect("the types must fit");
    let adapter = wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER;
    wit_component::ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.adapter("wasi_snapshot_preview1", adapter))
        .and_then(|mut encoder| encoder.encode())
        .expect("the guest must make a component")
}

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
