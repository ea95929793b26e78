//! Tries to remove what is not its own: its mount, the folder above, neighbours and devices.
//!
//! Args: `FOLDER`, a folder that it may write to, beside which there is a file `secret`. Expect: a
//! line `denied PATH` each and exit code 0; `REMOVED PATH` and exit code 1 when one was.

use std::env;
use std::fs;
use std::process;

fn main() {
    let folder = env::args().nth(1).expect("name a folder that can be written to");
    #[allow(deprecated)]
    let _ = fs::soft_link("..", format!("{}/up", folder));
    let mut removed = false;
    let below = [
        "",
        "/",
        "/.",
        "/..",
        "/../secret",
        "/in/../../secret",
        "/../other",
        "/up/secret",
        "/up/other",
    ];
    let mut paths: Vec<_> = below.iter().map(|path| format!("{}{}", folder, path)).collect();
    for path in ["/", "/dev", "/dev/null", "/dev/stdout", "/etc/passwd", "/tmp", "."] {
        paths.push(path.to_string());
    }
    for path in paths {
        let gone = fs::remove_file(&path).is_ok() || fs::remove_dir(&path).is_ok();
        println!("{} {}", if gone { "REMOVED" } else { "denied" }, path);
        removed |= gone;
    }
    // `remove_dir_all` follows no link either: what `up` leads to stays.
    let _ = fs::remove_dir_all(format!("{}/up", folder));
    process::exit(i32::from(removed));
}
