//! Jobs and Pods, taken to their end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Home, guest, job, pi, repository};

#[test]
fn pi_is_right() {
    let home = Home::new();
    let manifest = repository().join("examples/pi.yaml");
    let ended = home.run(&["run", manifest.to_str().expect("UTF-8")]).exits(0);
    assert_eq!(ended.stdout, format!("{}\n", pi(2000)));
    ended.says("job/pi  complete, 1 of 1 succeeded, 0 failed");
}

#[test]
fn a_thousand_completions_are_a_thousand_logs() {
    let home = Home::new();
    let manifest = repository().join("examples/thousand.yaml");
    let ended = home.run(&["run", manifest.to_str().expect("UTF-8")]).exits(0);
    let active = ended.stderr.lines().filter_map(|line| {
        line.strip_prefix("job/thousand: ")?.split_once(" active")?.0.parse::<u32>().ok()
    });
    assert!(active.into_iter().all(|active| active <= 100), "{}", ended.stderr);
    let mut pods = BTreeSet::new();
    let mut indexes = BTreeSet::new();
    for line in ended.stdout.lines() {
        let (pod, index) = line.split_once("] ").expect("each line has the name of its pod");
        pods.insert(pod);
        indexes.insert(index.parse::<u32>().expect("each prints its index"));
    }
    assert_eq!(pods.len(), 1000);
    assert_eq!(indexes, (0..1000).collect());
}

#[test]
fn a_cron_job_is_run_once_now() {
    let home = Home::new();
    home.write(
        "cron.yaml",
        format!(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: c, namespace: ns}}\nspec:\n  \
             schedule: 0 0 31 2 *\n  suspend: true\n  jobTemplate:\n    \
             metadata: {{labels: {{a: b}}, annotations: {{x: z}}}}\n    spec:\n      \
             completions: 2\n      template:\n        spec:\n          restartPolicy: Never\n          \
             containers: [{{name: main, image: {}, args: [hello]}}]\n",
            guest("job_echo"),
        ),
    );
    let ended = home.run(&["run", "--now", "-o", "json", "cron.yaml"]).exits(0);
    let job = ended.json();
    let metadata = &job["metadata"];
    assert_eq!((&job["kind"], &metadata["name"]), (&json!("Job"), &json!("c-now")));
    assert_eq!(metadata["namespace"], "ns");
    assert_eq!(metadata["labels"], json!({"a": "b"}));
    let annotations = json!({"x": "z", "cronjob.kubernetes.io/instantiate": "manual"});
    assert_eq!(metadata["annotations"], annotations);
    assert_eq!(metadata["ownerReferences"], json!(null));
    assert_eq!(job["status"]["succeeded"], 2);
    ended.says("job/ns/c-now  complete, 2 of 2 succeeded, 0 failed");
}

#[test]
fn a_busy_loop_ends_at_its_deadline() {
    let home = Home::new();
    let image = format!("image: {}", guest("hog_cpu"));
    home.write("job.yaml", job("a", "activeDeadlineSeconds: 2", &image));
    let before = Instant::now();
    let ended = home.run(&["run", "-o", "json", "job.yaml"]).exits(1);
    let took = before.elapsed();
    // Deadlines count from whole seconds, so it may be up to one less; the rest is a busy machine.
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(20), "{took:?}");
    let condition = &ended.json()["status"]["conditions"][1];
    assert_eq!(
        (condition["type"].as_str(), condition["reason"].as_str()),
        (Some("Failed"), Some("DeadlineExceeded"))
    );
    ended.says("DeadlineExceeded: Job was active longer than specified deadline");
}

#[test]
fn the_process_is_idle_while_nothing_computes() {
    let home = Home::new();
    let busy = format!("image: {}", guest("hog_cpu"));
    let asleep = format!("image: {}\nargs: [\"10\"]", guest("job_sleep"));
    let both = [job("busy", "activeDeadlineSeconds: 1", &busy), job("asleep", "", &asleep)];
    home.write("jobs.yaml", both.join("---\n"));
    let mut running = home.start(&["run", "jobs.yaml"]);
    running.line(|_, line| line.starts_with("job/busy: failed"));
    let (before, begun) = (running.cpu_time(), Instant::now());
    running.line(|_, line| line.ends_with("slept 10"));
    let (used, passed) = (running.cpu_time() - before, begun.elapsed());
    assert!(used < passed / 10, "{used:?} in {passed:?} of sleep");
    running.wait().exits(1).says("job/asleep  complete");
}

