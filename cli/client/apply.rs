//! `mayfly apply`: objects as manifests say, by server-side apply.
//!
//! The server merges and knows whose each field is; here it is only told what became of it. Other
//! than kubectl's client-side apply, this leaves no copy of the manifest in an annotation.

use serde_json::Value;

use super::complaint::{Complaint, Complaints, doing, is_refusal};
use super::connect::Connection;
use super::create::Maker;
use super::files::{self, Document};
use super::output;
use super::request::{As, Content};
use super::resource::{Resource, Resources};
use crate::args::client::{ApplyArguments, DryRun};
use crate::exit::Exit;

/// Applies what `arguments` name.
pub(super) async fn apply(arguments: &ApplyArguments) -> anyhow::Result<Exit> {
    if arguments.files.files.is_empty() {
        return Err(Complaint::usage("must specify -f FILE"));
    }
    let documents = files::read(&arguments.files)?;
    let connection = Connection::open(&arguments.make.server).await?;
    let mut resources = Resources::new(&connection.server);
    let mut complaints = Complaints::default();
    for document in documents {
        let resource = resources.of_kind(&document.api_version(), &document.kind()).await;
        let Some(resource) = complaints.take(resource)? else { continue };
        let applied = one(arguments, &connection, &resource, &document).await;
        let source = &document.place.source;
        complaints.take(doing(applied, &format!("error when applying \"{source}\": ")))?;
    }
    complaints.finish()
}

async fn one(
    arguments: &ApplyArguments,
    connection: &Connection,
    resource: &Resource,
    document: &Document,
) -> anyhow::Result<()> {
    let maker = Maker::new(connection, &arguments.make);
    let namespace = document.namespace(connection)?;
    let name = document.name();
    let mut object = document.object.clone();
    if resource.is_namespaced {
        object["metadata"]["namespace"] = namespace.as_str().into();
    }
    if name.is_empty() {
        let text = format!("{}: an object to be applied must have a name", document.place);
        return Err(Complaint::usage(text));
    }
    let path = resource.path_of(&namespace, &name);
    let before = match connection.server.get(&path, &Vec::new(), As::Objects).await {
        Ok(before) => Some(before),
        Err(error) if is_refusal(&error, 404) => None,
        Err(error) => return Err(error),
    };
    if arguments.make.dry_run == DryRun::Client {
        let done = if before.is_some() { "configured" } else { "created" };
        return maker.say(&object, done);
    }
    let mut query = maker.query(&arguments.field_manager);
    if arguments.force_conflicts {
        query.push(("force", "true".to_owned()));
    }
    let after = connection.server.patch(&path, &query, Content::Apply, &object).await;
    let after = after.map_err(with_a_way_out)?;
    maker.say(&after, what_became(before.as_ref(), &after))
}

/// `error`, and if it is that fields belong to somebody else, what can be done.
fn with_a_way_out(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Complaint>() {
        Ok(Complaint::Refused { mut status, doing }) => {
            if status.reason == "Conflict" {
                status.message += "\n(--force-conflicts takes these fields over.)";
            }
            Complaint::Refused { status, doing }.into()
        }
        Ok(other) => other.into(),
        Err(error) => error,
    }
}

/// What became of an object, in kubectl's words.
fn what_became(before: Option<&Value>, after: &Value) -> &'static str {
    let bare = |object: &Value| {
        let mut object = object.clone();
        output::without_managed_fields(&mut object);
        object
    };
    match before {
        None => "created",
        // When it is only tried, the version stays what it was.
        Some(before) if bare(before) == bare(after) => "unchanged",
        Some(_) => "configured",
    }
}
