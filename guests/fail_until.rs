//! Fails some number of times and then succeeds, as an unsteady task does.
//!
//! Args: `N [FILE [SECONDS]]`. How often it has failed before is the number in the variable `ATTEMPT`
//! (nothing is 0), or with FILE the size of that file, which grows by a byte each time: it must
//! lie on a volume that outlives the container. The attempt that succeeds takes SECONDS, else no
//! time.
//! Expect: `attempt A of N failed` on stderr and exit code 1 while it has failed less than N
//! times; then `attempt A succeeded` on stdout and exit code 0. Exit code 2 for bad arguments.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::process;
use std::thread;
use std::time::Duration;

fn main() {
    let number = |at| env::args().nth(at).and_then(|text| text.parse().ok());
    let failures: Option<u64> = number(1);
    let before = match env::args().nth(2) {
        Some(path) => counted(&path).map_err(|error| format!("{}: {}", path, error)),
        None => attempt(),
    };
    match (failures, before) {
        (Some(failures), Ok(before)) if before < failures => {
            eprintln!("attempt {} of {} failed", before + 1, failures + 1);
            process::exit(1);
        }
        (Some(_), Ok(before)) => {
            thread::sleep(Duration::from_secs(number(3).unwrap_or(0)));
            println!("attempt {} succeeded", before + 1);
        }
        (None, _) => {
            eprintln!("fail_until: the number of failures must be a number");
            process::exit(2);
        }
        (_, Err(complaint)) => {
            eprintln!("fail_until: {}", complaint);
            process::exit(2);
        }
    }
}

/// What `ATTEMPT` says.
fn attempt() -> Result<u64, String> {
    match env::var("ATTEMPT") {
        Ok(text) if !text.is_empty() => {
            text.parse().map_err(|_| format!("ATTEMPT must be a number: {}", text))
        }
        _ => Ok(0),
    }
}

/// The size of the file, to which this run adds one.
fn counted(path: &str) -> io::Result<u64> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let before = file.metadata()?.len();
    file.write_all(b".")?;
    Ok(before)
}
