//! CronJobs in simulated time: which Jobs they make, and what becomes of those.

use super::*;
use crate::api::CronJob;

/// A simulation with a CronJob of every minute, whose pods run for `seconds` and end with
/// `exit_codes`.
async fn every_minute(seconds: u64, exit_codes: &[i32], spec: &str) -> Simulation {
    let simulation = Simulation::start(seconds, exit_codes);
    let manifest = format!(
        "{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: cron, namespace: default}}, \
         spec: {{schedule: '* * * * *', {spec} jobTemplate: {{spec: {{backoffLimit: 0, \
         template: {{spec: {{restartPolicy: Never, containers: [{{name: main, image: any}}]}}}}}}}}}}}}"
    );
    let documents = decode::decode(manifest.as_bytes(), "-", Default::default()).unwrap();
    let Object::CronJob(cron_job) = &documents[0].object else { panic!("not a CronJob") };
    let uid = simulation.store.names().uid();
    let cron_job = admission::admit_cron_job((**cron_job).clone(), &uid).unwrap().object;
    // Not on a minute.
    tokio::time::sleep(Duration::from_secs(10)).await;
    simulation.store.commit(Transaction::new().create(cron_job)).await.unwrap();
    simulation
}

impl Simulation {
    /// Goes on to this second since the start.
    async fn until(&self, second: i64) {
        let at = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
        self.store.clock().sleep_until(at + SignedDuration::from_secs(second)).await;
    }

    /// The minute that each Job is for, and how it has ended.
    fn jobs(&self) -> Vec<String> {
        let show = |job: &Arc<Job>| {
            let minute = job.metadata.name.as_deref().unwrap().strip_prefix("cron-294537").unwrap();
            let status = job.status.clone().unwrap_or_default();
            let ended =
                status.conditions.as_deref().unwrap_or_default().last().map(|it| it.type_.as_str());
            format!("{minute} {}", ended.unwrap_or("-"))
        };
        self.store.list::<Job>(None).items.iter().map(show).collect()
    }

    fn cron_job(&self) -> Arc<CronJob> {
        self.store.get::<CronJob>(&Key::new("default", "cron")).unwrap()
    }

    /// The names in the active list, each of which has the uid of a Job that is there.
    fn active(&self) -> Vec<String> {
        let status = self.cron_job().status.clone().unwrap_or_default();
        let name = |reference: crate::api::ObjectReference| {
            let name = reference.name.unwrap();
            let job = self.store.get::<Job>(&Key::new("default", &name)).unwrap();
            assert_eq!(reference.uid, job.metadata.uid);
            name
        };
        status.active.unwrap_or_default().into_iter().map(name).collect()
    }

