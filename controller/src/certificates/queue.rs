//! What is to be looked at, in the order in which it came.

use std::collections::{HashSet, VecDeque};

use foldhash::fast::RandomState;

use crate::api::Key;

/// Keys, each of them once, so that none waits for ever for those that come again and again.
#[derive(Default)]
pub(super) struct Queue {
    order: VecDeque<Key>,
    waiting: HashSet<Key, RandomState>,
}

impl Queue {
    /// Adds `key` at the end, unless it waits already.
    pub(super) fn push(&mut self, key: Key) {
        if self.waiting.insert(key.clone()) {
            self.order.push_back(key);
        }
    }

    /// Takes out the one that has waited longest.
    pub(super) fn pop(&mut self) -> Option<Key> {
        let key = self.order.pop_front()?;
        self.waiting.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_has_its_turn() {
        let mut queue = Queue::default();
        let key = |name: &str| Key::new("", name);
        ["z", "a", "z"].into_iter().for_each(|name| queue.push(key(name)));
        assert_eq!(queue.pop(), Some(key("z")));
        queue.push(key("z"));
        queue.push(key("a"));
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(key("a")), Some(key("z")), None]);
    }
}
