//! Writes files that it removes while they are open, so that no name leads to what they take.
//!
//! Args: `FOLDER HOW`, a folder that it may write to, and `remove` or `replace`. Expect: the line
//! `BYTES hidden: ERRNO` and exit code 3, with no more bytes than there is room for.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::process;

fn main() {
    let arguments: Vec<_> = env::args().collect();
    let (name, other) = (format!("{}/file", arguments[1]), format!("{}/other", arguments[1]));
    let piece = vec![b'x'; 65_536];
    let (mut open, mut hidden) = (Vec::new(), 0);
    loop {
        let made = File::create(&name).and_then(|mut file| {
            // Half of it before it has lost its name, half of it after that.
            file.write_all(&piece)?;
            if arguments[2] == "replace" {
                File::create(&other)?;
                fs::rename(&other, &name)?;
            } else {
                fs::remove_file(&name)?;
            }
            file.write_all(&piece)?;
            Ok(file)
        });
        match made {
            Ok(file) => open.push(file),
            Err(error) => {
                println!("{} hidden: {:?}", hidden, error.raw_os_error());
                process::exit(3);
            }
        }
        hidden += 2 * piece.len();
    }
}
