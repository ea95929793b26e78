//! kubectl's JSONPath templates: text with paths in braces, ranges over what a path finds, filters,
//! slices, unions and recursive descent.
//!
//! Not the JSONPath of RFC 9535, which has neither ranges nor templates and other rules for what is
//! missing; no crate has this dialect. Pure.

mod evaluate;
mod parse;

use serde_json::Value;

/// A template, understood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    nodes: Vec<Node>,
    text: String,
}

/// One part of a template.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    /// To be printed as it is.
    Text(String),
    /// What a path finds, with spaces between.
    Path(Path),
    /// The inner part, once for each value that the path finds.
    Range(Path, Vec<Node>),
}

/// Steps from a value to others.
#[derive(Clone, Debug, Default, PartialEq)]
struct Path {
    /// Whether it starts at the whole (`$`) rather than where a range or a filter is.
    from_root: bool,
    steps: Vec<Step>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// `.name`, `['name']`
    Field(String),
    /// `.*`
    All,
    /// `..`
    Descend,
    /// `[1:9:2]`, and `[3]` as the slice of one.
    Slice { from: Option<i64>, to: Option<i64>, by: i64 },
    /// `[3]`, which must be there.
    Index(i64),
    /// `[0,2]`, `['a','b']`
    Union(Vec<Path>),
    /// `[?(@.a=="b")]`
    Filter { left: Operand, test: Option<(Test, Operand)> },
}

/// What a filter compares.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Path(Path),
    Literal(Value),
}

/// How a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Template {
    /// Understands `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Ok(Self { nodes: parse::template(text)?, text: text.to_owned() })
    }

    /// Understands a single path, with or without its braces and the dot before it.
    pub(crate) fn parse_path(text: &str) -> Result<Self, String> {
        let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let bare = bare.strip_prefix('$').unwrap_or(bare);
        let dot = if bare.starts_with(['.', '[']) { "" } else { "." };
        let template = Self::parse(&format!("{{{dot}{bare}}}"))?;
        match template.nodes.as_slice() {
            [Node::Path(_)] => Ok(template),
            _ => Err(format!("one path is wanted, such as {{.metadata.name}}, not {text}")),
        }
    }

    /// What is printed of `value`. What is missing is nothing.
    pub(crate) fn text_of(&self, value: &Value) -> Result<String, String> {
        evaluate::text(&self.nodes, value).map_err(|error| {
            format!("error executing jsonpath \"{}\": Error executing template: {error}", self.text)
        })
    }

    /// What the only path of the template finds in `value`.
    pub(crate) fn find<'a>(&self, value: &'a Value) -> Result<Vec<&'a Value>, String> {
        match self.nodes.as_slice() {
            [Node::Path(path)] => evaluate::find(path, value, value),
            _ => Ok(Vec::new()),
        }
    }
}

/// A found value as kubectl prints it: a text bare, a map or list as JSON.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => escape_html(&other.to_string()),
    }
}

