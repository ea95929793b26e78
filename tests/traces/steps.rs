//! What is done to the cluster while a trace plays, as clients did it.

use std::sync::Arc;

use mayfly_controller::api::{Kind, Pod};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::kubectl::Kubectl;
use super::names::Names;
use super::script::Play;
use super::stage::Stage;
use super::story::comparable;
use super::text::{self, Text};
use super::trace::Action;

/// Everything that can be done.
pub(super) const VERBS: &[&str] = &[
    "create",
    "patch",
    "patch_cron",
    "delete_job",
    "delete_cron",
    "delete_pod",
    "evict_pod",
    "patch_pod",
    "finish",
    "kubectl",
];

/// Where things are done.
pub(super) struct Cluster {
    pub(super) client: Client,
    pub(super) kubectl: Kubectl,
    pub(super) stage: Arc<Stage>,
    /// What the story is about.
    pub(super) name: String,
    /// What everything is called where it was recorded.
    pub(super) recorded: Names,
}

impl Cluster {
    /// Does it, and says how the answer differs from the recorded one.
    pub(super) async fn act(&self, action: &Action) -> Result<(), String> {
        let mut verbs = action.what.iter().filter(|(key, _)| VERBS.contains(&key.as_str()));
        let Some((verb, what)) = verbs.next() else { return Err("nothing is done".to_owned()) };
        let answer = match verb.as_str() {
            "create" => self.client.create(what).await,
            "patch" => self.client.send("PATCH", (Kind::Job, &self.name), what).await,
            "patch_cron" => self.client.send("PATCH", (Kind::CronJob, &self.name), what).await,
            "delete_job" => self.client.send("DELETE", (Kind::Job, &self.name), what).await,
            "delete_cron" => self.client.send("DELETE", (Kind::CronJob, &self.name), what).await,
            "kubectl" => return self.kubectl(what, action).await,
            _ => {
                let called = action.what.get("pod").and_then(Value::as_str).unwrap_or_default();
                let called = self.recorded.called(called).unwrap_or(called);
                let pod = self.stage.pod(called).ok_or_else(|| format!("no pod {called}"))?;
                match self.act_on_pod(verb, &pod, action).await {
                    Some(answer) => answer,
                    None => return Ok(()),
                }
            }
        };
        self.check(&answer, action).map_err(|why| format!("{verb} {what}: {why}"))
    }

    async fn act_on_pod(&self, verb: &str, pod: &Pod, action: &Action) -> Option<Answer> {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let answer = match verb {
            "delete_pod" => {
                let options = action.what.get("body").unwrap_or(&Value::Null);
                self.client.send("DELETE", (Kind::Pod, name), options).await
            }
            "evict_pod" => {
                let eviction = json!({
                    "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name},
                });
                self.client.send("POST", (Kind::Pod, &format!("{name}/eviction")), &eviction).await
            }
            "patch_pod" => self.client.send("PATCH", (Kind::Pod, name), &action.what["body"]).await,
            // What is left is to finish.
            _ => {
                let outcome = action.what.get("outcome").cloned().unwrap_or_else(|| json!({}));
                let outcome = Play::deserialize(outcome).expect("it must have been checked");
                self.stage.finish(pod.metadata.uid.as_deref().unwrap_or_default(), outcome);
                return None;
            }
        };
        Some(answer)
    }

    async fn kubectl(&self, words: &Value, action: &Action) -> Result<(), String> {
        let words = words.as_array().into_iter().flatten();
        let words: Vec<&str> = words.filter_map(Value::as_str).collect();
        let printed = self.kubectl.run(&words).await;
        let rc = action.what.get("rc").and_then(Value::as_i64);
        if rc.is_some_and(|rc| rc != i64::from(printed.code)) {
            return Err(format!("kubectl {words:?}: expected {rc:?}, got {printed:?}"));
        }
        let expect = action.what.get("output").and_then(Value::as_str).unwrap_or_default();
        self.compare(&words, expect, &printed.text)
    }

    /// Prints what `words` print, and says how it differs from what was recorded.
    pub(super) async fn print(&self, words: &str, expect: &str) -> Result<(), String> {
        let words: Vec<&str> = words.split_whitespace().collect();
        self.compare(&words, expect, &self.kubectl.run(&words).await.text)
    }

    fn compare(&self, words: &[&str], expect: &str, got: &str) -> Result<(), String> {
        let expect = Text { text: expect, names: &self.recorded };
        let got = Text { text: got, names: &self.stage.names() };
        let same = text::compare(words, expect, got);
        same.map_err(|why| format!("kubectl {}: {why}", words.join(" ")))
    }

    /// How `answer` differs from the recorded one.
    fn check(&self, answer: &Answer, action: &Action) -> Result<(), String> {
        let Answer { code, body } = answer;
        if action.http.is_some_and(|http| http != *code) {
            return Err(format!("expected {:?}, got {code} {body}", action.http));
        }
        let (expect, got) = match action.what.get("response") {
            None | Some(Value::Null) => return Ok(()),
            Some(response) if response.get("kind").is_none() => {
                let part = |key: &String| (key.clone(), body["metadata"][key].clone());
                let keys = response.as_object().into_iter().flat_map(|it| it.keys());
                (response.clone(), keys.map(part).collect())
            }
            Some(response) => (response.clone(), body.clone()),
        };
        let expect = self.recorded.put_into(&comparable(expect));
        let got = self.stage.names().put_into(&comparable(got));
        if expect == got {
            return Ok(());
        }
        Err(format!("expected {expect}\n  got {got}"))
    }
}