    /// How often each reason was given by the controller of CronJobs, in order of the reasons.
    fn told(&self) -> Vec<String> {
        let events = self.store.list::<Event>(None).items;
        let mut counts = std::collections::BTreeMap::<String, i32>::new();
        for event in &events {
            if event.reporting_component.as_deref() == Some("cronjob-controller") {
                let reason = event.reason.clone().unwrap();
                *counts.entry(reason).or_default() += event.count.unwrap();
            }
        }
        counts.into_iter().map(|(reason, count)| format!("{reason} {count}")).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_is_made_every_minute_and_three_are_kept() {
    let simulation = every_minute(5, &[0], "").await;
    simulation.until(59).await;
    assert!(simulation.jobs().is_empty());
    simulation.until(61).await;
    assert_eq!(simulation.jobs(), ["61 -"]);
    assert_eq!(simulation.active(), ["cron-29453761"]);
    simulation.until(90).await;
    assert_eq!((simulation.jobs(), simulation.active()), (vec!["61 Complete".into()], vec![]));

    let job = simulation.store.get::<Job>(&Key::new("default", "cron-29453761")).unwrap();
    let owner = &job.metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!((owner.kind.as_str(), &*owner.name), ("CronJob", "cron"));
    assert_eq!(Some(&owner.uid), simulation.cron_job().metadata.uid.as_ref());
    let spec = job.spec.as_ref().unwrap();
    // As if it had been sent: the defaults and the selector are there.
    assert_eq!((spec.completions, spec.selector.is_some()), (Some(1), true));
    let labels = spec.template.metadata.as_ref().unwrap().labels.as_ref().unwrap();
    assert_eq!(labels.get("controller-uid"), job.metadata.uid.as_ref());

    simulation.until(300 + 30).await;
    assert_eq!(simulation.jobs(), ["63 Complete", "64 Complete", "65 Complete"]);
    assert_eq!(simulation.store.list::<Pod>(None).items.len(), 3);
    assert_eq!(
        simulation.told(),
        ["SawCompletedJob 5", "SuccessfulCreate 5", "SuccessfulDelete 2"]
    );
    let status = simulation.cron_job().status.clone().unwrap();
    let second = |time: Option<crate::api::Time>| time.unwrap().0.to_string()[..19].to_owned();
    assert_eq!(second(status.last_schedule_time), "2026-01-01T00:05:00");
    assert_eq!(second(status.last_successful_time), "2026-01-01T00:05:05");
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn one_failed_job_is_kept_beside_those_that_completed() {
    let simulation = every_minute(5, &[1, 0, 1, 0], "successfulJobsHistoryLimit: 1,").await;
    simulation.until(240 + 30).await;
    assert_eq!(simulation.jobs(), ["63 Failed", "64 Complete"]);
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_forbidden_starts_late() {
    let simulation = every_minute(75, &[0], "concurrencyPolicy: Forbid,").await;
    simulation.until(120 + 10).await;
    assert_eq!(simulation.jobs(), ["61 -"]);
    // The first began at one minute, and takes a minute and a quarter.
    simulation.until(120 + 20).await;
    assert_eq!(simulation.jobs(), ["61 Complete", "62 -"]);
    assert_eq!(simulation.active(), ["cron-29453762"]);
    assert!(simulation.told().iter().any(|told| told.starts_with("JobAlreadyActive")));
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_is_replaced_by_the_next() {
    let simulation = every_minute(1000, &[0], "concurrencyPolicy: Replace,").await;
    simulation.until(180 + 30).await;
    assert_eq!(simulation.jobs(), ["63 -"]);
    assert_eq!(simulation.active(), ["cron-29453763"]);
    assert_eq!(simulation.store.list::<Pod>(None).items.len(), 1);
    assert_eq!(simulation.told(), ["SuccessfulCreate 3", "SuccessfulDelete 2"]);
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_came_while_nobody_was_there_or_it_was_suspended_is_made_up_for_once() {
    let mut simulation = every_minute(5, &[0], "suspend: true,").await;
    simulation.until(150).await;
    assert!(simulation.jobs().is_empty());
    let resume = |cron_job: &mut CronJob| cron_job.spec.suspend = Some(false);
    let key = Key::new("default", "cron");
    let change = Transaction::new().modify(key, None, resume);
    simulation.store.commit(change).await.unwrap();
    simulation.until(170).await;
    assert_eq!(simulation.jobs(), ["62 Complete"]);

    simulation.plane.shutdown().await;
    tokio::time::sleep(Duration::from_secs(200)).await;
    simulation.plane =
        Simulation::plane(&simulation.store, &simulation.runtime, simulation.root.path(), 0);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(simulation.jobs(), ["62 Complete", "66 Complete"]);
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn another_schedule_counts_from_when_it_was_set() {
    let simulation = every_minute(5, &[0], "").await;
    let hourly = |cron_job: &mut CronJob| cron_job.spec.schedule = "30 * * * *".into();
    let change = Transaction::new().modify(Key::new("default", "cron"), None, hourly);
    simulation.store.commit(change).await.unwrap();
    simulation.until(29 * 60).await;
    assert!(simulation.jobs().is_empty());
    simulation.until(31 * 60).await;
    assert_eq!(simulation.jobs(), ["90 Complete"]);
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_cron_job_takes_its_jobs_with_it() {
    let simulation = every_minute(1000, &[0], "").await;
    simulation.until(130).await;
    assert_eq!(simulation.jobs(), ["61 -", "62 -"]);
    let key = Key::new("default", "cron");
    let delete = Transaction::new().delete(Kind::CronJob, key, DeleteOptions::default());
    simulation.store.commit(delete).await.unwrap();
    simulation.until(300).await;
    assert!(simulation.jobs().is_empty());
    assert!(simulation.store.list::<Pod>(None).items.is_empty());
    simulation.plane.shutdown().await;
}
