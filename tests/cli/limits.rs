//! `--limits FILE`: what pods get, what they can get, and what is wrong with the file.

use crate::harness::{Home, PATIENTLY, Server, guest, job};

#[test]
fn what_is_above_a_maximum_is_refused_before_anything_starts() {
    let home = Home::new();
    home.write("limits.yaml", "containers: {memory: {max: 64Mi}, fuel: {max: 1M}}\n");
    let image = format!("image: {}\nresources: {{limits: {{memory: 128Mi}}}}", guest("job_echo"));
    home.write("job.yaml", job("a", "completions: 1", &image));
    let ended = home.run(&["run", "--limits", "limits.yaml", "job.yaml"]).exits(2);
    ended.says("job.yaml:").says("maximum memory usage per Container is 64Mi, but limit is 128Mi");
}

#[test]
fn a_mistake_in_the_file_is_told_with_its_line() {
    let home = Home::new();
    home.write("limits.yaml", "containers:\n  memroy: {max: 64Mi}\n");
    home.write("job.yaml", job("a", "completions: 1", &format!("image: {}", guest("job_echo"))));
    home.run(&["run", "--limits", "limits.yaml", "job.yaml"])
        .exits(2)
        .says("limits.yaml: line 2: unknown field \"containers.memroy\", did you mean \"memory\"?");
    home.run(&["run", "--limits", "none.yaml", "job.yaml"])
        .exits(2)
        .says("can't use the limits in none.yaml");
}

#[test]
fn a_default_holds_for_a_pod_that_does_not_say() {
    let home = Home::new();
    home.write("limits.yaml", "containers: {fuel: {default: 1M}}\n");
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  restartPolicy: Never\n  \
         containers: [{{name: main, image: {}}}]\n",
        guest("hog_cpu")
    );
    home.write("pod.yaml", pod);
    let ended = home.run(&["run", "--limits", "limits.yaml", "-o", "json", "pod.yaml"]).exits(1);
    assert!(ended.stdout.contains("FuelExhausted"), "{}", ended.stdout);
}

/// A Job whose pod writes `bytes` to an emptyDir of this source.
fn writes(source: &str, bytes: &str) -> String {
    let image = format!(
        "image: {}\nargs: [/data, \"{bytes}\"]\nvolumeMounts: [{{name: v, mountPath: /data}}]",
        guest("hog_write")
    );
    let job = job("a", "backoffLimit: 0", &image);
    let volumes =
        format!("      volumes: [{{name: v, emptyDir: {{{source}}}}}]\n      containers:");
    job.replacen("      containers:", &volumes, 1)
}

#[test]
fn what_is_stored_has_the_operators_default_and_no_more_than_the_maximum() {
    let home = Home::new();
    let run = |limits: &str, manifest: String| {
        home.write("limits.yaml", limits);
        home.write("job.yaml", manifest);
        home.run(&["run", "--limits", "limits.yaml", "-o", "json", "job.yaml"])
    };
    let of_volumes = "volumes: {diskBytes: {default: 1Mi, max: 2Mi}}";
    run(of_volumes, writes("", "900000")).exits(0);
    run(of_volumes, writes("", "1500000")).exits(1);
    run(of_volumes, writes("sizeLimit: 2Mi", "1500000")).exits(0);
    run(of_volumes, writes("sizeLimit: 3Mi", "1"))
        .exits(2)
        .says("maximum emptyDir.sizeLimit usage per Volume is 2Mi, but limit is 3Mi");
    let of_containers = "containers: {ephemeral-storage: {default: 1Mi}}";
    run(of_containers, writes("", "900000")).exits(0);
    run(of_containers, writes("", "1500000")).exits(1);
}

#[test]
fn a_module_that_is_more_than_the_operator_takes_is_refused() {
    let home = Home::new();
    home.write("job.yaml", job("a", "completions: 1", &format!("image: {}", guest("job_echo"))));
    let refused = |limits: &str, why: &str| {
        home.write("limits.yaml", limits);
        home.run(&["run", "--limits", "limits.yaml", "job.yaml"]).exits(2).says(why);
    };
    refused("modules: {functions: 5}", "functions");
    refused("modules: {imports: 1}", "imports");
    refused("modules: {bytes: 1Ki}", "where 1024 are allowed");
}

#[test]
fn a_node_whose_disk_is_short_takes_no_pods() {
    let home = Home::new();
    home.write("limits.yaml", "node: {diskReserveBytes: 8000000Ti}");
    let server = Server::start(&home, &["--limits", "limits.yaml"]);
    home.write("job.yaml", job("a", "completions: 1", &format!("image: {}", guest("job_echo"))));
    home.run(&["wait", "--for=create", "node", "-l", "kubernetes.io/os=linux", PATIENTLY]).exits(0);
    let pressure = "--for=condition=DiskPressure";
    home.run(&["wait", pressure, "node", "--all", PATIENTLY]).exits(0);
    home.run(&["create", "-f", "job.yaml"]).exits(0);
    let unscheduled = "--for=condition=PodScheduled=false";
    home.run(&["wait", "--for=create", "pod", "-l", "job-name=a", PATIENTLY]).exits(0);
    home.run(&["wait", unscheduled, "pod", "-l", "job-name=a", PATIENTLY]).exits(0);
    let told = home.run(&["get", "pods", "-o", "yaml"]).exits(0).stdout;
    assert!(told.contains("1 node(s) had untolerated taint(s)"), "{told}");
    server.stop().exits(0);
}
