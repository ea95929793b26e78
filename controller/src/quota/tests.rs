//! Quotas on a store in memory: what is charged, what is given back, and who waits for it.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::api::{
    ConfigMap, Event, Job, Key, Kind, LimitRange, Object, Pod, Quantity, Resource, ResourceQuota,
    Timestamp,
};
use crate::clock::Clock;
use crate::cronjob::CronJobController;
use crate::job::{BackoffSettings, JobController};
use crate::quantity::Amount;
use crate::store::{CommitError, DeleteOptions, Names, Store, Transaction};

struct World {
    store: Store,
    cancel: CancellationToken,
}

impl World {
    fn new() -> Self {
        let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
        let cancel = CancellationToken::new();
        tokio::spawn(QuotaController::new(store.clone()).run(cancel.clone()));
        Self { store, cancel }
    }

    fn with_jobs() -> Self {
        let world = Self::new();
        let jobs = JobController::new(world.store.clone(), BackoffSettings::default());
        tokio::spawn(jobs.run(world.cancel.clone()));
        world
    }

    /// With paused time, sleeping means that everybody else has done what there is to do.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    async fn create<T: Resource>(&self, object: Value) {
        let object: T = serde_json::from_value(object).expect("must be an object");
        self.store.commit(Transaction::new().create(object)).await.expect("must be created");
        self.settle().await;
    }

    async fn quota(&self, spec: Value) {
        self.create::<ResourceQuota>(
            json!({"metadata": {"namespace": "n", "name": "q"}, "spec": spec}),
        )
        .await;
    }

    /// Makes a pod as whoever pays for it does.
    async fn pay(&self, name: &str, cpu_millis: u32) -> Result<(), CommitError> {
        let pod = pod(name, cpu_millis);
        let paid = charge("n", vec![Usage::of_new(&pod)]);
        self.store.commit(paid.create(pod)).await.map(drop)
    }

    async fn end(&self, name: &str) {
        let change = |pod: &mut Pod| {
            pod.status.get_or_insert_default().phase = Some("Succeeded".to_owned());
        };
        let end = Transaction::new().modify(Key::new("n", name), None, change);
        self.store.commit(end).await.expect("must end");
    }

    async fn delete(&self, kind: Kind, name: &str) {
        let key = Key::new("n", name);
        let delete = Transaction::new().delete(kind, key, DeleteOptions::default());
        self.store.commit(delete).await.expect("must be deleted");
    }

    fn status(&self) -> String {
        let quota = self.store.get::<ResourceQuota>(&Key::new("n", "q")).expect("the quota");
        let status = quota.status.clone().unwrap_or_default();
        let used = status.used.unwrap_or_default();
        let each = status.hard.iter().flatten().map(|(name, hard)| {
            format!("{name} {}/{}", used.get(name).map_or("?", |used| &used.0), hard.0)
        });
        each.collect::<Vec<_>>().join(", ")
    }

    fn used(&self, resource: &str) -> Option<Amount> {
        let quota = self.store.get::<ResourceQuota>(&Key::new("n", "q"))?;
        quota.status.as_ref()?.used.as_ref()?.get(resource).map(Amount::of)
    }

    fn pods(&self) -> Vec<Arc<Pod>> {
        self.store.list::<Pod>(Some("n")).items
    }

    fn denials(&self) -> Vec<(i64, String)> {
        let events = self.store.list::<Event>(None).items;
        let mut told: Vec<_> = events
            .iter()
            .filter(|event| event.reason.as_deref() == Some("FailedCreate"))
            .map(|event| {
                let at = event.first_timestamp.as_ref().expect("a time").0.as_second();
                (at, event.message.clone().unwrap_or_default())
            })
            .collect();
        told.sort();
        told
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn pod(name: &str, cpu_millis: u32) -> Pod {
    let cpu = format!("{cpu_millis}m");
    let containers = json!([{"name": "c", "resources": {"requests": {"cpu": cpu}}}]);
    let pod = json!({
        "metadata": {"namespace": "n", "name": name}, "spec": {"containers": containers},
    });
    serde_json::from_value(pod).expect("must be a pod")
}

fn job(name: &str, parallelism: u32) -> Value {
    let template = json!({
        "metadata": {"labels": {"job": name}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]},
    });
    json!({
        "metadata": {"namespace": "n", "name": name},
        "spec": {
            "parallelism": parallelism, "completions": parallelism, "template": template,
            "selector": {"matchLabels": {"job": name}},
        },
    })
}

