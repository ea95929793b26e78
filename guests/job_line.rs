//! Prints one line and ends: the least that a program does.
//!
//! Args: none. Expect: the line `done` and exit code 0.

fn main() {
    println!("done");
}
