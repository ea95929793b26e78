//! π, computed in another way than the guests do, to compare with.

/// What `bpi(digits)` of Perl prints: so many significant digits, the last one rounded.
pub(super) fn pi(digits: usize) -> String {
    // A run of nines after the digits asked for would need more of them; there is none this long.
    let found = spigot(digits + 10);
    let mut kept = found[..digits].to_vec();
    if found[digits] >= 5 {
        let last = kept.iter().rposition(|digit| *digit != 9).expect("π begins with a 3");
        kept[last] += 1;
        kept[last + 1..].fill(0);
    }
    let text: String = kept.iter().map(|digit| char::from(b'0' + digit)).collect();
    format!("3.{}", &text[1..])
}

/// At least the first `digits` digits of π, by the spigot of Rabinowitz and Wagon.
fn spigot(digits: usize) -> Vec<u8> {
    let mut remainders = vec![2_u64; digits * 10 / 3 + 2];
    let mut found = Vec::new();
    // Digits that a later carry may still change: one, and the nines after it.
    let (mut held, mut nines) = (0, 0);
    while found.len() <= digits {
        let mut carry = 0;
        for (index, remainder) in remainders.iter_mut().enumerate().skip(1).rev() {
            let (value, divisor) = (*remainder * 10 + carry, 2 * index as u64 + 1);
            *remainder = value % divisor;
            carry = value / divisor * index as u64;
        }
        let value = remainders[0] * 10 + carry;
        remainders[0] = value % 10;
        let digit = u8::try_from(value / 10).expect("a digit and at most one carry");
        if digit == 9 {
            nines += 1;
            continue;
        }
        let carried = digit / 10;
        found.push(held + carried);
        found.extend(std::iter::repeat_n((9 + carried) % 10, nines));
        (held, nines) = (digit % 10, 0);
    }
    // Before the first digit nothing was held.
    found.remove(0);
    found
}

#[test]
fn pi_begins_as_known() {
    assert_eq!(pi(50), "3.1415926535897932384626433832795028841971693993751");
    assert_eq!(pi(2), "3.1");
    assert_eq!(pi(5), "3.1416");
    // The six nines, after which everything is held for long.
    assert_eq!(&pi(800)[763..772], "999999837");
}
