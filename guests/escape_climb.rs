//! Tries every call that takes a path with paths that climb out of a folder, in all their forms.
//!
//! Args: `FOLDER`, a mounted folder beside which there is a file `secret`. Expect: a line
//! `denied CALL PATH` each and exit code 0; `ESCAPED CALL PATH` and exit code 1 when one went well.

use std::env;
use std::fs::{self, OpenOptions};
use std::io;
use std::process;

const CLIMBS: [&str; 12] = [
    "../secret",
    "./../secret",
    ".//..//secret",
    "../secret/",
    "../secret/.",
    "../secret/../secret",
    "in/../../secret",
    "in/./.././../secret",
    "in/../in/../../secret",
    "missing/../../secret",
    "../../../../../../../../../../etc/passwd",
    "..",
];

type Call = (&'static str, fn(&str) -> io::Result<()>);

const CALLS: [Call; 9] = [
    ("read", |path| fs::read(path).map(drop)),
    ("write", |path| OpenOptions::new().write(true).create(true).open(path).map(drop)),
    ("stat", |path| fs::metadata(path).map(drop)),
    ("lstat", |path| fs::symlink_metadata(path).map(drop)),
    ("readlink", |path| fs::read_link(path).map(drop)),
    ("list", |path| fs::read_dir(path).map(drop)),
    ("mkdir", |path| fs::create_dir(path)),
    ("rmdir", |path| fs::remove_dir(path)),
    ("unlink", |path| fs::remove_file(path)),
];

fn main() {
    let folder = env::args().nth(1).expect("name a mounted folder");
    let mut escaped = false;
    for climb in CLIMBS {
        let path = format!("{}/{}", folder, climb);
        for (call, run) in CALLS {
            match run(&path) {
                Ok(()) => {
                    println!("ESCAPED {} {}", call, path);
                    escaped = true;
                }
                Err(_) => println!("denied {} {}", call, path),
            }
        }
    }
    process::exit(i32::from(escaped));
}
