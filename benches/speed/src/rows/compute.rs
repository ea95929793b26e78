//! Guests that compute, with a deadline on, and with a budget of instructions on.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::jobs::job;
use crate::figures::Figure;
use crate::options::{Options, guest};
use crate::peers;
use crate::process::{self, Took};

/// Of π, which takes some seconds.
const DIGITS: usize = 20_000;

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let digits = options.scaled(DIGITS).to_string();
    let folder = tempfile::tempdir()?;
    let image = format!("--image=job_pi={}", guest("job_pi").display());
    let mut figures = Vec::new();
    for (what, annotation, theirs) in [
        ("pi with a deadline", None, &["-W", "timeout=1h"][..]),
        ("pi with a budget of instructions", Some("1000G"), &["-W", "fuel=1000000000000"]),
    ] {
        let mut cpu = Figure::new(format!("{what}: s of processor time"), "1.02 × wasmtime run");
        let manifest = folder.path().join("pi.json");
        fs::write(&manifest, pi(&digits, annotation).to_string())?;
        let ours = ["run".to_owned(), image.clone(), manifest.to_string_lossy().into_owned()];
        let bare = peers::run("wasmtime run, without", &[], "job_pi", &[&digits]);
        let peers = [peers::run("wasmtime run, with", theirs, "job_pi", &[&digits]), bare];
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
        figures.push(cpu);
    }
    Ok(figures)
}

fn pi(digits: &str, fuel: Option<&str>) -> Value {
    let mut job = job("pi", (1, 1), "job_pi", &[digits]);
    job["spec"]["template"]["spec"]["activeDeadlineSeconds"] = json!(3600);
    if let Some(fuel) = fuel {
        job["spec"]["template"]["metadata"] = json!({"annotations": {"mayfly.dev/fuel": fuel}});
    }
    job
}
