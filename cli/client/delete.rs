//! `mayfly delete`: objects, and by default waits until they are gone.

use std::time::Duration;

use serde_json::{Value, json};

use super::complaint::{Complaint, Complaints, is_refusal};
use super::connect::Connection;
use super::output::print;
use super::request::{As, Pairs, Server};
use super::resource::Resource;
use super::select::Selection;
use super::wait::until_gone;
use crate::args::client::{Cascade, DeleteArguments, DryRun};
use crate::exit::Exit;

/// One object that is to go, or is going.
struct Going {
    resource: Resource,
    namespace: String,
    name: String,
    uid: String,
}

/// Deletes what `arguments` name.
pub(super) async fn delete(arguments: &DeleteArguments) -> anyhow::Result<Exit> {
    check(arguments)?;
    let connection = Connection::open(&arguments.server).await?;
    let selection = Selection::of(&arguments.select, &connection).await?;
    let mut complaints = Complaints::default();
    let wanted = wanted(&selection, &connection.server, arguments, &mut complaints).await?;
    let mut going = Vec::new();
    for mut one in wanted {
        match self::one(arguments, &connection.server, &one).await {
            Ok(answer) => {
                say(arguments, &one)?;
                one.uid = uid_of(&answer);
                going.push(one);
            }
            Err(error) if arguments.ignore_not_found && is_refusal(&error, 404) => {}
            Err(error) => complaints.add(error)?,
        }
    }
    if going.is_empty() && complaints.is_empty() && !selection.has_names() {
        // On standard output, where kubectl says it here.
        print("No resources found\n")?;
    }
    if arguments.wait && arguments.dry_run == DryRun::None {
        let timeout = (!arguments.timeout.is_zero()).then_some(arguments.timeout);
        for one in &going {
            complaints.take(gone(&connection.server, one, timeout).await)?;
        }
    }
    complaints.finish()
}

fn check(arguments: &DeleteArguments) -> anyhow::Result<()> {
    let select = &arguments.select;
    let is_selected = select.selector.is_some() || select.field_selector.is_some();
    let is_type_alone =
        matches!(select.words.as_slice(), [only] if !only.contains('/')) && !is_selected;
    let usage = |text: &str| Err(Complaint::usage(text));
    if is_type_alone && !arguments.all {
        return usage("resource(s) were provided, but no name was specified");
    }
    if arguments.all && is_selected {
        return usage("setting 'all' parameter but found a non empty selector.");
    }
    if arguments.all && select.words.len() > 1 {
        return usage("name cannot be provided when --all is given");
    }
    if arguments.now && arguments.grace_period >= 0 {
        return usage("--now and --grace-period cannot be specified together");
    }
    if arguments.force && arguments.grace_period > 0 {
        return usage("--force and --grace-period greater than 0 cannot be specified together");
    }
    if arguments.force {
        eprintln!(
            "Warning: Immediate deletion does not wait for confirmation that the running resource \
             has been terminated. The resource may continue to run on the cluster indefinitely."
        );
    }
    Ok(())
}

/// Each object that is meant.
async fn wanted(
    selection: &Selection,
    server: &Server,
    arguments: &DeleteArguments,
    complaints: &mut Complaints,
) -> anyhow::Result<Vec<Going>> {
    let mut wanted = Vec::new();
    for target in &selection.targets {
        let resource = &target.resource;
        let going = |namespace: &str, name: &str| Going {
            resource: resource.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: String::new(),
        };
        let namespace = target.namespace.as_deref().unwrap_or_default();
        if !target.names.is_empty() {
            wanted.extend(target.names.iter().map(|name| going(namespace, name)));
            continue;
        }
        let path = resource.path(target.namespace.as_deref());
        let listed = server.list(&path, &selection.query).await;
        for object in complaints.take(listed)?.into_iter().flatten() {
            let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
            wanted.push(going(text("namespace"), text("name")));
        }
    }
    let is_cluster = wanted.iter().any(|one| !one.resource.is_namespaced);
    if is_cluster && arguments.server.namespace.is_some() {
        eprintln!(
            "Warning: deleting cluster-scoped resources, not scoped to the provided namespace"
        );
    }
    Ok(wanted)
}

async fn one(arguments: &DeleteArguments, server: &Server, going: &Going) -> anyhow::Result<Value> {
    let path = going.resource.path_of(&going.namespace, &going.name);
    if arguments.dry_run == DryRun::Client {
        return server.get(&path, &Vec::new(), As::Objects).await;
    }
    let policy = match arguments.cascade {
        Cascade::Background => "Background",
        Cascade::Foreground => "Foreground",
        Cascade::Orphan => "Orphan",
    };
    let mut options = json!({"propagationPolicy": policy});
    if let Some(seconds) = grace(arguments) {
        options["gracePeriodSeconds"] = json!(seconds);
    }
    let mut query = Pairs::new();
    if arguments.dry_run == DryRun::Server {
        query.push(("dryRun", "All".to_owned()));
    }
    server.delete(&path, &query, &options).await
}

fn grace(arguments: &DeleteArguments) -> Option<i64> {
    match (arguments.force, arguments.now, arguments.grace_period) {
        (true, ..) => Some(0),
        (false, true, _) => Some(1),
        // As in kubectl: without --force nothing is forgotten that may still run.
        (false, false, 0) => Some(1),
        (false, false, seconds) if seconds > 0 => Some(seconds),
        _ => None,
    }
}

fn say(arguments: &DeleteArguments, going: &Going) -> anyhow::Result<()> {
    let (kind, name) = (going.resource.singular(), &going.name);
    if arguments.output.is_some() {
        return print(&format!("{kind}/{name}\n"));
    }
    let done = if arguments.force { "force deleted" } else { "deleted" };
    let tried = match arguments.dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    print(&format!("{kind} \"{name}\" {done}{tried}\n"))
}

/// The uid of what was deleted: of the object, or of what a status is about.
fn uid_of(answer: &Value) -> String {
    let uid = answer["metadata"]["uid"].as_str().or_else(|| answer["details"]["uid"].as_str());
    uid.unwrap_or_default().to_owned()
}

async fn gone(server: &Server, one: &Going, timeout: Option<Duration>) -> anyhow::Result<()> {
    let path = one.resource.path_of(&one.namespace, &one.name);
    match server.get(&path, &Vec::new(), As::Objects).await {
        Err(error) if is_refusal(&error, 404) => return Ok(()),
        // Somebody made another of the same name meanwhile.
        Ok(object) if !one.uid.is_empty() && object["metadata"]["uid"] != *one.uid => return Ok(()),
        Ok(_) => {}
        Err(error) => return Err(error),
    }
    let gone = until_gone(server, &one.resource, &one.namespace, &one.name, &one.uid);
    let Some(timeout) = timeout else { return gone.await };
    match tokio::time::timeout(timeout, gone).await {
        Ok(result) => result,
        Err(_) => {
            let what = format!("{}/{}", one.resource.plural, one.name);
            Err(Complaint::failed(format!("timed out waiting for the condition on {what}")))
        }
    }
}
