//! Prints the files named, one after the other, as they are.
//!
//! Args: `FILE…`. Expect: their bytes on stdout and exit code 0; for each file that can't be read
//! a line on stderr, and then exit code 1 at the end.

use std::env;
use std::fs::File;
use std::io;
use std::process;

fn main() {
    let mut failed = false;
    for path in env::args_os().skip(1) {
        let copied = File::open(&path).and_then(|mut file| io::copy(&mut file, &mut io::stdout()));
        if let Err(error) = copied {
            eprintln!("job_cat: {}: {}", path.to_string_lossy(), error);
            failed = true;
        }
    }
    process::exit(i32::from(failed));
}
