//! What is seen on a terminal: `mayfly top`, and what `wait` and `logs -f` say meanwhile.

use std::fs;
use std::time::Duration;

use super::Site;
use crate::harness::module::printing;
use crate::harness::terminal::{Screen, Terminal};
use crate::harness::{Home, PATIENTLY, Server, Stream, job};

/// How many columns and rows.
const SIZE: (u16, u16) = (110, 20);

/// Runs `mayfly top` with how the terminal was before and after it in files, and its exit code.
fn top(options: &str) -> String {
    format!(
        "tty > tty; stty -g > before; sh -c 'echo $$ > pid; exec {program} top {options}'; \
         echo \"code $?\"; stty -g > after",
        program = env!("CARGO_BIN_EXE_mayfly")
    )
}

/// That everything is as it was before.
fn is_restored(site: &Site, screen: &Screen, code: i32) {
    assert!(!screen.is_other && screen.has_cursor, "{screen:#?}");
    assert!(screen.has_line(&[&format!("code {code}")]), "{screen:#?}");
    let said = |name: &str| fs::read_to_string(site.home.path(name)).expect("it must be there");
    assert_eq!(said("before"), said("after"));
}

#[test]
fn a_job_appears_changes_and_is_gone() {
    let site = Site::new();
    let Some(mut terminal) = Terminal::start(&site.home, &top(""), SIZE) else { return };
    let screen = terminal.until_line(&["mayfly top", "namespace default", "no Jobs"]);
    assert!(screen.is_other && !screen.has_cursor && !screen.has_colours, "{screen:#?}");
    assert!(screen.has_line(&["NAME", "STATE", "DONE", "ACTIVE", "CPU▼", "MEMORY"]));
    terminal.until_line(&["CPU [", " cores, "]);

    let naps = site.job("naps", "completions: 2\nparallelism: 2", "sleep", "\"600\"");
    site.told(&format!("create -f {naps}"));
    terminal.until_line(&["naps", "Running", "0/2", " 2 "]);
    // Measured some seconds later.
    terminal.until_line(&["naps", "Running", "%", "Mi"]);
    terminal.types("u");
    terminal.until_line(&["  naps-", "Running"]);
    terminal.types("/nobody\r");
    terminal.until(|screen| !screen.has_line(&["naps"]));
    terminal.types("\x1b");
    terminal.until_line(&["naps", "0/2"]);

    let short = site.job("short", "backoffLimit: 0", "exit", "\"3\"");
    site.told(&format!("create -f {short}"));
    terminal.until_line(&["short", "Failed", "0/1"]);
    terminal.types("p");
    terminal.until_line(&["[paused]"]);
    site.told("delete job naps");
    terminal.types("m");
    let screen = terminal.until_line(&["MEMORY▼"]);
    assert!(screen.has_line(&["naps", "Running"]), "it stands still: {screen:#?}");
    terminal.types("p");
    terminal.until(|screen| !screen.has_line(&["naps"]) && screen.has_line(&["short"]));
    terminal.types("q");
    is_restored(&site, &terminal.end(), 0);
}

#[test]
fn it_is_as_large_as_the_terminal_and_leaves_it_as_it_was() {
    let site = Site::new();
    let Some(mut terminal) = Terminal::start(&site.home, &top("-A"), SIZE) else { return };
    terminal.until_line(&["all namespaces"]);
    terminal.until(|screen| screen.lines.len() == usize::from(SIZE.1));
    let tty = fs::read_to_string(site.home.path("tty")).expect("it must be there");
    let mut resize = std::process::Command::new("stty");
    let resized = resize.args(["-F", tty.trim(), "cols", "60", "rows", "10"]).status();
    assert!(resized.is_ok_and(|status| status.success()));
    let fits = |screen: &Screen| {
        screen.lines.len() == 10 && screen.lines.iter().all(|line| line.chars().count() <= 60)
    };
    terminal.until(|screen| fits(screen) && screen.has_line(&["NAMESPACE", "STATE"]));
    terminal.types("\x03");
    is_restored(&site, &terminal.end(), 0);

    let Some(mut terminal) = Terminal::start(&site.home, &top("jobs -n team"), SIZE) else {
        return;
    };
    terminal.until_line(&["namespace team"]);
    let pid = fs::read_to_string(site.home.path("pid")).expect("it must be there");
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().expect("a number"));
    rustix::process::kill_process(pid.expect("a pid"), rustix::process::Signal::TERM)
        .expect("it must be ours");
    is_restored(&site, &terminal.end(), 143);
}

