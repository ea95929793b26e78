//! Amounts of CPU, memory and the rest, as Kubernetes writes them: `250m`, `64Mi`, `1.5e3`.
//!
//! Source: the grammar in the documentation of `resource.Quantity`.

use crate::api::Quantity;

const NANOS: i128 = 1_000_000_000;

/// An amount, exact to a billionth; what is finer is rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount {
    nanos: i128,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self { nanos: 0 };

    /// The amount that `text` writes, or `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let number_len = unsigned.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, suffix) = unsigned.split_at(number_len);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let (multiplier, power) = scale(suffix)?;
        let power = power + 9 - i32::try_from(fraction.len()).ok()?;
        let digits = digits.checked_mul(multiplier)?;
        let nanos = match u32::try_from(power) {
            Ok(power) => digits.checked_mul(10i128.checked_pow(power)?)?,
            Err(_) => {
                let divisor = 10i128.checked_pow(power.unsigned_abs())?;
                digits / divisor + i128::from(digits % divisor != 0)
            }
        };
        Some(Self { nanos: if negative { -nanos } else { nanos } })
    }

    /// The amount of a wire quantity; admission lets none pass that can't be parsed.
    pub fn of(quantity: &Quantity) -> Self {
        Self::parse(&quantity.0).unwrap_or_default()
    }

    /// So many whole units: bytes, cores, pods.
    pub fn from_units(units: u64) -> Self {
        Self { nanos: i128::from(units) * NANOS }
    }

    /// Whole units, rounded up.
    pub fn units(self) -> i64 {
        self.rounded_up(NANOS)
    }

    /// Thousandths, rounded up.
    pub fn millis(self) -> i64 {
        self.rounded_up(NANOS / 1000)
    }

    fn rounded_up(self, unit: i128) -> i64 {
        let rounded = self.nanos.div_euclid(unit) + i128::from(self.nanos.rem_euclid(unit) != 0);
        i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
    }
}

impl std::ops::Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_add(other.nanos) }
    }
}

impl std::ops::Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_sub(other.nanos) }
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |sum, amount| sum + amount)
    }
}

/// A suffix as a multiplier and a power of ten.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    Some(match suffix {
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "" => (1, 0),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => (1, suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_kubernetes_writes_them() {
        let check = |text: &str, millis: Option<i64>| {
            assert_eq!(Amount::parse(text).map(Amount::millis), millis, "{text:?}");
        };
        check("1", Some(1000));
        check("250m", Some(250));
        check("0.1m", Some(1));
        check("1.5", Some(1500));
        check(".5", Some(500));
        check("5.", Some(5000));
        check("64Mi", Some(64 * 1024 * 1024 * 1000));
        check("1k", Some(1_000_000));
        check("1e3", Some(1_000_000));
        check("1E3", Some(1_000_000));
        check("1E", Some(i64::MAX));
        check("100u", Some(1));
        check("-1", Some(-1000));
        check("+1", Some(1000));
        check("1e-3", Some(1));
        for nonsense in ["", "m", "1.2.3", ".", "1 Gi", "1KiB", "abc", "1e", "--1", "1Kib"] {
            check(nonsense, None);
        }
    }
}
