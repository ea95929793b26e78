//! Makes folders in folders, until it may not.
//!
//! Args: `FOLDER DEPTH`, a folder that it may write to, and how deep at most. Expect: the line
//! `N deep` and exit code 0.

use std::env;
use std::fs;

fn main() {
    let arguments: Vec<_> = env::args().collect();
    let depth_max: usize = arguments[2].parse().expect("how deep");
    let mut path = arguments[1].clone();
    let mut depth = 0;
    while depth < depth_max {
        path += "/d";
        if fs::create_dir(&path).is_err() {
            break;
        }
        depth += 1;
    }
    println!("{} deep", depth);
}
