//! Appends to a file that others append to as well, until that fails.
//!
//! Args: `FOLDER`, a folder that it may write to. Expect: the line `BYTES written: ERRNO` and exit
//! code 3.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::process;

fn main() {
    let folder = env::args().nth(1).expect("name a folder that can be written to");
    let file = OpenOptions::new().append(true).create(true).open(format!("{}/log", folder));
    let mut file = file.expect("it must be made");
    let mut written = 0;
    loop {
        match file.write(&[b'x'; 1000]) {
            Ok(more) => written += more,
            Err(error) => {
                println!("{} written: {:?}", written, error.raw_os_error());
                process::exit(3);
            }
        }
    }
}
