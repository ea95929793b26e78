//! Keys, as a terminal sends them. Pure.

use super::view::Key;

/// The keys in `bytes`, which came together; what is none is left out.
pub(super) fn keys(bytes: &[u8]) -> Vec<Key> {
    let text = String::from_utf8_lossy(bytes);
    let mut rest: &str = &text;
    let mut keys = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (key, length) = match first {
            '\x1b' => sequence(rest),
            '\x03' => (Some(Key::Interrupt), 1),
            '\r' | '\n' => (Some(Key::Enter), 1),
            '\x7f' | '\x08' => (Some(Key::Backspace), 1),
            other if other.is_control() || other == char::REPLACEMENT_CHARACTER => {
                (None, other.len_utf8())
            }
            other => (Some(Key::Char(other)), other.len_utf8()),
        };
        keys.extend(key);
        rest = &rest[length..];
    }
    keys
}

/// The key at the beginning of `text`, which begins with an escape, and how long that is.
fn sequence(text: &str) -> (Option<Key>, usize) {
    // Otherwise it is the key itself, which a letter may follow.
    let [_, b'[' | b'O', inside @ ..] = text.as_bytes() else { return (Some(Key::Escape), 1) };
    let Some(end) = inside.iter().position(|byte| (b'@'..=b'~').contains(byte)) else {
        return (None, text.len());
    };
    let key = match &inside[..=end] {
        b"A" => Some(Key::Up),
        b"B" => Some(Key::Down),
        b"H" | b"1~" | b"7~" => Some(Key::Home),
        b"F" | b"4~" | b"8~" => Some(Key::End),
        b"5~" => Some(Key::PageUp),
        b"6~" => Some(Key::PageDown),
        _ => None,
    };
    (key, 2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_send() {
        let check = |bytes: &[u8], expect: &[Key]| assert_eq!(keys(bytes), expect, "{bytes:?}");
        check(b"qA/", &[Key::Char('q'), Key::Char('A'), Key::Char('/')]);
        check(b"\x1b[A\x1bOB\x1b[5~", &[Key::Up, Key::Down, Key::PageUp]);
        check(b"\x1b", &[Key::Escape]);
        check(b"\x1bq", &[Key::Escape, Key::Char('q')]);
        check(b"\x1b[1;5Cx", &[Key::Char('x')]);
        check(b"\x1b[12", &[]);
        check(b"\x03\r\n\x7f", &[Key::Interrupt, Key::Enter, Key::Enter, Key::Backspace]);
        check("é\u{1}".as_bytes(), &[Key::Char('é')]);
        check(b"\xff\xfe", &[]);
    }
}
