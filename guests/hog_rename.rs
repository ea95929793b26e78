//! Moves a file to and fro under long names, so that its directories would grow for nothing, and
//! over others.
//!
//! Args: `FOLDER ROUNDS`, a folder that it may write to, and how often. Expect: the line
//! `N renamed` and exit code 0.

use std::env;
use std::fs::{self, File};

fn main() {
    let arguments: Vec<_> = env::args().collect();
    let rounds: u32 = arguments[2].parse().expect("how often");
    let place =
        |number: u32| format!("{}/{}/{:08}-{}", arguments[1], number % 2, number, "x".repeat(200));
    for directory in 0..2 {
        fs::create_dir(format!("{}/{}", arguments[1], directory)).expect("it must be made");
    }
    File::create(place(0)).expect("it must be made");
    for number in 0..rounds {
        File::create(place(number + 1)).expect("it must be made");
        fs::rename(place(number), place(number + 1)).expect("it can be moved");
    }
    println!("{} renamed", rounds);
}
