//! Looks for the host's `/proc` and its magic links, by name and through links of its own making.
//!
//! Args: `FOLDER`, a mounted folder. Expect: a line `denied PATH` each and exit code 0;
//! `ESCAPED PATH` and exit code 1 when one could be read, listed or seen.

use std::env;
use std::fs;
use std::process;

const MAGIC: [&str; 12] = [
    "/proc",
    "/proc/self",
    "/proc/self/root",
    "/proc/self/cwd",
    "/proc/self/exe",
    "/proc/self/environ",
    "/proc/self/mem",
    "/proc/self/fd/0",
    "/proc/self/fd/3",
    "/proc/self/root/etc/passwd",
    "/proc/1/root",
    "/dev/fd/3",
];

fn main() {
    let folder = env::args().nth(1).expect("name a mounted folder");
    let mut escaped = false;
    for (number, target) in MAGIC.iter().enumerate() {
        let link = format!("{}/magic-{}", folder, number);
        #[allow(deprecated)]
        let _ = fs::soft_link(target, &link);
        let climb = format!("{}/../../../../../../../..{}", folder, target);
        for path in [target.to_string(), climb, link.clone(), format!("{}/etc/passwd", link)] {
            let seen = fs::read(&path).is_ok()
                || fs::read_dir(&path).is_ok()
                || fs::metadata(&path).is_ok();
            println!("{} {}", if seen { "ESCAPED" } else { "denied" }, path);
            escaped |= seen;
        }
    }
    process::exit(i32::from(escaped));
}
