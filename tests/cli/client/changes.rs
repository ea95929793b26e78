//! What makes, changes and deletes objects.

use serde_json::json;

use super::Site;

#[test]
fn kinds_are_made_of_options() {
    let site = Site::new();
    let made = site.told("create job hello --image=echo -- echo hello world");
    assert_eq!(made, "job.batch/hello created\n");
    site.run("wait --for=complete-or-failed job/hello").exits(0);
    assert!(site.told("logs job/hello").contains("arg 1: hello\narg 2: world\n"));

    site.home.write("a.txt", "text\n");
    site.told("create configmap cm --from-literal=k=v --from-file=a.txt");
    let data = site.run("get cm cm -o json").exits(0).json()["data"].clone();
    assert_eq!(data, json!({"k": "v", "a.txt": "text\n"}));
    site.told("create secret generic s --from-literal=k=v");
    let secret = site.run("get secret s -o json").exits(0).json();
    assert_eq!((&secret["data"], &secret["type"]), (&json!({"k": "dg=="}), &json!("Opaque")));
    assert_eq!(site.told("create ns other"), "namespace/other created\n");

    let words = ["create", "cronjob", "nightly", "--image=echo", "--schedule=0 0 29 2 *"];
    assert_eq!(site.home.run(&words).exits(0).stdout, "cronjob.batch/nightly created\n");
    site.told("create job now --from=cronjob/nightly");
    site.run("wait --for=complete-or-failed job/now").exits(0);
    let job = site.run("get job now -o json").exits(0).json();
    assert_eq!(job["metadata"]["ownerReferences"][0]["name"], "nightly");

    let tried = site.told("create job never --image=echo --dry-run=client -o yaml");
    assert!(tried.contains("    spec:\n      containers:\n      - image: echo\n"), "{tried}");
    let tried = site.told("create job never --image=echo --dry-run=server");
    assert_eq!(tried, "job.batch/never created (server dry run)\n");
    site.run("get job never").exits(1);
}

#[test]
fn manifests_are_applied() {
    let site = Site::new();
    let file = site.job("a", "backoffLimit: 1", "sleep", "\"600\"");
    let apply = |words: &str| site.told(&format!("apply -f {file}{words}"));
    assert_eq!(apply(" --dry-run=server"), "job.batch/a created (server dry run)\n");
    assert_eq!(apply(""), "job.batch/a created\n");
    site.wait("--for=jsonpath={.status.ready}=1 job/a");
    assert_eq!(apply(""), "job.batch/a unchanged\n");
    site.job("a", "backoffLimit: 1\nactiveDeadlineSeconds: 500", "sleep", "\"600\"");
    assert_eq!(apply(" --dry-run=server"), "job.batch/a configured (server dry run)\n");
    assert_eq!(apply(""), "job.batch/a configured\n");
    let job = site.run("get job a -o json --show-managed-fields").exits(0).json();
    assert_eq!(job["spec"]["activeDeadlineSeconds"], 500);
    let owners = job["metadata"]["managedFields"].to_string();
    assert!(owners.contains("\"manager\":\"mayfly\"") && owners.contains("Apply"), "{owners}");

    let other = "--field-manager=somebody";
    site.job("a", "backoffLimit: 1\nactiveDeadlineSeconds: 400", "sleep", "\"600\"");
    site.run(&format!("apply -f {file} {other}"))
        .exits(1)
        .says("(Conflict)")
        .says("--force-conflicts");
    let forced = apply(&format!(" {other} --force-conflicts"));
    assert_eq!(forced, "job.batch/a configured\n");
    site.job("a", "backoffLimit: 1", "echo", "\"600\"");
    let refused = site.run(&format!("apply -f {file} --force-conflicts")).exits(1);
    refused.says("The Job \"a\" is invalid: ").says("field is immutable");
}

#[test]
fn jobs_are_put_aside_and_run_again() {
    let site = Site::new();
    let file = site.job("a", "suspend: true", "echo", "x");
    site.told(&format!("create -f {file}"));
    assert_eq!(site.told("suspend job a"), "job.batch/a suspended (no change)\n");
    site.wait("--for=condition=suspended job/a");
    assert_eq!(site.told("resume job/a"), "job.batch/a resumed\n");
    site.run("wait --for=complete-or-failed job/a").exits(0);

    let again = site.told("rerun a");
    let name = again.strip_prefix("job.batch/").and_then(|it| it.strip_suffix(" created\n"));
    let name = name.unwrap_or_else(|| panic!("{again}"));
    assert!(name.starts_with("a-"), "{name}");
    site.run(&format!("wait --for=complete-or-failed job/{name}")).exits(0);
    assert_eq!(site.told("rerun job/a --name=b"), "job.batch/b created\n");
    site.run("wait --for=complete-or-failed job/b").exits(0);
    let uid = |name: &str| site.told(&format!("get job {name} -o jsonpath={{.metadata.uid}}"));
    assert_ne!(uid("a"), uid("b"));
    site.run("rerun a --name=b").exits(1).says("(AlreadyExists)");
    site.run("rerun nobody").exits(1).says("jobs.batch \"nobody\" not found");

    let words = ["create", "cronjob", "c", "--image=echo", "--schedule=0 0 29 2 *"];
    site.home.run(&words).exits(0);
    assert_eq!(
        site.told("suspend cronjobs -A --field-selector=metadata.name=c"),
        "cronjob.batch/c suspended\n"
    );
    assert!(site.told("get cj c").contains("True"));
    site.run("suspend pod x").exits(2).says("only jobs and cronjobs can be suspended");
}

#[test]
fn what_is_deleted_is_gone() {
    let site = Site::new();
    let (one, two) =
        (site.job("one", "", "sleep", "\"600\""), site.job("two", "", "sleep", "\"600\""));
    site.told(&format!("create -f {one} -f {two}"));
    site.wait("--for=jsonpath={.status.ready}=1 jobs --all");
    let deleted = site.told("delete job one --cascade=foreground --grace-period=1");
    assert_eq!(deleted, "job.batch \"one\" deleted\n");
    let left = site.told("get jobs,pods -o name");
    assert!(left.contains("job.batch/two") && !left.contains("one"), "{left}");
    assert_eq!(
        site.told(&format!("delete -f {two} --dry-run=server")),
        "job.batch \"two\" deleted (server dry run)\n"
    );
    let forced = site.told("get pods -o name").trim().to_owned();
    let ended = site.run(&format!("delete {forced} --force")).exits(0).says("Warning: Immediate");
    assert!(ended.stdout.ends_with(" force deleted\n"), "{ended:?}");
    assert_eq!(site.told("delete jobs --all -o name"), "job.batch/two\n");
    assert_eq!(site.told("delete jobs --all"), "No resources found\n");
    assert_eq!(site.told("delete job two --ignore-not-found"), "");
}
