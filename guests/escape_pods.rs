//! Tries to reach what other pods have on the same node, and what its own node keeps of it: their
//! volumes, their logs, its own log.
//!
//! Args: `FOLDER POD…`, a folder of its own, and the names of folders of pods. Expect: a line
//! `denied PATH` each and exit code 0; `REACHED PATH` and exit code 1 when one can be opened.

use std::env;
use std::fs;
use std::process;

fn main() {
    let arguments: Vec<_> = env::args().collect();
    let folder = &arguments[1];
    let mut reached = false;
    for pod in &arguments[2..] {
        for file in ["volumes.d/secret/password", "main/0.log", "main/0.termination", ""] {
            for up in ["../..", "../../..", "../../../..", "x/../../..", "./../../../pods"] {
                for lead in [format!("{}/", folder), String::new(), "/".to_owned()] {
                    let path = format!("{}{}/{}/{}", lead, up, pod, file);
                    let there = fs::read(&path).is_ok()
                        || fs::read_dir(&path).is_ok()
                        || fs::metadata(&path).is_ok();
                    println!("{} {}", if there { "REACHED" } else { "denied" }, path);
                    reached |= there;
                }
            }
        }
    }
    process::exit(i32::from(reached));
}
