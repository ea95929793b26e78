//! A recorded session: commands, and what came of them with a real Kubernetes.
//!
//! ````text
//! ## title
//! `kubectl command` — exit 0
//! …requests, which are not looked at here…
//! stdout:
//! ```
//! job.batch/pi created
//! ```
//! ````

use crate::conformance;

/// One command.
#[derive(Debug)]
pub(super) struct Command {
    /// What it is called in the record.
    pub(super) title: String,
    /// Its words after `kubectl`.
    pub(super) words: Vec<String>,
    /// Its exit code; `None` for one that was ended after some seconds.
    pub(super) exit: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// The session, if it is there.
pub(super) fn load() -> Option<Vec<Command>> {
    let path = conformance::shared()?.join("spec/kubectl-requests.md");
    if !path.exists() {
        crate::harness::say!("skipped: {}: there is no such file", path.display());
        return None;
    }
    Some(parse(&std::fs::read_to_string(path).expect("the record must be readable")))
}

fn parse(text: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let (mut title, mut lines) = ("", text.lines());
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("## ") {
            title = name;
        } else if let Some((words, exit)) = command_line(line) {
            let (stdout, stderr) = (String::new(), String::new());
            commands.push(Command { title: title.to_owned(), words, exit, stdout, stderr });
        } else if let ("stdout:" | "stderr:", Some(command)) = (line, commands.last_mut()) {
            assert_eq!(lines.next(), Some("```"), "the record must go on with a block");
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let to = if line == "stdout:" { &mut command.stdout } else { &mut command.stderr };
            *to = block.join("\n");
        }
    }
    for command in &mut commands {
        command.stderr = without_debugging(&command.stderr);
    }
    commands
}

/// `` `kubectl get jobs` — exit 0 ``
fn command_line(line: &str) -> Option<(Vec<String>, Option<i32>)> {
    let (command, exit) = line.strip_prefix("`kubectl ")?.rsplit_once("` — exit ")?;
    Some((words(command), exit.parse().ok()))
}

/// The words of a command line in which only apostrophes quote.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for it in text.chars() {
        match it {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            _ => words.last_mut().expect("there is one from the start").push(it),
        }
    }
    words
}

/// The record was made with `-v=8`, of which the ends of some objects are left.
fn without_debugging(stderr: &str) -> String {
    let mut lines: Vec<&str> = stderr.lines().collect();
    if let Some(end) = lines.iter().rposition(|line| *line == "}]") {
        let is_ours = |line: &&str| !line.starts_with(' ');
        let begin = lines.iter().position(|line| !is_ours(line)).unwrap_or(0);
        lines.drain(begin..=end);
    }
    lines.join("\n")
}

#[test]
fn a_record_is_read() {
    let text = "## one\n`kubectl get -o 'a b' {\"c\"}` — exit 1\n\n1. `GET /` → 200\n\nstdout:\n```\na\n\
                b\n```\n\nstderr:\n```\n  \"kind\": 1\n}]\nError\n```\n\n## two\n`kubectl get -w` — \
                exit timeout\n";
    let commands = parse(text);
    assert_eq!(commands.len(), 2);
    assert_eq!(commands[0].title, "one");
    assert_eq!(commands[0].words, ["get", "-o", "a b", "{\"c\"}"]);
    assert_eq!((commands[0].exit, commands[1].exit), (Some(1), None));
    assert_eq!((commands[0].stdout.as_str(), commands[0].stderr.as_str()), ("a\nb", "Error"));
}
