use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::times::{Missed, Reach};
use super::*;
use crate::api::{CronJob, Job, Timestamp};

/// A CronJob of every minute, with what `spec` and `status` say besides.
#[expect(clippy::needless_pass_by_value, reason = "so that a case says it with `json!`")]
fn cron_job(spec: Value, status: Value) -> CronJobView {
    let mut all = json!({
        "schedule": "* * * * *",
        "jobTemplate": { "metadata": { "labels": { "a": "b" } }, "spec": { "template": {} } },
    });
    let fields = spec.as_object().expect("a spec");
    all.as_object_mut().expect("a spec").extend(fields.clone());
    let cron_job = json!({
        "metadata": {
            "name": "cron", "namespace": "ns", "uid": "c", "creationTimestamp": "2026-01-01T00:00:30Z",
        },
        "spec": all,
        "status": status,
    });
    CronJobView::parse(Arc::new(serde_json::from_value::<CronJob>(cron_job).expect("a CronJob")))
}

/// A Job of that CronJob, which has this uid, too: one word of how it has ended, and when it
/// started and was completed.
fn job(
    name: &str,
    ended: &str,
    start: Option<&str>,
    end: Option<&str>,
) -> (Arc<str>, Arc<ChildJob>) {
    let job = json!({
        "metadata": {
            "name": name, "namespace": "ns", "uid": name,
            "ownerReferences": [{ "name": "cron", "uid": "c", "controller": true }],
        },
        "status": {
            "startTime": start, "completionTime": end,
            "conditions": [{ "type": ended, "status": "True" }],
        },
    });
    let job = serde_json::from_value::<Job>(job).expect("a Job");
    (name.into(), Arc::new(ChildJob::parse(&job)))
}

fn observed(
    cron_job: CronJobView,
    jobs: impl IntoIterator<Item = (Arc<str>, Arc<ChildJob>)>,
) -> Observed {
    Observed {
        cron_job: Arc::new(cron_job),
        jobs: jobs.into_iter().collect(),
        strays: BTreeSet::new(),
        refusal: None,
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

/// The plan at `now`, a line for each action and one for what is next.
#[expect(clippy::needless_pass_by_value, reason = "so that a case ends in `expect![..]`")]
fn check(observed: &Observed, now: &str, expect: Expect) {
    let plan = reconcile(observed, at(now));
    let mut text = String::new();
    for action in &plan.actions {
        text += &match action {
            Action::Delete(job) => format!("delete {}\n", job.name),
            Action::Create(job) => {
                let metadata = &job.metadata;
                let of = |map: &Option<BTreeMap<String, String>>| map.clone().unwrap_or_default();
                let (labels, notes) = (of(&metadata.labels), of(&metadata.annotations));
                let name = metadata.name.as_deref().unwrap_or_default();
                format!("create {name} {labels:?} {notes:?}\n")
            }
            Action::WriteStatus(status) => {
                let active = status.active.iter().flatten();
                let active: Vec<_> = active.filter_map(|it| it.name.as_deref()).collect();
                let time = |time: &Option<crate::api::Time>| {
                    time.as_ref().map_or("-".to_owned(), |time| time.0.to_string())
                };
                let last = time(&status.last_schedule_time);
                let success = time(&status.last_successful_time);
                format!("status active {active:?} scheduled {last} successful {success}\n")
            }
            Action::Record(event) => {
                format!("{} {}: {}\n", event.event_type.as_str(), event.reason, event.message)
            }
        };
    }
    text += &match plan.next {
        Next::Never => "never\n".to_owned(),
        Next::At(at) => format!("at {at}\n"),
        Next::Retry => "retry\n".to_owned(),
    };
    expect.assert_eq(&text);
}

fn active(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "name": name, "uid": name })).collect()
}

