//! Ends with the exit code that it is told.
//!
//! Args: `[CODE]`, 0 unless said otherwise; any that a 32-bit number holds, above 125 too. Expect:
//! nothing printed and that exit code; exit code 2 and a complaint when CODE is no number.

use std::env;
use std::process;

fn main() {
    match env::args().nth(1).map_or(Ok(0), |text| text.parse()) {
        Ok(code) => process::exit(code),
        Err(_) => {
            eprintln!("exit_code: the exit code must be a number");
            process::exit(2);
        }
    }
}
