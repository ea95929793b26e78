//! What an object of each kind has before anything is in it.
//!
//! Kubernetes' types always carry some fields, empty; who creates an object does not come to own
//! those for being there, only what he puts into them.

use serde_json::{Value, json};

use crate::api::Kind;

/// The JSON of an object of `kind` of which nothing has been said.
pub(super) fn blank(kind: Kind) -> Value {
    let template = || json!({"metadata": {}, "spec": {"containers": null}});
    let mut blank = match kind {
        Kind::Job => json!({"spec": {"template": template()}, "status": {}}),
        Kind::CronJob => json!({
            "spec": {"schedule": "", "jobTemplate": {"metadata": {}, "spec": {"template": template()}}},
            "status": {},
        }),
        Kind::Pod => json!({"spec": {"containers": null}, "status": {}}),
        Kind::Namespace | Kind::Node | Kind::ResourceQuota => json!({"spec": {}, "status": {}}),
        Kind::Lease => json!({"spec": {}}),
        Kind::LimitRange => json!({"spec": {"limits": null}}),
        Kind::CertificateSigningRequest => {
            json!({"spec": {"request": null, "signerName": ""}, "status": {}})
        }
        Kind::PriorityClass => json!({"value": 0}),
        Kind::Event => json!({
            "involvedObject": {}, "source": {}, "firstTimestamp": null, "lastTimestamp": null,
            "eventTime": null, "reportingComponent": "", "reportingInstance": "",
        }),
        Kind::ConfigMap | Kind::Secret | Kind::ServiceAccount => json!({}),
    };
    blank["apiVersion"] = json!(kind.api_version());
    blank["kind"] = json!(kind.name());
    blank["metadata"] = json!({});
    blank
}
