//! The people who use the API, one request after another.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use mayfly_controller::api::{Job, Key, Pod, Resource};
use mayfly_controller::http::{Api, router};
use mayfly_controller::store::Store;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::ledger::views;
use crate::scenario::actions::{Action, JOBS};
use crate::world::{World, uid};

/// How long they wait after the server could not do what they asked for.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How often they ask for the same. Stops a request that can't be helped.
const ATTEMPTS_MAX: u32 = 100_000;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Whoever sends requests to one life of the server.
pub(crate) struct People<'a> {
    world: &'a World,
    store: Store,
    router: Router,
}

impl<'a> People<'a> {
    pub(crate) fn new(world: &'a World, store: Store) -> Self {
        let router = router(Api::new(store.clone()));
        Self { world, store, router }
    }

    /// Does one thing, again until the server has an answer that is final.
    pub(crate) async fn act(&self, action: &Action) {
        let Some((method, path, body)) = self.request(action) else { return };
        for _ in 0..ATTEMPTS_MAX {
            let (code, answer) = self.send(method, &path, &body).await;
            self.world.note(|| {
                let message = answer["message"].as_str().unwrap_or_default();
                format!("{method} {path} {body}: {code} {message}")
            });
            match code {
                200..300 | 404 | 409 => return,
                500.. | 429 => tokio::time::sleep(AGAIN_AFTER).await,
                // What admission refuses is refused for good; that is no fault of the seed.
                _ => return,
            }
        }
        self.world.expect(Err(format!("{method} {path} never comes to an end")));
    }

    fn request(&self, action: &Action) -> Option<(&'static str, String, Value)> {
        Some(match action {
            Action::Create { collection, object } => {
                ("POST", (*collection).to_owned(), object.clone())
            }
            Action::Patch { path, patch } => ("PATCH", path.clone(), patch.clone()),
            Action::Delete { path, policy } => {
                ("DELETE", path.clone(), json!({ "propagationPolicy": policy }))
            }
            Action::DeletePod { job, grace } => {
                let path = pod_path(&self.pod_of(job)?);
                ("DELETE", path, json!({ "gracePeriodSeconds": grace }))
            }
            Action::EvictPod { job } => {
                let name = self.pod_of(job)?;
                let eviction = json!({ "metadata": { "name": name, "namespace": "default" } });
                ("POST", format!("{}/eviction", pod_path(&name)), eviction)
            }
        })
    }

    /// The name of the first pod of a Job that has not ended.
    fn pod_of(&self, job: &str) -> Option<String> {
        let job = self.store.get::<Job>(&Key::new("default", job))?;
        let pods = self.store.list::<Pod>(Some("default")).items;
        let mut pods = pods.iter().filter(|pod| {
            views::owner(&pod.metadata, "Job") == Some(uid(&*job)) && !views::has_ended(pod)
        });
        Some(pods.next()?.key().name.to_string())
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let content_type = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", content_type);
        let request = request.body(Body::from(body.to_string())).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let code = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await.expect("a body");
        (code, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Suspends every CronJob, so that there is an end.
    pub(crate) async fn suspend_cron_jobs(&self) {
        use mayfly_controller::api::CronJob;
        for cron_job in self.store.list::<CronJob>(None).items {
            let name = cron_job.key().name;
            let path = format!("{}/{name}", crate::scenario::actions::CRON_JOBS);
            self.act(&Action::Patch { path, patch: json!({ "spec": { "suspend": true } }) }).await;
        }
    }
}

fn pod_path(name: &str) -> String {
    debug_assert!(JOBS.contains("/default/"), "pods are where Jobs are");
    format!("/api/v1/namespaces/default/pods/{name}")
}
