//! Texts of a file of limits as numbers: in which unit, between which bounds, and what is said of
//! those that are not.

use std::fmt::Display;
use std::ops::RangeInclusive;

use anyhow::anyhow;
use mayfly_controller::api::Quantity;
use mayfly_controller::quantity::Amount;
use mayfly_controller::quota::Bound;

use super::file::Entry;

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    /// Read in thousandths.
    Cores,
    Count,
    Seconds,
}

impl Unit {
    /// The number above zero that `text` is.
    fn read(self, text: &str) -> Option<u64> {
        let number = match self {
            Self::Cores => Amount::parse(text)?.millis(),
            // Who writes `5m` means minutes, which is no unit of a quantity.
            Self::Seconds => return text.parse().ok().filter(|seconds| *seconds > 0),
            Self::Bytes | Self::Count => {
                Amount::parse(text).filter(|amount| amount.is_whole())?.units()
            }
        };
        u64::try_from(number).ok().filter(|number| *number > 0)
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Bytes => "is not a number of bytes above 0, such as 64Mi",
            Self::Cores => "is not a share of cores above 0, such as 2 or 250m",
            Self::Count => "is not a whole number above 0, such as 100 or 5M",
            Self::Seconds => "is not a whole number of seconds above 0, such as 600",
        }
    }
}

/// Turns what was said into numbers, and collects what is wrong.
#[derive(Default)]
pub(super) struct Reader {
    mistakes: Vec<String>,
    /// What it was asked for, which is all that a file can say.
    #[cfg(test)]
    pub(super) asked: Vec<Asked>,
}

/// A key of the file, and what holds without it.
#[cfg(test)]
pub(crate) struct Asked {
    pub(crate) key: String,
    pub(crate) unit: Unit,
    /// What holds if nothing is said, if anything does.
    pub(crate) default: Option<u64>,
    /// The most that can be said, or asked for.
    pub(crate) most: Option<u64>,
}

impl Reader {
    /// One to which these `mistakes` have been told already.
    pub(super) fn after(mistakes: Vec<String>) -> Self {
        Self {
            mistakes,
            #[cfg(test)]
            asked: Vec::new(),
        }
    }

    /// Every mistake, if there is any.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        match &self.mistakes[..] {
            [] => Ok(()),
            mistakes => Err(anyhow!(mistakes.join("\n"))),
        }
    }

    /// What `entry` says, in place of what `bound` says. Nothing is above its maximum.
    pub(super) fn bound(&mut self, key: &str, entry: &Entry, unit: Unit, bound: &mut Bound) {
        let (default, max) = (format!("{key}.default"), format!("{key}.max"));
        #[cfg(test)]
        self.is_asked(key, unit, bound.default, bound.max);
        let given = self.number(&default, entry.default.as_ref(), unit);
        if let Some(max) = self.number(&max, entry.max.as_ref(), unit) {
            bound.max = Some(max);
            // What holds when nothing is said is no reason to refuse a lower maximum.
            bound.default = bound.default.map(|default| default.min(max));
        }
        let Some(given) = given else { return };
        bound.default = Some(given);
        if let Some(most) = bound.max.filter(|most| given > *most) {
            self.wrong(
                &default,
                match &entry.max {
                    Some(max) => {
                        format!("is more than the max of {}; lower it, or raise the max", max.0)
                    }
                    None => format!("is more than {most}; say a max as well"),
                },
            );
        }
    }

    /// What is `given`, if anything, in place of what is in `to`.
    pub(super) fn set<T: TryFrom<u64> + TryInto<u64> + Copy>(
        &mut self,
        key: &str,
        given: Option<&Quantity>,
        (unit, range): (Unit, RangeInclusive<u64>),
        to: &mut T,
    ) {
        #[cfg(test)]
        self.is_asked(key, unit, (*to).try_into().ok(), Some(*range.end()));
        let Some(number) = self.number(key, given, unit) else { return };
        if number > *range.end() {
            return self
                .wrong(key, format!("is more than {}, the most that there can be", range.end()));
        }
        if number < *range.start() {
            return self.wrong(
                key,
                format!("is less than {}, the least that there can be", range.start()),
            );
        }
        match T::try_from(number) {
            Ok(number) => *to = number,
            Err(_) => self.wrong(key, "is more than there can be"),
        }
    }

    /// What is `given`, if anything.
    pub(super) fn number(
        &mut self,
        key: &str,
        given: Option<&Quantity>,
        unit: Unit,
    ) -> Option<u64> {
        let given = given?;
        let number = unit.read(&given.0);
        if number.is_none() {
            self.wrong(key, format!("\"{}\" {}", given.0, unit.wanted()));
        }
        number
    }

    #[cfg(test)]
    fn is_asked(&mut self, key: &str, unit: Unit, default: Option<u64>, most: Option<u64>) {
        let most = most.filter(|most| *most < u64::MAX);
        self.asked.push(Asked { key: key.to_owned(), unit, default, most });
    }

    /// Takes note of what is wrong with what `key` says.
    pub(super) fn wrong(&mut self, key: &str, what: impl Display) {
        self.mistakes.push(format!("{key}: {what}"));
    }
}