#[test]
fn a_server_that_is_not_there_is_told_of_until_it_is_again() {
    let home = Home::new();
    let image = "sleep=guests/job_sleep.wasm";
    let server = Server::start(&home, &["--image", image]);
    home.write("naps.yaml", job("naps", "", "image: sleep\nargs: [\"600\"]"));
    home.run(&["create", "-f", "naps.yaml"]).exits(0);
    let Some(mut terminal) = Terminal::start(&home, "mayfly top", SIZE) else { return };
    terminal.until_line(&["naps", "Running"]);
    let address = server.address().to_owned();
    server.kill();
    let screen = terminal.until_line(&["trying again", "was refused"]);
    assert!(screen.has_colours && screen.has_line(&["naps"]), "{screen:#?}");
    let server = Server::start_again(&home, &address, image);
    terminal.until(|screen| !screen.has_line(&["trying again"]) && screen.has_line(&["naps"]));
    home.run(&["delete", "job", "naps"]).exits(0);
    terminal.until_line(&["no Jobs"]);
    terminal.types("q");
    terminal.end();
    server.stop().exits(0);
}

#[test]
fn where_there_is_no_terminal_it_is_one_table() {
    let site = Site::new();
    site.run("top").exits(0).says("No resources found in default namespace.");
    let naps = site.job("naps", "completions: 2\nparallelism: 2", "sleep", "\"600\"");
    site.told(&format!("create -f {naps}"));
    site.wait("--for=jsonpath={.status.active}=2 job/naps");
    for words in ["top", "top jobs", "top job -A", "top --sort-by=name"] {
        let table = site.told(words);
        let lines: Vec<Vec<&str>> =
            table.lines().map(|line| line.split_whitespace().collect()).collect();
        let first = usize::from(words.ends_with("-A"));
        assert_eq!(lines.len(), 2, "{table}");
        assert_eq!(lines[0][first..][..4], ["NAME", "STATE", "DONE", "ACTIVE"], "{table}");
        assert_eq!(lines[1][first..][..5], ["naps", "Running", "0/2", "2", "0"], "{table}");
        assert!(!table.contains('\x1b'), "{table}");
    }
    assert_eq!(site.told("top --no-headers").lines().count(), 1);
    site.run("top --sort-by=luck").exits(2).says("cpu, memory, age, name");
}

#[test]
fn who_waits_is_told_what_for_on_a_terminal() {
    let site = Site::new();
    let file = site.job("naps", "completions: 3\nparallelism: 2", "sleep", "\"600\"");
    site.told(&format!("create -f {file}"));
    let wait = "mayfly wait --for=complete-or-failed job/naps; echo \"code $?\"";
    let Some(mut terminal) = Terminal::start(&site.home, wait, (200, 20)) else { return };
    terminal.until_line(&["job/naps  2 active, 0 of 3 succeeded, 0 failed"]);
    site.told("delete job naps");
    let screen = terminal.end();
    assert!(screen.has_line(&["deleted before the condition was met"]), "{screen:#?}");
    assert!(screen.has_line(&["code 1"]) && !screen.has_line(&["active"]), "{screen:#?}");
}