/// JSON as Go writes it, in which `<`, `>` and `&` are escaped.
pub(crate) fn escape_html(json: &str) -> String {
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pods() -> Value {
        json!({"kind": "List", "items": [
            {"metadata": {"name": "a", "labels": {"k8s.io/x": "1"}}, "n": 1, "status": {"phase": "Running"}, "tags": ["p", "q", "r", "s"]},
            {"metadata": {"name": "b"}, "n": 2, "status": {"phase": "Failed", "reason": "Evicted"}, "tags": []},
            {"metadata": {"name": "c"}, "n": 3.5, "status": {"phase": "Running"}},
        ]})
    }

    fn check(template: &str, expect: &str) {
        let parsed =
            Template::parse(template).unwrap_or_else(|error| panic!("{template}: {error}"));
        assert_eq!(parsed.text_of(&pods()).as_deref(), Ok(expect), "{template}");
    }

    #[test]
    fn paths() {
        check("{.items[*].metadata.name}", "a b c");
        check("{.items..metadata.name}", "a b c");
        check("{..name}", "a b c");
        check("{$.items[0].metadata.name}", "a");
        check("{.items[0].metadata.labels.k8s\\.io/x}", "1");
        check("{.items[0]['metadata'].name}", "a");
        check("{.items[0].metadata.labels['k8s\\.io/x']}", "1");
        check("{.items[-1:].metadata.name}", "c");
        check("{.items[-1].metadata.name}", "c");
        check("{.items[0:2].metadata.name}", "a b");
        check("{.items[::2].metadata.name}", "a c");
        check("{.items[0,2].metadata.name}", "a c");
        check("{.items[0].tags[1:3]}", "q r");
        check("{.items[0].status.*}", "Running");
        check("{.items[0].status}", "{\"phase\":\"Running\"}");
        check("{.items[0].tags}", "[\"p\",\"q\",\"r\",\"s\"]");
        check("{.items[0].nothing.there}", "");
        check("{.kind}", "List");
        check("{.items[*].n}", "1 2 3.5");
        check("{.items[*]['n', 'kind']}", "1 2 3.5");
    }

    #[test]
    fn text_and_ranges() {
        check("no braces", "no braces");
        check("kind: {.kind}!", "kind: List!");
        check("{range .items[*]}{.metadata.name}{\"\\n\"}{end}", "a\nb\nc\n");
        check(
            "{range .items[*]}{.metadata.name}{'\\t'}{$.kind}{\";\"}{end}",
            "a\tList;b\tList;c\tList;",
        );
        check("{range .items[*]}[{range .tags[*]}{@},{end}]{end}", "[p,q,r,s,][][]");
        check("{.kind}{\" \"}{.items[0].metadata.name}", "List a");
    }

    #[test]
    fn filters() {
        check("{.items[?(@.status.phase==\"Running\")].metadata.name}", "a c");
        check("{.items[?(@.status.phase=='Failed')].metadata.name}", "b");
        check("{.items[?(@.status.phase != \"Running\")].metadata.name}", "b");
        check("{.items[?(@.status.reason)].metadata.name}", "b");
        check("{.items[?(@.n>=2)].metadata.name}", "b c");
        check("{.items[?(@.n<2)].metadata.name}", "a");
        check("{.items[?(@.n==2)].metadata.name}", "b");
        check("{.items[?(@.metadata.name==\"a]b\")].n}", "");
        check("{range .items[?(@.n>1)]}{.n} {end}", "2 3.5 ");
        check("{.items[?(@.metadata.labels.k8s\\.io/x==\"1\")].metadata.name}", "a");
    }

    #[test]
    fn what_can_not_be_understood() {
        let check = |template: &str, expect: &str| {
            let error = Template::parse(template).expect_err(template);
            assert!(error.contains(expect), "{template}: {error}");
        };
        check("{.items", "unclosed action");
        check("{.items[0}", "unterminated array");
        check("{.items[a]}", "invalid array index");
        check("{.items[?(@.a==\"b\"]}", "unterminated filter");
        check("{range .items[*]}{.a}", "range");
        check("{end}", "range");
        check("{\"a}", "unterminated quoted string");
        check("{.items[0:1:0]}", "step");
        check("{foo}", "unrecognized identifier foo");
    }

    #[test]
    fn what_is_beyond_the_end_is_told() {
        let template = Template::parse("{.items[7].metadata.name}").unwrap();
        let error = template.text_of(&pods()).unwrap_err();
        assert!(error.ends_with("array index out of bounds: index 7, length 3"), "{error}");
    }

    #[test]
    fn lone_paths() {
        for text in [".metadata.name", "metadata.name", "{.metadata.name}", "$.metadata.name"] {
            let path = Template::parse_path(text).unwrap();
            assert_eq!(path.find(&pods()["items"][0]).unwrap(), [&json!("a")], "{text}");
        }
        assert!(Template::parse_path("{.a}{.b}").is_err());
    }

    #[test]
    fn deep_templates_end() {
        let deep = "{range .a}".repeat(10_000);
        assert!(Template::parse(&deep).is_err());
    }
}
