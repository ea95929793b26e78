//! Answers without what a server chooses itself, so that a recorded one and ours can be compared.

use serde_json::Value;

/// What stands for every uid.
const UID: &str = "00000000-0000-0000-0000-000000000000";

/// What precedes a number that is the version of a state.
const VERSIONS: &[&str] = &["999999999, current: ", "ResourceVersion in record ("];

/// What begins a complaint that shows an object as it was when something was done to it.
const OBJECT_SHOWN: &str = r#"Invalid value: "{\"#;
const OBJECT_END: &str = r#"}": strict decoding error"#;

/// `json` without what a server chooses itself, in one order.
pub(super) fn alike(json: &str) -> Value {
    let mut value = serde_json::from_str(json).expect("what was JSON must still be");
    each_text(&mut value, &|text| *text = alike_text(text));
    value
}

/// `text` without what a server chooses itself.
pub(super) fn alike_text(text: &str) -> String {
    let mut text = without_uids(text);
    for before in VERSIONS {
        if let Some(at) = text.find(before).map(|at| at + before.len()) {
            let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
            text.replace_range(at..at + digits, "0");
        }
    }
    if let (Some(from), Some(to)) = (text.find(OBJECT_SHOWN), text.find(OBJECT_END))
        && from < to
    {
        text.replace_range(from + OBJECT_SHOWN.len()..to, "");
    }
    // The only name that a recorded request lets the server make.
    without_suffixes(&text, "Bad_")
}

/// `text` with every uid in it replaced.
fn without_uids(text: &str) -> String {
    let is_uid = |bytes: &[u8]| {
        bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let mut out = text.as_bytes().to_vec();
    let mut at = 0;
    while at + UID.len() <= out.len() {
        if is_uid(&out[at..at + UID.len()]) {
            out[at..at + UID.len()].copy_from_slice(UID.as_bytes());
            at += UID.len();
        } else {
            at += 1;
        }
    }
    String::from_utf8(out).expect("what was text must still be")
}

/// `text` with the five characters after each `prefix` replaced.
fn without_suffixes(text: &str, prefix: &str) -> String {
    let mut pieces = text.split(prefix);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let is_made =
            piece.len() >= 5 && piece.as_bytes()[..5].iter().all(u8::is_ascii_alphanumeric);
        out.push_str(prefix);
        out.push_str(if is_made { "xxxxx" } else { "" });
        out.push_str(if is_made { &piece[5..] } else { piece });
    }
    out
}

fn each_text(value: &mut Value, change: &impl Fn(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(fields) => {
            let old = std::mem::take(fields);
            for (mut key, mut item) in old {
                change(&mut key);
                each_text(&mut item, change);
                fields.insert(key, item);
            }
        }
        _ => {}
    }
}

/// `text` with what was written shortly in the recording, as `<'x'*3>`, written out.
pub(super) fn in_full(text: &str) -> String {
    let Some((before, rest)) = text.split_once("<'") else { return text.to_owned() };
    let Some((what, rest)) = rest.split_once("'*") else { return text.to_owned() };
    let Some((count, rest)) = rest.split_once('>') else { return text.to_owned() };
    match count.parse() {
        Ok(count) => format!("{before}{}{}", what.repeat(count), in_full(rest)),
        Err(_) => text.to_owned(),
    }
}

#[test]
fn what_differs_by_choice_is_alike() {
    assert_eq!(in_full("a<'xy'*3>b<'z'*1>"), "axyxyxybz");
    assert_eq!(alike_text("Bad_ is, Bad_2dnw6."), alike_text("Bad_ is, Bad_k49ms."));
    assert_ne!(
        alike_text("ResourceVersion in record (1) a"),
        alike_text("ResourceVersion in record (2) b")
    );
    assert_eq!(
        alike_text("ResourceVersion in record (1)"),
        alike_text("ResourceVersion in record (23)")
    );
}
