//! Takes memory and writes to all of it, a mebibyte at a time.
//!
//! Args: `[MEBIBYTES]`; without one it never has enough. Expect: the line `holding N MiB` and exit
//! code 0 once it has what it was told; otherwise it ends where the limit is, as out of memory.

use std::env;
use std::process;

const MEBIBYTE: usize = 1 << 20;

fn main() {
    let wanted = match env::args().nth(1).map(|text| text.parse::<usize>()) {
        None => usize::MAX,
        Some(Ok(wanted)) => wanted,
        Some(Err(_)) => {
            eprintln!("hog_memory: the number of mebibytes must be a number");
            process::exit(2);
        }
    };
    let mut held: Vec<Vec<u8>> = Vec::new();
    while held.len() < wanted {
        held.push(vec![1; MEBIBYTE]);
    }
    println!("holding {} MiB", held.len());
}
