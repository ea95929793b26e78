//! Writes the same bytes again and again, removes and truncates what it has written: none of it
//! stores more than there is room for, and all of it must go well.
//!
//! Args: `FOLDER BYTES ROUNDS`, a folder that it may write to, how many bytes fit into it, and how
//! often. Expect: the line `done` and exit code 0.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};

fn main() {
    let arguments: Vec<_> = env::args().collect();
    let file = format!("{}/file", arguments[1]);
    let bytes: usize = arguments[2].parse().expect("how many bytes");
    let rounds: u32 = arguments[3].parse().expect("how often");
    let all = vec![b'x'; bytes];
    let mut open = File::create(&file).expect("it must be made");
    for _ in 0..rounds {
        open.seek(SeekFrom::Start(0)).expect("it can seek");
        open.write_all(&all).expect("it must be written over");
    }
    for _ in 0..rounds {
        open.set_len(0).expect("it can be truncated");
        open.seek(SeekFrom::Start(0)).expect("it can seek");
        open.write_all(&all).expect("there must be room again");
    }
    drop(open);
    for _ in 0..rounds {
        fs::remove_file(&file).expect("it can be removed");
        fs::write(&file, &all).expect("there must be room again");
    }
    for _ in 0..rounds {
        let other = format!("{}/other", arguments[1]);
        File::create(&other).expect("it must be made");
        fs::rename(&other, &file).expect("it can be replaced");
        let mut open = OpenOptions::new().append(true).open(&file).expect("it is there");
        open.write_all(&all).expect("there must be room again");
    }
    println!("done");
}
