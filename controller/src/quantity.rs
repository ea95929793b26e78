//! Amounts of CPU, memory and the rest, as Kubernetes writes them: `250m`, `64Mi`, `1.5e3`.
//!
//! Source: the grammar in the documentation of `resource.Quantity`. An amount is exact to a
//! billionth; what is finer is rounded up, and what is larger than 2^63-1 is cut to that.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::api::Quantity;

/// How many billionths are one.
const NANO: i128 = 1_000_000_000;
/// The largest amount, in billionths.
const LARGEST: i128 = i64::MAX as i128 * NANO;

/// An amount of a resource.
///
/// Compared by its value alone: `1` is equal to `1000m`.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    nanos: i128,
    notation: Notation,
}

/// With which suffixes an amount is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    /// `1Ki`.
    Binary,
    /// `1k`.
    Decimal,
    /// `1e3`.
    Exponent,
}

const BINARY: [(&str, u32); 6] =
    [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];
const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self { nanos: 0, notation: Notation::Decimal };

    /// The amount that `text` writes, or `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let end =
            unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let scale = Scale::parse(suffix)?;
        let nanos = sign * scale.nanos(whole, fraction);
        Some(Self { nanos, notation: scale.notation })
    }

    /// The amount of a wire quantity; admission lets none pass that can't be parsed.
    pub fn of(quantity: &Quantity) -> Self {
        Self::parse(&quantity.0).unwrap_or_default()
    }

    /// So many whole units: bytes, cores, pods.
    pub fn from_units(units: u64) -> Self {
        Self { nanos: i128::from(units) * NANO, notation: Notation::Decimal }
    }

    /// Whole units, rounded up.
    pub fn units(self) -> i64 {
        self.rounded_up(NANO)
    }

    /// Thousandths, rounded up.
    pub fn millis(self) -> i64 {
        self.rounded_up(NANO / 1000)
    }

    /// Whether the amount is less than none.
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether the amount is a whole number of units.
    pub fn is_whole(self) -> bool {
        self.nanos % NANO == 0
    }

    fn rounded_up(self, unit: i128) -> i64 {
        let up = self.nanos.div_euclid(unit) + i128::from(self.nanos.rem_euclid(unit) != 0);
        i64::try_from(up).unwrap_or(if up < 0 { i64::MIN } else { i64::MAX })
    }
}

/// What the number before a suffix is multiplied with: 2^twos * 10^tens.
struct Scale {
    twos: u32,
    tens: i32,
    notation: Notation,
}

impl Scale {
    fn parse(suffix: &str) -> Option<Self> {
        if let Some((_, tens)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
            return Some(Self { twos: 0, tens: *tens, notation: Notation::Decimal });
        }
        if let Some((_, twos)) = BINARY.iter().find(|(name, _)| *name == suffix) {
            return Some(Self { twos: *twos, tens: 0, notation: Notation::Binary });
        }
        let digits = suffix.strip_prefix(['e', 'E'])?;
        let tens = digits.parse().ok()?;
        Some(Self { twos: 0, tens, notation: Notation::Exponent })
    }

    /// The same of what is usual: a whole number that is exact in billionths, and not too large.
    fn nanos_of_few(&self, whole: &str, fraction: &str) -> Option<i128> {
        let number: u64 = whole.parse().ok().filter(|_| fraction.is_empty())?;
        let tens = 10i128.checked_pow(u32::try_from(self.tens.checked_add(9)?).ok()?)?;
        let nanos = i128::from(number).checked_mul(1 << self.twos)?.checked_mul(tens)?;
        Some(nanos.min(LARGEST))
    }

    /// `whole.fraction` at this scale, in billionths, rounded up and cut to the largest amount.
    fn nanos(&self, whole: &str, fraction: &str) -> i128 {
        if let Some(nanos) = self.nanos_of_few(whole, fraction) {
            return nanos;
        }
        let digits = [whole, fraction].concat();
        let digits = digits.trim_start_matches('0');
        // More digits than this are above the largest amount at any scale, or below a billionth.
        const DIGITS_MAX: usize = 30;
        let kept = &digits[..digits.len().min(DIGITS_MAX)];
        let cut = digits.len() - kept.len();
        let inexact = digits[kept.len()..].bytes().any(|digit| digit != b'0');
        let mut value: i128 = kept.parse().unwrap_or(0);
        if value == 0 {
            return 0;
        }
        let places =
            i64::try_from(cut).unwrap_or(i64::MAX) - i64::try_from(fraction.len()).unwrap_or(0);
        let mut exponent = i64::from(self.tens) + places + 9;
        let mut rest = inexact;
        let mut twos = self.twos;
        while twos > 0 || exponent > 0 {
            value = if twos > 0 { value * 2 } else { value * 10 };
            if twos > 0 {
                twos -= 1;
            } else {
                exponent -= 1;
            }
            // While a division is still to come, a value beyond the bound may yet come back.
            if value > LARGEST && exponent >= 0 {
                return LARGEST;
            }
            while value > LARGEST && exponent < 0 {
                rest |= value % 10 != 0;
                value /= 10;
                exponent += 1;
            }
        }
        while exponent < 0 && value > 0 {
            rest |= value % 10 != 0;
            value /= 10;
            exponent += 1;
        }
        (value + i128::from(rest)).min(LARGEST)
    }
}

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Amount {}

