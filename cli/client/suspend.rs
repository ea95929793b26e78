//! `mayfly suspend`, `mayfly resume`: Jobs and CronJobs, put aside and taken up again.

use mayfly_controller::api::Kind;
use serde_json::json;

use super::complaint::{Complaint, Complaints};
use super::connect::Connection;
use super::create::FIELD_MANAGER;
use super::output::{print, qualified_name};
use super::request::{Content, Pairs};
use super::resource::Resource;
use super::select::{Selection, named_or_listed};
use crate::args::client::SwitchArguments;
use crate::exit::Exit;

/// Sets `spec.suspend` of what `arguments` name.
pub(super) async fn switch(arguments: &SwitchArguments, suspend: bool) -> anyhow::Result<Exit> {
    let connection = Connection::open(&arguments.server).await?;
    let selection = Selection::of(&arguments.select, &connection).await?;
    let mut complaints = Complaints::default();
    let mut count = 0;
    for target in &selection.targets {
        if ![Kind::Job, Kind::CronJob].map(Resource::of).contains(&target.resource) {
            let text =
                format!("only jobs and cronjobs can be suspended, not {}", target.resource.plural);
            return Err(Complaint::usage(text));
        }
        let found = named_or_listed(&connection.server, target, &selection.query, false).await;
        for object in complaints.take(found)?.into_iter().flatten() {
            count += 1;
            let is_so = object["spec"]["suspend"].as_bool().unwrap_or(false) == suspend;
            let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
            let path = target.resource.path_of(text("namespace"), text("name"));
            let query: Pairs = vec![("fieldManager", FIELD_MANAGER.to_owned())];
            let patch = json!({"spec": {"suspend": suspend}});
            let patched = connection.server.patch(&path, &query, Content::MergePatch, &patch).await;
            if complaints.take(patched)?.is_some() {
                let done = if suspend { "suspended" } else { "resumed" };
                let note = if is_so { " (no change)" } else { "" };
                print(&format!("{} {done}{note}\n", qualified_name(&object)))?;
            }
        }
    }
    if count == 0 && complaints.is_empty() {
        eprintln!("{}", selection.nothing_found());
    }
    complaints.finish()
}
