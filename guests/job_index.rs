//! Prints the completion index that an Indexed Job gives to each of its pods.
//!
//! Args: none. Expect: the value of `JOB_COMPLETION_INDEX` on a line of its own and exit code 0;
//! a complaint on stderr and exit code 1 without that variable.

use std::env;
use std::process;

fn main() {
    match env::var("JOB_COMPLETION_INDEX") {
        Ok(index) => println!("{}", index),
        Err(_) => {
            eprintln!("job_index: JOB_COMPLETION_INDEX is not set");
            process::exit(1);
        }
    }
}
