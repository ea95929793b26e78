//! Amounts of what is used, added up and shown as kubectl does. Pure.

use std::collections::BTreeMap;
use std::ops::Add;

use mayfly_controller::api::Quantity;
use mayfly_controller::quantity::Amount;

/// What one thing uses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub(super) cpu: Amount,
    pub(super) memory: Amount,
}

impl Used {
    pub(super) fn of(usage: &BTreeMap<String, Quantity>) -> Self {
        let amount = |name: &str| usage.get(name).map(Amount::of).unwrap_or_default();
        Self { cpu: amount("cpu"), memory: amount("memory") }
    }

    /// How much of a core, and how much memory.
    pub(super) fn cells(self) -> [String; 2] {
        let mebibytes = self.memory.units() / (1 << 20);
        [format!("{}m", self.cpu.millis()), format!("{mebibytes}Mi")]
    }
}

impl Add for Used {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }
}

/// How much of the `whole` a `part` is, in per cent, without what is less than one.
#[expect(clippy::cast_precision_loss, reason = "it is a share of a hundred")]
#[expect(clippy::cast_possible_truncation, reason = "what is less than one is left out")]
pub(super) fn per_cent(part: Amount, whole: Amount) -> String {
    let (part, whole) = (part.millis() as f64, whole.millis() as f64);
    let share = if whole == 0.0 { 0.0 } else { part / whole * 100.0 };
    format!("{}%", share as i64)
}
