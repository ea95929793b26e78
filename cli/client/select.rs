//! Which objects the words of a command line mean.
//!
//! ```text
//! jobs            every Job            job a b         two of them
//! jobs,pods       of two kinds         job/a pod/b     one of each
//! -f job.yml      what manifests name
//! ```

use serde_json::Value;

use super::complaint::{Complaint, is_refusal, selecting};
use super::connect::Connection;
use super::files;
use super::request::{As, Pairs, Server};
use super::resource::{Resource, Resources};
use crate::args::client::SelectArguments;

/// What `all` means, of the kinds that mayfly serves.
const ALL: [&str; 3] = ["pods", "cronjobs", "jobs"];

/// Some objects of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) resource: Resource,
    /// Where; in every namespace if there is none.
    pub(super) namespace: Option<String>,
    /// Which; every one if there is none.
    pub(super) names: Vec<String>,
}

/// Everything that is meant.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) targets: Vec<Target>,
    /// The selectors, for lists.
    pub(super) query: Pairs,
    /// Whether several resources were named: then each name is shown with its kind.
    pub(super) is_mixed: bool,
}

/// Words, taken apart: types, and names of them.
#[derive(Debug, PartialEq, Eq)]
enum Words<'a> {
    Types { types: Vec<&'a str>, names: Vec<String> },
    Pairs(Vec<(&'a str, String)>),
}

impl Selection {
    /// What `arguments` mean on the server of `connection`.
    pub(super) async fn of(
        arguments: &SelectArguments,
        connection: &Connection,
    ) -> anyhow::Result<Self> {
        let query = selectors(arguments);
        let mut resources = Resources::new(&connection.server);
        if !arguments.files.files.is_empty() {
            let targets = from_files(arguments, connection, &mut resources).await?;
            return Ok(Self { is_mixed: is_mixed(&targets), targets, query });
        }
        let words = Words::parse(&arguments.words)?;
        let namespace = (!arguments.all_namespaces).then(|| connection.namespace.clone());
        let mut targets: Vec<Target> = Vec::new();
        match words {
            Words::Types { types, names } => {
                check_names(arguments, &names)?;
                for word in types {
                    let resource = resources.meant(word).await?;
                    let namespace = namespace.clone();
                    targets.push(Target { resource, namespace, names: names.clone() });
                }
            }
            Words::Pairs(pairs) => {
                for (word, name) in pairs {
                    check_names(arguments, std::slice::from_ref(&name))?;
                    let resource = resources.meant(word).await?;
                    match targets.last_mut() {
                        Some(last) if last.resource == resource => last.names.push(name),
                        _ => targets.push(Target {
                            resource,
                            namespace: namespace.clone(),
                            names: vec![name],
                        }),
                    }
                }
            }
        }
        Ok(Self { is_mixed: is_mixed(&targets), targets, query })
    }

    /// Whether exactly one object was named, which is then shown by itself and not as a list.
    pub(super) fn is_one(&self) -> bool {
        matches!(self.targets.as_slice(), [only] if only.names.len() == 1)
    }

    /// Whether anything was named, and so has to be there.
    pub(super) fn has_names(&self) -> bool {
        self.targets.iter().any(|target| !target.names.is_empty())
    }

    /// The sentence for when there is none.
    pub(super) fn nothing_found(&self) -> String {
        let namespaced = self.targets.iter().all(|target| target.resource.is_namespaced);
        match self.targets.first().and_then(|target| target.namespace.as_ref()) {
            Some(namespace) if namespaced => {
                format!("No resources found in {namespace} namespace.")
            }
            _ => "No resources found".to_owned(),
        }
    }
}

impl<'a> Words<'a> {
    fn parse(words: &'a [String]) -> anyhow::Result<Self> {
        let Some(first) = words.first() else {
            return Err(Complaint::usage(
                "which objects? A type is wanted, such as jobs or pod/NAME, or -f FILE",
            ));
        };
        if first.contains('/') {
            let pairs = words.iter().map(|word| pair(word)).collect::<anyhow::Result<_>>()?;
            return Ok(Self::Pairs(pairs));
        }
        if let Some(word) = words.iter().find(|word| word.contains('/')) {
            return Err(Complaint::usage(format!(
                "there is no need to specify a resource type as a separate argument when passing \
                 arguments in resource/name form (e.g. 'mayfly get {word}' instead of 'mayfly get \
                 {first} {word}')"
            )));
        }
        let types = first.split(',').filter(|word| !word.is_empty());
        let types: Vec<&str> =
            types.flat_map(|word| if word == "all" { ALL.to_vec() } else { vec![word] }).collect();
        let names: Vec<String> = words[1..].to_vec();
        if types.is_empty() || names.iter().any(String::is_empty) {
            return Err(Complaint::usage("a type and a name can't be empty"));
        }
        Ok(Self::Types { types, names })
    }
}

/// `TYPE/NAME`.
pub(super) fn pair(word: &str) -> anyhow::Result<(&str, String)> {
    match word.split_once('/') {
        Some((kind, name)) if !kind.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((kind, name.to_owned()))
        }
        _ => Err(Complaint::usage(format!(
            "arguments in resource/name form must have a single resource and name, not {word}"
        ))),
    }
}

fn check_names(arguments: &SelectArguments, names: &[String]) -> anyhow::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    if arguments.selector.is_some() || arguments.field_selector.is_some() {
        return Err(Complaint::usage("name cannot be provided when a selector is specified"));
    }
    if arguments.all_namespaces {
        let text = "a resource cannot be retrieved by name across all namespaces";
        return Err(Complaint::usage(text));
    }
    Ok(())
}