#[tokio::test(start_paused = true)]
async fn a_quota_counts_what_is_there_and_follows_it() {
    let world = World::new();
    world.create::<ConfigMap>(json!({"metadata": {"namespace": "n", "name": "a"}})).await;
    world.create::<ConfigMap>(json!({"metadata": {"namespace": "other", "name": "a"}})).await;
    world.pay("a", 500).await.expect("nothing is bounded yet");
    let hard = json!({"pods": "2", "configmaps": "5", "requests.cpu": "2", "services": "1"});
    world.quota(json!({"hard": hard})).await;
    assert_eq!(world.status(), "configmaps 1/5, pods 1/2, requests.cpu 500m/2, services 0/1");
    world.pay("b", 1000).await.expect("there is room");
    assert_eq!(world.status(), "configmaps 1/5, pods 2/2, requests.cpu 1500m/2, services 0/1");
    let refused = world.pay("c", 0).await.expect_err("there is none");
    assert_eq!(
        refused.to_string(),
        "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"
    );
    world.end("a").await;
    world.settle().await;
    assert_eq!(world.status(), "configmaps 1/5, pods 1/2, requests.cpu 1/2, services 0/1");
    world.delete(Kind::ConfigMap, "a").await;
    world.delete(Kind::Pod, "b").await;
    world.settle().await;
    assert_eq!(world.status(), "configmaps 0/5, pods 0/2, requests.cpu 0/2, services 0/1");
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_changes_is_counted_anew() {
    let world = World::new();
    world.quota(json!({"hard": {"pods": "1"}})).await;
    world.pay("a", 0).await.expect("there is room");
    let wider = |quota: &mut ResourceQuota| {
        let hard = json!({"pods": "3", "count/pods": "2"});
        quota.spec.get_or_insert_default().hard =
            Some(serde_json::from_value(hard).expect("must be amounts"));
    };
    let change = Transaction::new().modify(Key::new("n", "q"), None, wider);
    world.store.commit(change).await.expect("must be changed");
    let unknown = world.pay("b", 0).await.expect_err("count/pods is not counted yet");
    assert_eq!(unknown.to_string(), "status unknown for quota: q, resources: count/pods,pods");
    world.settle().await;
    assert_eq!(world.status(), "count/pods 1/2, pods 1/3");
    world.end("a").await;
    world.pay("b", 0).await.expect("there is room");
    world.settle().await;
    assert_eq!(world.status(), "count/pods 2/2, pods 1/3");
    world.delete(Kind::ResourceQuota, "q").await;
    world.pay("c", 0).await.expect("nothing is bounded any more");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_its_node_does_not_end_is_given_up() {
    let world = World::new();
    world.quota(json!({"hard": {"pods": "1", "count/pods": "9"}})).await;
    world.pay("a", 0).await.expect("there is room");
    let bind = |pod: &mut Pod| {
        pod.spec.get_or_insert_default().node_name = Some("lost".to_owned());
    };
    let bind = Transaction::new().modify(Key::new("n", "a"), None, bind);
    world.store.commit(bind).await.expect("must be bound");
    world.delete(Kind::Pod, "a").await;
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(world.status(), "count/pods 1/9, pods 1/1");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.status(), "count/pods 1/9, pods 0/1");
    // It comes back all the same.
    world.end("a").await;
    world.settle().await;
    assert_eq!(world.status(), "count/pods 1/9, pods 0/1");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_writes_into_the_status_is_put_right() {
    let world = World::new();
    world.quota(json!({"hard": {"pods": "1"}})).await;
    let lie = |quota: &mut ResourceQuota| {
        let status = quota.status.get_or_insert_default();
        status.hard = None;
        status.used.get_or_insert_default().insert("pods".to_owned(), Quantity("7".to_owned()));
    };
    let lie = Transaction::new().modify(Key::new("n", "q"), None, lie);
    world.store.commit(lie).await.expect("must be written");
    world.settle().await;
    assert_eq!(world.status(), "pods 0/1");
}

#[tokio::test(start_paused = true)]
async fn a_job_gets_as_many_pods_as_there_is_room_for_and_the_rest_in_time() {
    let world = World::with_jobs();
    world.quota(json!({"hard": {"pods": "1"}})).await;
    world.create::<Job>(job("j", 3)).await;
    assert_eq!(world.pods().len(), 1);
    let active = |world: &World| {
        let job = world.store.get::<Job>(&Key::new("n", "j")).expect("the Job");
        job.status.as_ref().and_then(|status| status.active)
    };
    assert_eq!(active(&world), Some(1));
    tokio::time::sleep(Duration::from_secs(20)).await;
    let times = |world: &World| -> Vec<i64> { world.denials().iter().map(|(at, _)| *at).collect() };
    assert_eq!(times(&world), [0, 0, 1, 3, 7, 15]);
    let (_, told) = &world.denials()[0];
    assert!(told.starts_with("Error creating: pods \"j-"), "{told}");
    assert!(
        told.ends_with(
            "\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
        ),
        "{told}"
    );
    // The end of a pod is seen a second later, whatever the back-off has come to.
    let first = world.pods()[0].key().name;
    world.end(&first).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(world.pods().len(), 1);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((world.pods().len(), active(&world)), (2, Some(1)));
    assert_eq!(world.status(), "pods 1/1");
}

#[tokio::test(start_paused = true)]
async fn a_job_of_another_size_is_tried_at_once() {
    let world = World::with_jobs();
    world.quota(json!({"hard": {"pods": "0"}})).await;
    world.create::<Job>(job("j", 3)).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let widen = |quota: &mut ResourceQuota| {
        let hard = quota.spec.get_or_insert_default().hard.get_or_insert_default();
        hard.insert("pods".to_owned(), Quantity("9".to_owned()));
    };
    let widen = Transaction::new().modify(Key::new("n", "q"), None, widen);
    world.store.commit(widen).await.expect("must be changed");
    world.settle().await;
    assert_eq!(world.pods().len(), 0, "its time has not come");
    let resize = |job: &mut Job| job.spec.as_mut().expect("a spec").parallelism = Some(2);
    let resize = Transaction::new().modify(Key::new("n", "j"), None, resize);
    world.store.commit(resize).await.expect("must be changed");
    world.settle().await;
    assert_eq!(world.pods().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_jobs_pods_have_the_defaults_of_their_namespace_or_are_denied() {
    let world = World::with_jobs();
    let limits = json!([{
        "type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "500m"},
        "max": {"memory": "1Gi"},
    }]);
    let range = json!({"metadata": {"namespace": "n", "name": "l"}, "spec": {"limits": limits}});
    world.create::<LimitRange>(range).await;
    world.create::<Job>(job("silent", 3)).await;
    assert_eq!(world.pods().len(), 0);
    let (at, told) = &world.denials()[0];
    assert!(
        *at == 0
            && told.ends_with(
                "is forbidden: maximum memory usage per Container is 1Gi.  No limit is specified"
            ),
        "{told}"
    );
    let mut said = job("said", 1);
    let container = &mut said["spec"]["template"]["spec"]["containers"][0];
    container["resources"] = json!({"limits": {"memory": "64Mi"}});
    world.create::<Job>(said).await;
    let pod = &world.pods()[0];
    let spec = serde_json::to_value(&pod.spec).expect("must be JSON");
    assert_eq!(
        spec["containers"][0]["resources"],
        json!({
            "limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"cpu": "500m", "memory": "64Mi"},
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_cron_job_is_denied_a_job_and_tries_again() {
    let world = World::new();
    let cron_jobs = CronJobController::new(world.store.clone());
    tokio::spawn(cron_jobs.run(world.cancel.clone()));
    world.quota(json!({"hard": {"count/jobs.batch": "1"}})).await;
    world.create::<Job>(job("other", 1)).await;
    let template = &job("x", 1)["spec"]["template"];
    let cron_job = json!({
        "metadata": {"namespace": "n", "name": "c", "creationTimestamp": "1970-01-01T00:00:00Z"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}},
    });
    let cron_job = serde_json::from_value(cron_job).expect("must be a CronJob");
    let admitted = crate::admission::admit_cron_job(cron_job, "u").expect("must be admitted");
    world.store.commit(Transaction::new().create(admitted.object)).await.expect("must be created");
    tokio::time::sleep(Duration::from_secs(63)).await;
    let jobs = |world: &World| world.store.list::<Job>(Some("n")).items.len();
    assert_eq!(jobs(&world), 1);
    let (at, told) = &world.denials()[0];
    assert_eq!(
        (*at, told.as_str()),
        (
            60,
            "Error creating job: jobs.batch \"c-1\" is forbidden: exceeded quota: q, requested: \
             count/jobs.batch=1, used: count/jobs.batch=1, limited: count/jobs.batch=1"
        )
    );
    world.delete(Kind::Job, "other").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!((jobs(&world), world.status()), (1, "count/jobs.batch 1/1".to_owned()));
    assert!(world.store.get::<Job>(&Key::new("n", "c-1")).is_some());
}

#[tokio::test(start_paused = true)]
async fn jobs_that_race_for_the_last_room_never_take_more() {
    let world = World::with_jobs();
    world.quota(json!({"hard": {"pods": "7"}})).await;
    let jobs: Vec<Job> = (0..20)
        .map(|number| serde_json::from_value(job(&format!("j{number}"), 2)).expect("must be a Job"))
        .collect();
    let all = jobs.into_iter().fold(Transaction::new(), Transaction::create);
    world.store.commit(all).await.expect("must be created");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((world.pods().len(), world.status()), (7, "pods 7/7".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn creations_that_race_on_a_disk_never_take_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), Clock::system(), Names::random()).expect("a store");
    let quota = json!({"metadata": {"namespace": "n", "name": "q"}, "spec": {"hard": {"pods": "50"}},
        "status": {"hard": {"pods": "50"}, "used": {"pods": "0"}}});
    let quota: ResourceQuota = serde_json::from_value(quota).expect("must be a quota");
    store.commit(Transaction::new().create(quota)).await.expect("must be created");
    let mut tries = tokio::task::JoinSet::new();
    for number in 0..200 {
        let world = store.clone();
        tries.spawn(async move {
            let pod = pod(&format!("p{number}"), 0);
            let paid = charge("n", vec![Usage::of_new(&pod)]);
            world.commit(paid.create(pod)).await.is_ok()
        });
    }
    let made = tries.join_all().await.into_iter().filter(|is_made| *is_made).count();
    assert_eq!((made, store.list::<Pod>(Some("n")).items.len()), (50, 50));
}

#[derive(Clone, Debug)]
enum Step {
    Make(u32),
    End(usize),
    Delete(usize),
    Bound(u32),
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u32..1500).prop_map(Step::Make),
        2 => (0usize..9).prop_map(Step::End),
        1 => (0usize..9).prop_map(Step::Delete),
        1 => (1u32..6).prop_map(Step::Bound),
        2 => Just(Step::Settle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, what is there is never more than what is said to be used, nobody gets in
    /// beyond the bound, and once things settle the status is exactly what is there.
    #[test]
    fn what_is_used_is_what_is_there(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let world = World::new();
            world.quota(json!({"hard": {"requests.cpu": "3"}})).await;
            for (number, step) in steps.iter().enumerate() {
                world.follow(number, step).await;
                let there = world.there();
                if let Some(used) = world.used("requests.cpu") {
                    assert!(there <= used, "{there} of {used} after {step:?}");
                }
            }
            world.settle().await;
            assert_eq!(Some(world.there()), world.used("requests.cpu"));
        });
    }
}

impl World {
    async fn follow(&self, number: usize, step: &Step) {
        let nth = |nth: usize| {
            let pods = self.pods();
            pods.get(nth % pods.len().max(1)).map(|pod| pod.key().name)
        };
        match step {
            Step::Make(cpu_millis) => {
                let used = self.used("requests.cpu");
                let is_made = self.pay(&format!("p{number}"), *cpu_millis).await.is_ok();
                let wanted = Amount::parse(&format!("{cpu_millis}m")).expect("an amount");
                let fits = used.is_some_and(|used| used + wanted <= self.hard());
                assert_eq!(is_made, fits || *cpu_millis == 0, "{wanted} beside {used:?}");
            }
            Step::End(pod) => {
                if let Some(name) = nth(*pod) {
                    self.end(&name).await;
                }
            }
            Step::Delete(pod) => {
                if let Some(name) = nth(*pod) {
                    self.delete(Kind::Pod, &name).await;
                }
            }
            Step::Bound(cores) => {
                let cores = Quantity(cores.to_string());
                let bound = |quota: &mut ResourceQuota| {
                    let hard = quota.spec.get_or_insert_default().hard.get_or_insert_default();
                    hard.insert("requests.cpu".to_owned(), cores);
                };
                let bound = Transaction::new().modify(Key::new("n", "q"), None, bound);
                self.store.commit(bound).await.expect("must be changed");
            }
            Step::Settle => self.settle().await,
        }
    }

    fn hard(&self) -> Amount {
        let quota = self.store.get::<ResourceQuota>(&Key::new("n", "q")).expect("the quota");
        let hard = quota.spec.as_ref().and_then(|spec| spec.hard.as_ref()).expect("bounds");
        Amount::of(&hard["requests.cpu"])
    }

    fn there(&self) -> Amount {
        let now = self.store.clock().now();
        let usages = self.pods().into_iter().map(|pod| Usage::of(&Object::Pod(pod), now));
        usages.filter_map(|usage| usage.amounts.get("requests.cpu").copied()).sum()
    }
}
