//! Makes files larger than they are without writing to them, and then writes here and there.
//!
//! Args: `FOLDER`, a folder that it may write to. Expect: the line `sparse`, since holes take
//! nothing, then `BYTES written: ERRNO` and exit code 3.

use std::env;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::process;

fn main() {
    let folder = env::args().nth(1).expect("name a folder that can be written to");
    let mut file = File::create(format!("{}/sparse", folder)).expect("it must be made");
    for size in [1 << 20, 0, 1 << 34] {
        file.set_len(size).expect("a hole takes nothing");
    }
    println!("sparse");
    for number in 0.. {
        file.seek(SeekFrom::Start(number << 20)).expect("it can seek");
        if let Err(error) = file.write_all(b"x") {
            println!("{} written: {:?}", number, error.raw_os_error());
            process::exit(3);
        }
    }
}
