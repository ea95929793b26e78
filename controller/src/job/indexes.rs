//! Sets of completion indexes, kept as intervals and written as Kubernetes writes them.
//!
//! `0,1` for two neighbours, `0-2` for three or more. Text that somebody wrote is checked by
//! [`check`]; text that a controller wrote is read by [`Indexes::parse`], which keeps what it
//! understands. Knows nothing of Jobs or pods.

use std::fmt;

/// A set of indexes.
///
/// Its intervals are inclusive, ascending, and never touch one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexes(Vec<(u32, u32)>);

/// Why a text of indexes was refused. The words are Kubernetes'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexesError {
    /// A piece is no integer.
    #[error("cannot convert string to integer for index: {0:?}")]
    NotAnInteger(String),
    /// An index is not below the number of completions.
    #[error("too large index: {0:?}")]
    TooLarge(String),
    /// An index does not exceed the one before it.
    #[error("non-increasing order, previous: {previous}, current: {current}")]
    NotIncreasing {
        /// The index before.
        previous: i64,
        /// The index that should be larger.
        current: i64,
    },
    /// A piece has more than one hyphen.
    #[error(
        "the fragment {0:?} violates the requirement that an index interval can have at most two parts separated by '-'"
    )]
    TooManyParts(String),
}

/// How many indexes `text` lists, if it is well-formed and all of them are below `completions`.
///
/// This is the grammar of `successPolicy.rules[].succeededIndexes`, `status.completedIndexes` and
/// `status.failedIndexes`: pieces `a` or `a-b`, ascending, separated by commas, without spaces.
/// Empty text is well-formed.
pub fn check(text: &str, completions: u32) -> Result<u32, IndexesError> {
    let mut total = 0;
    let mut previous = None;
    for fragment in text.split(',').filter(|_| !text.is_empty()) {
        let (first, last) = parse_fragment(fragment, completions)?;
        if let Some(previous) = previous.filter(|previous| *previous >= first) {
            return Err(IndexesError::NotIncreasing { previous, current: first });
        }
        total += u32::try_from(last - first + 1)
            .expect("an interval below completions must fit completions");
        previous = Some(last);
    }
    Ok(total)
}

fn parse_fragment(fragment: &str, completions: u32) -> Result<(i64, i64), IndexesError> {
    let parts: Vec<&str> = fragment.split('-').collect();
    let (first, last) = match parts[..] {
        [only] => (only, None),
        [first, last] => (first, Some(last)),
        _ => return Err(IndexesError::TooManyParts(fragment.to_owned())),
    };
    let parse = |part: &str| match part.parse::<i64>() {
        Err(_) => Err(IndexesError::NotAnInteger(part.to_owned())),
        Ok(index) if index >= i64::from(completions) => {
            Err(IndexesError::TooLarge(part.to_owned()))
        }
        Ok(index) => Ok(index),
    };
    let first = parse(first)?;
    let Some(last) = last else { return Ok((first, first)) };
    let last = parse(last)?;
    if last <= first {
        return Err(IndexesError::NotIncreasing { previous: first, current: last });
    }
    Ok((first, last))
}

