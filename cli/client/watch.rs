//! Follows what changes: a list, then its changes, again and again where a server lets go.
//!
//! kubectl ends when the server ends a watch; here it goes on, so that a restart of the server is
//! only a pause.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use super::complaint::{is_refusal, is_unreachable};
use super::request::{As, Event, Events, Pairs, Server, items_of};
use super::select::Target;
use super::table::is_empty_list;

/// How long to wait before a watch that broke is opened again. Stops a busy loop against a server
/// that closes each at once.
pub(super) const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// How many times in a row a watch may break without an event before that is an error: about as
/// long as a server takes to restart.
pub(super) const BREAKS_MAX: u32 = 60;

/// The place of a watch in what changes.
pub(super) struct Watching {
    path: String,
    query: Pairs,
    form: As,
    /// Where the one object is, if only one is watched.
    one: Option<String>,
    version: String,
    events: Option<Events>,
    /// What was found in place of changes that are no longer known.
    caught_up: VecDeque<Event>,
    breaks: u32,
}

impl Watching {
    /// Of `target`, which has one name or none.
    pub(super) fn of(target: &Target, query: &Pairs, form: As) -> Self {
        let namespace = target.namespace.as_deref();
        let mut query = query.clone();
        let one = target.names.first().map(|name| {
            query.push(("fieldSelector", format!("metadata.name={name}")));
            target.resource.path_of(namespace.unwrap_or_default(), name)
        });
        Self {
            path: target.resource.path(namespace),
            query,
            form,
            one,
            version: String::new(),
            events: None,
            caught_up: VecDeque::new(),
            breaks: 0,
        }
    }

    /// What there is: tables, or objects. One that was named must be there.
    pub(super) async fn begin(&mut self, server: &Server) -> anyhow::Result<Vec<Value>> {
        let found = self.list(server).await?;
        match &self.one {
            // The server's own words for that it is not there.
            Some(one) if found.iter().all(is_empty_list) => {
                Ok(vec![server.get(one, &Vec::new(), self.form).await?])
            }
            _ => Ok(found),
        }
    }

    /// What there is, even if that is nothing of the one name.
    pub(super) async fn list(&mut self, server: &Server) -> anyhow::Result<Vec<Value>> {
        self.events = None;
        let found = server.pages(&self.path, &self.query, self.form).await?;
        self.version = found.first().and_then(version_of).unwrap_or_default();
        Ok(match self.form {
            As::Tables => found,
            As::Objects => found.into_iter().flat_map(items_of).collect(),
        })
    }

    /// The next change; waits for it as long as it takes.
    pub(super) async fn next(&mut self, server: &Server) -> anyhow::Result<Event> {
        loop {
            if let Some(event) = self.caught_up.pop_front() {
                return Ok(event);
            }
            if let Some(event) = self.try_next(server).await? {
                return Ok(event);
            }
            self.events = None;
            self.breaks += 1;
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// The next change, or `None` if the watch has to be opened anew.
    async fn try_next(&mut self, server: &Server) -> anyhow::Result<Option<Event>> {
        if self.events.is_none() {
            let mut query = self.query.clone();
            query.push(("resourceVersion", self.version.clone()));
            query.push(("allowWatchBookmarks", "true".to_owned()));
            match server.watch(&self.path, &query, self.form).await {
                Ok(events) => self.events = Some(events),
                Err(error) => return self.excuse(server, error).await.map(|()| None),
            }
        }
        let Some(events) = &mut self.events else { return Ok(None) };
        loop {
            match events.next().await {
                Ok(Some(event)) => {
                    self.breaks = 0;
                    if let Some(version) = version_of(&event.object) {
                        self.version = version;
                    }
                    if event.what != "BOOKMARK" {
                        return Ok(Some(event));
                    }
                }
                Ok(None) => return Ok(None),
                Err(error) => return self.excuse(server, error).await.map(|()| None),
            }
        }
    }

    /// Nothing, if going on makes sense after `error`. Where changes are no longer known, what there
    /// is now is told instead; and that the one that was named is gone, if it is.
    async fn excuse(&mut self, server: &Server, error: anyhow::Error) -> anyhow::Result<()> {
        let error = match is_refusal(&error, 410) {
            false => error,
            true => match self.list(server).await {
                Err(error) => error,
                Ok(found) => {
                    let event = |what: &str, object| Event { what: what.to_owned(), object };
                    if self.one.is_some() && found.iter().all(is_empty_list) {
                        self.caught_up.push_back(event("DELETED", Value::Null));
                    }
                    self.caught_up.extend(found.into_iter().map(|it| event("MODIFIED", it)));
                    return Ok(());
                }
            },
        };
        if is_unreachable(&error) && self.breaks < BREAKS_MAX {
            return Ok(());
        }
        Err(error)
    }
}

/// Up to where a list, table or object is known.
fn version_of(object: &Value) -> Option<String> {
    let of = |object: &Value| object["metadata"]["resourceVersion"].as_str().map(str::to_owned);
    let of_row = || of(&object["rows"][0]["object"]);
    of(object).filter(|version| !version.is_empty()).or_else(of_row)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::extract::{Request, State};
    use mayfly_controller::api::Kind;
    use serde_json::json;

    use super::*;
    use crate::client::resource::Resource;

    /// A server whose only ConfigMap goes while its watch is broken: whoever asks for the changes
    /// since then is told that they are no longer known.
    async fn answer(State(lists): State<Arc<AtomicUsize>>, request: Request) -> String {
        if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
            let status = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": ""});
            return json!({"type": "ERROR", "object": status}).to_string() + "\n";
        }
        let items = match lists.fetch_add(1, Ordering::Relaxed) {
            0 => json!([{"metadata": {"name": "a", "resourceVersion": "1"}}]),
            _ => json!([]),
        };
        let metadata = json!({"resourceVersion": "7"});
        json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": items})
            .to_string()
    }

    #[tokio::test]
    async fn what_has_gone_while_nobody_looked_is_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::default());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let uri: hyper::Uri = format!("http://{address}").parse().unwrap();
        let client = kube::Client::try_from(kube::Config::new(uri.clone())).unwrap();
        let server = Server::new(client, &uri, "a test".to_owned());
        let target = Target {
            resource: Resource::of(Kind::ConfigMap),
            namespace: Some("default".to_owned()),
            names: vec!["a".to_owned()],
        };
        let mut watching = Watching::of(&target, &Pairs::new(), As::Objects);
        let found = watching.begin(&server).await.unwrap();
        assert_eq!(found[0]["kind"], "ConfigMap");
        let event = watching.next(&server).await.unwrap();
        assert_eq!((event.what.as_str(), event.object), ("DELETED", Value::Null));
    }
}
