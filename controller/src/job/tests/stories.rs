//! The main stories, each at its turning point.

use expect_test::expect;
use serde_json::{Value, json};

use super::super::{BackoffRecord, reconcile};
use super::{at, given, job, observe, pod, start};

#[test]
fn starts() {
    given(json!({ "completions": 5, "parallelism": 2 })).status(json!({})).plans(expect![[r#"
        create job-
        create job-
        status active=2 ready=0 startTime="00:00Z" terminating=0
    "#]]);
}

#[test]
fn replaces_what_succeeded() {
    given(json!({ "completions": 5, "parallelism": 2 }))
        .pods(&["a Running ready", "b Succeeded at=3"])
        .at(3)
        .plans(expect![[r#"
            release b
            create job-
            status active=2 ready=1 startTime="00:00Z" succeeded=1 terminating=0
        "#]]);
}

#[test]
fn makes_no_more_than_what_is_left() {
    given(json!({ "completions": 3, "parallelism": 3 }))
        .pods(&["a Succeeded", "b Succeeded", "c Running"])
        .plans(expect![[r#"
            release a
            release b
            status active=1 ready=0 startTime="00:00Z" succeeded=2 terminating=0
        "#]]);
}

#[test]
fn completes() {
    given(json!({})).pods(&["a Succeeded at=4"]).at(4).plans(expect![[r#"
        release a
        Normal Completed: Job completed
        status completionTime="00:04Z" ready=0 startTime="00:00Z" succeeded=1 terminating=0 SuccessCriteriaMet=True/CompletionsReached Complete=True/CompletionsReached
    "#]]);
}

#[test]
fn completes_at_once_when_nothing_is_wanted() {
    given(json!({ "completions": 0, "suspend": true })).status(json!({})).plans(expect![[r#"
        Normal Completed: Job completed
        status completionTime="00:00Z" ready=0 terminating=0 SuccessCriteriaMet=True/CompletionsReached Complete=True/CompletionsReached
    "#]]);
}

#[test]
fn begins_with_its_end_when_it_was_suspended_until_then() {
    let spec =
        json!({ "completionMode": "Indexed", "completions": 2, "parallelism": 2, "suspend": true });
    let status = json!({ "succeeded": 2, "completedIndexes": "0,1" });
    given(spec).status(status).at(7).plans(expect![[r#"
        Normal Completed: Job completed
        status completedIndexes="0,1" completionTime="00:07Z" ready=0 startTime="00:07Z" succeeded=2 terminating=0 SuccessCriteriaMet=True/CompletionsReached Complete=True/CompletionsReached
    "#]]);
}

#[test]
fn waits_before_it_retries() {
    given(json!({})).pods(&["a Failed at=4"]).at(5).plans(expect![[r#"
        release a
        status failed=1 ready=0 startTime="00:00Z" terminating=0
        again at 14
    "#]]);
}

#[test]
fn remembers_the_failures_since_the_last_success() {
    let check = |spec: &Value, pods: &[&str], expect: Option<(u32, Option<i64>)>| {
        let pods: Vec<_> = pods.iter().map(|words| pod(words)).collect();
        let before = BackoffRecord { failures_after_last_success: 2, last_failure: Some(start()) };
        let plan = reconcile(&observe(job(spec, &json!({})), &pods, before), at(9));
        let after = plan.backoff.map(|it| {
            let last = it.last_failure.map(|time| time.duration_since(start()).as_secs());
            (it.failures_after_last_success, last)
        });
        assert_eq!(after, expect);
    };
    let spec = json!({ "completions": 9, "parallelism": 3 });
    check(&spec, &["a Running"], None);
    check(&spec, &["a Failed at=4", "b Failed at=3"], Some((4, Some(4))));
    check(&spec, &["a Succeeded at=4"], Some((0, None)));
    check(&spec, &["a Succeeded at=4", "b Failed at=5", "c Running"], Some((1, Some(5))));
    // Where each index has its own back-off, and the Job none, one that is kept is none yet.
    let spec = json!({
        "completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimitPerIndex": 1,
        "backoffLimit": 9,
    });
    check(&spec, &["a Failed index=0 at=4", "b Running index=1"], None);
}

#[test]
fn goes_on_where_a_controller_stopped_between_its_two_writes() {
    let status = json!({
        "startTime": start().to_string(), "succeeded": 1,
        "uncountedTerminatedPods": { "succeeded": ["a", "gone"], "failed": ["b"] },
    });
    given(json!({ "completions": 5, "parallelism": 2, "backoffLimit": 1 }))
        .status(status)
        .pods(&["a Succeeded", "b Failed", "c Running", "d Succeeded"])
        .plans(expect![[r#"
            release a
            release b
            release d
            status active=1 failed=1 ready=0 startTime="00:00Z" succeeded=4 terminating=0
        "#]]);
}

#[test]
fn retries() {
    given(json!({})).pods(&["a Failed at=4"]).at(14).plans(expect![[r#"
        release a
        create job-
        status active=1 failed=1 ready=0 startTime="00:00Z" terminating=0
    "#]]);
}

#[test]
fn reports_those_that_run_while_another_waits() {
    given(json!({ "completions": 2, "parallelism": 2 }))
        .pods(&["a Failed at=4", "b Running ready"])
        .at(5)
        .plans(expect![[r#"
            release a
            status active=1 failed=1 ready=1 startTime="00:00Z" terminating=0
            again at 14
        "#]]);
}

#[test]
fn fails_beyond_the_backoff_limit() {
    given(json!({ "backoffLimit": 1, "completions": 2, "parallelism": 2 }))
        .status(json!({ "startTime": "2026-01-01T00:00:00Z", "failed": 1 }))
        .pods(&["a Failed at=4", "b Running ready"])
        .at(4)
        .plans(expect![[r#"
            release a
            release b
            delete b
            Normal SuccessfulDelete: Deleted pod: b
            status failed=3 ready=0 startTime="00:00Z" terminating=1 FailureTarget=True/BackoffLimitExceeded
        "#]]);
}

#[test]
fn has_failed_once_all_its_pods_are_gone() {
    let condition = json!({
        "type": "FailureTarget", "status": "True", "reason": "BackoffLimitExceeded", "message": "m",
    });
    let status = json!({
        "startTime": "2026-01-01T00:00:00Z", "failed": 2, "terminating": 1, "ready": 0,
        "uncountedTerminatedPods": {}, "conditions": [condition],
    });
    let story = given(json!({ "backoffLimit": 1 })).status(status.clone());
    story.pods(&["b Running deleting untracked"]).plans(expect![[""]]);
    given(json!({ "backoffLimit": 1 })).status(status).at(9).plans(expect![[r#"
        Warning BackoffLimitExceeded: m
        status failed=2 ready=0 startTime="00:00Z" terminating=0 FailureTarget=True/BackoffLimitExceeded Failed=True/BackoffLimitExceeded
    "#]]);
}

#[test]
fn restarts_in_place_count_where_containers_are_restarted() {
    let template = json!({
        "metadata": { "labels": { "app": "x" } },
        "spec": { "restartPolicy": "OnFailure", "containers": [] },
    });
    let spec = json!({ "backoffLimit": 2, "template": template });
    given(spec.clone()).pods(&["a Running restarts=1"]).plans(expect![[r#"
        status active=1 ready=0 startTime="00:00Z" terminating=0
    "#]]);
    given(spec).pods(&["a Running restarts=2"]).plans(expect![[r#"
        release a
        delete a
        Normal SuccessfulDelete: Deleted pod: a
        status failed=1 ready=0 startTime="00:00Z" terminating=1 FailureTarget=True/BackoffLimitExceeded
    "#]]);
}

#[test]
fn without_a_restart_a_limit_of_none_is_not_reached() {
    let never = json!({
        "backoffLimit": 0,
        "template": {
            "metadata": { "labels": { "app": "x" } },
            "spec": { "restartPolicy": "OnFailure", "containers": [{ "name": "main" }] },
        },
    });
    given(never).pods(&["a Running"]).plans(expect![[r#"
        status active=1 ready=0 startTime="00:00Z" terminating=0
    "#]]);
}

#[test]
fn ends_at_its_deadline() {
    let spec = json!({ "activeDeadlineSeconds": 10 });
    given(spec.clone()).pods(&["a Running"]).at(9).plans(expect![[r#"
        status active=1 ready=0 startTime="00:00Z" terminating=0
        again at 10
    "#]]);
    given(spec).pods(&["a Running"]).at(10).plans(expect![[r#"
        release a
        delete a
        Normal SuccessfulDelete: Deleted pod: a
        status failed=1 ready=0 startTime="00:00Z" terminating=1 FailureTarget=True/DeadlineExceeded
    "#]]);
}

#[test]
fn a_work_queue_hands_out_no_more_after_a_success() {
    let spec = json!({ "parallelism": 3 });
    given(spec.clone()).pods(&["a Succeeded", "b Running", "c Failed"]).plans(expect![[r#"
        release a
        release c
        status active=1 failed=1 ready=0 startTime="00:00Z" succeeded=1 terminating=0
    "#]]);
    given(spec).pods(&["a Succeeded", "b Succeeded", "c Failed"]).plans(expect![[r#"
        release a
        release b
        release c
        Normal Completed: Job completed
        status completionTime="00:00Z" failed=1 ready=0 startTime="00:00Z" succeeded=2 terminating=0 SuccessCriteriaMet=True/CompletionsReached Complete=True/CompletionsReached
    "#]]);
}

#[test]
fn a_policy_can_fail_the_job_or_forgive() {
    let rules = json!([
        { "action": "FailJob", "onExitCodes": { "operator": "In", "values": [42] } },
        { "action": "Ignore", "onExitCodes": { "operator": "In", "values": [7] } },
    ]);
    let spec = json!({ "backoffLimit": 0, "podFailurePolicy": { "rules": rules } });
    given(spec.clone()).pods(&["a Failed exit=42 at=4"]).at(4).plans(expect![[r#"
        release a
        Warning PodFailurePolicy: Container main for pod ns/a failed with exit code 42 matching FailJob rule at index 0
        status failed=1 ready=0 startTime="00:00Z" terminating=0 FailureTarget=True/PodFailurePolicy Failed=True/PodFailurePolicy
    "#]]);
    given(spec).pods(&["a Failed exit=7 at=4"]).at(4).plans(expect![[r#"
        release a
        status ready=0 startTime="00:00Z" terminating=0
        again at 14
    "#]]);
}

#[test]
fn suspends_and_resumes() {
    given(json!({ "suspend": true })).pods(&["a Running ready"]).at(5).plans(expect![[r#"
        release a
        delete a
        Normal SuccessfulDelete: Deleted pod: a
        Normal Suspended: Job suspended
        status ready=0 terminating=1 Suspended=True/JobSuspended
    "#]]);
    let suspended = json!({
        "type": "Suspended", "status": "True", "reason": "JobSuspended", "message": "Job suspended",
    });
    given(json!({})).status(json!({ "conditions": [suspended] })).at(60).plans(expect![[r#"
        create job-
        Normal Resumed: Job resumed
        status active=1 ready=0 startTime="01:00Z" terminating=0 Suspended=False/JobResumed
    "#]]);
}

#[test]
fn a_deleted_pod_has_failed_unless_the_job_waits_for_its_end() {
    given(json!({})).pods(&["a Running at=4 deleting"]).at(5).plans(expect![[r#"
        release a
        status failed=1 ready=0 startTime="00:00Z" terminating=1
        again at 14
    "#]]);
    given(json!({ "podReplacementPolicy": "Failed" }))
        .pods(&["a Running at=4 deleting"])
        .at(5)
        .plans(expect![[r#"
            status ready=0 startTime="00:00Z" terminating=1
        "#]]);
}

#[test]
fn gives_up_the_worst_when_there_are_too_many() {
    given(json!({ "completions": 9, "parallelism": 1 }))
        .pods(&["a Running ready at=1", "b Pending unbound at=2", "c Running at=3"])
        .plans(expect![[r#"
            release b
            release c
            delete b
            Normal SuccessfulDelete: Deleted pod: b
            delete c
            Normal SuccessfulDelete: Deleted pod: c
            status active=1 ready=1 startTime="00:00Z" terminating=2
        "#]]);
}

#[test]
fn gives_up_what_does_not_run_before_what_may() {
    given(json!({ "completions": 9, "parallelism": 2 }))
        .pods(&["a Unknown", "b Pending", "c Running"])
        .plans(expect![[r#"
            release b
            delete b
            Normal SuccessfulDelete: Deleted pod: b
            status active=2 ready=0 startTime="00:00Z" terminating=1
        "#]]);
}

#[test]
fn leaves_what_is_not_its_own() {
    given(json!({ "managedBy": "example.com/other" })).pods(&["a Failed"]).plans(expect![[""]]);
    given(json!({ "completionMode": "Other" })).pods(&["a Failed"]).plans(expect![[r#"
        Warning UnknownCompletionMode: Skipped Job sync because completion mode is unknown
    "#]]);
}

#[test]
fn a_finished_job_holds_on_to_no_pod() {
    let complete = json!({ "type": "Complete", "status": "True" });
    given(json!({})).status(json!({ "conditions": [complete] })).pods(&["a Running"]).plans(
        expect![[r#"
            release a
        "#]],
    );
}

#[test]
fn makes_no_pod_that_could_not_be_found_again() {
    let template = json!({ "spec": { "restartPolicy": "Never", "containers": [] } });
    given(json!({ "template": template })).plans(expect![[r#"
        Warning FailedCreate: Error creating: unable to create pods, no labels
        status ready=0 startTime="00:00Z" terminating=0
    "#]]);
}

#[test]
fn says_that_more_have_succeeded_than_were_asked_for() {
    given(json!({})).pods(&["a Succeeded", "b Succeeded"]).plans(expect![[r#"
        release a
        release b
        Warning TooManySucceededPods: Too many succeeded pods running after completion count reached
        Normal Completed: Job completed
        status completionTime="00:00Z" ready=0 startTime="00:00Z" succeeded=2 terminating=0 SuccessCriteriaMet=True/CompletionsReached Complete=True/CompletionsReached
    "#]]);
}

#[test]
fn a_failure_that_is_listed_is_counted_though_its_pod_is_gone() {
    given(json!({ "backoffLimit": 0 }))
        .status(json!({
            "startTime": start().to_string(), "uncountedTerminatedPods": { "failed": ["gone"] },
        }))
        .plans(expect![[r#"
            Warning BackoffLimitExceeded: Job has reached the specified backoff limit
            status failed=1 ready=0 startTime="00:00Z" terminating=0 FailureTarget=True/BackoffLimitExceeded Failed=True/BackoffLimitExceeded
        "#]]);
}
