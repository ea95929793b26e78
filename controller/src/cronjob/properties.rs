//! What holds whatever happens to a CronJob and its Jobs.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::times::Reach;
use super::*;
use crate::api::{CronJob, CronJobStatus, Job, SignedDuration, Time, Timestamp};

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn promises_hold_whatever_happens(
        spec in any_spec(),
        steps in prop::collection::vec(any_step(), 1..40),
    ) {
        let mut world = World::new(&spec);
        for step in steps {
            world.step(&step);
            world.settle();
        }
    }
}

/// A CronJob and its Jobs, in a store that does what plans say.
struct World {
    cron_job: CronJob,
    jobs: Vec<Job>,
    now: Timestamp,
    /// The Jobs that were ever made, by name.
    made: BTreeSet<String>,
}

#[derive(Clone, Debug)]
enum Step {
    /// So many seconds go by; the clock may be set back, too.
    Wait(i64),
    /// The first Job that goes on ends.
    End(bool),
    /// Somebody deletes the last Job.
    Delete,
    /// Somebody makes a Job of the CronJob by hand.
    Manual,
    Suspend(bool),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0i64..400).prop_map(Step::Wait),
        2 => (0i64..200_000).prop_map(Step::Wait),
        1 => (-300i64..0).prop_map(Step::Wait),
        4 => any::<bool>().prop_map(Step::End),
        1 => Just(Step::Delete),
        1 => Just(Step::Manual),
        1 => any::<bool>().prop_map(Step::Suspend),
    ]
}

const SCHEDULES: &[&str] =
    &["* * * * *", "*/7 * * * *", "@every 90s", "30 2 * * *", "0 */2 * * 1-5"];

fn any_spec() -> impl Strategy<Value = Value> {
    (
        prop::sample::select(SCHEDULES),
        prop::sample::select(&["Allow", "Forbid", "Replace"][..]),
        prop::option::of(0i64..500),
        prop::option::of(0i32..3),
        prop::sample::select(&["UTC", "America/New_York"][..]),
    )
        .prop_map(|(schedule, policy, deadline, kept, zone)| {
            json!({
                "schedule": schedule, "concurrencyPolicy": policy, "timeZone": zone,
                "startingDeadlineSeconds": deadline, "successfulJobsHistoryLimit": kept,
                "failedJobsHistoryLimit": kept, "jobTemplate": { "spec": { "template": {} } },
            })
        })
}

impl World {
    fn new(spec: &Value) -> Self {
        // Two days before the clock goes on in New York.
        let now: Timestamp = "2024-03-08T06:29:30Z".parse().expect("a time");
        let cron_job = json!({
            "metadata": {
                "name": "cron", "namespace": "ns", "uid": "c", "creationTimestamp": now,
            },
            "spec": spec,
        });
        let cron_job = serde_json::from_value(cron_job).expect("a CronJob");
        Self { cron_job, jobs: Vec::new(), now, made: BTreeSet::new() }
    }

    fn step(&mut self, step: &Step) {
        let now = self.now;
        match step {
            Step::Wait(seconds) => self.now += SignedDuration::from_secs(*seconds),
            Step::End(is_success) => {
                let going_on = |job: &&mut Job| ChildJob::parse(job).finished.is_none();
                let Some(job) = self.jobs.iter_mut().find(going_on) else { return };
                let type_ = if *is_success { "Complete" } else { "Failed" };
                let conditions = json!([{ "type": type_, "status": "True" }]);
                let status = job.status.get_or_insert_default();
                status.conditions = serde_json::from_value(conditions).expect("conditions");
                status.completion_time = is_success.then_some(Time(now));
            }
            Step::Delete => drop(self.jobs.pop()),
            Step::Manual => {
                let mut job = template::job(&self.view(), now);
                job.metadata.name = Some(format!("manual-{}", self.made.len()));
                self.put(job);
            }
            Step::Suspend(is_suspended) => self.cron_job.spec.suspend = Some(*is_suspended),
        }
    }

