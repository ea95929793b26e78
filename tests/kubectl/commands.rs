//! Every recorded command that is about what we serve, in order, in one session.

use std::fs::File;

use super::alike::alike;
use super::deviations::{DEVIATIONS, Deviation, Expect};
use super::recorded::{self, Command};
use super::session::{Session, of_guest};
use crate::harness::{Ended, PATIENTLY, Running, Stream, say};

const NAMESPACE: &str = "kubectl-cat";

/// Whose pods have names that end in something random.
const OWNERS: &[&str] = &["pi", "pi2", "long", "cj1", "from1", "debugger"];

/// What was done between two recorded commands, or has come about by then. The first word of each
/// is the command that it precedes.
const BEFORE: &[(&str, &[&str])] = &[
    ("create -f (COLD discovery cache)", &["create", "-f", "namespace.yaml"]),
    // Until it was seen twice that the Job had not ended.
    ("create -f (COLD discovery cache)", &["cordon", "mayfly"]),
    ("create -f", &["uncordon", "mayfly"]),
    ("delete job", &["wait", "--for=condition=complete", "job/pi2", PATIENTLY]),
    ("diff -f", &["wait", "--for=condition=complete", "job/pi2", PATIENTLY]),
    // Until it was seen once.
    ("replace --force -f", &["cordon", "mayfly"]),
    ("get job -o yaml", &["uncordon", "mayfly"]),
    ("get job NAME", &["wait", "--for=condition=complete", "job/pi", PATIENTLY]),
    ("get pods -o wide", &["wait", "--for=condition=complete", "job/pi2", PATIENTLY]),
    ("wait --for=condition=complete (waiting)", &["create", "-f", "long.yaml"]),
    ("attach", &["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/one", PATIENTLY]),
    ("get all", &["wait", "--for=condition=complete", "job/cj1", "job/from1", PATIENTLY]),
];

/// What is on the standard input of every command. Most don't look.
const TYPED: &str = "typed\n";

#[test]
fn every_recorded_command_is_answered_as_recorded() {
    let Some(commands) = recorded::load() else { return };
    let images = [
        ("perl:5.34.0", "modules/some.wasm".to_owned()),
        of_guest("busybox", "job_stdin"),
        of_guest("busybox:1.28", "job_echo"),
        of_guest("busybox:1.36", "job_echo"),
    ];
    let Some(session) = Session::start(NAMESPACE, &images) else { return };
    write_manifests(&session);
    let (mut passed, mut failed) = (0, Vec::new());
    for command in &commands {
        match check(&session, command) {
            Ok(()) => passed += 1,
            Err(why) => failed.push(format!("{}: {why}", command.title)),
        }
    }
    for Deviation { title, why, .. } in DEVIATIONS {
        say!("  otherwise than recorded: {title}: {why}");
    }
    say!("kubectl: {passed} passed, {} failed", failed.len());
    session.stop();
    assert!(failed.is_empty(), "answered otherwise than expected: {}", failed.join("\n"));
}

fn check(session: &Session, command: &Command) -> Result<(), String> {
    for (_, words) in BEFORE.iter().filter(|(title, _)| *title == command.title) {
        let ended = session.run(words);
        if !ended.status.success() {
            return Err(format!("before it, {words:?} failed: {}{}", ended.stdout, ended.stderr));
        }
    }
    let deviation = DEVIATIONS.iter().find(|it| it.title == command.title);
    let exit = deviation.map_or(command.exit, |it| it.exit);
    let stdout = expected(deviation.map_or(Expect::Recorded, |it| it.stdout), &command.stdout);
    let stderr = expected(deviation.map_or(Expect::Recorded, |it| it.stderr), &command.stderr);
    let words = ours(session, &command.words);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut kubectl = session.kubectl(&words);
    kubectl.env("KUBE_EDITOR", "sed -i s/602/700/");
    let typed = session.home.write("typed.txt", TYPED);
    let typed = File::open(typed).expect("what was written must be there");
    let running = Running::reading(&mut kubectl, typed);
    let ended =
        if exit.is_some() { running.wait() } else { until_said(running, stdout.lines.len()) };
    let complaints: Vec<String> = [
        (ended.status.code() != exit)
            .then(|| format!("exit {:?}, not {exit:?}", ended.status.code())),
        compare("stdout", &stdout, &ended.stdout),
        compare("stderr", &stderr, &ended.stderr),
    ]
    .into_iter()
    .flatten()
    .collect();
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

/// Ends what would go on for ever when it has said `lines` lines.
fn until_said(mut running: Running, lines: usize) -> Ended {
    for _ in 0..lines {
        running.line(|from, _| from == Stream::Stdout);
    }
    running.kill()
}

/// A recorded schedule, whose time may come at any time.
const OFTEN: &str = "*/5 * * * *";

/// What stands for it here: the next leap day.
const RARELY: &str = "0 0 29 2 *";

/// The words of a recorded command with our pod's name in the place of theirs.
fn ours(session: &Session, words: &[String]) -> Vec<String> {
    const THEIRS: &str = "pi-fpm6t";
    let words: Vec<String> = words.iter().map(|word| word.replace(OFTEN, RARELY)).collect();
    if words == ["describe", "node", "fake"] {
        return ["describe", "node", "mayfly"].map(str::to_owned).to_vec();
    }
    if !words.iter().any(|word| word.contains(THEIRS)) {
        return words;
    }
    let name = ["get", "pods", "-l", "job-name=pi", "-o", "jsonpath={.items[0].metadata.name}"];
    let name = session.run(&name).exits(0).stdout;
    words.iter().map(|word| word.replace(THEIRS, &name)).collect()
}

/// The lines that a command is expected to write, and what else it may.
struct Expected {
    lines: Vec<String>,
    more: More,
}

/// What a command may write beside what is expected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    Nothing,
    /// Other lines, anywhere.
    Lines,
    /// The rest of the last line, and lines after it: the record was cut there.
    Rest,
}