#[test]
fn who_waits_for_an_image_that_nobody_has_is_told_so_once() {
    let site = Site::new();
    let file = site.job("never", "completions: 2\nparallelism: 2", "./no.wasm", "");
    site.told(&format!("create -f {file}"));
    let mut waiting = site.home.start(&["wait", "--for=complete-or-failed", "job/never"]);
    for reason in ["ErrImagePull", "ImagePullBackOff"] {
        let line = waiting.line(|from, line| from == Stream::Stderr && line.contains(reason));
        let begin = "pod/never-";
        let because = format!(" waits because of {reason}: ");
        assert!(line.starts_with(begin) && line.contains(&because), "{line}");
    }
    site.told("delete job never");
    let ended = waiting.wait().exits(1);
    let told = ended.stderr.lines().filter(|line| line.contains("waits because of")).count();
    assert_eq!(told, 2, "each reason once, of whichever pod: {}", ended.stderr);
    assert!(!ended.stderr.contains("active") && !ended.stderr.contains('\x1b'), "{}", ended.stderr);

    // kubectl's own words are kubectl's.
    site.told(&format!("create -f {file}"));
    let ended = site.run("wait --for=condition=complete job/never --timeout=1s").exits(1);
    assert_eq!(ended.stderr, "error: timed out waiting for the condition on jobs/never\n");
}

#[test]
fn logs_come_above_the_line_that_says_how_far_it_is() {
    let home = Home::new();
    home.write("slow.wasm", printing("one\ntw", Duration::from_secs(600), "o\n"));
    let images = ["--image", "slow=slow.wasm", "--image", "echo=guests/job_echo.wasm"];
    let server = Server::start(&home, &images);
    home.write("slow.yaml", job("slow", "", "image: slow"));
    home.write("echo.yaml", job("echo", "", "image: echo\nargs: [hello]"));
    home.run(&["create", "-f", "slow.yaml", "-f", "echo.yaml"]).exits(0);
    let runs = |name: &str| {
        let (active, runs) = ("{.status.active}=1", "{.status.phase}=Running");
        let for_active = format!("--for=jsonpath={active}");
        home.run(&["wait", &for_active, &format!("job/{name}"), PATIENTLY]).exits(0);
        let (for_runs, label) = (format!("--for=jsonpath={runs}"), format!("job-name={name}"));
        home.run(&["wait", &for_runs, "pod", "-l", &label, PATIENTLY]).exits(0);
    };
    let logs = |name: &str| format!("mayfly logs -f job/{name}; echo \"code $?\"");
    runs("slow");
    let started = Terminal::start(&home, &logs("slow"), (200, 20));
    let Some(mut terminal) = started else { return };
    let screen = terminal.until(|screen| {
        screen.has_line(&["job/slow  1 active, 0 of 1 succeeded"]) && screen.has_line(&["one"])
    });
    let place = |text: &str| screen.lines.iter().position(|line| line.contains(text));
    assert!(place("one") < place("1 active"), "{screen:#?}");
    home.run(&["delete", "job", "slow"]).exits(0);
    let screen = terminal.end();
    let lines = screen.lines.iter().map(|line| line.trim_end()).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.collect();
    assert_eq!(
        lines,
        ["one", "tw", "code 0"],
        "nothing of the line is left, and all of the log is"
    );

    // Ctrl-C leaves nothing of it either.
    home.write("slower.yaml", job("slower", "", "image: slow"));
    home.run(&["create", "-f", "slower.yaml"]).exits(0);
    runs("slower");
    let started = Terminal::start(&home, &logs("slower"), (200, 20));
    let Some(mut terminal) = started else { return };
    terminal.until(|screen| screen.has_line(&["1 active"]) && screen.has_line(&["one"]));
    terminal.types("\x03");
    let screen = terminal.end();
    assert!(screen.has_line(&["one"]) && !screen.has_line(&["active"]), "{screen:#?}");

    // And where there is no terminal there is nothing of it.
    home.run(&["wait", "--for=condition=complete", "job/echo", PATIENTLY]).exits(0);
    let ended = home.run(&["logs", "-f", "job/echo"]).exits(0);
    assert!(ended.stdout.contains("arg 1: hello\n") && ended.stderr.is_empty(), "{ended:?}");
    server.stop().exits(0);
}
