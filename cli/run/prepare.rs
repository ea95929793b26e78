//! Finds and compiles every image before anything is started, and sees whether volumes may be had.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use mayfly_controller::admission::decode::Place;
use mayfly_controller::annotations::Annotations;
use mayfly_controller::api::names::ALLOW_HOSTS;
use mayfly_controller::api::{Container, Object, ObjectMeta, Pod, PodSpec};
use mayfly_controller::network::{self, AllowedHosts};
use mayfly_controller::node::{HostPaths, LoginFile, Pull, PullError, PullPolicy};
use mayfly_controller::quota::OperatorLimits;
use mayfly_runtime::{Authorities, Metering};

use super::input::{BadInput, Input};
use crate::args::RunArguments;
use crate::images::{Images, Registries, logins, shelves};
use crate::limits::Limits;
use crate::places;
use crate::threads;
use crate::wasm::{self, Reach, Wasm};

/// How long an image may take before people are told what they wait for.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// A runtime that has every image of `input` ready. A missing or broken one is bad input.
pub(crate) async fn runtime(
    arguments: &RunArguments,
    input: &Input,
    limits: &Limits,
    authorities: &Arc<Authorities>,
) -> anyhow::Result<Wasm> {
    let own = arguments.state_dir.as_deref();
    let shelves = shelves(own);
    // Whoever runs a manifest is the operator, as with `docker run`.
    let registries = Registries::new(&arguments.images, &shelves, logins::own()?, limits.images)?;
    let mut images = Images::new(&arguments.images, shelves)?;
    for folder in &input.folders {
        images.add_manifest_folder(folder);
    }
    let reach = Reach { authorities: Arc::clone(authorities), own_ports: Vec::new() };
    let cache = places::cache_dir(own).ok();
    let mut limits = limits.clone();
    let mut guests = u32::MAX;
    // A state folder may have more to go on with than there is in the manifests.
    if own.is_none() {
        guests = guests_at_once(input.objects.iter().map(|(object, _)| object));
        // A pod that is being deleted has time to end, and the one in its place begins meanwhile. To
        // set aside room for a thousand would take longer than most of what is run.
        let places = guests.saturating_mul(2);
        limits.engine.instances_max = places.clamp(1, limits.engine.instances_max);
    }
    let threads = threads::of_use(guests.min(limits.engine.instances_max));
    let runtime = Wasm::new(images, registries, cache, &limits, reach, threads)?;

    let mut complaints = Vec::new();
    for (Wanted { image, policy, logins, metering }, place) in wanted(input, &limits.pods) {
        let pull = Pull { logins, ..Pull::new(&*image, policy) };
        let fetching = Arc::clone(&pull.fetching);
        let mut preparing = pin!(runtime.prepare(pull, metering));
        let prepared = match tokio::time::timeout(SILENCE_MAX, &mut preparing).await {
            Ok(prepared) => prepared,
            Err(_) => {
                if !arguments.quiet {
                    // It is told when the image is fetched, and is then waited for.
                    let is_fetched = fetching.notified().now_or_never().is_some();
                    let what = if is_fetched { "fetching" } else { "compiling" };
                    eprintln!("mayfly: {what} image \"{image}\"");
                }
                preparing.await
            }
        };
        if let Err(error) = prepared {
            complaints.push(complaint(place, &image, &error));
        }
    }
    BadInput::if_any(complaints)?;
    Ok(runtime)
}

/// How many guests can be at work at a time where `objects` are all that is run.
pub(crate) fn guests_at_once<'a>(objects: impl Iterator<Item = &'a Object>) -> u32 {
    let of_object = |object: &Object| {
        let parallelism = match object {
            Object::Job(job) => job.spec.as_ref().and_then(|spec| spec.parallelism),
            Object::CronJob(cron_job) => {
                cron_job.spec.job_template.spec.as_ref().and_then(|spec| spec.parallelism)
            }
            _ => None,
        };
        let containers = made_pod(object).map_or(0, |spec| containers(spec).count());
        let containers = u32::try_from(containers).unwrap_or(u32::MAX);
        u32::try_from(parallelism.unwrap_or(1)).unwrap_or(0).saturating_mul(containers)
    };
    objects.map(of_object).fold(0, u32::saturating_add)
}

fn complaint(place: &Place, image: &str, error: &PullError) -> String {
    match error {
        PullError::NeverPull { .. } => format!(
            "{place}: {error}: an image is present when --image or `mayfly image add` gives it"
        ),
        _ => format!("{place}: image \"{image}\": {error}"),
    }
}

/// Refuses volumes of the host that no pod may have: nobody could allow them during the run.
pub(crate) fn check_host_paths(input: &Input, allowed: &HostPaths) -> Result<(), BadInput> {
    let mut complaints = Vec::new();
    for (object, place) in &input.objects {
        let volumes = pod_of(object).and_then(|(_, spec)| spec.volumes.as_ref());
        for volume in volumes.into_iter().flatten() {
            let refused = volume.host_path.as_ref().map(|source| allowed.check(&source.path));
            if let Some(Err(why)) = refused {
                complaints.push(format!("{place}: volume \"{}\": {why}", volume.name));
            }
        }
    }
    BadInput::if_any(complaints)
}

