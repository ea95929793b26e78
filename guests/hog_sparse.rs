//! Makes files that say they are as large as any can be, without a byte in them.
//!
//! Args: `FOLDER`, a folder that it may write to. Expect: a line for each size and exit code 0,
//! whether the file system takes it or not.

use std::env;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

fn main() {
    let folder = env::args().nth(1).expect("name a folder that can be written to");
    for size in [1 << 40, (1 << 63) - 1, 1 << 63, u64::MAX] {
        let made = File::create(format!("{}/sparse", folder)).and_then(|file| file.set_len(size));
        println!("{} bytes: {:?}", size, made.map_err(|error| error.kind()));
        let written = File::create(format!("{}/end", folder)).and_then(|mut file| {
            file.seek(SeekFrom::Start(size))?;
            file.write(b"x")
        });
        println!("a byte at {}: {:?}", size, written.map_err(|error| error.kind()));
    }
}
