//! What two runs of the same command have in common: text without names, ages, ids and times.

/// What no two runs share, and the word that stands for it. In a pattern `9` is a digit, `A` a
/// letter, `x` a digit or a small letter, and everything else itself.
const PATTERNS: &[(&str, &str)] = &[
    ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "UID"),
    ("AAA, 99 AAA 9999 99:99:99 +9999", "TIME"),
    ("9999-99-99T99:99:99Z", "TIME"),
    ("9999-99-99 99:99:99.999999999 +9999", "TIME"),
    ("9999-99-99 99:99:99 +9999", "TIME"),
    ("127.0.0.1:99999", "ADDRESS"),
];

/// `text` in lines, without what differs from run to run. Columns are as wide as what is in them,
/// so blanks count as one; `owners` made the pods whose names end in something random.
pub(super) fn alike(text: &str, owners: &[&str]) -> Vec<String> {
    let names: Vec<String> = owners.iter().map(|owner| format!("{owner}-xxxxx")).collect();
    let mut patterns = PATTERNS.to_vec();
    patterns.extend(names.iter().map(|name| (name.as_str(), name.as_str())));
    text.trim_end()
        .lines()
        .map(|line| {
            let line = patterns
                .iter()
                .fold(line.to_owned(), |line, (pattern, word)| replace(&line, pattern, word));
            let words = line.split(' ').filter(|word| !word.is_empty());
            let mut words: Vec<&str> = words.map(kept).collect();
            // How often something was said more than once.
            if let Some(at) = words.iter().position(|word| word.starts_with("(x")) {
                words.drain(at..words.len().min(at + 3));
            }
            // The version of an object.
            if let ["resourceVersion:" | "\"resourceVersion\":", version] = &mut words[..] {
                *version = "N";
            }
            let indent = if line.starts_with(' ') { " " } else { "" };
            format!("{indent}{}", words.join(" "))
        })
        .collect()
}

/// `word`, or what stands for it.
fn kept(word: &str) -> &str {
    match word.rsplit_once('/') {
        _ if is_age(word) => "AGE",
        // Folders that `kubectl diff` makes for two versions of an object.
        Some((folder, file)) => {
            let versions = ["LIVE", "MERGED"];
            let is_of = |version: &&str| {
                folder.rsplit('/').next().is_some_and(|it| it.starts_with(*version))
            };
            if versions.iter().any(is_of) { file } else { word }
        }
        None => word,
    }
}

/// Replaces what `pattern` describes, where it stands alone.
fn replace(line: &str, pattern: &str, word: &str) -> String {
    let bytes = line.as_bytes();
    let is_alone = |at: usize| {
        let joins = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        !before.is_some_and(joins) && !bytes.get(at + pattern.len()).is_some_and(joins)
    };
    let mut replaced = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let found = bytes.get(at..at + pattern.len()).is_some_and(|it| is_like(it, pattern));
        if found && is_alone(at) {
            replaced.extend_from_slice(word.as_bytes());
            at += pattern.len();
        } else {
            replaced.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(replaced).expect("what was UTF-8 must still be")
}

fn is_like(text: &[u8], pattern: &str) -> bool {
    text.iter().zip(pattern.bytes()).all(|(byte, pattern)| match pattern {
        b'9' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_alphabetic(),
        b'x' => byte.is_ascii_digit() || byte.is_ascii_lowercase(),
        other => *byte == other,
    })
}

/// Whether `word` is a duration as kubectl shows it, such as `4m3s`.
fn is_age(word: &str) -> bool {
    let word = word.trim_matches(['(', ')']);
    let mut digits = 0;
    let is_part = word.chars().all(|it| match it {
        '0'..='9' => {
            digits += 1;
            true
        }
        's' | 'm' | 'h' | 'd' => std::mem::take(&mut digits) > 0,
        _ => false,
    });
    is_part && digits == 0 && !word.is_empty()
}

#[test]
fn what_differs_from_run_to_run_is_left_out() {
    let check = |text: &str, expect: &str| assert_eq!(alike(text, &["pi"]), [expect], "{text}");
    check("pi     Running   0/1    4m3s", "pi Running 0/1 AGE");
    check("pod/pi-fpm6t labeled", "pod/pi-xxxxx labeled");
    check("pi-fpm6t2 pi2-fpm6t", "pi-fpm6t2 pi2-fpm6t");
    check("uid: 334d3d54-32f5-4531-ae57-c44df4003efb", "uid: UID");
    check("  Start Time:   Mon, 23 Nov 2026 09:23:59 +0000", " Start Time: TIME");
    check("  0s (x3 over 2s)   job-controller", " AGE job-controller");
    check("  resourceVersion: \"5985\"", " resourceVersion: N");
    check("+++ /tmp/LIVE-12/a.b", "+++ a.b");
    check("NAME   10 1s", "NAME 10 AGE");
}
