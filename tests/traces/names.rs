//! What differs from one run to the next, names and uids that are made up, and what it is called
//! here, so that it does not differ.

use std::collections::HashMap;

use mayfly_controller::api::names::JOB_COMPLETION_INDEX;
use serde_json::Value;

/// What an object is called whose name the server has made up.
const GENERATED: &str = "<generated>";

/// The names and uids of one run.
#[derive(Clone, Default)]
pub(super) struct Names {
    /// How many pods each index of each Job has had.
    counts: HashMap<String, usize>,
    /// Names and uids, and what they are called.
    called: Vec<(String, String)>,
}

impl Names {
    /// From now on `name` is called `called`.
    pub(super) fn call(&mut self, name: &str, called: String) {
        if !name.is_empty() && self.called(name).is_none() {
            self.called.push((name.to_owned(), called));
            // One that holds another, as a pod's name holds its Job's, has to go first.
            self.called.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        }
    }

    /// Calls what the metadata of a Job or CronJob say of it that is made up.
    pub(super) fn call_object(&mut self, metadata: &Value) {
        if metadata["generateName"].is_string() {
            self.call(metadata["name"].as_str().unwrap_or_default(), GENERATED.to_owned());
        }
        self.call_uid(&metadata["uid"], &metadata["name"]);
    }

    /// Calls a uid after the name of whose it is.
    pub(super) fn call_uid(&mut self, uid: &Value, name: &Value) {
        let name = self.put_into_text(name.as_str().unwrap_or_default());
        self.call(uid.as_str().unwrap_or_default(), format!("<uid of {name}>"));
    }

    /// Calls a pod after its Job, its index, and the how-many-eth it is of that.
    pub(super) fn call_pod(&mut self, name: &str, owners: &Value, annotations: &Value) -> String {
        let job = self.put_into_text(owners[0]["name"].as_str().unwrap_or_default());
        let index = annotations[JOB_COMPLETION_INDEX].as_str().unwrap_or_default();
        let place = format!("{job}:{index}");
        let count = self.counts.entry(place.clone()).or_default();
        *count += 1;
        let called = format!("<{place}#{count}>");
        self.call(name, called.clone());
        called
    }

    /// What `name` is called, if it is called anything.
    pub(super) fn called(&self, name: &str) -> Option<&str> {
        let mut pairs = self.called.iter();
        pairs.find(|(known, _)| known == name).map(|(_, called)| called.as_str())
    }

    /// `text` with what they are called for all names and uids.
    pub(super) fn put_into_text(&self, text: &str) -> String {
        let pairs = self.called.iter();
        let text = pairs.fold(text.to_owned(), |text, (name, called)| text.replace(name, called));
        without_denied(&text)
    }

    /// The same of every text in `value`.
    pub(super) fn put_into(&self, value: &Value) -> Value {
        serde_json::from_str(&self.put_into_text(&value.to_string())).expect("it must stay JSON")
    }
}

/// `text` without the names of pods that were denied, which nobody has heard of before or after.
fn without_denied(text: &str) -> String {
    // In JSON, quotes are escaped.
    let quotes = [("pods \"", "\" is forbidden"), ("pods \\\"", "\\\" is forbidden")];
    quotes.iter().fold(text.to_owned(), |text, (before, after)| {
        let mut parts = text.split(before);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| match part.split_once(after) {
            Some((name, rest)) if !name.contains(' ') => text + before + "denied" + after + rest,
            _ => text + before + part,
        })
    })
}
