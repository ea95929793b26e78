//! Makes files with nothing in them until that fails.
//!
//! Args: `FOLDER KIND`, a folder that it may write to, and `files`, `directories`, `symlinks` or
//! `links`. Expect: the line `N made: ERRNO` and exit code 3.

use std::env;
use std::fs::{self, File};
use std::process;

fn main() {
    let arguments: Vec<_> = env::args().collect();
    let (folder, kind) = (&arguments[1], arguments[2].as_str());
    let first = format!("{}/first", folder);
    File::create(&first).expect("it must be made");
    let target = "x".repeat(1000);
    for number in 0.. {
        let name = format!("{}/{:08}", folder, number);
        #[allow(deprecated)]
        let made = match kind {
            "files" => File::create(&name).map(drop),
            "directories" => fs::create_dir(&name),
            "symlinks" => fs::soft_link(&target, &name),
            _ => fs::hard_link(&first, &name),
        };
        if let Err(error) = made {
            println!("{} made: {:?}", number, error.raw_os_error());
            process::exit(3);
        }
    }
}
