//! Keeps a ledger of its own runs, as a task does whose work must not be done twice unnoticed.
//!
//! Args: `FOLDER NAME MILLISECONDS CODE…`. A run is the N-th of NAME, from 0, and takes so long.
//! Expect: a file `FOLDER/NAME.N.start` from its start on, a file `FOLDER/NAME.N.end.CODE` at its
//! end, both new and empty; nothing printed, and one of the exit codes CODE: the next one with each
//! run, the first one depending on NAME. A complaint and exit code 120 when that can't be.

use std::env;
use std::fs::OpenOptions;
use std::io;
use std::process;
use std::thread;
use std::time::Duration;

fn main() {
    match run() {
        Ok(code) => process::exit(code),
        Err(complaint) => {
            eprintln!("job_ledger: {}", complaint);
            process::exit(120);
        }
    }
}

fn run() -> Result<i32, String> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (folder, name, milliseconds, codes) = match &arguments[..] {
        [folder, name, milliseconds, codes @ ..] if !codes.is_empty() => {
            (folder, name, milliseconds, codes)
        }
        _ => return Err("a folder, a name, milliseconds and exit codes are wanted".to_string()),
    };
    let milliseconds = milliseconds.parse().map_err(|_| "no number of milliseconds".to_string())?;
    let entry = format!("{}/{}", folder, name);
    let failed = |error: io::Error| format!("{}: {}", entry, error);
    let run = begin(&entry).map_err(failed)?;
    thread::sleep(Duration::from_millis(milliseconds));
    let first: usize = name.bytes().map(usize::from).sum();
    let code = &codes[(first + run) % codes.len()];
    make(&format!("{}.{}.end.{}", entry, run, code)).map_err(failed)?;
    code.parse().map_err(|_| format!("no exit code: {}", code))
}

/// Notes a start, and tells how many there were before.
fn begin(entry: &str) -> io::Result<usize> {
    let mut run = 0;
    loop {
        match make(&format!("{}.{}.start", entry, run)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => run += 1,
            made => return made.map(|()| run),
        }
    }
}

/// Makes a file that is not there yet: one step, so that it is there or not, whatever happens.
fn make(path: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path).map(drop)
}
