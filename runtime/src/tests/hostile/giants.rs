//! Modules with too much of something: refused, or stopped, with what was too much.
//!
//! Each row says what it has too much of, how that is done, and what must come of it.

use wasm_encoder::{Component, NestedComponentSection};

use super::binary::*;
use super::*;

/// What must come of a giant.
enum Expect {
    /// It is refused, with these words in the message.
    Refused(&'static str),
    /// It runs, and ends so.
    Ends(End),
    /// It runs, and is ended for doing that.
    Traps(&'static str),
}
use Expect::{Ends, Refused, Traps};

const DONE: Expect = Ends(End::Exited(0));

const I32: u8 = 0x7f;
const FUNCREF: u8 = 0x70;
const NOP: u8 = 0x01;
const BLOCK: [u8; 2] = [0x02, 0x40];
const END: u8 = 0x0b;

/// The instruction that nothing is left of when it has run, in two bytes and one.
const CONST_DROP: [u8; 3] = [0x41, 0, 0x1a];

async fn check(rows: Vec<(&str, Vec<u8>, Expect)>) {
    let engine = engine();
    for (name, wasm, expect) in rows {
        let fate = match expect {
            Ends(End::DeadlineExceeded) => fate(&engine, name, &wasm, Metering::Epochs).await,
            _ => fate_of_its_own(&engine, name, &wasm).await,
        };
        match (&fate, expect) {
            (Fate::Refused(error), Refused(words)) => {
                assert!(error.to_string().contains(words), "{name}: {error}");
            }
            (Fate::Ended(end), Ends(expect)) => assert_eq!(*end, expect, "{name}"),
            (Fate::Ended(End::Trapped { reason, .. }), Traps(why)) => {
                assert_eq!(reason, why, "{name}");
            }
            _ => panic!("{name}: {fate:?}"),
        }
        is_well(&engine).await;
    }
}

/// A module whose `_start` is `instructions`, with these `sections` besides.
fn running(instructions: &[u8], sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let code = (CODE, many(1, &body(b"\0", instructions)));
    module(&[&[code], sections].concat())
}

/// The type section of a `_start` and of a function of so many parameters and results.
fn signature(params: usize, results: usize) -> Vec<u8> {
    [&b"\x02\x60\0\0\x60"[..], &many(params, &[I32]), &many(results, &[I32])].concat()
}

#[tokio::test]
async fn a_function_with_too_much_in_it() {
    let locals = |count| [&b"\x01"[..], &leb(count), &[I32]].concat();
    let with_locals = |count| module(&[(CODE, many(1, &body(&locals(count), b"")))]);
    let branches = |count| {
        let targets = [many(count, b"\0"), b"\0".to_vec()].concat();
        [&BLOCK[..], b"\x41\0\x0e", &targets, &[END]].concat()
    };
    let nested = |depth| [BLOCK.repeat(depth), vec![END; depth]].concat();
    check(vec![
        ("a million instructions", running(&CONST_DROP.repeat(500_000), &[]), DONE),
        ("8 MB of code", running(&[NOP].repeat(8 << 20), &[]), Refused("bytes in one function")),
        ("50,000 locals", with_locals(50_000), DONE),
        ("50,001 locals", with_locals(50_001), Refused("50001 local variables in one function")),
        ("60,000 branches", running(&branches(60_000), &[]), DONE),
        (
            "a million branches",
            running(&branches(1_000_000), &[]),
            Refused("which exceeds the implementation limit"),
        ),
        ("100,000 blocks in each other", running(&nested(100_000), &[]), DONE),
    ])
    .await;
}

#[tokio::test]
async fn a_signature_that_is_too_long() {
    check(vec![
        ("1000 results", module(&[(TYPES, signature(1000, 1000))]), DONE),
        ("1001 parameters", module(&[(TYPES, signature(1001, 0))]), Refused("params size")),
        ("1001 results", module(&[(TYPES, signature(0, 1001))]), Refused("returns size")),
    ])
    .await;
}

#[tokio::test]
async fn a_module_with_too_many_of_something() {
    let nothing = body(b"\0", b"");
    let functions =
        |count| module(&[(FUNCTIONS, many(count, b"\0")), (CODE, many(count, &nothing))]);
    let import = b"\x03env\x01f\0\0";
    let imports = |count| module(&[(IMPORTS, many(count, import))]);
    let globals = |count| module(&[(GLOBALS, many(count, &[I32, 0, 0x41, 0, END]))]);
    let types = |count| module(&[(TYPES, many(count, b"\x60\0\0"))]);
    let exports = |count| module(&[(EXPORTS, many(count, b"\x06_start\0\0"))]);
    let data = |count| module(&[(DATA, many(count, b"\x01\0"))]);
    let elements = |count| module(&[(ELEMENTS, many(count, b"\x01\0\0"))]);
    let memories = |count| module(&[(MEMORIES, many(count, b"\0\0"))]);
    let tables = |count| module(&[(TABLES, many(count, &[FUNCREF, 0, 0]))]);
    check(vec![
        ("20,000 functions", functions(20_000), DONE),
        ("too many functions", functions(500_001), Refused("500001 functions, where")),
        ("too many imports", imports(10_001), Refused("10001 imports, where")),
        ("imports that there are not", imports(1000), Refused("does not have: env.f")),
        ("globals that fit", globals(100_000), DONE),
        ("too many exports", exports(100_001), Refused("100001 exports, where")),
        ("too many types", types(100_001), Refused("100001 types, where")),
        ("too many globals", globals(100_001), Refused("100001 globals, where")),
        ("too much data", data(100_001), Refused("100001 segments of data, where")),
        ("too many elements", elements(100_001), Refused("100001 segments of elements, where")),
        ("17 memories", memories(17), Refused("17 memories, where")),
        ("101 tables", tables(101), Refused("101 tables, where")),
        ("16 memories", memories(16), DONE),
        ("100 tables", tables(100), DONE),
        ("code", module(&[(CODE, leb(u32::MAX as usize))]), Refused("code")),
    ])
    .await;
}

#[tokio::test]
async fn a_module_that_fills_what_it_has() {
    const MIB: usize = 1 << 20;
    let memory = |pages| (MEMORIES, [&b"\x01\0"[..], &leb(pages)].concat());
    let data =
        |bytes: usize| (DATA, [&b"\x01\0\x41\0\x0b"[..], &leb(bytes), &vec![1; bytes]].concat());
    let table = |elements| (TABLES, [&[1, FUNCREF, 0][..], &leb(elements)].concat());
    let elements = |count| (ELEMENTS, [&b"\x01\0\x41\0\x0b"[..], &many(count, b"\0")].concat());
    let section = |bytes: usize| [&b"\x05large"[..], &vec![0; bytes]].concat();
    check(vec![
        ("data that fits", module(&[memory(512), data(32 * MIB)]), DONE),
        (
            "data where there is no memory",
            module(&[memory(1), data(32 * MIB)]),
            Traps("out of bounds memory access"),
        ),
        (
            "data of a memory too large",
            module(&[memory(1600), data(100 * MIB)]),
            Ends(End::OutOfMemory(MemoryUse::Memories)),
        ),
        ("elements that fit", module(&[table(MIB), elements(MIB)]), DONE),
        (
            "a table too large",
            module(&[table(10_000_000), elements(MIB)]),
            Ends(End::OutOfMemory(MemoryUse::Memories)),
        ),
        ("too many elements", module(&[table(MIB), elements(10_000_001)]), Refused("")),
        ("a section of 127 MB", module(&[(CUSTOM, section(127_000_000))]), DONE),
        ("129 MiB", module(&[(CUSTOM, section(129 * MIB))]), Refused("134217728 are allowed")),
    ])
    .await;
}

#[tokio::test]
async fn a_name_of_a_hundred_megabytes_is_cut_where_it_is_shown() {
    const BYTES: usize = 100_000_000;
    let names = [&b"\x01\0"[..], &leb(BYTES), "ä".repeat(BYTES / 2).as_bytes()].concat();
    let names = [&b"\x04name\x01"[..], &leb(names.len()), &names].concat();
    let wasm = running(b"\0", &[(CUSTOM, names)]);
    let fate = fate_of_its_own(&engine(), "a function with a long name", &wasm).await;
    let Fate::Ended(End::Trapped { backtrace, .. }) = fate else { panic!("it must trap") };
    assert_eq!(backtrace, "ä".repeat(512));
}

#[tokio::test]
async fn a_start_function_that_does_not_end() {
    let endless = running(b"\x03\x40\x0c\0\x0b", &[(START, vec![0])]);
    check(vec![("an endless start function", endless, Ends(End::DeadlineExceeded))]).await;
}

#[tokio::test]
async fn types_that_are_made_of_each_other() {
    // Each is a structure of references to the next and the last, all in one group.
    let group = |count: usize| {
        let mut types = leb(count);
        for index in 0..count {
            let next = ((index + 1) % count).to_string();
            types.extend(
                [b"\x5f\x01\x63".to_vec(), signed(next.parse().unwrap()), vec![1]].concat(),
            );
        }
        [&b"\x02\x60\0\0\x4e"[..], &types].concat()
    };
    // Each extends the last.
    let chain = |depth: usize| {
        let mut types = [leb(depth + 1), b"\x60\0\0\x50\0\x5f\0".to_vec()].concat();
        for index in 1..depth {
            types.extend([b"\x50\x01".to_vec(), leb(index), b"\x5f\0".to_vec()].concat());
        }
        types
    };
    check(vec![
        ("ten thousand in a ring", module(&[(TYPES, group(10_000))]), DONE),
        ("63 below each other", module(&[(TYPES, chain(63))]), DONE),
        ("100 below each other", module(&[(TYPES, chain(100))]), Refused("depth")),
    ])
    .await;
}

#[tokio::test]
async fn components_in_each_other() {
    let nested = |depth: usize| {
        let mut component = Component::new();
        for _ in 0..depth {
            let mut around = Component::new();
            around.section(&NestedComponentSection(&component));
            component = around;
        }
        component.finish()
    };
    check(vec![
        ("30 components in each other", nested(30), Refused("does not export wasi:cli/run")),
        ("33 components in each other", nested(33), Refused("33 levels of components, where")),
    ])
    .await;
}

/// `value` in LEB128 that has a sign, of which there is none.
fn signed(value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    wasm_encoder::Encode::encode(&i64::try_from(value).unwrap(), &mut bytes);
    bytes
}
