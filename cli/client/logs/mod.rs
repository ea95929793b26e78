//! `mayfly logs`: what containers have written, and what they write.

mod choose;
mod follow;
mod stream;
mod unfinished;

use mayfly_controller::api::Kind;
use serde_json::Value;

use super::complaint::{Complaint, Complaints};
use super::connect::Connection;
use super::request::{As, Pairs, Server};
use super::resource::{Resource, Resources};
use super::select::pair;
use super::waiting::{Progress, Told, Waited};
use crate::args::client::LogsArguments;
use crate::exit::Exit;
use choose::{Source, sources};

/// Lines from the end if pods are chosen by labels and nothing is said.
const SELECTED_TAIL: i64 = 10;

/// Prints what `arguments` ask for.
pub(super) async fn logs(arguments: &LogsArguments) -> anyhow::Result<Exit> {
    check(arguments)?;
    let connection = Connection::open(&arguments.server).await?;
    let Meant { pods, container, waited } = meant(arguments, &connection).await?;
    let mut all = Vec::new();
    for pod in &pods {
        let found = sources(pod, container.as_deref(), arguments.all_containers);
        let (found, note) = found.map_err(Complaint::failed)?;
        if let Some(note) = note {
            eprintln!("{note}");
        }
        all.extend(found);
    }
    let query = query(arguments)?;
    if arguments.follow {
        return follow_all(arguments, &connection.server, all, &query, waited).await;
    }
    let mut complaints = Complaints::default();
    for source in &all {
        let printed = stream::print(&connection.server, source, &query, arguments.prefix).await;
        if let Err(error) = printed {
            told_or_added(arguments, &mut complaints, error)?;
            if !arguments.ignore_errors {
                break;
            }
        }
    }
    complaints.finish()
}

async fn follow_all(
    arguments: &LogsArguments,
    server: &Server,
    all: Vec<Source>,
    query: &Pairs,
    waited: Option<Waited>,
) -> anyhow::Result<Exit> {
    if all.len() > arguments.max_log_requests {
        return Err(Complaint::failed(format!(
            "you are attempting to follow {} log streams, but maximum allowed concurrency is {}, \
             use --max-log-requests to increase the limit",
            all.len(),
            arguments.max_log_requests
        )));
    }
    let progress = Progress::new();
    let print = |source| follow::print(server, source, query, arguments, &progress);
    let printed = futures_util::future::join_all(all.iter().map(print));
    let observed = async {
        match waited.filter(|_| progress.is_shown()) {
            Some(waited) => waited.observe(server, &progress, Told::Nothing).await,
            None => std::future::pending().await,
        }
    };
    let results = tokio::select! {
        biased;
        results = printed => results,
        never = observed => match never {},
    };
    drop(progress);
    let mut complaints = Complaints::default();
    for result in results {
        if let Err(error) = result {
            told_or_added(arguments, &mut complaints, error)?;
        }
    }
    complaints.finish()
}

fn told_or_added(
    arguments: &LogsArguments,
    complaints: &mut Complaints,
    error: anyhow::Error,
) -> anyhow::Result<()> {
    if arguments.ignore_errors && !error.is::<crate::exit::StdoutClosed>() {
        eprintln!("{error:#}");
        return Ok(());
    }
    complaints.add(error)
}

fn check(arguments: &LogsArguments) -> anyhow::Result<()> {
    let usage = |text: &str| Err(Complaint::usage(text));
    match (arguments.words.len(), &arguments.selector) {
        (0, None) => return usage("expected 'logs POD', 'logs TYPE/NAME' or 'logs -l SELECTOR'"),
        (1.., Some(_)) => return usage("only a selector (-l) or a POD name is allowed"),
        (3.., None) => return usage("a pod and a container are enough"),
        _ => {}
    }
    let has_container = arguments.container.is_some();
    if arguments.words.len() == 2 && has_container {
        return usage("only one of -c or an inline [CONTAINER] arg is allowed");
    }
    if arguments.all_containers && (has_container || arguments.words.len() == 2) {
        return usage("--all-containers=true should not be specified with container name");
    }
    if arguments.tail.is_some_and(|lines| lines < -1) {
        return usage("--tail must be greater than or equal to -1");
    }
    if arguments.limit_bytes == Some(0) {
        return usage("--limit-bytes must be greater than 0");
    }
    Ok(())
}