#[test]
fn a_job_that_fails_twice_and_then_succeeds() {
    let home = Home::new();
    let manifest = repository().join("examples/retry.yaml");
    let manifest = manifest.to_str().expect("UTF-8");
    let ended = home.run(&["run", "--backoff-base", "100ms", "-o", "json", manifest]).exits(0);
    let status = &ended.json()["status"];
    assert_eq!((&status["succeeded"], &status["failed"]), (&1.into(), &2.into()));
}

#[test]
fn the_timeout_ends_everything() {
    let home = Home::new();
    home.write("job.yaml", job("a", "", &format!("image: {}", guest("hog_cpu"))));
    home.run(&["run", "--timeout", "1s", "job.yaml"]).exits(1).says("--timeout is over");
}

#[test]
fn a_job_that_nobody_can_end_is_not_waited_for() {
    let home = Home::new();
    home.write("job.yaml", job("a", "suspend: true", &format!("image: {}", guest("job_echo"))));
    home.run(&["run", "job.yaml"]).exits(1).says("Suspended: nobody resumes it here");
}

#[test]
fn why_a_container_failed_is_told() {
    let run = |name: &str, container: &str| {
        let home = Home::new();
        let container = format!("image: {}\n{container}", guest(name));
        home.write("job.yaml", job("a", "backoffLimit: 0", &container));
        home.run(&["run", "job.yaml"]).exits(1).says("BackoffLimitExceeded")
    };
    run("exit_code", "args: [\"3\"]").says("container main: Error, exit code 3");
    run("exit_panic", "").says("exit code 134").says("unreachable");
    run("hog_memory", "resources: {limits: {memory: 32Mi}}").says("OOMKilled, exit code 137");
}

#[test]
fn one_container_alone_prints_as_it_is() {
    let home = Home::new();
    let image = guest("job_echo");
    home.write("one.yaml", job("one", "", &format!("image: {image}\nargs: [hi]")));
    home.write("two.yaml", job("two", "", &format!("image: {image}\nargs: [ho]")));
    let alone = home.run(&["run", "one.yaml"]).exits(0);
    assert!(alone.stdout.contains("\narg 1: hi\n"), "{alone:?}");
    let both = home.run(&["run", "one.yaml", "two.yaml"]).exits(0);
    assert!(both.stdout.lines().all(|line| line.starts_with('[')), "{both:?}");
    assert!(both.stdout.contains("/main] arg 1: ho\n"), "{both:?}");
}

#[test]
fn a_flood_arrives_whole() {
    let home = Home::new();
    // More than is kept of it.
    let container = format!("image: {}\nargs: [\"20\"]", guest("hog_output"));
    home.write("job.yaml", job("a", "backoffLimit: 0", &container));
    let ended = home.run(&["run", "job.yaml"]).exits(0);
    assert_eq!(ended.stdout.len(), 20 << 20);
    assert!(ended.stdout.lines().all(|line| line.len() == 63));
}

#[test]
fn objects_are_printed_as_kubectl_does() {
    let home = Home::new();
    let image = format!("image: {}", guest("job_echo"));
    home.write("both.yaml", format!("{}---\n{}", job("a", "", &image), job("b", "", &image)));
    home.write("a.yaml", job("a", "", &image));

    let list = home.run(&["run", "-o", "json", "both.yaml"]).exits(0).json();
    assert_eq!((&list["kind"], &list["apiVersion"]), (&"List".into(), &"v1".into()));
    let names: Vec<_> = [0, 1].map(|it| list["items"][it]["metadata"]["name"].clone()).into();
    assert_eq!(names, ["a", "b"]);

    let ended = home.run(&["run", "-o", "yaml", "a.yaml"]).exits(0);
    assert!(ended.stdout.starts_with("apiVersion: batch/v1\nkind: Job\n"), "{ended:?}");
    ended.says("arg 0:");
}

#[test]
fn manifests_come_from_a_folder_and_from_standard_input() {
    let home = Home::new();
    let image = format!("image: {}", guest("job_echo"));
    home.write("jobs/b.yaml", job("b", "", &image.replace("guests", "../guests")));
    home.write("jobs/deeper/c.yml", job("c", "", &image.replace("guests", "../../guests")));
    home.run(&["run", "jobs"]).exits(0).says("job/b  complete");
    home.run(&["run", "-R", "jobs"]).exits(0).says("job/c  complete");

    let manifest = home.write("a.yaml", job("a", "", &image));
    let mut command = home.mayfly();
    command.args(["run", "-"]).stdin(std::fs::File::open(manifest).expect("it was written"));
    assert!(command.output().expect("mayfly must start").status.success());
}
