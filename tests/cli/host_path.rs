//! Volumes of the host: what an operator allows a pod has, and nothing else.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::process::Signal;

use crate::harness::{Home, guest};

/// A Job that writes `/data/made`, where `volume` of the host is.
fn writes(home: &Home, volume: &str, mount: &str) -> String {
    let volume = home.path(volume);
    let spec = format!(
        "backoffLimit: 0\ntemplate:\n  spec:\n    restartPolicy: Never\n    volumes:\n    \
         - name: v\n      hostPath: {{path: {}}}\n    containers:\n    - name: main\n      \
         image: {}\n      args: [/data/made, text]\n      \
         volumeMounts: [{{name: v, mountPath: /data{mount}}}]",
        volume.display(),
        guest("job_write"),
    );
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!("apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: a\nspec:\n{spec}")
}

#[test]
fn a_pod_writes_to_a_folder_that_is_allowed() {
    let home = Home::new();
    fs::create_dir(home.path("allowed")).expect("it must be made");
    for (volume, mount, made) in [
        ("allowed", "", "allowed/made"),
        ("allowed/below", "", "allowed/below/made"),
        ("allowed", ", subPath: a/b", "allowed/a/b/made"),
    ] {
        home.write("job.yaml", writes(&home, volume, mount));
        home.run(&["run", "--host-path", "allowed", "job.yaml"]).exits(0);
        assert_eq!(fs::read_to_string(home.path(made)).expect(made), "text\n");
    }
    home.write("job.yaml", writes(&home, "allowed/other", ", readOnly: true"));
    home.run(&["run", "--host-path", "allowed", "job.yaml"]).exits(1);
    assert!(!home.path("allowed/other/made").exists());
}

#[test]
fn no_other_folder_can_be_had() {
    let home = Home::new();
    for folder in ["allowed", "other"] {
        fs::create_dir(home.path(folder)).expect("it must be made");
    }
    home.write("job.yaml", writes(&home, "other", ""));
    home.run(&["run", "job.yaml"]).exits(2).says("unless its operator allows a folder");
    let allowed = ["run", "--host-path", "allowed", "job.yaml"];
    home.run(&allowed).exits(2).says("job.yaml").says("only what is below");
    home.run(&["run", "--host-path", "none", "job.yaml"])
        .exits(2)
        .says("can't allow a --host-path");
    // One that leads out is found out when the pod starts, since it may be made at any time.
    symlink(home.path("other"), home.path("allowed/link")).expect("it must be made");
    for (volume, mount) in [("allowed/link", ""), ("allowed", ", subPath: link/x")] {
        home.write("job.yaml", writes(&home, volume, mount));
        let mut running = home.start(&allowed);
        running.lines_with(&["it leads through a symbolic link"]);
        running.signal(Signal::INT);
        running.wait().exits(130);
    }
    assert_eq!(fs::read_dir(home.path("other")).expect("it must be there").count(), 0);
}
