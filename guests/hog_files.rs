//! Opens a file again and again and keeps each open.
//!
//! Args: `[FILE]`, `/dev/null` unless said otherwise. Expect: the line `opened N: WHY` when no more
//! can be opened and exit code 0; exit code 1 when it could open a million.

use std::env;
use std::fs::File;
use std::process;

/// Any host that allows so many has no limit.
const FILES_MAX: usize = 1_000_000;

fn main() {
    let path = env::args().nth(1).unwrap_or_else(|| "/dev/null".to_string());
    let mut files = Vec::new();
    while files.len() < FILES_MAX {
        match File::open(&path) {
            Ok(file) => files.push(file),
            Err(error) => {
                println!("opened {}: {}", files.len(), error);
                return;
            }
        }
    }
    println!("opened {}", files.len());
    process::exit(1);
}
