//! Tries to change what is mounted to be read: by truncating, appending, renaming, removing, linking
//! and by setting times.
//!
//! Args: `FOLDER`, a folder mounted read-only, with a file `file` and a folder `in`. Expect: a line
//! `denied CALL` each and exit code 0; `CHANGED CALL` and exit code 1 when one went well.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::process;

fn main() {
    let folder = env::args().nth(1).expect("name a folder");
    let file = format!("{}/file", folder);
    let other = format!("{}/other", folder);
    let inner = format!("{}/in", folder);
    #[allow(deprecated)]
    let calls: [(&str, io::Result<()>); 14] = [
        ("open to write", OpenOptions::new().write(true).open(&file).map(drop)),
        ("truncate", OpenOptions::new().write(true).truncate(true).open(&file).map(drop)),
        ("read and truncate", fs::File::open(&file).and_then(|file| file.set_len(0))),
        (
            "append",
            OpenOptions::new().append(true).open(&file).and_then(|mut file| file.write_all(b"x")),
        ),
        (
            "write by a descriptor to read",
            fs::File::open(&file).and_then(|mut f| f.write_all(b"x")),
        ),
        ("create", fs::write(&other, "x")),
        ("create anew", OpenOptions::new().write(true).create_new(true).open(&other).map(drop)),
        ("mkdir", fs::create_dir(&other)),
        ("rmdir", fs::remove_dir(&inner)),
        ("unlink", fs::remove_file(&file)),
        ("rename", fs::rename(&file, &other)),
        ("rename a folder", fs::rename(&inner, &other)),
        ("link", fs::hard_link(&file, &other)),
        ("symlink", fs::soft_link("file", &other)),
    ];
    let mut changed = false;
    for (call, result) in calls {
        println!("{} {}", if result.is_ok() { "CHANGED" } else { "denied" }, call);
        changed |= result.is_ok();
    }
    process::exit(i32::from(changed));
}