/// What the words of the command line mean.
struct Meant {
    pods: Vec<Value>,
    /// If one is named.
    container: Option<String>,
    /// What is waited for while it is followed, if it is one thing.
    waited: Option<Waited>,
}

async fn meant(arguments: &LogsArguments, connection: &Connection) -> anyhow::Result<Meant> {
    let container = arguments.container.clone().or_else(|| arguments.words.get(1).cloned());
    let server = &connection.server;
    let of_pods = Resource::of(Kind::Pod);
    if let Some(selector) = &arguments.selector {
        let query: Pairs = vec![("labelSelector", selector.clone())];
        let pods = server.list(&of_pods.path(Some(&connection.namespace)), &query).await?;
        if pods.is_empty() {
            eprintln!("No resources found in {} namespace.", connection.namespace);
        }
        return Ok(Meant { pods, container, waited: None });
    }
    let word = arguments.words.first().map(String::as_str).unwrap_or_default();
    let (resource, name) = match word.contains('/') {
        true => {
            let (kind, name) = pair(word)?;
            (Resources::new(server).meant(kind).await?, name)
        }
        false => (of_pods.clone(), word.to_owned()),
    };
    let path = resource.path_of(&connection.namespace, &name);
    let object = server.get(&path, &Vec::new(), As::Objects).await;
    let object = object.map_err(|error| not_found(error, &connection.namespace))?;
    let waited = Waited::of(&resource, &connection.namespace, &name);
    if resource == of_pods {
        return Ok(Meant { pods: vec![object], container, waited });
    }
    if resource != Resource::of(Kind::Job) {
        let text =
            format!("cannot get the logs from a {}: only pods and jobs have any", resource.kind);
        return Err(Complaint::failed(text));
    }
    let mut pods = choose::pods_of_job(server, &connection.namespace, &object).await?;
    if pods.len() > 1 && !arguments.all_pods {
        let name = pods[0]["metadata"]["name"].as_str().unwrap_or_default();
        eprintln!("Found {} pods, using pod/{name}", pods.len());
        pods.truncate(1);
    }
    Ok(Meant { pods, container, waited })
}

/// `error`, and if it is that something is not there, in which namespace, as kubectl has it.
fn not_found(error: anyhow::Error, namespace: &str) -> anyhow::Error {
    match error.downcast_ref() {
        Some(Complaint::Refused { status, .. }) if status.code == 404 => {
            Complaint::failed(format!(
                "error from server (NotFound): {} in namespace \"{namespace}\"",
                status.message
            ))
        }
        _ => error,
    }
}

/// What of a log is wanted.
fn query(arguments: &LogsArguments) -> anyhow::Result<Pairs> {
    let mut query = Pairs::new();
    if arguments.follow {
        query.push(("follow", "true".to_owned()));
    }
    if arguments.previous {
        query.push(("previous", "true".to_owned()));
    }
    if arguments.timestamps {
        query.push(("timestamps", "true".to_owned()));
    }
    if let Some(since) = arguments.since {
        // Whole seconds, and never less than asked for.
        let seconds = since.as_secs() + u64::from(since.subsec_nanos() > 0);
        query.push(("sinceSeconds", seconds.max(1).to_string()));
    }
    if let Some(time) = &arguments.since_time {
        if time.parse::<jiff::Timestamp>().is_err() {
            let text = format!("--since-time: {time:?} is no time as in 2026-01-02T15:04:05Z");
            return Err(Complaint::usage(text));
        }
        query.push(("sinceTime", time.clone()));
    }
    let selected = arguments.selector.as_ref().map(|_| SELECTED_TAIL);
    if let Some(lines) = arguments.tail.or(selected).filter(|lines| *lines >= 0) {
        query.push(("tailLines", lines.to_string()));
    }
    if let Some(bytes) = arguments.limit_bytes {
        query.push(("limitBytes", bytes.to_string()));
    }
    Ok(query)
}