fn expected(expect: Expect, recorded: &str) -> Expected {
    let (text, more) = match expect {
        Expect::Recorded => (recorded, More::Nothing),
        Expect::RecordedAmong => (recorded, More::Lines),
        Expect::RecordedBegins => (recorded, More::Rest),
        Expect::Lines(text) => (text, More::Nothing),
        Expect::Among(text) => (text, More::Lines),
    };
    // The node of the record is called otherwise.
    let text = text.replace("fake/127.0.0.1", "mayfly/127.0.0.1").replace("to fake", "to mayfly");
    let text = text.replace(OFTEN, RARELY);
    match text.trim_end().strip_suffix("\n…") {
        Some(text) => Expected { lines: alike(text, OWNERS), more: More::Rest },
        None => Expected { lines: alike(&text, OWNERS), more },
    }
}

fn compare(what: &str, expected: &Expected, text: &str) -> Option<String> {
    let lines = &expected.lines;
    let mut found = alike(text, OWNERS);
    let is_as_expected = match expected.more {
        More::Nothing => *lines == found,
        More::Rest => {
            found.truncate(lines.len());
            let (last, whole) = lines.split_last()?;
            let (ours_last, ours) = found.split_last()?;
            whole == ours && ours_last.starts_with(last)
        }
        More::Lines => {
            let missing =
                lines.iter().find(|line| match found.iter().position(|it| it == *line) {
                    // Twice must be there twice.
                    Some(at) => {
                        found.remove(at);
                        false
                    }
                    None => true,
                })?;
            return Some(format!("{what} has no line {missing:?}, or too few of it:\n{text}"));
        }
    };
    (!is_as_expected).then(|| differ(what, lines, &found))
}

fn differ(what: &str, expected: &[String], found: &[String]) -> String {
    format!(
        "{what}\n    expected\n      {}\n    got\n      {}",
        expected.join("\n      "),
        found.join("\n      ")
    )
}

fn write_manifests(session: &Session) {
    let job = |name: &str, image: &str, more: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\nspec:\n{more}  template:\n    \
             spec:\n      containers:\n      - name: pi\n        image: {image}\n        command: \
             [\"perl\",  \"-Mbignum=bpi\", \"-wle\", \"print bpi(2000)\"]\n      restartPolicy: \
             Never\n  backoffLimit: 4\n"
        )
    };
    let home = &session.home;
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n");
    home.write("namespace.yaml", namespace);
    home.write("pi.yaml", job("pi", "perl:5.34.0", ""));
    home.write("pi2.yaml", job("pi2", "perl:5.34.0", ""));
    home.write("pi2b.yaml", job("pi2", "perl:5.34.0", "  ttlSecondsAfterFinished: 1000\n"));
    home.write("pi2c.yaml", job("pi2", "perl:5.36", ""));
    home.write("long.yaml", job("long", "perl:5.34.0", ""));
    let cron_job = "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: hello\nspec:\n  \
                    schedule: \"* * * * *\"\n  suspend: true\n  jobTemplate:\n    spec:\n      \
                    template:\n        spec:\n          containers:\n          - name: hello\n            \
                    image: busybox:1.28\n            command: [\"/bin/sh\", \"-c\", \"date; echo \
                    Hello\"]\n          restartPolicy: OnFailure\n";
    home.write("cron.yaml", cron_job);
}