impl Hash for Amount {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nanos.hash(state);
    }
}

impl Default for Amount {
    fn default() -> Self {
        Self::ZERO
    }
}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl std::ops::Add for Amount {
    type Output = Self;

    /// Written as the first of them that is not nothing.
    fn add(self, other: Self) -> Self {
        let notation = if self.nanos == 0 { other.notation } else { self.notation };
        Self { nanos: self.nanos.saturating_add(other.nanos), notation }
    }
}

impl std::ops::Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let notation = if self.nanos == 0 { other.notation } else { self.notation };
        Self { nanos: self.nanos.saturating_sub(other.nanos), notation }
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |sum, amount| sum + amount)
    }
}

/// The canonical text: no fraction, the largest suffix that allows that.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let is_binary =
            self.notation == Notation::Binary && self.is_whole() && self.nanos.abs() >= 1024 * NANO;
        if is_binary {
            let mut value = self.nanos / NANO;
            let mut suffix = "";
            for (name, _) in BINARY {
                if value % 1024 != 0 {
                    break;
                }
                value /= 1024;
                suffix = name;
            }
            return write!(f, "{value}{suffix}");
        }
        let (mut value, mut step) = (self.nanos, 0);
        while value % 1000 == 0 && step + 1 < DECIMAL.len() {
            value /= 1000;
            step += 1;
        }
        let (suffix, tens) = DECIMAL[step];
        if self.notation == Notation::Exponent && tens != 0 {
            return write!(f, "{value}e{tens}");
        }
        write!(f, "{value}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_canonically() {
        for (text, canonical, value, milli) in [
            ("0", "0", 0, 0),
            ("1", "1", 1, 1000),
            ("0.10", "100m", 1, 100),
            ("1.50", "1500m", 2, 1500),
            ("1500m", "1500m", 2, 1500),
            ("1000m", "1", 1, 1000),
            ("-1", "-1", -1, -1000),
            (".5", "500m", 1, 500),
            ("5.", "5", 5, 5000),
            ("1Ki", "1Ki", 1024, 1_024_000),
            ("1.5Gi", "1536Mi", 1_610_612_736, 1_610_612_736_000),
            ("1024Mi", "1Gi", 1 << 30, (1 << 30) * 1000),
            ("0.5Ki", "512", 512, 512_000),
            ("100Ki", "100Ki", 102_400, 102_400_000),
            ("1e3", "1e3", 1000, 1_000_000),
            ("1E3", "1e3", 1000, 1_000_000),
            ("12e-1", "1200e-3", 2, 1200),
            ("2k", "2k", 2000, 2_000_000),
            ("1n", "1n", 1, 1),
            ("0.1n", "1n", 1, 1),
            ("1E", "1E", 1_000_000_000_000_000_000, i64::MAX),
            ("9Ei", "9223372036854775807", i64::MAX, i64::MAX),
            ("1e400", "9223372036854775807", i64::MAX, i64::MAX),
            ("0.000000000000000000000000000000000001", "1n", 1, 1),
        ] {
            let amount = Amount::parse(text).expect(text);
            let shown = amount.to_string();
            assert_eq!(
                (shown.as_str(), amount.units(), amount.millis()),
                (canonical, value, milli),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "", "-", ".", "1.2.3", "1 Gi", "1gi", "x", "1K", "1ee3", "--1", "1Mi1", "0x1", "m",
            "1KiB", "1e",
        ] {
            assert_eq!(Amount::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn amounts_compare_by_value() {
        let parse = |text| Amount::parse(text).expect(text);
        assert_eq!(parse("1"), parse("1000m"));
        assert!(parse("1Gi") > parse("1G"));
        assert!(parse("-1") < parse("0"));
    }
}
