//! Which hosts a pod may reach: what it asks for, and what the operator lets it have. Pure.
//!
//! Kubernetes opens the network to every pod and closes it by NetworkPolicies, which whoever owns a
//! namespace writes. Here it is closed: a pod names the hosts that it needs, in the annotation
//! `mayfly.dev/allow-hosts`, and has those that the operator allows. What addresses names stand for,
//! and which of these are never reached, is for the runtime to say.

mod allowed;
mod rule;

pub use allowed::{AllowedHosts, NotAllowed};
pub use rule::{Host, HostRule, HostRuleError, Protocol, parse_rules};

use crate::api::names::ALLOW_HOSTS;
use crate::api::{Object, ObjectMeta};

/// The hosts that a pod with this `metadata` asks for, if it asks for any.
pub fn asked(metadata: &ObjectMeta) -> Result<Vec<HostRule>, HostRuleError> {
    let text = metadata.annotations.as_ref().and_then(|it| it.get(ALLOW_HOSTS));
    text.map_or(Ok(Vec::new()), |text| parse_rules(text))
}

/// The metadata of the pods that `object` is or makes, and where that stands in it.
pub fn pods_of(object: &Object) -> Option<(&ObjectMeta, &'static str)> {
    match object {
        Object::Pod(pod) => Some((&pod.metadata, "metadata")),
        Object::Job(job) => {
            let template = &job.spec.as_ref()?.template;
            Some((template.metadata.as_ref()?, "spec.template.metadata"))
        }
        Object::CronJob(cron_job) => {
            let template = &cron_job.spec.job_template.spec.as_ref()?.template;
            Some((template.metadata.as_ref()?, "spec.jobTemplate.spec.template.metadata"))
        }
        _ => None,
    }
}
