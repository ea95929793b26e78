//! What annotations, labels and finalizers mean here.

use std::collections::BTreeMap;

use mayfly_controller::annotations::Annotations;
use mayfly_controller::api::names::{ALLOW_HOSTS, TRACEPARENT};

use super::constants::{Constant, constants};
use super::{check, code, page, prose, table};

#[test]
fn annotations() {
    let introduction = "mayfly's own begin with `mayfly.dev/`.\n\
                        In a Job those of a pod belong under `spec.template.metadata`.\n\
                        A name with a typo is an annotation like any other, and says nothing to \
                        mayfly; a value that is not as it must be is refused when the object is \
                        made.";
    let mut text = page("Annotations and labels", introduction);
    let names = constants(include_str!("../../controller/src/api/names.rs"));
    let ours = |it: &&Constant| it.value.starts_with("\"mayfly.dev/") && !it.value.ends_with("-\"");
    let (of_node, of_people): (Vec<_>, Vec<_>) =
        names.iter().filter(ours).partition(|it| it.said.contains("the node gives"));

    text += "\n## What a pod asks for\n\n";
    let wanted = wanted(&of_people);
    let rows = of_people.iter().map(|it| {
        let name = it.value.trim_matches('"');
        let value = wanted.get(name).map(|it| it.trim_start_matches("must be ")).map(prose);
        let told_elsewhere = match name {
            ALLOW_HOSTS => "see [Network](../network.md)",
            TRACEPARENT => "see [Observing](../observing.md#traces)",
            _ => "",
        };
        [code(name), prose(meaning(it)), value.unwrap_or_else(|| told_elsewhere.to_owned())]
    });
    table(&mut text, ["annotation", "means", "value"], rows);

    text += "\n## What a pod used\n\n\
             The node writes these when a container has ended, together with the end itself.\n\
             They inform; nothing is decided by them.\n\n";
    let rows = of_node.iter().map(|it| [code(it.value.trim_matches('"')), prose(meaning(it))]);
    table(&mut text, ["annotation", "means"], rows);

    text += "\n## Kubernetes' own\n\nThese mean what they mean there.\n\n";
    let kinds = ["Label", "Annotation", "Finalizer"];
    let theirs = names.iter().filter(|it| !ours(it) && !it.value.starts_with("\"mayfly"));
    let theirs = theirs.filter(|it| kinds.iter().any(|kind| it.said.starts_with(kind)));
    let rows = theirs.map(|it| {
        let (kind, _) = it.said.split_once(':').expect("the comment must say what it is of");
        [code(it.value.trim_matches('"')), kind.to_lowercase(), prose(meaning(it))]
    });
    table(&mut text, ["name", "is", "means"], rows);
    check("annotations", &text);
}

/// What a comment says after what it is that has the name.
fn meaning(constant: &Constant) -> &str {
    let (_, meaning) = constant.said.split_once(": ").expect("the comment must say what it is of");
    // Links are for readers of the code.
    meaning.split(" ([").next().unwrap_or(meaning).trim_end_matches('.')
}

/// What the value of each annotation must be, as whoever wrote another is told.
fn wanted(names: &[&Constant]) -> BTreeMap<&'static str, &'static str> {
    let none = names.iter().map(|it| (it.value.trim_matches('"').to_owned(), String::new()));
    let (_, wrong) = Annotations::parse(Some(&none.collect()));
    wrong.into_iter().map(|it| (it.name, it.wanted)).collect()
}