    /// Applies plans, which must all keep their promises, until there is nothing to do at this time.
    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 4, "planning must come to an end: {:?}", self.cron_job);
            let observed = self.observed();
            let plan = reconcile(&observed, self.now);
            assert_eq!(plan, reconcile(&observed, self.now), "the same input is the same plan");
            self.check(&observed, &plan);
            let is_told_only = plan.actions.iter().all(|it| matches!(it, Action::Record(_)));
            if is_told_only {
                return;
            }
            self.apply(plan);
            self.check_applied();
        }
    }

    fn check(&self, observed: &Observed, plan: &Plan) {
        let view = &observed.cron_job;
        let schedule = view.schedule.as_ref().expect("a schedule");
        let created: Vec<&Job> = plan.actions.iter().filter_map(created).collect();
        assert!(created.len() <= 1, "one Job a sync: {created:?}");
        if let Next::At(at) = plan.next {
            // Of two times that have passed, the later counts; so the next is never jumped over.
            let status = plan.status().cloned().unwrap_or(view.status());
            let due = view.times(schedule, &status).requeue_at(self.now).expect("a time");
            let after_now = schedule.next(self.now).expect("a time") + SignedDuration::from_secs(1);
            assert!(at <= due.max(after_now), "{at} is past {due} and {after_now}");
        }
        let Some(job) = created.first() else { return self.check_not_started(view, plan) };
        assert!(!view.suspended, "a suspended CronJob starts nothing");
        let name = job.metadata.name.clone().unwrap_or_default();
        assert!(!self.made.contains(&name), "{name} was made before");
        let status = plan.status().expect("a start must be written down");
        let scheduled = status.last_schedule_time.clone().expect("its time").0;
        assert_eq!(name, template::job_name(view, scheduled));
        assert!(scheduled <= self.now);
        assert!(view.status().last_schedule_time.is_none_or(|last| last.0 < scheduled));
        assert!(schedule.next(scheduled).is_none_or(|next| next > self.now), "it is the latest");
        if let Some(deadline) = view.starting_deadline {
            assert!(self.now.duration_since(scheduled) <= deadline, "it is not too late");
        }
    }

    /// What nothing speaks against is started.
    fn check_not_started(&self, view: &CronJobView, plan: &Plan) {
        let schedule = view.schedule.as_ref().expect("a schedule");
        let status = view.status();
        let found = view.times(schedule, &status).most_recent(self.now, Reach::StartingDeadline);
        let Some(time) = found.expect("it is due at some time").time else { return };
        let is_late = view.starting_deadline.is_some_and(|it| time + it < self.now);
        let is_held = view.suspended || view.concurrency_policy == ConcurrencyPolicy::Forbid;
        let was_made = self.made.contains(&template::job_name(view, time));
        let is_known = status.last_schedule_time.is_some_and(|last| last.0 == time);
        assert!(is_late || is_held || was_made || is_known, "{time} is missed: {plan:?}");
    }

    fn check_applied(&self) {
        let observed = self.observed();
        let going_on = observed.jobs.values().filter(|job| job.finished.is_none());
        let scheduled = going_on.filter(|job| self.made.contains(&*job.name)).count();
        if observed.cron_job.concurrency_policy != ConcurrencyPolicy::Allow {
            assert!(scheduled <= 1, "two at once");
        }
        for (finished, kept) in [
            (child::Finished::Complete, observed.cron_job.successful_jobs_kept),
            (child::Finished::Failed, observed.cron_job.failed_jobs_kept),
        ] {
            let jobs = observed.jobs.values().filter(|job| job.finished == Some(finished));
            assert!(kept.is_none_or(|kept| jobs.count() <= kept), "history must be kept short");
        }
        for active in observed.cron_job.status().active.iter().flatten() {
            let name = active.name.as_deref().unwrap_or_default();
            let job = observed.jobs.get(name).expect("what is active must be there");
            assert!(job.finished.is_none(), "what is active must go on");
        }
    }

    fn apply(&mut self, plan: Plan) {
        let mut made = None;
        for action in plan.actions {
            match action {
                Action::Delete(deleted) => {
                    self.jobs.retain(|job| job.metadata.uid.as_deref() != Some(&*deleted.uid));
                }
                Action::Create(job) => {
                    let name = job.metadata.name.clone().unwrap_or_default();
                    self.made.insert(name.clone());
                    self.put(*job);
                    made = Some(reconcile::active_reference("ns", &name, &name));
                }
                Action::WriteStatus(status) => {
                    let mut status: CronJobStatus = *status;
                    status.active.get_or_insert_default().extend(made.take());
                    self.cron_job.status = Some(status);
                }
                Action::Record(_) => {}
            }
        }
        assert!(made.is_none(), "a Job that is made must be written down");
    }

    fn put(&mut self, mut job: Job) {
        job.metadata.uid.clone_from(&job.metadata.name);
        job.status.get_or_insert_default().start_time = Some(Time(self.now));
        self.jobs.push(job);
    }

    fn view(&self) -> CronJobView {
        CronJobView::parse(Arc::new(self.cron_job.clone()))
    }

    fn observed(&self) -> Observed {
        let jobs = self.jobs.iter().map(ChildJob::parse);
        Observed {
            cron_job: Arc::new(self.view()),
            jobs: jobs.map(|job| (job.name.clone(), Arc::new(job))).collect(),
            strays: BTreeSet::new(),
            refusal: None,
        }
    }
}

fn created(action: &Action) -> Option<&Job> {
    match action {
        Action::Create(job) => Some(job),
        _ => None,
    }
}
