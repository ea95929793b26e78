//! Sleeps, blocked in a call of the host and not in its own code.
//!
//! Args: `[SECONDS]`, decimals allowed, 1 unless said otherwise. Expect: the line `slept SECONDS`
//! after that time and exit code 0; exit code 2 when SECONDS is no duration.

use std::env;
use std::process;
use std::thread;
use std::time::Duration;

fn main() {
    let text = env::args().nth(1).unwrap_or_else(|| "1".to_string());
    match duration(&text) {
        Some(duration) => {
            thread::sleep(duration);
            println!("slept {}", text);
        }
        None => {
            eprintln!("job_sleep: no number of seconds: {}", text);
            process::exit(2);
        }
    }
}

/// Seconds with up to nine decimals. Not through a float, whose parser is half of a module.
fn duration(text: &str) -> Option<Duration> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 9 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let seconds: u32 = whole.parse().ok()?;
    let nanoseconds: u32 = format!("{:0<9}", decimals).parse().ok()?;
    Some(Duration::new(seconds.into(), nanoseconds))
}
