//! Prints what it was given: its arguments and its environment.
//!
//! Args: any. Expect: a line `arg N: TEXT` for each argument from 0 on, then a line
//! `env NAME=VALUE` for each variable in the order of names, and exit code 0.

use std::env;

fn main() {
    for (number, argument) in env::args_os().enumerate() {
        println!("arg {}: {}", number, argument.to_string_lossy());
    }
    let mut variables: Vec<_> = env::vars_os().collect();
    variables.sort();
    for (name, value) in variables {
        println!("env {}={}", name.to_string_lossy(), value.to_string_lossy());
    }
}
