//! What the first comment of a manifest declares, in the form that `examples/README.md` describes.
//!
//! Knows text alone: neither how a manifest is run nor what came of it.

/// What a manifest declares.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Declaration {
    /// A script, and the file that it makes without which the manifest can't be run.
    pub(super) needs: Option<(String, String)>,
    /// More options for `mayfly run`.
    pub(super) options: Vec<String>,
    /// Lines of the manifest that are others when tests run it: a field and its value there.
    pub(super) in_tests: Vec<(String, String)>,
    /// What must hold in the end.
    pub(super) clauses: Vec<Clause>,
    /// Lines that containers must have printed.
    pub(super) logs: Vec<String>,
    /// Lines that mayfly must have written to standard error.
    pub(super) errors: Vec<String>,
}

/// One thing that must hold in the end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Clause {
    /// The exit code of `mayfly run`.
    Exit(i32),
    /// Type and reason of a condition that is True.
    Condition(String, String),
    /// How many different lines the containers printed.
    Lines(usize),
    /// A field of the status, as a path, and its value.
    Field(String, String),
}

impl Declaration {
    /// Reads the comment that `manifest` begins with, or says what is wrong with it.
    pub(super) fn parse(manifest: &str) -> Result<Self, String> {
        let mut declaration = Self::default();
        for line in manifest.lines().map_while(|line| line.strip_prefix('#')) {
            let Some((word, rest)) = line.trim().split_once(": ") else { continue };
            match word {
                "needs" => {
                    let needs = rest.split_once(' ').ok_or(format!("no file in {rest}"))?;
                    declaration.needs = Some((needs.0.to_owned(), needs.1.to_owned()));
                }
                "run" => declaration.options.extend(rest.split_whitespace().map(str::to_owned)),
                "in-tests" => {
                    let field = rest.split_once(": ").ok_or(format!("no field in {rest}"))?;
                    declaration.in_tests.push((field.0.to_owned(), field.1.to_owned()));
                }
                "expect" => {
                    for clause in rest.split("; ") {
                        declaration.clauses.push(Clause::parse(clause)?);
                    }
                }
                "expect-log" => declaration.logs.push(rest.to_owned()),
                "expect-error" => declaration.errors.push(rest.to_owned()),
                _ if word.starts_with("expect") => return Err(format!("unknown word {word}")),
                _ => {}
            }
        }
        match declaration.clauses.iter().any(|clause| matches!(clause, Clause::Exit(_))) {
            true => Ok(declaration),
            false => Err("it declares no `# expect: exit=N`".to_owned()),
        }
    }

    /// `manifest` with the lines that are others in tests.
    pub(super) fn as_tested(&self, manifest: &str) -> String {
        let line = |line: &str| {
            let is_field = |(field, _): &&(String, String)| {
                line.trim_start().strip_prefix(field).is_some_and(|rest| rest.starts_with(':'))
            };
            let found = self.in_tests.iter().find(is_field);
            found.map_or(line.to_owned(), |(field, value)| {
                let indent = &line[..line.len() - line.trim_start().len()];
                format!("{indent}{field}: {value}")
            })
        };
        manifest.lines().map(|it| line(it) + "\n").collect()
    }
}

impl Clause {
    fn parse(text: &str) -> Result<Self, String> {
        let number = |value: &str| format!("no number in {text}: {value}");
        match (text.split_once('='), text.split_once('/')) {
            (Some(("exit", value)), _) => value.parse().map(Self::Exit).map_err(|_| number(value)),
            (Some(("lines", value)), _) => {
                value.parse().map(Self::Lines).map_err(|_| number(value))
            }
            (Some((field, value)), _) => Ok(Self::Field(field.to_owned(), value.to_owned())),
            (None, Some((kind, reason))) => Ok(Self::Condition(kind.to_owned(), reason.to_owned())),
            (None, None) => Err(format!("neither FIELD=VALUE nor TYPE/REASON: {text}")),
        }
    }
}

/// Whether `text` is what `pattern` says, in which `…` stands for any text.
pub(super) fn is_match(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn declarations_are_read() {
    let check = |manifest: &str, expect: Result<Declaration, &str>| {
        assert_eq!(Declaration::parse(manifest), expect.map_err(str::to_owned), "{manifest}");
    };
    check(
        "# A Job.\n# Note: text.\n# needs: a/b c d\n# run: --timeout 1s\n# in-tests: a: b\n\
         # expect: exit=1; Failed/Reason; lines=2\n\
         # expect: a.0.b=c d\n# expect-log: x: y\n# expect-error: …z\nkind: Job\n# expect: no=1\n",
        Ok(Declaration {
            needs: Some(("a/b".to_owned(), "c d".to_owned())),
            options: vec!["--timeout".to_owned(), "1s".to_owned()],
            in_tests: vec![("a".to_owned(), "b".to_owned())],
            clauses: vec![
                Clause::Exit(1),
                Clause::Condition("Failed".to_owned(), "Reason".to_owned()),
                Clause::Lines(2),
                Clause::Field("a.0.b".to_owned(), "c d".to_owned()),
            ],
            logs: vec!["x: y".to_owned()],
            errors: vec!["…z".to_owned()],
        }),
    );
    check("kind: Job\n", Err("it declares no `# expect: exit=N`"));
    check("# expect: succeeded=1\n", Err("it declares no `# expect: exit=N`"));
    check("# expect: exit=x\n", Err("no number in exit=x: x"));
    check("# in-tests: a\n", Err("no field in a"));
    check("# expect: exit\n", Err("neither FIELD=VALUE nor TYPE/REASON: exit"));
    check("# needs: a\n", Err("no file in a"));
    check("# expect-logs: x\n", Err("unknown word expect-logs"));
}

#[test]
fn fields_are_others_in_tests() {
    let declaration =
        Declaration { in_tests: vec![("a".to_owned(), "3".to_owned())], ..Declaration::default() };
    assert_eq!(declaration.as_tested("b: 1\n  a: 2\n  ab: 4\n"), "b: 1\n  a: 3\n  ab: 4\n");
}

#[test]
fn patterns_match() {
    let check = |pattern: &str, text: &str, expect: bool| {
        assert_eq!(is_match(pattern, text), expect, "{pattern:?} against {text:?}");
    };
    check("abc", "abc", true);
    check("abc", "abcd", false);
    check("abc", "xabc", false);
    check("a…", "abc", true);
    check("…c", "abc", true);
    check("a…c", "abc", true);
    check("a…c", "ac", true);
    check("a…a", "a", false);
    check("…b…", "abc", true);
    check("…x…", "abc", false);
    check("a…b…c", "a b c", true);
    check("", "a", false);
}
