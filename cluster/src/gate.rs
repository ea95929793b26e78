//! Who may ask the node, as the API server says: what a kubelet does with its authorization mode
//! `Webhook`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use mayfly_controller::http::access::ClientCertificate;
use serde_json::json;
use tokio::time::Instant;

use crate::limits::ANSWERS_KEPT_MAX;
use crate::line::Line;
use crate::requests;

/// How long a yes and a no count, before it is asked again: the kubelet's defaults.
const YES_LASTS: Duration = Duration::from_secs(300);
const NO_LASTS: Duration = Duration::from_secs(30);

/// A user with groups, and the subresource of the node that is asked for.
type Question = (String, Vec<String>, &'static str);

/// Asks, and remembers the answers for a while.
#[derive(Default)]
pub(crate) struct Gate {
    answers: Mutex<HashMap<Question, (bool, Instant)>>,
}

impl Gate {
    /// Whether `who` may read the `subresource` of `node`. Nobody may while that can't be asked.
    pub(crate) async fn may(
        &self,
        line: &Line,
        node: &str,
        who: &ClientCertificate,
        subresource: &'static str,
    ) -> bool {
        let question = (who.common_name.clone(), who.organizations.clone(), subresource);
        if let Some(known) = self.known(&question) {
            return known;
        }
        let groups: Vec<&str> =
            who.organizations.iter().map(String::as_str).chain(["system:authenticated"]).collect();
        let review = json!({
            "kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
            "metadata": {},
            "spec": {
                "user": who.common_name, "groups": groups, "resourceAttributes": {
                    "verb": "get", "version": "v1", "resource": "nodes", "name": node,
                    "subresource": subresource,
                },
            },
        });
        match line.ask::<SubjectAccessReview>(requests::review_access(&review)).await {
            Ok(answer) => {
                let may = answer.status.is_some_and(|status| status.allowed);
                self.remember(question, may);
                may
            }
            Err(failure) => {
                let error = &failure as &dyn std::error::Error;
                tracing::warn!(user = %who.common_name, error, "nobody says what they may ask");
                false
            }
        }
    }

    fn known(&self, question: &Question) -> Option<bool> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (may, until) = answers.get(question)?;
        (Instant::now() < *until).then_some(*may)
    }

    fn remember(&self, question: Question, may: bool) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if ANSWERS_KEPT_MAX <= answers.len() {
            answers.clear();
        }
        let lasts = if may { YES_LASTS } else { NO_LASTS };
        answers.insert(question, (may, Instant::now() + lasts));
    }
}
