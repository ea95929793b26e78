//! Calls itself without end.
//!
//! Args: none. Expect: the line `descending`, then a trap, which is exit code 134: either the
//! engine's stack or the module's own shadow stack is used up.

use std::sync::atomic::{AtomicU64, Ordering};

fn main() {
    println!("descending");
    println!("came back from {}", descend(&AtomicU64::new(0)));
}

/// Each call lends the next one something of its own frame, so the compiler can't make a loop of
/// the calls.
fn descend(above: &AtomicU64) -> u64 {
    let depth = AtomicU64::new(above.load(Ordering::Relaxed) + 1);
    if depth.load(Ordering::Relaxed) == u64::MAX {
        return 0;
    }
    descend(&depth).wrapping_add(depth.load(Ordering::Relaxed))
}