/// Refuses pods that ask for hosts that they may not have: nobody could allow them during the run.
pub(crate) fn check_hosts(input: &Input, allowed: &AllowedHosts) -> Result<(), BadInput> {
    let mut complaints = Vec::new();
    for (object, place) in &input.objects {
        let Some((metadata, at)) = network::pods_of(object) else { continue };
        // What is none was complained of when the manifest was read.
        let asked = network::asked(metadata).unwrap_or_default();
        if let Err(why) = allowed.check(&object.key().namespace, &asked) {
            complaints.push(format!("{place}: {at}.annotations[{ALLOW_HOSTS}]: {why}"));
        }
    }
    BadInput::if_any(complaints)
}

/// Refuses what asks for more than the operator lets pods have: no pod of it could ever be made.
pub(crate) fn check_limits(input: &Input, limits: &OperatorLimits) -> Result<(), BadInput> {
    let mut complaints = Vec::new();
    for (object, place) in &input.objects {
        let Some((metadata, spec)) = pod_of(object) else { continue };
        let pod = Pod {
            metadata: metadata.cloned().unwrap_or_default(),
            spec: Some(spec.clone().into()),
            ..Pod::default()
        };
        if let Err(why) = limits.check(&pod) {
            complaints.push(format!("{place}: {why}"));
        }
    }
    BadInput::if_any(complaints)
}

/// An image that is to be ready.
struct Wanted {
    image: String,
    policy: PullPolicy,
    logins: Vec<LoginFile>,
    metering: Metering,
}

/// Every image that `input` names, in the order it is first named, with where that is.
fn wanted<'a>(input: &'a Input, limits: &OperatorLimits) -> Vec<(Wanted, &'a Place)> {
    let mut order = Vec::new();
    let mut seen = BTreeMap::new();
    for (object, place) in &input.objects {
        let Some((metadata, spec)) = pod_of(object) else { continue };
        let asked = metadata.map(Annotations::of).unwrap_or_default();
        let is_deterministic = asked.deterministic.is_some();
        let metering = wasm::metering(limits.fuel.grant(asked.fuel), is_deterministic);
        let logins = logins_of(object, spec, input);
        for container in containers(spec) {
            let image = container.image.clone().unwrap_or_default();
            let policy = match container.image_pull_policy.as_deref() {
                Some("Never") => PullPolicy::Never,
                Some("IfNotPresent") => PullPolicy::IfNotPresent,
                _ => PullPolicy::Always,
            };
            let key = (image.clone(), format!("{policy:?}{metering:?}"));
            if seen.insert(key, ()).is_none() {
                let logins = logins.clone();
                order.push((Wanted { image, policy, logins, metering }, place));
            }
        }
    }
    order
}

/// The logins that the pods of `object` bring, of those that are in `input`, too.
fn logins_of(object: &Object, spec: &PodSpec, input: &Input) -> Vec<LoginFile> {
    let references = spec.image_pull_secrets.iter().flatten();
    let secret = |name: &str| {
        input.objects.iter().find_map(|(other, _)| match other {
            Object::Secret(secret) => {
                let key = other.key();
                (*key.name == *name && key.namespace == object.key().namespace).then_some(secret)
            }
            _ => None,
        })
    };
    references.filter_map(|reference| LoginFile::of(secret(&reference.name)?)).collect()
}

/// What `object` says of its pods, if it is run.
pub(crate) fn pod_of(object: &Object) -> Option<(Option<&ObjectMeta>, &PodSpec)> {
    match object {
        Object::Job(job) => {
            let template = &job.spec.as_ref()?.template;
            Some((template.metadata.as_ref(), template.spec.as_deref()?))
        }
        Object::Pod(pod) => Some((Some(&pod.metadata), pod.spec.as_deref()?)),
        _ => None,
    }
}

/// The pod that `object` has made, also if it is a CronJob.
pub(crate) fn made_pod(object: &Object) -> Option<&PodSpec> {
    match object {
        Object::CronJob(cron_job) => {
            let job = cron_job.spec.job_template.spec.as_deref();
            job.and_then(|job| job.template.spec.as_deref())
        }
        other => pod_of(other).map(|(_, spec)| spec),
    }
}

/// Every container of a pod, those of its start first.
pub(crate) fn containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.init_containers.iter().flatten().chain(&spec.containers)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pods(containers: usize) -> Value {
        json!({"containers": vec![json!({"name": "a"}); containers]})
    }

    fn job(spec: &Value) -> Object {
        Object::Job(Arc::new(serde_json::from_value(json!({"spec": spec})).expect("a Job")))
    }

    #[test]
    fn guests_are_counted_as_many_as_there_can_be_at_a_time() {
        let one = || job(&json!({"template": {"spec": pods(1)}}));
        let spec = json!({"parallelism": 20, "template": {"spec": pods(3)}});
        let many = || job(&spec);
        let none = job(&json!({"parallelism": 0, "template": {"spec": pods(1)}}));
        let pod = serde_json::from_value(json!({"spec": pods(2)})).expect("a Pod");
        let cron_job = json!({"spec": {"schedule": "@daily", "jobTemplate": {"spec": spec}}});
        let cron_job = serde_json::from_value(cron_job).expect("a CronJob");
        assert_eq!(guests_at_once([one()].iter()), 1);
        assert_eq!(guests_at_once([one(), many()].iter()), 1 + 60);
        assert_eq!(guests_at_once([none, Object::Pod(Arc::new(pod))].iter()), 2);
        assert_eq!(guests_at_once([Object::CronJob(Arc::new(cron_job))].iter()), 60);
        let most = job(&json!({"parallelism": i32::MAX, "template": {"spec": pods(3)}}));
        assert_eq!(guests_at_once([one(), most].iter()), u32::MAX);
    }
}
