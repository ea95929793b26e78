//! Leaves a termination message and ends.
//!
//! Args: `MESSAGE [CODE [FILE]]`; the code is 0 and the file `/dev/termination-log` unless said
//! otherwise. Expect: the message in that file, which Kubernetes copies into the container's
//! status, nothing printed, and that exit code; exit code 120 when the file can't be written.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::process;

fn main() {
    let mut arguments = env::args().skip(1);
    let message = arguments.next().unwrap_or_default();
    let code = arguments.next().map_or(0, |text| text.parse().unwrap_or(2));
    let path = arguments.next().unwrap_or_else(|| "/dev/termination-log".to_string());
    // Without `create`: the file is the node's, and a missing one must be seen.
    let written = OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| file.write_all(message.as_bytes()));
    if let Err(error) = written {
        eprintln!("exit_message: {}: {}", path, error);
        process::exit(120);
    }
    process::exit(code);
}
