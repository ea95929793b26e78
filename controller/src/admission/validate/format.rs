//! The formats of names, labels and paths: what is wrong with a text, if anything.
//!
//! Each function returns the complaints about one text, none if it is good.

/// The longest name of an object.
const SUBDOMAIN_MAX: usize = 253;
/// The longest label of DNS, and with it the longest name of a pod that is also its hostname.
const LABEL_MAX: usize = 63;

/// The text `[a-z0-9]([-a-z0-9]*[a-z0-9])?`.
fn is_label_text(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    bounded(text, inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn bounded(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

/// A label of DNS: the names of containers and volumes, hostnames.
pub(crate) fn dns_label(text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if text.len() > LABEL_MAX {
        complaints.push(format!("must be no more than {LABEL_MAX} characters"));
    }
    if !is_label_text(text) && text.split('.').all(is_label_text) {
        complaints.push("must not contain dots".to_owned());
    } else if !is_label_text(text) {
        complaints.push(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
             and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', \
             regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                .to_owned(),
        );
    }
    complaints
}

/// Dot-separated labels: the names of objects.
pub(crate) fn dns_subdomain(text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if text.len() > SUBDOMAIN_MAX {
        complaints.push(format!("must be no more than {SUBDOMAIN_MAX} characters"));
    }
    if !text.split('.').all(is_label_text) {
        complaints.push(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
             '-' or '.', and must start and end with an alphanumeric character (e.g. \
             'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                .to_owned(),
        );
    }
    complaints
}

/// The text `([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]`.
fn is_qualified_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends_well = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        && ends_well(bytes.first())
        && ends_well(bytes.last())
}

/// A key of labels and annotations: a name, with a domain and a slash before it or without.
pub(crate) fn qualified_name(text: &str) -> Vec<String> {
    const NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start \
                        and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
                        '123-abc', regex used for validation is \
                        '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let parts: Vec<&str> = text.split('/').collect();
    let mut complaints = Vec::new();
    let name = match parts[..] {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                complaints.push("prefix part must be non-empty".to_owned());
            } else {
                let wrong = dns_subdomain(prefix).into_iter();
                complaints.extend(wrong.map(|complaint| format!("prefix part {complaint}")));
            }
            name
        }
        _ => {
            return vec![format!(
                "a qualified name {NAME} with an optional DNS subdomain prefix and '/' (e.g. \
                 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        complaints.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_MAX {
        complaints.push(format!("name part must be no more than {LABEL_MAX} characters"));
    }
    if !is_qualified_text(name) {
        complaints.push(format!("name part {NAME}"));
    }
    complaints
}

/// The value of a label.
pub(crate) fn label_value(text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if text.len() > LABEL_MAX {
        complaints.push(format!("must be no more than {LABEL_MAX} bytes"));
    }
    if !text.is_empty() && !is_qualified_text(text) {
        complaints.push(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' \
             or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or \
             'my_value',  or '12345', regex used for validation is \
             '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                .to_owned(),
        );
    }
    complaints
}

/// The name of an environment variable: any printable ASCII but `=`.
pub(crate) fn env_var_name(text: &str) -> Vec<String> {
    if bounded(text, |byte| (b' '..=b'~').contains(&byte) && byte != b'=') {
        return Vec::new();
    }
    vec![
        "a valid environment variable name must consist only of printable ASCII characters other \
         than '='"
            .to_owned(),
    ]
}

/// A key of a ConfigMap or Secret, which is also the name of a file.
pub(crate) fn config_key(text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if text.len() > SUBDOMAIN_MAX {
        complaints.push(format!("must be no more than {SUBDOMAIN_MAX} characters"));
    }
    if !bounded(text, |byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        complaints.push(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. \
             'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is \
             '[-._a-zA-Z0-9]+')"
                .to_owned(),
        );
    }
    if text == "." || text.starts_with("..") {
        complaints.push(match text {
            "." => "must not be '.'".to_owned(),
            ".." => "must not be '..'".to_owned(),
            _ => "must not start with '..'".to_owned(),
        });
    }
    complaints
}

/// Characters that the path of a URL may hold as they are.
pub(crate) fn http_path(text: &str) -> Vec<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/%-._~!$&'()*+,;=:".contains(&byte);
    if bounded(text, allowed) {
        return Vec::new();
    }
    vec![
        "a valid domain path must consist of alphanumeric characters, '/', '-', '.', '_', '~', \
         '!', '$', '&', ''', '(', ')', '*', '+', ',', ';', '=', ':' or percent-encoded characters \
         (e.g. 'acme.io/foo')"
            .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&str) -> Vec<String>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(rule(text), Vec::<String>::new(), "{text:?}");
        }
        for text in bad {
            assert!(!rule(text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn names_keep_to_their_formats() {
        let long = "a".repeat(64);
        check(dns_label, &["a", "a-1", "1a"], &["", "A", "a.b", "-a", "a-", "a_b", &long]);
        check(dns_subdomain, &["a.b", "a-1.2", &long], &["", ".", "a.", "a..b", "A.b"]);
        check(qualified_name, &["a", "A_b.c", "a.b/C"], &["", "a b", "/a", "a/", "a/b/c", "A/b"]);
        check(label_value, &["", "a", "A_b.c"], &["-", "a b", "a/b", &long]);
        check(env_var_name, &["A", "a.b-c", "1 2"], &["", "A=B", "é"]);
        check(config_key, &["a.b", "_", ".a"], &["", ".", "..", "..a", "a/b"]);
    }
}
