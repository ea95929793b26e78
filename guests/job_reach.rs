//! Lists everything that it can reach: each directory that it is given, and all that is below.
//!
//! Args: none. Expect: a line `mount PATH` for each directory that it is given, a line
//! `directory PATH` or `file PATH BYTES` for each thing in it, in order, and exit code 0.

use std::fs;

#[link(wasm_import_module = "wasi_snapshot_preview1")]
extern "C" {
    fn fd_prestat_get(fd: u32, prestat: *mut [u32; 2]) -> u16;
    fn fd_prestat_dir_name(fd: u32, path: *mut u8, length: u32) -> u16;
}

fn main() {
    for fd in 3.. {
        let mut prestat = [0; 2];
        if unsafe { fd_prestat_get(fd, &mut prestat) } != 0 {
            return;
        }
        let mut name = vec![0; prestat[1] as usize];
        assert_eq!(unsafe { fd_prestat_dir_name(fd, name.as_mut_ptr(), prestat[1]) }, 0);
        let name = String::from_utf8(name).expect("it must be a name");
        println!("mount {}", name);
        walk(&name);
    }
}

fn walk(directory: &str) {
    let entries = fs::read_dir(directory).expect("it must be listed");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("it must be read").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    for name in names {
        let path = format!("{}/{}", directory.trim_end_matches('/'), name);
        let found = fs::symlink_metadata(&path).expect("it must be there");
        if found.is_dir() {
            println!("directory {}", path);
            walk(&path);
        } else {
            println!("file {} {}", path, found.len());
        }
    }
}
