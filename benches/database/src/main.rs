//! Which embedded database should the store be kept in?
//!
//! Runs the store's own pattern over each candidate in one folder, one after the other, and prints
//! a table: `cargo run --release [FOLDER]`. Figures are only comparable within one run.

mod candidates;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use candidates::{Candidate, Row, open};

const NAMES: [&str; 4] = ["redb", "fjall", "sqlite", "heed"];
const ROWS: usize = 100_000;
const GROUP: usize = 1_000;
const SINGLES: usize = 1_000;
const ROW_BYTES: usize = 1_500;

/// A generator that needs no crate: the figures do not depend on its quality.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Pods of some Jobs: names that end at random, bodies that repeat themselves as JSON does.
fn row(index: usize, random: &mut Random) -> Row {
    let suffix = (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let key = format!("Pod/default/job-{:03}-{suffix:06x}-{index}", index % 50);
    let mut body = String::with_capacity(ROW_BYTES + 64);
    while body.len() < ROW_BYTES {
        body.push_str("{\"name\":\"metadata\",\"uid\":\"");
        body.push_str(&format!("{:016x}{:016x}\"}},", random.next(), random.next()));
    }
    body.truncate(ROW_BYTES);
    (key.into_bytes(), body.into_bytes())
}

fn write_groups(database: &mut dyn Candidate, rows: usize) -> Duration {
    let mut random = Random(42);
    let groups: Vec<Vec<Row>> = (0..rows / GROUP)
        .map(|group| (0..GROUP).map(|i| row(group * GROUP + i, &mut random)).collect())
        .collect();
    let start = Instant::now();
    groups.iter().for_each(|group| database.write(group));
    start.elapsed()
}

fn write_singles(database: &mut dyn Candidate) -> Vec<Duration> {
    let mut random = Random(43);
    let mut taken: Vec<_> = (0..SINGLES)
        .map(|i| {
            let row = [row(i * 97, &mut random)];
            let start = Instant::now();
            database.write(&row);
            start.elapsed()
        })
        .collect();
    taken.sort();
    taken
}

/// In a process of its own, which is then aborted as by a power cut: nothing is closed.
fn write_and_die(name: &str, folder: &Path) -> ! {
    let mut database = open(name, folder);
    let groups = write_groups(&mut *database, ROWS);
    let rewritten = write_groups(&mut *database, ROWS / 5);
    let singles = write_singles(&mut *database);
    let per_second = |rows: usize, time: Duration| rows as f64 / time.as_secs_f64();
    println!(
        "{:.0} {:.0} {:.0} {:.0}",
        per_second(ROWS, groups),
        per_second(ROWS / 5, rewritten),
        per_second(SINGLES, singles.iter().sum()),
        singles[SINGLES * 99 / 100].as_secs_f64() * 1e6,
    );
    std::process::abort()
}

fn bytes_in(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(folder).expect("a folder of the benchmark must be readable");
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [command, name, folder] = &arguments[..]
        && command == "write"
    {
        write_and_die(name, Path::new(folder));
    }
    let base = arguments.first().map_or_else(env::temp_dir, PathBuf::from);
    println!(
        "| database | rows/s in groups of {GROUP} | rewritten rows/s | rows/s one by one | 99th of one, µs | reload of {ROWS} after abort, ms | MB on disk |"
    );
    println!("|---|---|---|---|---|---|---|");
    for name in NAMES {
        let folder = tempfile::tempdir_in(&base).expect("the folder must be writable");
        let this = env::current_exe().expect("a program must know its path");
        let written = Command::new(this).arg("write").arg(name).arg(folder.path()).output();
        let written = written.expect("the program must be able to run itself").stdout;
        let megabytes = bytes_in(folder.path()) as f64 / 1e6;
        let start = Instant::now();
        let rows = open(name, folder.path()).count();
        let reload = start.elapsed().as_millis();
        assert_eq!(rows, ROWS, "{name} must have kept every row");
        let figures = String::from_utf8_lossy(&written).trim().replace(' ', " | ");
        println!("| {name} | {figures} | {reload} | {megabytes:.0} |");
    }
}
