//! `$(NAME)` in commands, arguments and environment values.
//!
//! Source: Kubernetes' documentation of `command`: `$$` is a dollar, and a reference to a name that
//! is not there stays as it was written.

/// `text` with each `$(NAME)` replaced by what `lookup` has for it.
pub(crate) fn expand<'a>(text: &str, lookup: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            match lookup(name) {
                Some(value) => expanded.push_str(value),
                None => expanded.extend(["$(", name, ")"]),
            }
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    expanded.push_str(rest);
    expanded
}

/// The name in the parentheses that `text` begins with, and what follows them.
fn reference(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('(')?.split_once(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_nothing_else() {
        let check = |text: &str, expected: &str| {
            let lookup = |name: &str| match name {
                "A" => Some("a"),
                "EMPTY" => Some(""),
                "REFERENCE" => Some("$(A)"),
                "with space" => Some("spaced"),
                _ => None,
            };
            assert_eq!(expand(text, lookup), expected, "{text:?}");
        };
        check("", "");
        check("plain", "plain");
        check("$(A)", "a");
        check("x$(A)y$(A)", "xaya");
        check("[$(EMPTY)]", "[]");
        check("$(MISSING)", "$(MISSING)");
        check("$$(A)", "$(A)");
        check("$$$(A)", "$a");
        check("$$$$(A)", "$$(A)");
        check("$(REFERENCE)", "$(A)");
        check("$(with space)", "spaced");
        check("$A", "$A");
        check("$", "$");
        check("a$", "a$");
        check("$(", "$(");
        check("$(A", "$(A");
        check("$(A $(A)", "$(A $(A)");
        check("$()", "$()");
        check("$ü$(A)", "$üa");
        check("$($(A))", "$($(A))");
    }
}
