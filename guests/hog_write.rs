//! Writes one file until that fails, in pieces of 100,000 bytes.
//!
//! Args: `FOLDER [BYTES]`, a folder that it may write to and how many bytes at most. Expect: the line
//! `BYTES written` and exit code 0 when those are written, or `BYTES written: ERRNO` and exit code 3
//! when it can't write on.

use std::env;
use std::fs::File;
use std::io::Write;
use std::process;

fn main() {
    let arguments: Vec<_> = env::args().collect();
    let most: u64 = arguments.get(2).map_or(u64::MAX, |most| most.parse().expect("how many bytes"));
    let mut file = File::create(format!("{}/filled", arguments[1])).expect("it must be made");
    let piece = vec![b'x'; 100_000];
    let mut written = 0;
    while written < most {
        let length = piece.len().min((most - written) as usize);
        match file.write(&piece[..length]) {
            Ok(more) => written += more as u64,
            Err(error) => {
                println!("{} written: {:?}", written, error.raw_os_error());
                process::exit(3);
            }
        }
    }
    println!("{} written", written);
}
