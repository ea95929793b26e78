//! Real programs, damaged: bits flipped, cut short, their sections in another order or twice.

use std::fs;

use super::binary::{CODE, HEADER_BYTES, encode, sections};
use super::*;

/// The programs that are damaged: each small, and made by a compiler.
const PROGRAMS: [&str; 3] = ["exit_code", "job_cat", "hog_directory"];

/// A way to damage one.
type Mutation = fn(&[u8], &mut Noise) -> Vec<u8>;

/// All of them, by what they are called.
const MUTATIONS: [(&str, Mutation); 6] = [
    ("bits flipped", flipped),
    ("cut short", cut),
    ("a part gone", holed),
    ("sections swapped", swapped),
    ("a section twice", doubled),
    ("a section of another", grafted),
];

fn program(name: &str) -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/prebuilt");
    fs::read(format!("{root}/{name}.wasm")).unwrap()
}

fn flipped(wasm: &[u8], noise: &mut Noise) -> Vec<u8> {
    let mut wasm = wasm.to_vec();
    for _ in 0..1 + noise.below(4) {
        let at = HEADER_BYTES + noise.below(wasm.len() - HEADER_BYTES);
        wasm[at] ^= 1 << noise.below(8);
    }
    wasm
}

fn cut(wasm: &[u8], noise: &mut Noise) -> Vec<u8> {
    wasm[..noise.below(wasm.len())].to_vec()
}

fn holed(wasm: &[u8], noise: &mut Noise) -> Vec<u8> {
    let mut wasm = wasm.to_vec();
    let at = HEADER_BYTES + noise.below(wasm.len() - HEADER_BYTES);
    let end = wasm.len().min(at + 1 + noise.below(64));
    wasm.drain(at..end);
    wasm
}

fn swapped(wasm: &[u8], noise: &mut Noise) -> Vec<u8> {
    let mut sections = sections(wasm);
    let (one, other) = (noise.below(sections.len()), noise.below(sections.len()));
    sections.swap(one, other);
    encode(wasm, &sections)
}

fn doubled(wasm: &[u8], noise: &mut Noise) -> Vec<u8> {
    let mut sections = sections(wasm);
    let section = sections[noise.below(sections.len())].clone();
    sections.insert(noise.below(sections.len()), section);
    encode(wasm, &sections)
}

fn grafted(wasm: &[u8], noise: &mut Noise) -> Vec<u8> {
    let mut grafted = sections(wasm);
    let other = sections(&program(PROGRAMS[noise.below(PROGRAMS.len())]));
    let (at, from) = (noise.below(grafted.len()), noise.below(other.len()));
    grafted[at] = other[from].clone();
    encode(wasm, &grafted)
}

/// Damages each of `programs` in each way, `count` times, and tries what comes of it.
async fn try_all(programs: &[(String, Vec<u8>)], count: u64) {
    let engine = engine();
    for (program, wasm) in programs {
        for (how, mutate) in MUTATIONS {
            for seed in 0..count {
                let name = format!("{program}, {how}, seed {seed}");
                let mutant = mutate(wasm, &mut Noise::new(seed));
                fate(&engine, &name, &mutant, Metering::Epochs).await;
            }
        }
    }
    is_well(&engine).await;
}

#[test]
fn a_damaged_program_is_refused_or_ends() {
    in_silence("tests::hostile::mutated::a_damaged_program_is_refused_or_ends", || {
        let programs = PROGRAMS.map(|name| (name.to_owned(), program(name)));
        block_on(try_all(&programs, count(12)));
    });
}

#[test]
fn a_damaged_component_is_refused_or_ends() {
    in_silence("tests::hostile::mutated::a_damaged_component_is_refused_or_ends", || {
        let component = components::encoded(&program("exit_code"));
        block_on(try_all(&[("a component".to_owned(), component)], count(12)));
    });
}

#[tokio::test]
async fn what_is_wrong_with_a_damaged_program_is_said() {
    let engine = engine();
    let wasm = program("exit_code");
    let parts = sections(&wasm);
    let without_code: Vec<_> = parts.iter().filter(|(id, _)| *id != CODE).cloned().collect();
    let table: [(&str, Vec<u8>, &str); 5] = [
        ("cut in two", wasm[..wasm.len() / 2].to_vec(), "cut short"),
        ("without code", encode(&wasm, &without_code), "but code section is absent"),
        ("types twice", encode(&wasm, &[&parts[..1], &parts[..]].concat()), "out of order"),
        ("of no such section", encode(&wasm, &[(77, vec![])]), "malformed section id: 77"),
        ("a bad version", [b"\0asm\x07\0\0\0", &wasm[8..]].concat(), "unknown version 0x7"),
    ];
    for (name, wasm, expect) in table {
        let Fate::Refused(error) = fate(&engine, name, &wasm, Metering::Epochs).await else {
            panic!("{name} is taken");
        };
        assert!(error.to_string().contains(expect), "{name}: {error}");
    }
}
