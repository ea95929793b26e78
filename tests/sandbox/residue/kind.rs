//! The ways in which a guest's memory is got and made ready.

use super::*;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A slot of the pool, its data mapped from an image, copy on write.
    Pooled,
    /// The same, its code counting instructions: another engine, with slots of its own.
    Fuel,
    /// A slot, its data written into it: it lies too far apart for an image.
    Written,
    /// Memory of its own: no slot has a second one.
    Alone,
    /// A slot, as a component of five instances.
    Component,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::Pooled, Self::Fuel, Self::Written, Self::Alone, Self::Component];

    /// One of them; the dear ones less often.
    pub(super) fn pick(chance: &mut fastrand::Rng) -> Self {
        match chance.u8(0..100) {
            0..60 => Self::Pooled,
            60..75 => Self::Fuel,
            75..80 => Self::Written,
            80..90 => Self::Alone,
            _ => Self::Component,
        }
    }

    pub(super) async fn load(self, engine: &Engine) -> Module {
        let metering = if self == Self::Fuel { Metering::Fuel } else { Metering::Epochs };
        let wasm = match self {
            Self::Pooled | Self::Fuel => wasm("escape_residue"),
            Self::Written => changed(&[
                ("(memory (export \"memory\") 1 8)", "(memory (export \"memory\") 513 520)"),
                ("(table $table", "(data (i32.const 33554432) \"far away\") (table $table"),
            ]),
            Self::Alone => changed(&[("(table $table", "(memory 1 1) (table $table")]),
            Self::Component => component::component("escape_residue"),
        };
        engine.load(wasm.into(), metering).await.expect("the guest must load")
    }
}

/// The guest with other texts in place of some of its own.
fn changed(changes: &[(&str, &str)]) -> Vec<u8> {
    let path = guests().join("escape_residue.wat");
    let mut text = fs::read_to_string(path).expect("the guest must be there");
    for (from, to) in changes {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text = text.replace(from, to);
    }
    wat::parse_str(text).expect("the guest must be well-formed")
}
