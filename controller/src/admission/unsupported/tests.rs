use serde_json::{Value, json};

use crate::admission::{admit_cron_job, admit_cron_job_update, admit_job, default_cron_job};
use crate::api::CronJob;

/// Admits a Job whose pod spec has `extra`, and whose container has `container`.
fn check(extra: Value, container: Value, expect: &str) {
    let mut spec = json!({
        "restartPolicy": "Never",
        "containers": [{"name": "a", "image": "b:1"}],
    });
    let merge = |into: &mut Value, from: Value| {
        let from = from.as_object().cloned().expect("must be an object");
        into.as_object_mut().expect("must be an object").extend(from);
    };
    merge(&mut spec, extra);
    merge(&mut spec["containers"][0], container);
    let job = json!({"metadata": {"name": "x"}, "spec": {"template": {"spec": spec}}});
    let job = serde_json::from_value(job).expect("must be a Job");
    let shown = match admit_job(job, "u") {
        Ok(admitted) => admitted.warnings.join("; "),
        Err(invalid) => invalid.to_string(),
    };
    let shown =
        shown.replace("Job.batch \"x\" is invalid: ", "").replace("spec.template.spec.", "");
    assert_eq!(shown, expect);
}

#[test]
fn admits_what_ordinary_jobs_say_without_a_word() {
    check(json!({}), json!({}), "");
    check(
        json!({
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "automountServiceAccountToken": false,
            "tolerations": [{"operator": "Exists"}],
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "volumes": [{"name": "v", "emptyDir": {}}],
        }),
        json!({
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
            "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "1"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        }),
        "",
    );
}

#[test]
fn warns_of_what_has_no_effect() {
    check(
        json!({"serviceAccountName": "builder", "runtimeClassName": "other"}),
        json!({"resources": {"limits": {"cpu": "1", "nvidia.com/gpu": "1"}}}),
        "runtimeClassName: mayfly has one runtime, its own; serviceAccountName: a container gets no service account's token here; \
         containers[0].resources.limits[nvidia.com/gpu]: mayfly has no such resource",
    );
}

#[test]
fn denies_what_would_not_be_what_was_asked_for() {
    check(
        json!({"hostNetwork": true}),
        json!({}),
        "hostNetwork: Forbidden: mayfly can't give a container the host's network; remove the field",
    );
    check(
        json!({"volumes": [
            {"name": "v", "nfs": {"server": "s", "path": "/"}},
            {"name": "w", "hostPath": {"path": "/run/s", "type": "Socket"}},
        ]}),
        json!({"livenessProbe": {"exec": {"command": ["a"]}}, "securityContext": {"privileged": true}}),
        "[volumes[0].nfs: Forbidden: mayfly has no volumes of this type, only configMap, \
         downwardAPI, emptyDir, hostPath, projected, secret; remove the field, \
         volumes[1].hostPath.type: Forbidden: a container can use no devices and sockets of the \
         host; remove the field, \
         containers[0].livenessProbe: Forbidden: mayfly does not probe containers; remove the field, \
         containers[0].securityContext.privileged: Forbidden: no container has privileges here; \
         remove the field]",
    );
}

/// What is said of a Job whose pods have this annotation.
fn check_annotation(name: &str, value: &str, expect: &str) {
    let job = json!({"metadata": {"name": "x"}, "spec": {"template": {
        "metadata": {"annotations": {name: value}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b:1"}]},
    }}});
    let job = serde_json::from_value(job).expect("must be a Job");
    let shown = match admit_job(job, "u") {
        Ok(admitted) => admitted.warnings.join("; "),
        Err(invalid) => invalid.to_string(),
    };
    let shown = shown.replace("Job.batch \"x\" is invalid: ", "");
    assert_eq!(shown.replace("spec.template.metadata.annotations", "at"), expect);
}

#[test]
fn denies_annotations_of_its_own_that_say_nothing() {
    check_annotation("mayfly.dev/fuel", "1G", "");
    check_annotation("mayfly.dev/deterministic", "a seed", "");
    check_annotation(
        "mayfly.dev/fuel",
        "much",
        "at[mayfly.dev/fuel]: Invalid value: \"much\": must be a number of instructions, such as \
         1000000000 or 1G",
    );
    check_annotation(
        "mayfly.dev/open-files",
        "0",
        "at[mayfly.dev/open-files]: Invalid value: \"0\": must be a number of files, such as 100",
    );
}

#[test]
fn warns_of_annotations_of_its_own_that_there_are_not() {
    check_annotation("example.org/feul", "1", "");
    check_annotation("mayfly.dev/usage-fuel", "1", "");
    check_annotation(
        "mayfly.dev/feul",
        "1",
        "at[mayfly.dev/feul]: mayfly has no such annotation, did you mean mayfly.dev/fuel?",
    );
    check_annotation(
        "mayfly.dev/elsewhere",
        "1",
        "at[mayfly.dev/elsewhere]: mayfly has no such annotation",
    );
}

/// A CronJob whose Jobs' pods have this spec.
fn cron_job(extra: &Value, annotations: &Value) -> CronJob {
    let mut spec = json!({
        "restartPolicy": "Never",
        "containers": [{"name": "a", "image": "b:1"}],
    });
    let extra = extra.as_object().cloned().expect("must be an object");
    spec.as_object_mut().expect("must be an object").extend(extra);
    let template = json!({"metadata": {"annotations": annotations}, "spec": spec});
    let spec = json!({"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": template}}});
    serde_json::from_value(json!({"metadata": {"name": "x"}, "spec": spec}))
        .expect("must be a CronJob")
}

#[test]
fn the_jobs_of_a_cron_job_are_asked_when_it_is_made_and_when_their_template_changes() {
    let stored = admit_cron_job(cron_job(&json!({}), &json!({})), "u").expect("it is good").object;
    let check = |extra: &Value, annotations: &Value, expect: &str| {
        let made = admit_cron_job(cron_job(extra, annotations), "u");
        let changed = admit_cron_job_update(cron_job(extra, annotations), &stored);
        for result in [made, changed] {
            let shown = match result {
                Ok(admitted) => admitted.warnings.join("; "),
                Err(invalid) => invalid.to_string(),
            };
            assert_eq!(shown.replace("CronJob.batch \"x\" is invalid: ", ""), expect);
        }
    };
    check(&json!({}), &json!({"mayfly.dev/fuel": "1G"}), "");
    check(
        &json!({"runtimeClassName": "other"}),
        &json!({"mayfly.dev/feul": "1G"}),
        "spec.jobTemplate.spec.template.metadata.annotations[mayfly.dev/feul]: mayfly has no such \
         annotation, did you mean mayfly.dev/fuel?; spec.jobTemplate.spec.template.spec.\
         runtimeClassName: mayfly has one runtime, its own",
    );
    check(
        &json!({"hostNetwork": true}),
        &json!({"mayfly.dev/fuel": "much"}),
        "[spec.jobTemplate.spec.template.metadata.annotations[mayfly.dev/fuel]: Invalid value: \
         \"much\": must be a number of instructions, such as 1000000000 or 1G, \
         spec.jobTemplate.spec.template.spec.hostNetwork: Forbidden: mayfly can't give a container \
         the host's network; remove the field]",
    );
}

#[test]
fn a_cron_job_that_was_stored_before_can_still_be_suspended() {
    let mut old = cron_job(&json!({"hostNetwork": true}), &json!({}));
    default_cron_job(&mut old);
    old.metadata.uid = Some("u".to_owned());
    let mut new = old.clone();
    new.spec.suspend = Some(true);
    let admitted = admit_cron_job_update(new, &old).expect("it must be taken");
    assert_eq!(admitted.warnings, Vec::<String>::new());
}