impl Indexes {
    /// The set of `intervals`, which are inclusive and in any order.
    pub fn of(intervals: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut sorted: Vec<(u32, u32)> = intervals.into_iter().filter(|(a, b)| a <= b).collect();
        sorted.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// The set of `indexes`, in any order.
    pub fn from_indexes(indexes: impl IntoIterator<Item = u32>) -> Self {
        Self::of(indexes.into_iter().map(|index| (index, index)))
    }

    /// What of `text` is below `completions`. A piece that can't be read is dropped, since losing
    /// one must not lose all.
    pub fn parse(text: &str, completions: u32) -> Self {
        let clip = |fragment: &str| {
            let (first, last) = fragment.split_once('-').unwrap_or((fragment, fragment));
            let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
            (first < completions).then(|| (first, last.min(completions - 1)))
        };
        Self::of(text.split(',').filter_map(clip))
    }

    /// Whether `index` is in the set.
    pub fn has(&self, index: u32) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= index);
        after > 0 && index <= self.0[after - 1].1
    }

    /// How many indexes the set has.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Whether the set has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its intervals, inclusive and ascending.
    pub fn intervals(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Both sets together.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        Self::of(self.0.iter().chain(&other.0).copied())
    }

    /// The smallest index that both sets have.
    pub fn overlap(&self, other: &Self) -> Option<u32> {
        let (mut mine, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(left), Some(right)) = (mine.peek(), theirs.peek()) {
            let first = left.0.max(right.0);
            if first <= left.1.min(right.1) {
                return Some(first);
            }
            if left.1 < right.1 {
                mine.next();
            } else {
                theirs.next();
            }
        }
        None
    }

    /// How many indexes of the set are also in `other`.
    pub fn count_within(&self, other: &Self) -> u32 {
        let (mut mine, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut count = 0;
        while let (Some(left), Some(right)) = (mine.peek(), theirs.peek()) {
            let (first, last) = (left.0.max(right.0), left.1.min(right.1));
            if first <= last {
                count += last - first + 1;
            }
            if left.1 < right.1 {
                mine.next();
            } else {
                theirs.next();
            }
        }
        count
    }
}

impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (first, last)) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            match last - first {
                0 => write!(f, "{first}")?,
                1 => write!(f, "{first},{last}")?,
                _ => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_with_a_text() {
        let refused = |text: &str, expect: &str| {
            assert_eq!(check(text, 6).expect_err(text).to_string(), expect, "{text}");
        };
        refused("x", "cannot convert string to integer for index: \"x\"");
        refused("0, 1", "cannot convert string to integer for index: \" 1\"");
        refused("0,,1", "cannot convert string to integer for index: \"\"");
        refused("6", "too large index: \"6\"");
        refused("4-7", "too large index: \"7\"");
        refused("3,2", "non-increasing order, previous: 3, current: 2");
        refused("2-2", "non-increasing order, previous: 2, current: 2");
        refused("1-3,3", "non-increasing order, previous: 3, current: 3");
        refused(
            "1-2-3",
            "the fragment \"1-2-3\" violates the requirement that an index interval can have at \
             most two parts separated by '-'",
        );
    }

    #[test]
    fn counts_what_a_text_lists() {
        for (text, total) in [("", 0), ("0", 1), ("0,2,5", 3), ("0-2,4-5", 5)] {
            assert_eq!(check(text, 6), Ok(total), "{text}");
        }
    }

    #[test]
    fn reads_what_it_can_and_writes_it_back() {
        for (text, completions, expect) in [
            ("", 5, ""),
            ("0,1", 5, "0,1"),
            ("0-1", 5, "0,1"),
            ("0,1,2", 5, "0-2"),
            ("3,x,1", 5, "1,3"),
            ("0-9", 5, "0-4"),
            ("7", 5, ""),
            ("0", 0, ""),
        ] {
            assert_eq!(Indexes::parse(text, completions).to_string(), expect, "{text}");
        }
    }

    #[test]
    fn knows_its_members() {
        let set = Indexes::parse("0,2-4,9", 10);
        let members: Vec<u32> = (0..12).filter(|index| set.has(*index)).collect();
        assert_eq!(members, [0, 2, 3, 4, 9]);
        assert_eq!(set.count(), 5);
        assert_eq!(set.overlap(&Indexes::parse("1,4-9", 10)), Some(4));
        assert_eq!(set.count_within(&Indexes::parse("1,4-9", 10)), 2);
        assert_eq!(set.overlap(&Indexes::parse("1,5-8", 10)), None);
        assert_eq!(set.union(&Indexes::from_indexes([1, 8])).to_string(), "0-4,8,9");
    }
}
