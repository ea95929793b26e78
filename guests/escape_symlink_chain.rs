//! Leads through long chains and circles of symbolic links, some of which end outside.
//!
//! Args: `FOLDER`, a folder that it may write to, beside which there is a file `secret`. Expect: a
//! line `denied PATH` each and exit code 0; `ESCAPED PATH` and exit code 1 when one could be read.

use std::env;
use std::fs;
use std::process;

#[allow(deprecated)]
fn link(target: &str, path: String) -> String {
    let _ = fs::soft_link(target, &path);
    path
}

fn main() {
    let folder = env::args().nth(1).expect("name a folder that can be written to");
    let at = |name: &str| format!("{}/{}", folder, name);
    let mut paths = vec![
        link("circle", at("circle")),
        link("pong", at("ping")),
        link("ping", at("pong")),
        link("in/../../secret", at("around")),
        link("deep/../../../../secret", at("over")),
    ];
    // Each leads to the one before, and the first one out.
    link("../secret", at("chain-0"));
    for number in 1..100 {
        link(&format!("chain-{}", number - 1), at(&format!("chain-{}", number)));
    }
    paths.push(at("chain-1"));
    paths.push(at("chain-99"));
    // A folder that is a link, within a folder that is a link.
    let _ = fs::create_dir(at("deep"));
    link("..", at("deep/up"));
    link("deep/up/up", at("twice"));
    paths.push(at("deep/up/../secret"));
    paths.push(at("deep/up/up/secret"));
    paths.push(at("twice/secret"));
    paths.push(at("twice/../secret"));
    let mut escaped = false;
    for path in paths {
        let seen = fs::read(&path).is_ok() || fs::metadata(&path).is_ok();
        println!("{} {}", if seen { "ESCAPED" } else { "denied" }, path);
        escaped |= seen;
    }
    process::exit(i32::from(escaped));
}
