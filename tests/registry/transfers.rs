//! Building, pushing, pulling, looking at and pruning images.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::atomic::Ordering;

use super::debian::{Registry, log_in, tells_the_password};
use super::proxy;
use crate::harness::{Home, guest};

#[test]
fn what_is_pushed_is_what_is_pulled() {
    let home = Home::new();
    let Some(registry) = Registry::start(&home) else { return };
    let name = registry.name("me/echo:1");
    let built = home.run(&["image", "build", &guest("job_echo"), "-t", "echo"]).exits(0).stdout;
    let digest = built.trim().strip_prefix("echo ").expect("name and digest").to_owned();
    let pushed = home.run(&["image", "push", "echo", &name]).exits(0).stdout;
    assert_eq!(pushed, format!("{name} {digest}\n"));

    let other = Home::new();
    let pulled = other.run(&["image", "pull", &name]).exits(0).stdout;
    assert_eq!(pulled, format!("{name} {digest}\n"));
    let about = other.run(&["image", "inspect", &name, "-o", "json"]).exits(0).json();
    assert_eq!(about["name"], name);
    assert_eq!(about["digest"], digest);
    assert_eq!(about["origin"], "pulled");
    assert_eq!(about["kind"], "module");
    assert_eq!(about["imports"], serde_json::json!(["wasi_snapshot_preview1"]));
    assert_eq!(about["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(about["layers"][0]["mediaType"], "application/wasm");
    let size = fs::metadata(home.path(&guest("job_echo"))).expect("the guest must be there").len();
    assert_eq!(about["layers"][0]["size"], size);
    let text = other.run(&["image", "inspect", &name]).exits(0).stdout;
    assert!(text.contains(&format!("Digest:       {digest}\n")), "{text}");
    let yaml = other.run(&["image", "inspect", &name, "-o", "yaml"]).exits(0).stdout;
    assert!(yaml.contains(&format!("digest: {digest}\n")), "{yaml}");
    let list = other.run(&["image", "list"]).exits(0).stdout;
    assert!(list.lines().any(|line| line.starts_with(&name) && line.ends_with(&registry.host)));

    // By its digest it is the same, and another digest is nothing.
    let by_digest = format!("{}@{digest}", registry.name("me/echo"));
    other.run(&["image", "pull", &by_digest]).exits(0);
    let none = format!("{}@sha256:{}", registry.name("me/echo"), "0".repeat(64));
    other.run(&["image", "pull", &none]).exits(2).says("404 Not Found");
    other.run(&["image", "pull", &registry.name("me/none")]).exits(2).says("404 Not Found");
    other.run(&["image", "push", &registry.name("me/none")]).exits(2).says("there is no image");
    other.run(&["image", "inspect", "none"]).exits(2).says("`mayfly image pull none` fetches it");
}

#[test]
fn a_pull_goes_on_when_the_line_breaks() {
    let home = Home::new();
    let Some(registry) = Registry::start(&home) else { return };
    registry.push_guest(&home, "job_pi");
    let size = fs::metadata(home.path(&guest("job_pi"))).expect("the guest must be there").len();
    let part = usize::try_from(size).expect("it must fit") / 3;
    let (address, broken) = proxy::breaking(&registry.host, part, 2);
    let other = Home::new();
    let name = format!("{address}/guests/job_pi:1");
    other.run(&["image", "pull", &name]).exits(0);
    assert_eq!(broken.load(Ordering::SeqCst), 2);
    other.write("job.yaml", crate::harness::job("pi", "", &format!("image: {name}\nargs: ['5']")));
    other.run(&["run", "job.yaml"]).exits(0);
}

#[test]
fn a_login_is_docker_s_or_is_given() {
    let home = Home::new();
    let Some(registry) = Registry::private(&home) else { return };
    let name = registry.name("me/echo:1");
    home.run(&["image", "build", &guest("job_echo"), "-t", &name]).exits(0);
    home.run(&["image", "push", &name]).exits(2).says("401 Unauthorized");
    log_in(&home, &registry);
    home.run(&["image", "push", &name]).exits(0);
    assert!(!tells_the_password(&home));

    let other = Home::new();
    other.run(&["image", "pull", &name]).exits(2).says("needs a login");
    let with = |password: &str| {
        let arguments = ["image", "pull", &name, "--username", "me", "--password-stdin"];
        let mut command = other.mayfly();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("mayfly must start");
        let mut stdin = child.stdin.take().expect("stdin must be piped");
        writeln!(stdin, "{password}").expect("it must read it");
        drop(stdin);
        child.wait_with_output().expect("it must end")
    };
    let wrong = with("geheim");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(!String::from_utf8_lossy(&wrong.stderr).contains("geheim"));
    assert_eq!(with("pw").status.code(), Some(0));
    other.run(&["image", "pull", &name, "--username", "me"]).exits(2).says("--password-stdin");
}

#[test]
fn what_is_no_longer_named_is_pruned() {
    let home = Home::new();
    let Some(registry) = Registry::start(&home) else { return };
    let name = registry.push_guest(&home, "job_echo");
    home.run(&["image", "pull", &name]).exits(0);
    let would = home.run(&["image", "prune", "--all", "--dry-run"]).exits(0).stdout;
    assert!(would.contains(&format!("would forget {name}\n")), "{would}");
    let pruned = home.run(&["image", "prune", "--all"]).exits(0).stdout;
    assert!(
        pruned.contains("deleted blobs/") && pruned.ends_with(" bytes were freed\n"),
        "{pruned}"
    );
    assert_eq!(home.run(&["image", "list"]).exits(0).stdout.lines().count(), 1);
    assert_eq!(home.run(&["image", "prune"]).exits(0).stdout, "0 bytes were freed\n");
}

#[test]
fn what_can_t_be_built_is_told() {
    let home = Home::new();
    home.write("x.wasm", "#!/bin/sh");
    home.run(&["image", "build", "x.wasm", "-t", "x"]).exits(2).says("x.wasm can't be an image");
    let echo = guest("job_echo");
    let build = |more: &[&str]| home.run(&[&["image", "build", echo.as_str()], more].concat());
    build(&["-t", "X y"]).exits(2).says("\"X y\" is no image name");
    build(&["-t", "x", "--file", "lib"]).exits(2).says("SRC:DEST is wanted");
    build(&["-t", "x", "--file", "none:/lib"]).exits(2).says("can't pack none");
    build(&[]).exits(2).says("--tag <NAME>");
}
