//! Panics.
//!
//! Args: none. Expect: a line on stderr with `panicked at 'this guest panics on purpose'`, then a
//! trap (`unreachable`), which is exit code 134.

fn main() {
    panic!("this guest panics on purpose");
}
