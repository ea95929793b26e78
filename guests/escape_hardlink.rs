//! Tries to get at files outside of its folder by hard links to them.
//!
//! Args: `FOLDER`, a folder that it may write to, beside which there is a file `secret`. Expect: a
//! line `denied TARGET` each and exit code 0; `ESCAPED TARGET` and exit code 1 when a link was made
//! that leads to one.

use std::env;
use std::fs;
use std::process;

fn main() {
    let folder = env::args().nth(1).expect("name a folder that can be written to");
    let inside = |name: &str| format!("{}/{}", folder, name);
    // A hard link to a symbolic link is a link to the link, and leads no further than it.
    #[allow(deprecated)]
    let _ = fs::soft_link("../secret", inside("soft"));
    let targets = [
        "/etc/passwd".to_string(),
        "/proc/self/environ".to_string(),
        "/dev/null".to_string(),
        inside("../secret"),
        inside("in/../../secret"),
        inside("soft"),
        inside("."),
    ];
    let mut escaped = false;
    for (number, target) in targets.iter().enumerate() {
        let link = inside(&format!("hard-{}", number));
        let read = fs::hard_link(target, &link).and_then(|()| fs::read(&link));
        match read {
            Ok(_) => {
                println!("ESCAPED {}", target);
                escaped = true;
            }
            Err(_) => println!("denied {}", target),
        }
        // Nor may one be left outside.
        let out = inside(&format!("../left-{}", number));
        if fs::hard_link(inside("file"), &out).is_ok() {
            println!("ESCAPED to {}", out);
            escaped = true;
        }
    }
    process::exit(i32::from(escaped));
}
