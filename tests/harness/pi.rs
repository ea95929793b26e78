//! π by another way than our guest's, to hold it against.

/// The first `digits` significant digits of π with the point, the last one rounded.
///
/// The spigot of Rabinowitz and Wagon: π = 2 + 1/3·(2 + 2/5·(2 + 3/7·(2 + …))), of which each
/// multiplication by ten gives one more digit. The guest sums arcus tangents.
pub(crate) fn pi(digits: usize) -> String {
    let wanted = digits + 10;
    let mut remainders = vec![2_u64; wanted * 10 / 3 + 2];
    // Carries can go back any number of digits, so they are settled at the end.
    let mut columns: Vec<u64> = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        let mut carry = 0;
        for index in (0..remainders.len()).rev() {
            let numerator = index as u64;
            let divisor = if index == 0 { 10 } else { 2 * numerator + 1 };
            let value = remainders[index] * 10 + carry;
            remainders[index] = value % divisor;
            carry = value / divisor * numerator.max(1);
        }
        columns.push(carry);
    }
    let round_up = u64::from(settle(&mut columns.clone())[digits] >= 5);
    columns.truncate(digits);
    columns[digits - 1] += round_up;
    let text: String = settle(&mut columns).iter().map(u64::to_string).collect();
    format!("{}.{}", &text[..1], &text[1..])
}

/// Passes on what is more than nine in a digit to the one before it.
fn settle(columns: &mut [u64]) -> &[u64] {
    for index in (1..columns.len()).rev() {
        columns[index - 1] += columns[index] / 10;
        columns[index] %= 10;
    }
    columns
}

#[test]
fn known_digits() {
    assert_eq!(pi(10), "3.141592654");
    assert_eq!(pi(50), "3.1415926535897932384626433832795028841971693993751");
}
