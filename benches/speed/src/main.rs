//! What is claimed about mayfly's speed, measured here, beside the peers that are installed.
//!
//! ```text
//! row ─▶ runs, ours and the peer's in turn ─▶ figures ─▶ median, spread, ratio ─▶ table
//! ```
//!
//! `cargo run --release -- [OPTIONS] [ROW…]`; BENCHMARKS.md says what each row is. Whatever is
//! measured is asked of the `mayfly` command, as its users would: nothing of it is linked here.

mod bundle;
mod client;
mod figures;
mod options;
mod peers;
mod process;
mod rows;
mod server;

use std::io;

use figures::Figure;
use options::Options;

fn main() -> io::Result<()> {
    let options = Options::parse(std::env::args().skip(1));
    let mut figures = Vec::new();
    for (name, row) in rows::ALL {
        if options.wants(name) {
            eprintln!("{name} …");
            match row(&options) {
                Ok(measured) => {
                    measured.iter().for_each(|figure| eprintln!("  {}", figure.line()));
                    figures.extend(measured.into_iter().map(|figure| (*name, figure)));
                }
                // The others are worth having all the same.
                Err(error) => eprintln!("  {name} could not be measured: {error}"),
            }
        }
    }
    println!("{}", options.title());
    print!("{}", Figure::table(&figures));
    Ok(())
}