/// The selectors of `arguments` as a query.
fn selectors(arguments: &SelectArguments) -> Pairs {
    let mut query = Pairs::new();
    if let Some(selector) = &arguments.selector {
        query.push(("labelSelector", selector.clone()));
    }
    if let Some(selector) = &arguments.field_selector {
        query.push(("fieldSelector", selector.clone()));
    }
    query
}

fn is_mixed(targets: &[Target]) -> bool {
    targets.windows(2).any(|pair| pair[0].resource != pair[1].resource)
}

async fn from_files(
    arguments: &SelectArguments,
    connection: &Connection,
    resources: &mut Resources<'_>,
) -> anyhow::Result<Vec<Target>> {
    if !arguments.words.is_empty() {
        let text = "when -f names the objects, no types or names can be given as well";
        return Err(Complaint::usage(text));
    }
    let mut targets: Vec<Target> = Vec::new();
    for document in files::read(&arguments.files)? {
        let resource = resources.of_kind(&document.api_version(), &document.kind()).await?;
        let namespace = document.namespace(connection)?;
        let name = document.name();
        if name.is_empty() {
            return Err(Complaint::usage(format!(
                "{}: resource name may not be empty",
                document.place
            )));
        }
        match targets.last_mut() {
            Some(last)
                if last.resource == resource && last.namespace.as_ref() == Some(&namespace) =>
            {
                last.names.push(name);
            }
            _ => {
                targets.push(Target { resource, namespace: Some(namespace), names: vec![name] });
            }
        }
    }
    Ok(targets)
}

/// The objects of `target`. A name that is none but the beginning of one is taken for that, if
/// `with_prefixes`.
pub(super) async fn named_or_listed(
    server: &Server,
    target: &Target,
    query: &Pairs,
    with_prefixes: bool,
) -> anyhow::Result<Vec<Value>> {
    let path = target.resource.path(target.namespace.as_deref());
    if target.names.is_empty() {
        return selecting(server.list(&path, query).await, &target.resource, query);
    }
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let mut objects = Vec::new();
    for name in &target.names {
        let one = target.resource.path_of(namespace, name);
        match server.get(&one, &Vec::new(), As::Objects).await {
            Ok(object) => objects.push(object),
            Err(error) if with_prefixes && is_refusal(&error, 404) => {
                let is_meant = |object: &Value| {
                    let found = object["metadata"]["name"].as_str().unwrap_or_default();
                    found.starts_with(name.as_str())
                };
                let found = server.list(&path, query).await?;
                let found: Vec<Value> = found.into_iter().filter(is_meant).collect();
                if found.is_empty() {
                    return Err(error);
                }
                objects.extend(found);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_apart() {
        let parse = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            match Words::parse(&words) {
                Ok(Words::Types { types, names }) => {
                    format!("{} {}", types.join("+"), names.join("+"))
                }
                Ok(Words::Pairs(pairs)) => {
                    let pairs: Vec<_> =
                        pairs.iter().map(|(kind, name)| format!("{kind}:{name}")).collect();
                    pairs.join(" ")
                }
                Err(error) => format!("{error}"),
            }
        };
        assert_eq!(parse(&["jobs"]), "jobs ");
        assert_eq!(parse(&["jobs,pods"]), "jobs+pods ");
        assert_eq!(parse(&["all"]), "pods+cronjobs+jobs ");
        assert_eq!(parse(&["job", "a", "b"]), "job a+b");
        assert_eq!(parse(&["job/a", "pod/b"]), "job:a pod:b");
        assert!(parse(&[]).contains("A type is wanted"));
        assert!(parse(&["job", "pod/b"]).contains("there is no need to specify"));
        assert!(parse(&["job/a", "b"]).contains("resource/name form"));
        assert!(parse(&["job/a/b"]).contains("resource/name form"));
        assert!(parse(&["job/"]).contains("resource/name form"));
        assert!(parse(&["job", ""]).contains("can't be empty"));
    }
}
