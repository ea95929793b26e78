//! Follows what changes: a list, then its changes, again and again where a server lets go.
//!
//! kubectl ends when the server ends a watch; here it goes on, so that a restart of the server is
//! only a pause.

use std::time::Duration;

use serde_json::Value;

use super::complaint::{is_refusal, is_unreachable};
use super::request::{As, Event, Events, Pairs, Server};
use super::select::Target;

/// How long to wait before a watch that broke is opened again. Stops a busy loop against a server
/// that closes each at once.
pub(super) const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// How many times in a row a watch may break without an event before that is an error: about as
/// long as a server takes to restart.
pub(super) const BREAKS_MAX: u32 = 60;

/// The place of a watch in what changes.
pub(super) struct Watching {
    path: String,
    /// Of the first look.
    first: String,
    query: Pairs,
    form: As,
    version: String,
    events: Option<Events>,
    breaks: u32,
}

impl Watching {
    /// Of `target`, which has one name or none.
    pub(super) fn of(target: &Target, query: &Pairs, form: As) -> Self {
        let namespace = target.namespace.as_deref();
        let path = target.resource.path(namespace);
        let mut query = query.clone();
        let first = match target.names.first() {
            Some(name) => {
                query.push(("fieldSelector", format!("metadata.name={name}")));
                target.resource.path_of(namespace.unwrap_or_default(), name)
            }
            None => path.clone(),
        };
        Self { path, first, query, form, version: String::new(), events: None, breaks: 0 }
    }

    /// What there is: the object or the pages of the list.
    pub(super) async fn begin(&mut self, server: &Server) -> anyhow::Result<Vec<Value>> {
        let found = if self.first == self.path {
            server.pages(&self.path, &self.query, self.form).await?
        } else {
            vec![server.get(&self.first, &Vec::new(), self.form).await?]
        };
        if let Some(version) = found.first().and_then(version_of) {
            self.version = version;
        }
        Ok(match self.form {
            As::Tables => found,
            As::Objects => found.into_iter().flat_map(super::request::items_of).collect(),
        })
    }

    /// The list, even of one name: what is not there is no error.
    pub(super) async fn list(&mut self, server: &Server) -> anyhow::Result<Vec<Value>> {
        self.events = None;
        let found = server.pages(&self.path, &self.query, self.form).await?;
        if let Some(version) = found.first().and_then(version_of) {
            self.version = version;
        }
        Ok(found.into_iter().flat_map(super::request::items_of).collect())
    }

    /// The next change; waits for it as long as it takes.
    pub(super) async fn next(&mut self, server: &Server) -> anyhow::Result<Event> {
        loop {
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
                Err(error) => return self.excuse(error).map(|()| None),
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
                Err(error) => return self.excuse(error).map(|()| None),
            }
        }
    }

    /// Nothing, if going on makes sense after `error`: what is too old is passed over.
    fn excuse(&mut self, error: anyhow::Error) -> anyhow::Result<()> {
        if is_refusal(&error, 410) {
            self.version = String::new();
            return Ok(());
        }
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
