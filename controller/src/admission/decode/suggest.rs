//! The name that was probably meant.

/// The name among `known` that `typed` is most likely a slip of, if any is near enough.
pub(crate) fn nearest(typed: &str, known: &[&'static str]) -> Option<&'static str> {
    let typed = typed.to_lowercase();
    // One slip in three letters: closer than that, two different words look alike.
    let distance_max = (typed.chars().count() / 3).clamp(1, 3);
    let near = known.iter().map(|name| (distance(&typed, &name.to_lowercase()), *name));
    near.filter(|(distance, _)| *distance <= distance_max).min().map(|(_, name)| name)
}

/// How many letters must be changed, put in, left out or swapped with the next to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (above[j - 1] + same).min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = &["completions", "parallelism", "suspend", "backoffLimit", "env", "args"];
        for (typed, expect) in [
            ("complections", Some("completions")),
            ("paralelism", Some("parallelism")),
            ("backofflimit", Some("backoffLimit")),
            ("evn", Some("env")),
            ("arg", Some("args")),
            ("foo", None),
            ("replicas", None),
        ] {
            assert_eq!(nearest(typed, known), expect, "{typed}");
        }
    }
}
