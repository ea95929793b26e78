//! Modules made by chance, by wasm-smith: valid, and like nothing that a compiler makes.

use arbitrary::{Arbitrary as _, Unstructured};
use wasm_smith::Config;

use super::binary::{EXPORTS, START, Section, encode, leb, sections};
use super::*;

/// What a module is made of: more than it takes, since what is too little makes small ones.
const CHOICES: usize = 8 << 10;

/// A valid module without imports. Its functions run only if it has a start function.
fn generated(seed: u64) -> Vec<u8> {
    let bytes = Noise::new(seed).bytes(CHOICES);
    let mut choices = Unstructured::new(&bytes);
    let config = Config::arbitrary(&mut choices).unwrap();
    let config =
        Config { max_imports: 0, min_imports: 0, max_exports: 0, min_exports: 0, ..config };
    wasm_smith::Module::new(config, &mut choices).unwrap().to_bytes()
}

/// The same as a command: the start function, if there is one, is called by that name.
fn as_command(wasm: &[u8]) -> Vec<u8> {
    let mut sections = sections(wasm);
    for (id, content) in &mut sections {
        if *id == START {
            *id = EXPORTS;
            *content = [b"\x01\x06_start\0", &content[..]].concat();
        }
    }
    encode(wasm, &sections)
}

/// A component that does nothing, with `wasm` as one more module of it, instantiated: so its start
/// function is run.
fn as_part_of_a_component(wasm: &[u8]) -> Vec<u8> {
    const CORE_MODULE: u8 = 1;
    const CORE_INSTANCE: u8 = 2;
    let component = components::command(r#"(func (export "run") (result i32) i32.const 0)"#);
    let mut sections = sections(&component);
    let modules = sections.iter().filter(|(id, _)| *id == CORE_MODULE).count();
    let instance = [b"\x01\0", &leb(modules)[..], b"\0"].concat();
    let more: [Section; 2] = [(CORE_MODULE, wasm.to_vec()), (CORE_INSTANCE, instance)];
    sections.extend(more);
    encode(&component, &sections)
}

#[test]
fn a_generated_module_is_refused_or_ends() {
    in_silence("tests::hostile::generated::a_generated_module_is_refused_or_ends", || {
        block_on(async {
            let engine = engine();
            let mut ended = 0;
            for seed in 0..count(60) {
                let wasm = as_command(&generated(seed));
                for metering in [Metering::Epochs, Metering::Fuel] {
                    let name = format!("the module of seed {seed}, {metering:?}");
                    if let Fate::Ended(_) = fate(&engine, &name, &wasm, metering).await {
                        ended += 1;
                    }
                }
            }
            assert!(ended > 0, "none was run");
            is_well(&engine).await;
        });
    });
}

#[test]
fn a_component_of_a_generated_module_is_refused_or_ends() {
    in_silence(
        "tests::hostile::generated::a_component_of_a_generated_module_is_refused_or_ends",
        || {
            block_on(async {
                let engine = engine();
                let mut ended = 0;
                for seed in 0..count(30) {
                    let wasm = as_part_of_a_component(&generated(seed));
                    let name = format!("the component of seed {seed}");
                    if let Fate::Ended(_) = fate(&engine, &name, &wasm, Metering::Epochs).await {
                        ended += 1;
                    }
                }
                assert!(ended > 0, "none was run");
                is_well(&engine).await;
            });
        },
    );
}
