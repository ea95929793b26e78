//! Fills a folder with files of long names, and lists it.
//!
//! Args: `FOLDER FILES`, a folder that it may write to and how many files. Expect: the line
//! `listed N` and exit code 0, or `refused: WHY` and exit code 3 when the folder is too large to be
//! listed; exit code 1 when a file can't be made.

use std::env;
use std::fs::{self, File};
use std::process;

fn main() {
    let arguments: Vec<_> = env::args().collect();
    let files: u32 = arguments[2].parse().expect("how many files");
    let rest = "x".repeat(240);
    for number in 0..files {
        if let Err(error) = File::create(format!("{}/{:08}-{}", arguments[1], number, rest)) {
            eprintln!("hog_directory: {}", error);
            process::exit(1);
        }
    }
    let listed = fs::read_dir(&arguments[1])
        .and_then(|entries| entries.map(|entry| entry.map(|_| ())).collect::<Result<Vec<_>, _>>());
    match listed {
        Ok(entries) => println!("listed {}", entries.len()),
        Err(error) => {
            println!("refused: {}", error);
            process::exit(3);
        }
    }
}