#[test]
fn a_job_is_started_for_the_most_recent_time_alone() {
    let observed = observed(cron_job(json!({ "timeZone": "Asia/Kathmandu" }), json!({})), []);
    check(
        &observed,
        "2026-01-01T00:00:59Z",
        expect![[r#"
        at 2026-01-01T00:01:00.1Z
    "#]],
    );
    check(
        &observed,
        "2026-01-01T00:05:03Z",
        expect![[r#"
        create cron-29453765 {"a": "b"} {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T05:50:00+05:45"}
        Normal SuccessfulCreate: Created job cron-29453765
        status active [] scheduled 2026-01-01T00:05:00Z successful -
        at 2026-01-01T00:06:00.1Z
    "#]],
    );
}

#[test]
fn what_speaks_against_a_start_is_told() {
    let status = json!({ "lastScheduleTime": "2026-01-01T00:01:00Z", "active": active(&["old"]) });
    let check = |spec: Value, now, expect| {
        check(
            &observed(cron_job(spec, status.clone()), [job("old", "Any", None, None)]),
            now,
            expect,
        );
    };
    let now = "2026-01-01T00:02:30Z";
    check(
        json!({ "concurrencyPolicy": "Forbid" }),
        now,
        expect![[r#"
        Normal JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid
        at 2026-01-01T00:03:00.1Z
    "#]],
    );
    check(
        json!({ "concurrencyPolicy": "Replace" }),
        now,
        expect![[r#"
        delete old
        Normal SuccessfulDelete: Deleted job old
        create cron-29453762 {"a": "b"} {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T00:02:00Z"}
        Normal SuccessfulCreate: Created job cron-29453762
        status active [] scheduled 2026-01-01T00:02:00Z successful -
        at 2026-01-01T00:03:00.1Z
    "#]],
    );
    check(
        json!({ "startingDeadlineSeconds": 10 }),
        now,
        expect![[r#"
        at 2026-01-01T00:03:00.1Z
    "#]],
    );
    check(
        json!({ "suspend": true }),
        now,
        expect![[r#"
        never
    "#]],
    );
    check(
        json!({ "schedule": "0 0 31 2 *" }),
        now,
        expect![[r#"
        Warning InvalidSchedule: invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second
        never
    "#]],
    );
    check(
        json!({ "schedule": "x" }),
        now,
        expect![[r#"
        Warning UnparseableSchedule: unparseable schedule: "x" : expected exactly 5 fields, found 1: [x]
        never
    "#]],
    );
    check(
        json!({ "timeZone": "Mars" }),
        now,
        expect![[r#"
        Warning UnknownTimeZone: invalid timeZone: "Mars": unknown time zone Mars
        never
    "#]],
    );
}

#[test]
fn a_job_that_can_not_be_made_is_no_start() {
    let mut observed = observed(cron_job(json!({}), json!({})), []);
    let now = "2026-01-01T00:01:00.1Z";
    observed.refusal = Some(Refusal::NameTaken);
    check(
        &observed,
        now,
        expect![[r#"
        never
    "#]],
    );
    observed.refusal = Some(Refusal::NamespaceTerminating);
    check(
        &observed,
        now,
        expect![[r#"
        retry
    "#]],
    );
    observed.refusal = Some(Refusal::Invalid("no".to_owned()));
    check(
        &observed,
        now,
        expect![[r#"
        Warning FailedCreate: Error creating job: no
        retry
    "#]],
    );
    // One of its own, made before its status was written.
    observed.jobs.extend([job("cron-29453761", "Any", None, None)]);
    check(
        &observed,
        now,
        expect![[r#"
        Warning UnexpectedJob: Saw a job that the controller did not create or forgot: cron-29453761
        status active ["cron-29453761"] scheduled 2026-01-01T00:01:00Z successful -
        at 2026-01-01T00:02:00.1Z
    "#]],
    );
}

#[test]
fn forbidding_two_at_once_forbids_no_first() {
    let forbid = json!({ "concurrencyPolicy": "Forbid" });
    check(
        &observed(cron_job(forbid, json!({})), []),
        "2026-01-01T00:01:00Z",
        expect![[r#"
        create cron-29453761 {"a": "b"} {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T00:01:00Z"}
        Normal SuccessfulCreate: Created job cron-29453761
        status active [] scheduled 2026-01-01T00:01:00Z successful -
        at 2026-01-01T00:02:00.1Z
    "#]],
    );
}

#[test]
fn what_is_active_for_a_time_was_started_for_it() {
    let name = "cron-29453761";
    let status = json!({ "active": active(&[name]) });
    let observed = observed(cron_job(json!({}), status), [job(name, "Any", None, None)]);
    check(
        &observed,
        "2026-01-01T00:01:00Z",
        expect![[r#"
        at 2026-01-01T00:02:00.1Z
    "#]],
    );
}

#[test]
fn a_job_of_an_earlier_cron_job_of_the_name_is_not_taken_in() {
    let (name, mut earlier) = job("cron-29453761", "Any", None, None);
    Arc::make_mut(&mut earlier).owner_uid = "earlier".into();
    let observed = observed(cron_job(json!({}), json!({})), [(name, earlier)]);
    check(
        &observed,
        "2026-01-01T00:01:00Z",
        expect![[r#"
        Warning UnexpectedJob: Saw a job that the controller did not create or forgot: cron-29453761
        never
    "#]],
    );
}

#[test]
fn the_active_list_refers_to_jobs_in_full() {
    let observed =
        observed(cron_job(json!({}), json!({})), [job("cron-29453761", "Any", None, None)]);
    let plan = reconcile(&observed, at("2026-01-01T00:01:00Z"));
    let Some(Action::WriteStatus(status)) = plan.actions.last() else { panic!("{plan:?}") };
    let reference = json!([{
        "apiVersion": "batch/v1", "kind": "Job", "namespace": "ns", "name": "cron-29453761",
        "uid": "cron-29453761",
    }]);
    assert_eq!(json!(status.active), reference);
}

#[test]
fn what_changes_nothing_in_the_status_writes_none() {
    let spec = json!({ "suspend": true, "failedJobsHistoryLimit": 0 });
    let failed = job("bad", "Failed", Some("2026-01-01T00:01:00Z"), None);
    let observed = observed(cron_job(spec, json!({ "active": [] })), [failed]);
    check(
        &observed,
        "2026-01-01T00:05:01Z",
        expect![[r#"
        delete bad
        Normal SuccessfulDelete: Deleted job bad
        never
    "#]],
    );
}

#[test]
fn the_active_list_follows_the_jobs() {
    let status = json!({
        "lastScheduleTime": "2026-01-01T00:05:00Z",
        "lastSuccessfulTime": "2026-01-01T00:02:00Z",
        "active": active(&["done", "failed", "going", "gone", "stray"]),
    });
    let mut observed = observed(
        cron_job(json!({}), status),
        [
            job("done", "Complete", Some("2026-01-01T00:03:00Z"), Some("2026-01-01T00:04:00Z")),
            job("failed", "Failed", Some("2026-01-01T00:03:00Z"), None),
            job("going", "Suspended", Some("2026-01-01T00:03:00Z"), None),
            job("earlier", "Complete", Some("2026-01-01T00:00:00Z"), Some("2026-01-01T00:01:00Z")),
        ],
    );
    observed.strays.insert("stray".into());
    check(
        &observed,
        "2026-01-01T00:05:01Z",
        expect![[r#"
        Normal SawCompletedJob: Saw completed job: done, condition: Complete
        Normal SawCompletedJob: Saw completed job: failed, condition: Failed
        Normal MissingJob: Active job went missing: gone
        status active ["going", "stray"] scheduled 2026-01-01T00:05:00Z successful 2026-01-01T00:04:00Z
        at 2026-01-01T00:06:00.1Z
    "#]],
    );
}

#[test]
fn the_oldest_of_history_goes_even_of_a_suspended_cron_job() {
    let spec = json!({
        "suspend": true, "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 0,
    });
    let status = json!({ "active": active(&["bad"]) });
    let observed = observed(
        cron_job(spec, status),
        [
            job("a", "Complete", Some("2026-01-01T00:03:00Z"), Some("2026-01-01T00:03:09Z")),
            job("b", "Complete", Some("2026-01-01T00:02:00Z"), Some("2026-01-01T00:02:09Z")),
            job("bad", "Failed", Some("2026-01-01T00:01:00Z"), None),
        ],
    );
    check(
        &observed,
        "2026-01-01T00:05:01Z",
        expect![[r#"
        delete b
        Normal SuccessfulDelete: Deleted job b
        delete bad
        Normal SuccessfulDelete: Deleted job bad
        status active [] scheduled - successful 2026-01-01T00:03:09Z
        never
    "#]],
    );
}

#[test]
fn many_missed_times_are_worth_a_warning() {
    let schedule = json!({ "schedule": "CRON_TZ=UTC * * * * *" });
    let observed = observed(cron_job(schedule, json!({})), []);
    check(
        &observed,
        "2026-01-01T02:00:10Z",
        expect![[r#"
        Warning UnsupportedSchedule: CRON_TZ or TZ used in schedule "CRON_TZ=UTC * * * * *" is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details
        Warning TooManyMissedTimes: too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew
        create cron-29453880 {"a": "b"} {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T02:00:00Z"}
        Normal SuccessfulCreate: Created job cron-29453880
        status active [] scheduled 2026-01-01T02:00:00Z successful -
        at 2026-01-01T02:01:00.1Z
    "#]],
    );
}

#[test]
fn a_time_has_come_on_its_second_and_the_hundred_and_first_is_too_many() {
    let check = |schedule: &str, now: &str, time: Option<&str>, missed| {
        let cron_job = cron_job(json!({ "schedule": schedule }), json!({}));
        let schedule = cron_job.schedule.as_ref().expect("a schedule");
        let times = cron_job.times(schedule, &cron_job.object.status.clone().unwrap_or_default());
        let found = times.most_recent(at(now), Reach::Everything).expect("comes");
        assert_eq!((found.time, found.missed), (time.map(at), missed), "at {now}");
    };
    let minutes = "* * * * *";
    check(minutes, "2026-01-01T00:00:59Z", None, Missed::None);
    check(minutes, "2026-01-01T00:01:00Z", Some("2026-01-01T00:01:00Z"), Missed::None);
    check(minutes, "2026-01-01T00:01:59Z", Some("2026-01-01T00:01:00Z"), Missed::None);
    check(minutes, "2026-01-01T00:02:00Z", Some("2026-01-01T00:02:00Z"), Missed::Few);
    check(minutes, "2026-01-01T01:40:59Z", Some("2026-01-01T01:40:00Z"), Missed::Few);
    check(minutes, "2026-01-01T01:41:00Z", Some("2026-01-01T01:41:00Z"), Missed::Many);
    check("@every 1s", "2026-01-01T00:00:35Z", Some("2026-01-01T00:00:35Z"), Missed::Few);
}

#[test]
fn only_another_schedule_puts_off_the_next_look() {
    let now = at("2026-01-01T00:00:40Z");
    let old = cron_job(json!({}), json!({}));
    let check = |spec, expect| assert_eq!(update(&old, &cron_job(spec, json!({})), now), expect);
    check(json!({ "suspend": true }), Reaction::Now);
    let at_five = Reaction::WhenDue(at("2026-01-01T00:05:00.1Z"));
    check(json!({ "schedule": "*/5 * * * *" }), at_five);
    check(json!({ "schedule": "0 0 31 2 *" }), Reaction::Now);
    let message = "unparseable schedule for cronjob: x";
    let event = CronJobEvent::warning("UnParseableCronJobSchedule", message);
    check(json!({ "schedule": "x" }), Reaction::Never(event));
}
