//! Names files by paths that are too long: as a whole, in one part, and by their number of parts.
//!
//! Args: `FOLDER`, a mounted folder. Expect: a line `denied LENGTH` each and exit code 0;
//! `ESCAPED LENGTH` and exit code 1 when one was opened or made.

use std::env;
use std::fs;
use std::process;

fn main() {
    let folder = env::args().nth(1).expect("name a mounted folder");
    let paths = [
        format!("{}/{}", folder, "x".repeat(256)),
        format!("{}/{}", folder, "x".repeat(5000)),
        format!("{}/{}", folder, "x".repeat(10_000_000)),
        format!("{}/{}etc/passwd", folder, "../".repeat(1000)),
        format!("{}/{}etc/passwd", folder, "../".repeat(2_000_000)),
        format!("{}/{}x", folder, "missing/".repeat(100)),
        format!("{}/{}file/x", folder, "./".repeat(1500)),
    ];
    let mut escaped = false;
    for path in paths {
        let done = fs::read(&path).is_ok() || fs::write(&path, "x").is_ok();
        println!("{} {}", if done { "ESCAPED" } else { "denied" }, path.len());
        escaped |= done;
    }
    process::exit(i32::from(escaped));
}
