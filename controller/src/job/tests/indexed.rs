//! The stories of Jobs whose pods have an index.

use expect_test::expect;
use serde_json::json;

use super::given;

#[test]
fn runs_the_lowest_indexes_first() {
    given(json!({ "completionMode": "Indexed", "completions": 6, "parallelism": 3 }))
        .status(json!({ "startTime": "2026-01-01T00:00:00Z", "completedIndexes": "0,2", "succeeded": 2 }))
        .pods(&["a Running index=3", "b Succeeded index=1"])
        .plans(expect![[r#"
            release b
            create job-4-
            create job-5-
            status active=3 completedIndexes="0-2" ready=0 startTime="00:00Z" succeeded=3 terminating=0
        "#]]);
}

#[test]
fn removes_what_has_no_index_to_run() {
    given(json!({ "completionMode": "Indexed", "completions": 2, "parallelism": 2 }))
        .pods(&["a Running index=0", "b Pending index=0", "c Running index=2", "d Running"])
        .plans(expect![[r#"
            release d
            release b
            release c
            delete d
            Normal SuccessfulDelete: Deleted pod: d
            delete b
            Normal SuccessfulDelete: Deleted pod: b
            delete c
            Normal SuccessfulDelete: Deleted pod: c
            status active=1 ready=0 startTime="00:00Z" terminating=3
        "#]]);
}

#[test]
fn each_index_has_its_own_backoff() {
    let spec = json!({
        "completionMode": "Indexed", "completions": 3, "parallelism": 3, "backoffLimitPerIndex": 1,
    });
    let pods = [
        "a Failed index=0 failures=0 at=4",
        "b Failed index=1 failures=1 at=4",
        "c Running index=2 failures=0",
    ];
    given(spec.clone()).pods(&pods).at(5).plans(expect![[r#"
        release b
        status active=1 failed=1 failedIndexes="1" ready=0 startTime="00:00Z" terminating=0
        again at 14
    "#]]);
    given(spec).pods(&pods).at(14).plans(expect![[r#"
        release b
        create job-0- job-index-failure-count=1
        status active=2 failed=1 failedIndexes="1" ready=0 startTime="00:00Z" terminating=0
    "#]]);
}

#[test]
fn completes_where_no_index_has_failed() {
    let spec = json!({
        "completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimitPerIndex": 1,
    });
    given(spec).pods(&["a Succeeded index=0", "b Succeeded index=1"]).plans(expect![[r#"
        release a
        release b
        Normal Completed: Job completed
        status completedIndexes="0,1" completionTime="00:00Z" failedIndexes="" ready=0 startTime="00:00Z" succeeded=2 terminating=0 SuccessCriteriaMet=True/CompletionsReached Complete=True/CompletionsReached
    "#]]);
}

#[test]
fn as_many_indexes_may_fail_as_it_says() {
    let spec = json!({
        "completionMode": "Indexed", "completions": 4, "parallelism": 1, "backoffLimitPerIndex": 0,
        "maxFailedIndexes": 1, "backoffLimit": 100,
    });
    given(spec.clone()).pods(&["a Failed index=0"]).at(9).plans(expect![[r#"
        release a
        create job-1- job-index-failure-count=0
        status active=1 failed=1 failedIndexes="0" ready=0 startTime="00:00Z" terminating=0
    "#]]);
    given(spec).pods(&["a Failed index=0", "b Failed index=1"]).at(9).plans(expect![[r#"
        release a
        release b
        Warning MaxFailedIndexesExceeded: Job has exceeded the specified maximal number of failed indexes
        status failed=2 failedIndexes="0,1" ready=0 startTime="00:00Z" terminating=0 FailureTarget=True/MaxFailedIndexesExceeded Failed=True/MaxFailedIndexesExceeded
    "#]]);
}

#[test]
fn the_last_failed_pod_of_an_index_is_kept_whichever_is_seen_first() {
    let spec = json!({
        "completionMode": "Indexed", "completions": 1, "backoffLimitPerIndex": 3, "backoffLimit": 9,
    });
    let (first, last) = ("a Failed index=0 failures=0 at=1", "b Failed index=0 failures=1 at=2");
    for pods in [[first, last], [last, first]] {
        given(spec.clone()).pods(&pods).at(3).plans(expect![[r#"
            release a
            status failed=1 failedIndexes="" ready=0 startTime="00:00Z" terminating=0
            again at 22
        "#]]);
    }
}

#[test]
fn fails_by_failed_indexes_when_nothing_is_left_to_try() {
    given(json!({
        "completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimitPerIndex": 0,
    }))
    .pods(&["a Failed index=0 failures=0", "b Succeeded index=1"])
    .plans(expect![[r#"
        release a
        release b
        Warning FailedIndexes: Job has failed indexes
        status completedIndexes="1" failed=1 failedIndexes="0" ready=0 startTime="00:00Z" succeeded=1 terminating=0 FailureTarget=True/FailedIndexes Failed=True/FailedIndexes
    "#]]);
}

#[test]
fn some_indexes_can_suffice() {
    let rules = json!([{ "succeededIndexes": "0", "succeededCount": 1 }]);
    given(json!({
        "completionMode": "Indexed", "completions": 3, "parallelism": 3,
        "successPolicy": { "rules": rules },
    }))
    .pods(&["a Succeeded index=0", "b Running index=1", "c Running index=2"])
    .plans(expect![[r#"
        release a
        release b
        release c
        delete b
        Normal SuccessfulDelete: Deleted pod: b
        delete c
        Normal SuccessfulDelete: Deleted pod: c
        status completedIndexes="0" ready=0 startTime="00:00Z" succeeded=1 terminating=2 SuccessCriteriaMet=True/SuccessPolicy
    "#]]);
}

#[test]
fn finds_pods_with_an_index_again_though_the_template_has_no_labels() {
    let spec = json!({
        "completionMode": "Indexed", "completions": 1,
        "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "main" }] } },
    });
    given(spec).plans(expect![[r#"
        create job-0-
        status active=1 ready=0 startTime="00:00Z" terminating=0
    "#]]);
}

#[test]
fn has_no_more_terminating_and_active_pods_than_parallelism_where_it_waits_for_them() {
    given(json!({
        "completionMode": "Indexed", "completions": 4, "parallelism": 3,
        "podReplacementPolicy": "Failed",
    }))
    .pods(&["a Running index=1", "b Running index=0 deleting"])
    .plans(expect![[r#"
        unless b has ended
        create job-2-
        status active=2 ready=0 startTime="00:00Z" terminating=1
    "#]]);
}

#[test]
fn of_the_failed_pods_of_an_index_a_later_end_does_not_outdo_more_failures() {
    let spec = json!({
        "completionMode": "Indexed", "completions": 1, "backoffLimitPerIndex": 9, "backoffLimit": 9,
    });
    let (most, last) = ("a Failed index=0 failures=2 at=1", "b Failed index=0 failures=1 at=2");
    given(spec).pods(&[most, last]).at(99).plans(expect![[r#"
        release b
        create job-0- job-index-failure-count=3
        status active=1 failed=1 failedIndexes="" ready=0 startTime="00:00Z" terminating=0
    "#]]);
}

#[test]
fn gives_up_what_has_no_index_to_run_even_if_no_pod_is_too_many() {
    let spec = json!({ "completionMode": "Indexed", "completions": 3, "parallelism": 3 });
    given(spec.clone()).pods(&["a Running index=0", "b Pending index=0"]).plans(expect![[r#"
        release b
        delete b
        Normal SuccessfulDelete: Deleted pod: b
        status active=1 ready=0 startTime="00:00Z" terminating=1
    "#]]);
    given(spec).pods(&["a Running index=0", "b Running index=3"]).plans(expect![[r#"
        release b
        delete b
        Normal SuccessfulDelete: Deleted pod: b
        status active=1 ready=0 startTime="00:00Z" terminating=1
    "#]]);
}

#[test]
fn gives_up_the_worst_besides_what_has_no_index_to_run() {
    given(json!({ "completionMode": "Indexed", "completions": 4, "parallelism": 1 }))
        .pods(&[
            "a Running index=0",
            "b Pending index=1",
            "c Pending unbound index=2",
            "d Running index=9",
        ])
        .plans(expect![[r#"
            release d
            release c
            release b
            delete d
            Normal SuccessfulDelete: Deleted pod: d
            delete c
            Normal SuccessfulDelete: Deleted pod: c
            delete b
            Normal SuccessfulDelete: Deleted pod: b
            status active=1 ready=0 startTime="00:00Z" terminating=3
        "#]]);
}

#[test]
fn the_policy_says_whether_a_failure_fails_its_index() {
    let rules = json!([
        { "action": "Ignore", "onExitCodes": { "operator": "In", "values": [7] } },
        { "action": "FailIndex", "onExitCodes": { "operator": "In", "values": [9] } },
    ]);
    let spec = json!({
        "completionMode": "Indexed", "completions": 3, "parallelism": 1, "backoffLimitPerIndex": 1,
        "podFailurePolicy": { "rules": rules },
    });
    let pods = ["a Failed index=0 failures=1 exit=7", "b Failed index=1 failures=0 exit=9"];
    given(spec).pods(&pods).at(5).plans(expect![[r#"
        release b
        status failed=1 failedIndexes="1" ready=0 startTime="00:00Z" terminating=0
        again at 20
    "#]]);
}

#[test]
fn what_has_no_index_to_run_does_not_count() {
    given(json!({ "completionMode": "Indexed", "completions": 2, "backoffLimit": 0 }))
        .pods(&["a Succeeded index=2", "b Failed index=2", "c Running index=0"])
        .plans(expect![[r#"
            release a
            release b
            status active=1 ready=0 startTime="00:00Z" terminating=0
        "#]]);
}
