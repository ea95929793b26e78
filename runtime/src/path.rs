//! Paths in the guest, as text. Nothing here looks at a file, so a link is not followed: what
//! keeps a guest inside its mounts is wasmtime-wasi, which opens them part by part.

use crate::limits::PATH_BYTES_MAX;
use crate::module::Digest;

/// Brings an absolute path into one form: no `.`, no doubled and no final slash.
///
/// Gives nothing if it is not absolute, has `..` in it or a zero byte.
pub(crate) fn absolute(path: &str) -> Option<String> {
    if !path.starts_with('/') || path.contains('\0') {
        return None;
    }
    plain("/", path.trim_start_matches('/')).filter(|_| !path.split('/').any(|part| part == ".."))
}

/// The absolute path that `path` means in the directory `dir`, which is in the one form.
///
/// Gives nothing if `path` is absolute, or leads out of `dir`.
///
/// One that is longer than any that a guest can name, as in directories that it has made in each
/// other, is told by a digest: each descriptor has its path, and all of them would fill our memory.
/// Nothing that we make up lies so deep.
pub(crate) fn join(dir: &str, path: &str) -> Option<String> {
    let joined = plain(dir, path)?;
    if joined.len() <= PATH_BYTES_MAX as usize {
        return Some(joined);
    }
    Some(format!("\0{}", Digest::of(joined.as_bytes()).hex()))
}

fn plain(dir: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    let mut joined = dir.trim_end_matches('/').to_owned();
    for part in parts {
        joined.push('/');
        joined.push_str(part);
    }
    if joined.is_empty() {
        joined.push('/');
    }
    Some(joined)
}

/// The directory and the name of a path in the one form; the root has no name.
pub(crate) fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((dir, name)) => (dir, name),
        None => ("/", path),
    }
}

/// What is left of `path` below `dir`, both in the one form; empty if they are the same.
pub(crate) fn below<'a>(dir: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(dir.trim_end_matches('/'))?;
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_text_and_never_lead_out() {
        let table = [
            ("/dev", "null", Some("/dev/null")),
            ("/dev", "./null", Some("/dev/null")),
            ("/", "dev//null", Some("/dev/null")),
            ("/", "", Some("/")),
            ("/dev", ".", Some("/dev")),
            ("/a", "b/../c", Some("/a/c")),
            ("/a", "../b", None),
            ("/a", "b/../../c", None),
            ("/a", "/b", None),
        ];
        for (dir, path, expect) in table {
            assert_eq!(join(dir, path).as_deref(), expect, "{path} in {dir}");
        }
    }

    #[test]
    fn a_path_stays_short_however_deep_it_leads() {
        let (name, other) = ("x".repeat(255), "y".repeat(255));
        let down = |name: &str| (0..1000).try_fold("/".to_owned(), |dir, _| join(&dir, name));
        let (deep, elsewhere) = (down(&name).unwrap(), down(&other).unwrap());
        assert!(deep.len() <= 4096, "{}", deep.len());
        assert_eq!(down(&name).as_ref(), Some(&deep));
        assert_ne!(deep, elsewhere);
        assert_eq!(join(&deep, "."), Some(deep.clone()));
        assert_eq!(join(&deep, ".."), None);
    }

    #[test]
    fn absolute_paths_come_into_one_form() {
        let table = [
            ("/", Some("/")),
            ("/a/", Some("/a")),
            ("//a/./b", Some("/a/b")),
            ("a", None),
            ("", None),
            ("/a/../b", None),
            ("/a\0", None),
        ];
        for (path, expect) in table {
            assert_eq!(absolute(path).as_deref(), expect, "{path:?}");
        }
    }

    #[test]
    fn what_is_below_a_directory() {
        let table = [
            ("/a", "/a/b/c", Some("b/c")),
            ("/a", "/a", Some("")),
            ("/a", "/ab", None),
            ("/", "/a", Some("a")),
            ("/", "/", Some("")),
        ];
        for (dir, path, expect) in table {
            assert_eq!(below(dir, path), expect, "{path} below {dir}");
        }
    }
}
