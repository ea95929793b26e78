//! Label selectors: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.

use std::collections::BTreeMap;

/// What the labels of an object must be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LabelSelector(Vec<Requirement>);

#[derive(Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    must: Must,
}

#[derive(Debug, PartialEq, Eq)]
enum Must {
    Exist,
    NotExist,
    BeIn(Vec<String>),
    NotBeIn(Vec<String>),
}

impl LabelSelector {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let terms = terms(text);
        let terms = terms.iter().map(|term| term.trim()).filter(|term| !term.is_empty());
        let requirements = terms.map(|term| {
            requirement(term).ok_or_else(|| {
                format!("unable to parse requirement: found '{term}', expected: a requirement")
            })
        });
        requirements.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn matches(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.0.iter().all(|Requirement { key, must }| {
            let label = labels.and_then(|labels| labels.get(key));
            match must {
                Must::Exist => label.is_some(),
                Must::NotExist => label.is_none(),
                Must::BeIn(values) => label.is_some_and(|label| values.contains(label)),
                Must::NotBeIn(values) => label.is_none_or(|label| !values.contains(label)),
            }
        })
    }
}

/// `text` cut at the commas that are not within parentheses.
fn terms(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut is_within = false;
    for character in text.chars() {
        match character {
            '(' => is_within = true,
            ')' => is_within = false,
            _ => {}
        }
        if character == ',' && !is_within {
            terms.push(String::new());
        } else if let Some(last) = terms.last_mut() {
            last.push(character);
        }
    }
    terms
}

fn requirement(term: &str) -> Option<Requirement> {
    let of = |key: &str, must: Must| {
        let key = key.trim();
        is_key(key).then(|| Requirement { key: key.to_owned(), must })
    };
    if let Some(key) = term.strip_prefix('!') {
        return of(key, Must::NotExist);
    }
    if let Some((left, values)) = term.split_once('(') {
        let values = values.trim_end().strip_suffix(')')?;
        let values: Option<Vec<String>> = values.split(',').map(value).collect();
        let (key, operator) = left.trim_end().rsplit_once(char::is_whitespace)?;
        return match operator {
            "in" => of(key, Must::BeIn(values?)),
            "notin" => of(key, Must::NotBeIn(values?)),
            _ => None,
        };
    }
    if let Some((key, text)) = term.split_once("!=") {
        return of(key, Must::NotBeIn(vec![value(text)?]));
    }
    if let Some((key, text)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return of(key, Must::BeIn(vec![value(text)?]));
    }
    of(term, Must::Exist)
}

fn is_key(text: &str) -> bool {
    let is_allowed = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.' | '/');
    !text.is_empty() && text.chars().all(is_allowed)
}

fn value(text: &str) -> Option<String> {
    let text = text.trim();
    let is_allowed = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
    text.chars().all(is_allowed).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_selected_as_kubernetes_selects_them() {
        let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        let check = |text: &str, expect: Option<bool>| {
            let selector = LabelSelector::parse(text).ok();
            assert_eq!(selector.map(|it| it.matches(Some(&labels))), expect, "{text}");
        };
        check("", Some(true));
        check("a=b", Some(true));
        check("a==c", Some(false));
        check("a!=c,x!=y", Some(true));
        check("a in (b, c),!x", Some(true));
        check("a notin (b)", Some(false));
        check("x notin (b)", Some(true));
        check("x in (b),a", Some(false));
        check("batch.kubernetes.io/job-name=pi", Some(false));
        check("a = b", Some(true));
        check("a b", None);
        check("a in b", None);
        check("=b", None);
        check("a=b=c", None);
    }
}
