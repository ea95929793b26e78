//! The binary format, as far as one must know it to break it: sections, and numbers in LEB128.

use wasm_encoder::{Encode as _, RawSection};

/// A section as it is in a module or component: its number, and what is in it.
pub(super) type Section = (u8, Vec<u8>);

/// What each file begins with: the magic number, the version and the layer.
pub(super) const HEADER_BYTES: usize = 8;

pub(super) const CUSTOM: u8 = 0;
pub(super) const TYPES: u8 = 1;
pub(super) const IMPORTS: u8 = 2;
pub(super) const FUNCTIONS: u8 = 3;
pub(super) const TABLES: u8 = 4;
pub(super) const MEMORIES: u8 = 5;
pub(super) const GLOBALS: u8 = 6;
pub(super) const EXPORTS: u8 = 7;
pub(super) const START: u8 = 8;
pub(super) const ELEMENTS: u8 = 9;
pub(super) const CODE: u8 = 10;
pub(super) const DATA: u8 = 11;

/// The order in which sections must be.
const ORDER: [u8; 12] = [
    TYPES, IMPORTS, FUNCTIONS, TABLES, MEMORIES, GLOBALS, EXPORTS, START, ELEMENTS, CODE, DATA,
    CUSTOM,
];

/// The sections of a valid `wasm`.
pub(super) fn sections(wasm: &[u8]) -> Vec<Section> {
    let mut rest = &wasm[HEADER_BYTES..];
    let mut sections = Vec::new();
    while let Some((id, after)) = rest.split_first() {
        let (length, after) = number(after);
        let (content, after) = after.split_at(length as usize);
        sections.push((*id, content.to_vec()));
        rest = after;
    }
    sections
}

/// A file of `sections` that begins as `wasm` does.
pub(super) fn encode(wasm: &[u8], sections: &[Section]) -> Vec<u8> {
    let mut encoded = wasm[..HEADER_BYTES].to_vec();
    for (id, content) in sections {
        encoded.push(*id);
        content.encode(&mut encoded);
    }
    encoded
}

/// The number that `bytes` begin with, and what is behind it.
pub(super) fn number(bytes: &[u8]) -> (u64, &[u8]) {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0).expect("a number must end");
    let bits = |(index, byte): (usize, &u8)| u64::from(byte & 0x7f) << (7 * index);
    (bytes[..=end].iter().enumerate().map(bits).sum(), &bytes[end + 1..])
}

/// `value` in LEB128.
pub(super) fn leb(value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

/// The content of a section: how many, and that many times the same `item`.
pub(super) fn many(count: usize, item: &[u8]) -> Vec<u8> {
    [leb(count), item.repeat(count)].concat()
}

/// A function of `instructions`, with `locals` as they are in its body, as it is in its section.
pub(super) fn body(locals: &[u8], instructions: &[u8]) -> Vec<u8> {
    let body = [locals, instructions, &[0x0b]].concat();
    [leb(body.len()), body].concat()
}

/// A module whose `_start` does nothing, with these `sections` added or in place of its own.
pub(super) fn module(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let own = [
        (TYPES, b"\x01\x60\0\0".to_vec()),
        (FUNCTIONS, b"\x01\0".to_vec()),
        (EXPORTS, b"\x01\x06_start\0\0".to_vec()),
        (CODE, many(1, &body(b"\0", b""))),
    ];
    let mut module = wasm_encoder::Module::new();
    for id in ORDER {
        let mut all = sections.iter().chain(&own);
        if let Some((_, data)) = all.find(|section| section.0 == id) {
            module.section(&RawSection { id, data });
        }
    }
    module.finish()
}
