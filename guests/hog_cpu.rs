//! Computes for ever, without a call of the host after its first line.
//!
//! Args: none. Expect: the line `spinning`, then nothing; it ends only when it is stopped.

use std::sync::atomic::{AtomicU64, Ordering};

/// Atomic because the compiler may remove a loop that has no effect, but not this one.
static ROUNDS: AtomicU64 = AtomicU64::new(0);

fn main() {
    println!("spinning");
    loop {
        ROUNDS.fetch_add(1, Ordering::Relaxed);
    }
}
