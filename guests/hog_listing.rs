//! Lists a folder again and again, and never ends.
//!
//! Args: `FOLDER`, with as many files as may be listed. Expect: to be ended in time.

use std::env;
use std::fs;

fn main() {
    let folder = env::args().nth(1).expect("name a folder");
    loop {
        let entries = fs::read_dir(&folder).expect("it must be listed");
        assert!(entries.count() > 0);
    }
}
