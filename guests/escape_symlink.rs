//! Tries to leave a mounted folder through symbolic links that it makes in it.
//!
//! Args: `FOLDER`, a folder that it may write to. Expect: a line `denied LINK -> TARGET: WHY` each
//! and exit code 0; `ESCAPED LINK -> TARGET` and exit code 1 when the host was read through one.
//! That a link can't be made at all is a denial too.

use std::env;
use std::fs;
use std::process;

const TARGETS: [&str; 5] =
    ["/etc/passwd", "../../../../../../../../etc/passwd", "..", "/", "/proc/self/root/etc/passwd"];

fn main() {
    let folder = match env::args().nth(1) {
        Some(folder) => folder,
        None => {
            eprintln!("escape_symlink: name a folder that can be written to");
            process::exit(2);
        }
    };
    let mut escaped = false;
    for (number, target) in TARGETS.iter().enumerate() {
        let link = format!("{}/link-{}", folder, number);
        // `soft_link` is what std has for every target; the one for WASI alone is not stable.
        #[allow(deprecated)]
        let made = fs::soft_link(target, &link);
        let followed = made
            .and_then(|()| fs::read(&link).map(drop).or_else(|_| fs::read_dir(&link).map(drop)));
        match followed {
            Ok(()) => {
                println!("ESCAPED {} -> {}", link, target);
                escaped = true;
            }
            Err(error) => println!("denied {} -> {}: {}", link, target, error),
        }
    }
    process::exit(i32::from(escaped));
}
