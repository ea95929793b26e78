//! The dashboard, in a real browser: what people see and do, each in front of a server of its own.
//!
//! `scenarios.mjs` tells what they do. `tests/dashboard/install` fetches what drives the browser,
//! which is Debian's `chromium`; without them these are skipped and say so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::harness::{Home, Running, Server, pictures, repository, say};

/// Where Debian has the browser; `browser.mjs` starts it from there.
const BROWSER: &str = "/usr/bin/chromium";

/// How long a scenario may take: a browser is slow where others are at work, and several tabs slower.
const PATIENCE: Duration = Duration::from_mins(15);

/// The most bytes that a picture of the guide may have: a page with some is to be there at once.
const PICTURE_BYTES_MAX: u64 = 150_000;

const OPTIONS: &[&str] = &[
    "--users",
    "users.yaml",
    "--image",
    "echo=guests/job_echo.wasm",
    "--image",
    "exit_code=guests/exit_code.wasm",
    "--image",
    "dice=guests/job_dice.wasm",
];

#[test]
fn each_page_shows_what_there_is() {
    plays("pages");
}

#[test]
fn what_changes_is_seen_within_a_second() {
    plays("live");
}

#[test]
fn a_log_is_followed() {
    plays("log");
}

#[test]
fn cronjobs_are_told_ahead_and_run_at_once() {
    plays("cron");
}

#[test]
fn what_is_wrong_with_a_manifest_is_shown_where_it_is() {
    plays("create");
}

#[test]
fn jobs_are_resumed_run_again_and_deleted() {
    plays("actions");
}

#[test]
fn a_role_is_offered_what_it_may_do() {
    plays("roles");
}

#[test]
fn all_of_it_works_by_keyboard() {
    plays("keyboard");
}

#[test]
fn no_rule_of_accessibility_is_broken() {
    plays("accessibility");
}

#[test]
fn ten_thousand_pods_are_one_page() {
    plays("many");
}

#[test]
fn pictures_of_the_guide_are_taken() {
    let Some(driver) = driver() else { return };
    let home = Home::new();
    let folder = pictures().unwrap_or_else(|| home.path("pictures"));
    fs::create_dir_all(&folder).expect("the folder must be made");
    let more = [
        "--image",
        "sleep=guests/job_sleep.wasm",
        "--image",
        "unsteady=guests/fail_until.wasm",
        "--backoff-base",
        "500ms",
    ];
    plays_with("pictures", &driver, &home, &more, &folder);
    for name in ["jobs", "jobs-dark", "job", "job-dark", "cronjob", "create", "phone"] {
        let picture = fs::metadata(folder.join(format!("{name}.webp"))).expect("it must be taken");
        assert!((1..PICTURE_BYTES_MAX).contains(&picture.len()), "{name}: {} bytes", picture.len());
    }
}

#[test]
fn pages_are_for_all_and_data_for_users() {
    plays("doors");
}

#[test]
fn what_is_pure_tells_the_truth() {
    if !can_run("node") {
        say!("skipped: there is no node here");
        return;
    }
    let mut node = Command::new("node");
    node.arg("--test").arg(repository().join("tests/dashboard/facts.mjs"));
    let ended = Running::start(&mut node).wait();
    assert!(ended.status.success(), "{ended:?}");
}

/// Plays `scenario`, if there is a browser.
fn plays(scenario: &str) {
    let Some(driver) = driver() else { return };
    let home = Home::new();
    plays_with(scenario, &driver, &home, &[], &home.path(""));
}

/// Plays it before a server with `more` options; pictures are written to `pictures`.
fn plays_with(scenario: &str, driver: &Path, home: &Home, more: &[&str], pictures: &Path) {
    home.write("users.yaml", users());
    let server = Server::start(home, &[OPTIONS, more].concat());
    // A module finds what it imports beside itself, so each test has its own copy there.
    let scripts = copied(&driver.join(scenario));
    let mut node = Command::new("node");
    node.arg(scripts.join("scenarios.mjs")).args([scenario, server.url()]);
    let ended =
        Running::patiently(node.env("HOME", home.path("")).env("PICTURES", pictures), PATIENCE)
            .wait();
    assert!(ended.status.success(), "{scenario}: {ended:?}");
    server.stop().exits(0);
}

/// Where the driver of the browser is, if there are both.
fn driver() -> Option<PathBuf> {
    let folder = repository().join("target/dashboard/node");
    if !folder.is_dir() {
        say!("skipped: tests/dashboard/install has not fetched what drives a browser");
        return None;
    }
    if !Path::new(BROWSER).is_file() {
        say!("skipped: there is no {BROWSER} here");
        return None;
    }
    Some(folder)
}

/// The scripts, copied into `folder`.
fn copied(folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).expect("the folder must be made");
    for script in ["browser.mjs", "many.mjs", "pictures.mjs", "scenarios.mjs"] {
        let from = repository().join("tests/dashboard").join(script);
        fs::copy(from, folder.join(script)).expect("it must be copied");
    }
    folder.to_owned()
}

/// Ann may do everything, Eve edit one namespace, Vic look; each has her role's name for a token.
fn users() -> String {
    let user = |name: &str, role: &str, at: &str| {
        let hash = Sha256::digest(role.as_bytes());
        format!(
            "- {{name: {name}, roles: [{{role: {role}{at}}}], tokens: [{{sha256: {hash:x}}}]}}\n"
        )
    };
    let edit = user("eve", "edit", ", namespaces: [default]");
    format!("users:\n{}{edit}{}", user("ann", "admin", ""), user("vic", "view", ""))
}

fn can_run(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success())
}
