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

/// A WASI command of 16 MB that takes any compiler many seconds, and a gigabyte of memory or more: in
/// each of its loops hundreds of variables change.
pub(crate) fn slow() -> Vec<u8> {
    const FUNCTIONS: u32 = 4;
    const VARIABLES: u32 = 300;
    const LOOPS: u32 = 1500;

    let mut repeated = vec![0x03, 0x40]; // loop
    for variable in 0..VARIABLES {
        repeated.push(0x20); // local.get
        repeated.extend(number(variable));
        repeated.extend([0x41, 0x01, 0x6a, 0x21]); // i32.const 1, i32.add, local.set
        repeated.extend(number(variable));
    }
    repeated.extend([0x20, 0x00, 0x0d, 0x00, 0x0b]); // local.get 0, br_if 0, end
    let mut body = [&[1][..], &number(VARIABLES), &[0x7f]].concat();
    (0..LOOPS).for_each(|_| body.extend(&repeated));
    body.push(0x0b); // end
    let body = sized(&body);

    let count = number(FUNCTIONS);
    let code = [count.clone(), body.repeat(FUNCTIONS as usize)].concat();
    let sections = [
        (1, vec![1, 0x60, 0, 0]),
        (3, [count, vec![0; FUNCTIONS as usize]].concat()),
        (7, [&[1, 6][..], b"_start", &[0, 0]].concat()),
        (10, code),
    ];
    let sections = sections.map(|(id, content)| [vec![id], sized(&content)].concat());
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}

/// `content` after its length.
fn sized(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("it must be small");
    [&number(length)[..], content].concat()
}

/// `value` as WebAssembly writes numbers without a sign: seven bits a byte, the lowest first.
fn number(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("it must have seven bits");
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
