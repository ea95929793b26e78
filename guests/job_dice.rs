//! Tells what should be another on every run: the time, random numbers, and what hangs on them.
//!
//! Args: `[FOLDER]`. Expect: the time, how long a sleep of an hour took in whole seconds, the order
//! of ten names in a hash map, eight random bytes, and the names, times and sizes of what is in the
//! folder, in the order in which they come; exit code 0.

use std::collections::HashMap;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn since_1970(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_nanos())
}

fn main() -> io::Result<()> {
    println!("it is {}", since_1970(SystemTime::now()));
    let before = Instant::now();
    thread::sleep(Duration::from_secs(3600));
    println!("slept for {} s", before.elapsed().as_secs());

    let names: HashMap<_, _> = (0..10).map(|number| (format!("name {number}"), number)).collect();
    println!("{:?}", names.values().collect::<Vec<_>>());
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    println!("{bytes:?}");

    for folder in env::args().skip(1) {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let modified = since_1970(metadata.modified()?);
            println!("{:?} of {modified} has {}", entry.file_name(), metadata.len());
        }
    }
    println!("it is {}", since_1970(SystemTime::now()));
    Ok(())
}
