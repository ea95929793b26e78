//! Swaps a folder for a link that leads out of its mount, again and again, while another guest goes
//! through that name.
//!
//! Args: `FOLDER swap` or `FOLDER read`, and for how many rounds; the folder can be written to, and
//! beside it is a file `secret`. Expect: exit code 0; from the reader exit code 1 and `ESCAPED` when
//! it got to read the secret.

use std::env;
use std::fs;
use std::process;

fn main() {
    let arguments: Vec<_> = env::args().collect();
    let folder = &arguments[1];
    let rounds: u32 = arguments[3].parse().expect("how many rounds");
    let at = |name: &str| format!("{}/{}", folder, name);
    for _ in 0..rounds {
        if arguments[2] == "swap" {
            // `place` is now a folder with a file of its own called `secret`, now a link to `..`.
            let _ = fs::rename(at("place"), at("folder"));
            let _ = fs::rename(at("link"), at("place"));
            let _ = fs::rename(at("place"), at("link"));
            let _ = fs::rename(at("folder"), at("place"));
        } else if let Ok(text) = fs::read_to_string(at("place/secret")) {
            if text != "own" {
                println!("ESCAPED {}", text);
                process::exit(1);
            }
            let _ = fs::write(at("place/secret"), "own");
        }
    }
}
