//! A cached one-line guest as a whole process, from start to finish.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::jobs::job;
use crate::figures::Figure;
use crate::options::{Options, guest};
use crate::peers::starters;
use crate::process::{self, Took};

const RUNS: usize = 20;

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut wall = Figure::new("ms", "1.5 × wasmtime run");
    let mut cpu = Figure::new("ms of processor time", "");
    let folder = tempfile::tempdir()?;
    let manifest = folder.path().join("line.json");
    fs::write(&manifest, job("line", (1, 1), "job_line", &[]).to_string())?;
    let image = format!("--image=job_line={}", guest("job_line").display());
    let manifest = manifest.to_string_lossy().into_owned();
    let runs = options.scaled(RUNS);
    let mayflies = options.mayflies().into_iter();
    let mayflies = mayflies.map(|(name, mayfly)| Ok((name, alike(mayfly, &folder)?)));
    let mayflies = mayflies.collect::<io::Result<Vec<_>>>()?;
    let mut starters = starters();
    for peer in &mut starters {
        peer.program = alike(&peer.program, &folder)?;
    }
    for number in 0..=options.runs {
        let mut measure = |name: &str, program: &Path, arguments: &[String]| {
            let all = || (0..runs).try_for_each(|_| process::run(program, arguments));
            let ((), took) = Took::of(all)?;
            // The first fills the caches of compiled code.
            if number > 0 {
                wall.push(name, took.wall.as_secs_f64() * 1e3 / runs as f64);
                cpu.push(name, took.cpu_seconds * 1e3 / runs as f64);
            }
            io::Result::Ok(())
        };
        for (name, mayfly) in &mayflies {
            measure(name, mayfly, &["run".into(), image.clone(), manifest.clone()])?;
        }
        for peer in &starters {
            measure(peer.name, &peer.program, &peer.arguments)?;
        }
    }
    Ok(vec![wall, cpu])
}

/// A copy of `program` in `folder`. The system maps a file that was just written in larger pieces than
/// one that it has read, which makes a fifth of the time of a large program: all are to be alike.
fn alike(program: &Path, folder: &TempDir) -> io::Result<PathBuf> {
    // Whoever may be another user by it would not be by a copy.
    if fs::metadata(program)?.permissions().mode() & 0o6000 != 0 {
        return Ok(program.to_owned());
    }
    let copies = fs::read_dir(folder.path())?.count();
    let copy = folder.path().join(format!("program-{copies}"));
    fs::copy(program, &copy)?;
    Ok(copy)
}
