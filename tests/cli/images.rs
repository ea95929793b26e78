//! `mayfly image`, and what the names that it keeps stand for.

use std::fs;

use crate::harness::{Home, guest, job};

#[test]
fn a_name_is_added_listed_used_and_removed() {
    let home = Home::new();
    let echo = guest("job_echo");
    let added = home.run(&["image", "add", "echo", &echo]).exits(0).stdout;
    let digest = added.trim().strip_prefix("echo ").expect("name and digest");
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");

    let size = fs::metadata(home.path(&echo)).expect("the guest must be there").len();
    let list = home.run(&["image", "list"]).exits(0).stdout;
    let row: Vec<_> = list.lines().nth(1).expect("a row").split_whitespace().collect();
    assert_eq!(row, ["echo", digest, &size.to_string(), "added"]);

    let container = "image: docker.io/library/echo:latest\nimagePullPolicy: Never\nargs: [hi]";
    home.write("job.yaml", job("a", "", container));
    assert!(home.run(&["run", "job.yaml"]).exits(0).stdout.contains("arg 1: hi\n"));

    home.run(&["image", "remove", "echo"]).exits(0);
    assert_eq!(home.run(&["image", "list"]).exits(0).stdout.lines().count(), 1);
    home.run(&["image", "remove", "echo"]).exits(2).says("there is no image echo");
    home.run(&["run", "job.yaml"]).exits(2);
}

#[test]
fn a_file_that_is_looked_at_is_told_how_it_becomes_an_image() {
    let home = Home::new();
    home.write("pi.wasm", "whatever");
    for file in ["pi.wasm", "./pi.wasm"] {
        let told = home.run(&["image", "inspect", file]).exits(2);
        let told = told.says(&format!("{file} is a file"));
        assert!(told.stderr.contains(&format!("mayfly image add NAME {file}")), "{told:?}");
        assert!(!told.stderr.contains("image pull"), "{told:?}");
    }
    home.run(&["image", "inspect", "nobody"]).exits(2).says("mayfly image add nobody FILE");
}

#[test]
fn only_webassembly_is_added() {
    let home = Home::new();
    home.write("x.wasm", "#!/bin/sh");
    home.run(&["image", "add", "x", "x.wasm"]).exits(2).says("x.wasm can't be an image: not a");
    home.run(&["image", "add", "x", "no.wasm"]).exits(2).says("can't read no.wasm");
    home.run(&["image", "add", "X y", "x.wasm"]).exits(2).says("\"X y\" is no image name");
    assert_eq!(home.run(&["image", "list"]).exits(0).stdout.lines().count(), 1);
}

#[test]
fn the_state_folder_can_be_chosen() {
    let home = Home::new();
    let echo = guest("job_echo");
    home.run(&["image", "add", "--state-dir", "one", "echo", &echo]).exits(0);
    home.write("job.yaml", job("a", "", "image: echo"));
    home.run(&["run", "job.yaml"]).exits(2);
    home.run(&["run", "--state-dir", "one", "job.yaml"]).exits(0);
    let mut command = home.mayfly();
    command.env("MAYFLY_STATE_DIR", "one").args(["image", "list"]);
    let listed = command.output().expect("mayfly must start").stdout;
    assert_eq!(String::from_utf8_lossy(&listed).lines().count(), 2);
}

#[test]
fn an_image_is_its_content() {
    let home = Home::new();
    let image_id = |file: &str| {
        fs::copy(home.path(&guest(file)), home.path("x.wasm")).expect("the guest must be there");
        let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  restartPolicy: \
                        Never\n  containers: [{name: main, image: x.wasm}]\n";
        home.write("pod.yaml", manifest);
        let pod = home.run(&["run", "-o", "json", "pod.yaml"]).exits(0).json();
        let id = &pod["status"]["containerStatuses"][0]["imageID"];
        id.as_str().expect("an id").to_owned()
    };
    let (echo, again, pi) = (image_id("job_echo"), image_id("job_echo"), image_id("job_pi"));
    assert!(echo.starts_with("sha256:"), "{echo}");
    assert_eq!(echo, again);
    assert_ne!(echo, pi);
}

#[test]
fn the_command_line_comes_before_everything() {
    let home = Home::new();
    home.run(&["image", "add", "x", &guest("job_pi")]).exits(0);
    home.write("job.yaml", job("a", "", "image: x\nargs: [hi]"));
    let given = format!("x={}", guest("job_echo"));
    assert!(
        home.run(&["run", "--image", &given, "job.yaml"]).exits(0).stdout.contains("arg 1: hi")
    );
}
