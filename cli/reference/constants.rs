//! Constants of a source file, with what is said of them there.

/// A constant: `pub const NAME: TYPE = VALUE;` after its comment.
pub(super) struct Constant {
    pub(super) name: String,
    pub(super) value: String,
    /// The comment, in one line.
    pub(super) said: String,
}

/// The constants of `source`, in order.
pub(super) fn constants(source: &str) -> Vec<Constant> {
    let mut found = Vec::new();
    let mut said = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if let Some(comment) = line.strip_prefix("/// ") {
            said += if said.is_empty() { "" } else { " " };
            said += comment;
        } else if let Some(declared) = line.strip_prefix("pub const ") {
            let mut declared = declared.to_owned();
            while !declared.ends_with(';') {
                declared += lines.next().expect("a constant must end").trim();
            }
            let (name, rest) = declared.split_once(':').expect("a constant must have a type");
            let (_, value) = rest.split_once('=').expect("a constant must have a value");
            let (name, value) = (name.to_owned(), value.trim_end_matches(';').trim().to_owned());
            found.push(Constant { name, value, said: std::mem::take(&mut said) });
        } else {
            said.clear();
        }
    }
    found
}

/// The number that the expression `value` stands for, which may name others of `constants`.
pub(super) fn number(value: &str, constants: &[Constant]) -> u64 {
    let all = |operator, apply: fn(u64, u64) -> u64| {
        let parts = value.split_once(operator)?;
        Some(apply(number(parts.0, constants), number(parts.1, constants)))
    };
    let value = value.trim();
    let named =
        || constants.iter().find(|it| it.name == value).map(|it| number(&it.value, constants));
    let bare = value.trim_start_matches("Duration::from_secs(").trim_end_matches(')');
    let digits = bare.replace('_', "").replace(".0", "");
    all(" << ", |left, right| left << right)
        .or_else(|| all(" - ", |left, right| left - right))
        .or_else(|| all(" / ", |left, right| left / right))
        .or_else(|| all(" * ", |left, right| left * right))
        .or_else(named)
        .or_else(|| digits.parse().ok())
        .unwrap_or_else(|| panic!("{value} is no number that this can read"))
}

#[test]
fn constants_are_found_with_their_numbers() {
    let source = "//! x\n\n/// One\n/// and more.\npub const A: usize = 3 * 1024 * 1_0;\n\n/// B.\npub \
                  const B: u64 =\n    A / 2 - 20;\n/// C.\npub const C: Duration = Duration::from_secs(5);";
    let found = constants(source);
    let read: Vec<_> =
        found.iter().map(|it| (&*it.name, number(&it.value, &found), &*it.said)).collect();
    assert_eq!(read, [("A", 30_720, "One and more."), ("B", 15_340, "B."), ("C", 5, "C.")]);
}
