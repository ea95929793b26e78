//! Tries to move files into its folder from outside, out of it, and onto what is not its own.
//!
//! Args: `FOLDER`, a folder that it may write to, beside which there is a file `secret`. Expect: a
//! line `denied FROM -> TO` each and exit code 0; `ESCAPED FROM -> TO` and exit code 1 when one was
//! moved.

use std::env;
use std::fs;
use std::process;

fn main() {
    let folder = env::args().nth(1).expect("name a folder that can be written to");
    let inside = |name: &str| format!("{}/{}", folder, name);
    let _ = fs::write(inside("mine"), "mine");
    let _ = fs::create_dir_all(inside("a/b"));
    let moves = [
        (inside("../secret"), inside("got")),
        (inside("in/../../secret"), inside("got")),
        ("/etc/passwd".to_string(), inside("got")),
        ("/proc/version".to_string(), inside("got")),
        (inside("mine"), inside("../secret")),
        (inside("mine"), inside("../left")),
        (inside("mine"), "/tmp/left".to_string()),
        (inside("mine"), "/dev/null".to_string()),
        ("/dev/null".to_string(), inside("null")),
        (inside("a"), inside("../a")),
        (inside("a"), inside("a/b/c")), // into itself
        (inside("."), inside("../data2")),
        (inside(".."), inside("parent")),
    ];
    let mut escaped = false;
    for (from, to) in moves {
        match fs::rename(&from, &to) {
            Ok(()) => {
                println!("ESCAPED {} -> {}", from, to);
                escaped = true;
            }
            Err(_) => println!("denied {} -> {}", from, to),
        }
    }
    process::exit(i32::from(escaped));
}
