//! Whether what a command printed is what a page shows: what is another each time is left out of
//! both, and `…` on a page stands for any text in a line, or alone for any lines.

use std::mem;

/// What `shown` and `printed` are without what differs from run to run, if they differ beyond it.
pub(super) fn difference(shown: &str, printed: &str) -> Option<String> {
    let [mut shown, mut printed] = [shown, printed].map(general);
    // Pods that run at once print in any order.
    let [shown_of_pods, printed_of_pods] = [&mut shown, &mut printed].map(|lines| {
        let (of_pods, others) = mem::take(lines).into_iter().partition(|it| it.starts_with('['));
        *lines = others;
        of_pods
    });
    let are_alike =
        fits(&shown, &printed) && fits_in_any_order(&shown_of_pods, printed_of_pods.clone());
    let all = |lines: Vec<String>, of_pods: Vec<String>| [lines, of_pods].concat().join("\n");
    (!are_alike).then(|| {
        let (shown, printed) = (all(shown, shown_of_pods), all(printed, printed_of_pods));
        format!("shown:\n{shown}\nprinted:\n{printed}")
    })
}

/// The lines of `text` that are the same each time.
fn general(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.filter(|line| !is_progress(line)).map(general_line).collect()
}

/// Whether a line says how far a Job has come, or that an image takes its time: whether and at which
/// moments that is said depends on the machine.
fn is_progress(line: &str) -> bool {
    let is_of_job = line.starts_with("job/") && line.contains(" active, ");
    is_of_job && line.contains(" succeeded, ") || line.starts_with("mayfly: fetching image ")
}

fn general_line(line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let is_before_unit = |at: usize| {
        let next =
            words.get(at + 1).map(|it| it.trim_end_matches(|it: char| !it.is_alphanumeric()));
        next == Some("s")
    };
    let general = words.iter().enumerate().map(|(at, word)| {
        let is_seconds = is_before_unit(at) && word.parse::<f64>().is_ok();
        if is_seconds { "…".to_owned() } else { general_word(word) }
    });
    general.collect::<Vec<_>>().join(" ")
}

/// A word, with `…` for each part of it that is made up, counted or timed.
fn general_word(word: &str) -> String {
    let is_moment = word.len() >= 20 && word.as_bytes()[4] == b'-' && word.as_bytes()[10] == b'T';
    if is_moment {
        return "…".to_owned();
    }
    let mut made = String::new();
    let mut rest = word;
    while let Some(start) = rest.find(|it: char| it.is_ascii_alphanumeric()) {
        let (before, atom) = rest.split_at(start);
        let end = atom.find(|it: char| !it.is_ascii_alphanumeric()).unwrap_or(atom.len());
        made += before;
        let is_port = made.ends_with("127.0.0.1:");
        let is_random = made.ends_with('-') && is_suffix(&atom[..end]);
        let is_made_up = is_port || is_random || is_age(&atom[..end]) || is_digest(&atom[..end]);
        made += if is_made_up { "…" } else { &atom[..end] };
        rest = &atom[end..];
    }
    made + rest
}

/// Whether it is what names that are generated end with.
fn is_suffix(text: &str) -> bool {
    text.len() == 5 && text.bytes().all(|it| b"bcdfghjklmnpqrstvwxz2456789".contains(&it))
}

/// Whether it is a time as Kubernetes' tables have it: `3s`, `2m4s`, `5h`.
fn is_age(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_digit())
        && text.ends_with(['s', 'm', 'h', 'd'])
        && text.bytes().all(|it| it.is_ascii_digit() || b"smhd".contains(&it))
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|it| it.is_ascii_hexdigit())
}

/// Whether all of `printed` is in `shown`, in this order.
fn fits(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line == "…" => {
            (0..=printed.len()).any(|left_out| fits(rest, &printed[left_out..]))
        }
        Some((line, rest)) => printed
            .split_first()
            .is_some_and(|(first, others)| line_fits(line, first) && fits(rest, others)),
    }
}

fn fits_in_any_order(shown: &[String], mut printed: Vec<String>) -> bool {
    let all_found = shown.iter().all(|line| {
        let found = printed.iter().position(|it| line_fits(line, it));
        found.map(|at| printed.swap_remove(at)).is_some()
    });
    all_found && printed.is_empty()
}

fn line_fits(shown: &str, printed: &str) -> bool {
    let Some((start, rest)) = shown.split_once('…') else { return shown == printed };
    let Some(mut left) = printed.strip_prefix(start) else { return false };
    let parts: Vec<_> = rest.split('…').collect();
    let (last, middle) = parts.split_last().expect("a split has one part at least");
    for part in middle {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

#[test]
fn what_differs_from_run_to_run_is_no_difference() {
    let check = |shown: &str, printed: &str, alike: bool| {
        let found = difference(shown, printed);
        assert_eq!(found.is_none(), alike, "{found:?}");
    };
    check("pod/pi-l2rrr   0/1   16s\n", "pod/pi-x7k2p  0/1  2m4s", true);
    check("pod/pi-l2rrr 0/1", "pod/pi-x7k2p 1/1", false);
    check("job/a  complete, 0.0 s (why)", "job/a  complete, 1.5 s (why)", true);
    check("job/a: 0 active, 0 of 1 succeeded, 0 failed\nend", "end", true);
    check(
        "[a-mbw9v/main] 1\n[a-4pg9j/main] 0\nend",
        "[a-btrg9/main] 0\nend\n[a-zzzzz/main] 1",
        true,
    );
    check("[a-mbw9v/main] 1", "[a-mbw9v/main] 1\n[a-mbw9v/main] 1", false);
    check("a\n…\nd", "a\nb\nc\nd", true);
    check("a\n…\nd", "a\nb\nc", false);
    check("3.14…749…", "3.14159749445", true);
    check("3.14…749…", "3.15159749445", false);
    check(
        "serving on https://127.0.0.1:33201; KUBECONFIG=…/kubeconfig",
        "serving on https://127.0.0.1:1; KUBECONFIG=/tmp/x/kubeconfig",
        true,
    );
    check("a\nb", "b\na", false);
    check("", "something", false);
}
