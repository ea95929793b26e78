use super::*;

fn check(text: &str, expect: &[&str]) {
    let shown = match decode(text.as_bytes(), "f.yaml", FieldValidation::Strict) {
        Ok(documents) => documents
            .iter()
            .map(|document| {
                format!(
                    "{} {} at {}",
                    document.object.kind().name(),
                    document.object.key(),
                    document.place
                )
            })
            .collect(),
        Err(malformed) => malformed.0.iter().map(ToString::to_string).collect::<Vec<_>>(),
    };
    assert_eq!(shown, expect, "{text}");
}

#[test]
fn documents_and_lists_of_objects_are_read_in_order() {
    check("", &[]);
    check("---\n# nothing\n---\n", &[]);
    check(
        "# first\nkind: Job\napiVersion: batch/v1\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: c}\n",
        &["Job a at f.yaml:2", "ConfigMap c/b at f.yaml:7 (document 3)"],
    );
    check(
        r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}]}"#,
        &["Pod p at f.yaml"],
    );
    check("apiVersion: batch/v1\nkind: JobList\nitems: []\n", &[]);
}

#[test]
fn every_unknown_repeated_and_mistyped_field_is_told_with_its_line() {
    check(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: a\n  labels: {n: 1}\nspec:\n  complections: 3\n  parallelism: two\n  suspend: yes\n  suspend: no\n  template:\n    spec:\n      containers:\n      - name: a\n        imagge: b\n        command: sh\n      - name: b\n        env:\n        - {name: x, value: true}\n        resources: {limits: {cpu: 1, memory: 1.50}}\n",
        &[
            r#"f.yaml:5: metadata.labels.n: expected a string, got the number 1; put it in quotes"#,
            r#"f.yaml:7: unknown field "spec.complections", did you mean "completions"?"#,
            r#"f.yaml:8: spec.parallelism: expected an integer, got "two""#,
            r#"f.yaml:10: duplicate field "spec.suspend""#,
            r#"f.yaml:15: unknown field "spec.template.spec.containers[0].imagge", did you mean "image"?"#,
            r#"f.yaml:16: spec.template.spec.containers[0].command: expected a list, got "sh""#,
            r#"f.yaml:19: spec.template.spec.containers[1].env[0].value: expected a string, got the boolean true; put it in quotes"#,
        ],
    );
    check(
        "{apiVersion: batch/v1, kind: Job, spec: {completions: 3000000000, activeDeadlineSeconds: 1.5}}",
        &[
            "f.yaml:1: spec.completions: expected an integer from -2147483648 to 2147483647, got the number 3000000000",
            "f.yaml:1: spec.activeDeadlineSeconds: expected an integer, got the number 1.5",
        ],
    );
}

#[test]
fn a_time_that_could_not_be_read_again_is_refused() {
    let event = |time: &str| {
        format!("{{apiVersion: v1, kind: Event, metadata: {{name: e}}, firstTimestamp: {time:?}}}")
    };
    check(&event("0000-01-01T00:00:00Z"), &["Event e at f.yaml:1"]);
    for time in ["0000-01-01T00:00:00+01:00", "-000001-01-01T00:00:00Z"] {
        let expected = "f.yaml:1: firstTimestamp: expected a time of the year 0 or later";
        check(&event(time), &[&format!("{expected}, got {time:?}")]);
    }
}

#[test]
fn what_is_no_object_of_ours_is_told_what_would_be() {
    check(
        "just text",
        &[r#"f.yaml:1: expected an object with apiVersion and kind, got "just text""#],
    );
    check("kind: Job", &["f.yaml:1: apiVersion is not set"]);
    check("apiVersion: v1", &["f.yaml:1: kind is not set"]);
    check(
        "apiVersion: v1\nkind: Job",
        &[r#"f.yaml:1: no kind "Job" in version "v1" is known here; write apiVersion: batch/v1"#],
    );
    check(
        "apiVersion: apps/v1\nkind: Deployment",
        &[
            r#"f.yaml:1: no kind "Deployment" in version "apps/v1" is known here; known are Job (batch/v1), CronJob (batch/v1), Pod (v1), ConfigMap (v1), Secret (v1), Event (v1), Node (v1), Namespace (v1), ServiceAccount (v1), Lease (coordination.k8s.io/v1), ResourceQuota (v1), LimitRange (v1), CertificateSigningRequest (certificates.k8s.io/v1), PriorityClass (scheduling.k8s.io/v1)"#,
        ],
    );
}

#[test]
fn broken_text_is_told_with_its_line() {
    check("{\"apiVersion\":", &["f.yaml:1: EOF while parsing a value at line 1 column 14"]);
    let malformed = decode(b"a: b\nc: [\n", "f", FieldValidation::Strict).expect_err("must fail");
    assert!(malformed.to_string().starts_with("f:3: "), "{malformed}");
    let malformed = decode(b"a: b\n\xff", "f", FieldValidation::Strict).expect_err("must fail");
    assert_eq!(malformed.to_string(), "f:2: not UTF-8 text");
}

#[test]
fn unknown_fields_can_be_warned_of_or_ignored() {
    let text = b"{apiVersion: v1, kind: Pod, foo: 1}";
    for (validation, warnings) in [(FieldValidation::Warn, 1), (FieldValidation::Ignore, 0)] {
        let documents = decode(text, "f", validation).expect("must be read");
        assert_eq!(documents[0].warnings.len(), warnings);
    }
}

#[test]
fn quantities_may_be_numbers_and_keep_their_digits() {
    let text = b"{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, resources: {limits: {cpu: 0.10}}}]}}";
    let documents = decode(text, "f", FieldValidation::Strict).expect("must be read");
    let Object::Pod(pod) = &documents[0].object else { panic!("must be a Pod") };
    let container = &pod.spec.as_ref().expect("must have a spec").containers[0];
    let limits = container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
    assert_eq!(limits.expect("must have limits")["cpu"].0, "0.10");
}
