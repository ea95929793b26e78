//! Prints π to N significant digits (2000 unless said otherwise), the last one rounded.
//!
//! Args: `[N]`. Expect: `3.14159…`, the same text as `perl -Mbignum=bpi -wle "print bpi(N)"`
//! prints, and exit code 0; exit code 2 when N is not a number from 1 to 1000000.
//!
//! Machin's formula, π = 16·arctan(1/5) − 4·arctan(1/239), in decimal fixed point.

use std::env;
use std::io::{self, Write};
use std::process;

/// One limb is nine decimal digits: the largest power of ten whose product with a small divisor
/// still fits in 64 bits, and decimal so that printing needs no change of base.
const BASE: u64 = 1_000_000_000;
const DIGITS_PER_LIMB: usize = 9;

/// Each of the two series cuts off less than one unit of the last limb a term, so two limbs more
/// than are printed hold the error of any N that we take.
const GUARD_LIMBS: usize = 2;

const DIGITS_MAX: usize = 1_000_000;

fn main() {
    let digits = match env::args().nth(1).map_or(Ok(2000), |text| text.parse()) {
        Ok(digits) if (1..=DIGITS_MAX).contains(&digits) => digits,
        _ => {
            eprintln!("job_pi: the number of digits must be from 1 to {}", DIGITS_MAX);
            process::exit(2);
        }
    };
    let text = rounded(&pi(digits / DIGITS_PER_LIMB + 1 + GUARD_LIMBS), digits);
    if writeln!(io::stdout(), "{}", text).is_err() {
        process::exit(1);
    }
}

/// π as one limb before the point and `limbs` after it, most significant first.
fn pi(limbs: usize) -> Vec<u64> {
    let mut pi = arctan_of_inverse(16, 5, limbs);
    subtract(&mut pi, &arctan_of_inverse(4, 239, limbs), 0);
    pi
}

/// `factor · arctan(1/x)` by its Taylor series.
fn arctan_of_inverse(factor: u64, x: u64, limbs: usize) -> Vec<u64> {
    let mut power = vec![0; limbs + 1];
    power[0] = factor;
    divide(&mut power, x, 0);
    let mut sum = power.clone();
    let mut term = power.clone();
    let mut first = 0;
    for odd in (3..).step_by(2) {
        divide(&mut power, x * x, first);
        while first < power.len() && power[first] == 0 {
            first += 1;
        }
        if first == power.len() {
            break;
        }
        term[first..].copy_from_slice(&power[first..]);
        divide(&mut term, odd, first);
        if odd % 4 == 3 {
            subtract(&mut sum, &term, first);
        } else {
            add(&mut sum, &term, first);
        }
    }
    sum
}

/// Divides in place; limbs before `first` are known to be zero, as in the two below.
fn divide(number: &mut [u64], divisor: u64, first: usize) {
    let mut remainder = 0;
    for limb in &mut number[first..] {
        let value = remainder * BASE + *limb;
        *limb = value / divisor;
        remainder = value % divisor;
    }
}

fn add(sum: &mut [u64], other: &[u64], first: usize) {
    let mut carry = 0;
    for index in (0..sum.len()).rev() {
        if index < first && carry == 0 {
            break;
        }
        let value = sum[index] + carry + if index < first { 0 } else { other[index] };
        carry = u64::from(value >= BASE);
        sum[index] = value - carry * BASE;
    }
}

fn subtract(sum: &mut [u64], other: &[u64], first: usize) {
    let mut borrow = 0;
    for index in (0..sum.len()).rev() {
        if index < first && borrow == 0 {
            break;
        }
        let taken = borrow + if index < first { 0 } else { other[index] };
        borrow = u64::from(sum[index] < taken);
        sum[index] = sum[index] + borrow * BASE - taken;
    }
}

/// The first `digits` significant digits, rounded half up by what follows them.
fn rounded(number: &[u64], digits: usize) -> String {
    let mut text = number[0].to_string();
    for limb in &number[1..] {
        text.push_str(&format!("{:09}", limb));
    }
    let mut kept = text.as_bytes()[..digits].to_vec();
    if text.as_bytes()[digits] >= b'5' {
        // π never begins with a run of nines, so the carry stops before the first digit.
        let last = kept.iter().rposition(|digit| *digit != b'9').unwrap_or(0);
        kept[last] += 1;
        kept[last + 1..].fill(b'0');
    }
    let mut text: String = kept.into_iter().map(char::from).collect();
    if digits > 1 {
        text.insert(1, '.');
    }
    text
}
