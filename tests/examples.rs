//! Every manifest of `examples/` does what its first comment declares.
//!
//! Runs the real binary and looks at what anyone can see: its exit code, the final object and the
//! logs.

mod declaration;
mod pi;

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::thread;

use declaration::{Clause, Declaration, is_match};
use serde_json::Value;

/// Manifests that are run at the same time; most of them spend their time waiting.
const AT_ONCE: usize = 4;

/// Far more than any needs: Perl takes the longest, a minute or two where other work is going on.
/// Stops one that hangs.
const TIMEOUT: &str = "600s";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn examples() -> PathBuf {
    root().join("examples")
}

fn manifests() -> BTreeSet<PathBuf> {
    let is_manifest = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
    };
    fs::read_dir(examples())
        .expect("the folder must be readable")
        .map(|entry| entry.expect("the entry must be readable").path())
        .filter(is_manifest)
        .collect()
}

/// What `manifest` declares. `job.yml` is a copy, byte for byte, that can hold no declaration.
fn declaration_of(manifest: &Path) -> Result<Declaration, String> {
    if manifest.ends_with("job.yml") {
        let perl = examples().join("perl/perl.wasm");
        let text = format!(
            "# needs: examples/perl/build {perl}\n\
             # run: --image perl={perl}\n\
             # expect: exit=0; Complete/CompletionsReached; succeeded=1; lines=1\n",
            perl = perl.display(),
        );
        return Declaration::parse(&text);
    }
    Declaration::parse(&fs::read_to_string(manifest).map_err(|error| error.to_string())?)
}

#[test]
fn every_manifest_does_what_it_declares() {
    let queue: Mutex<VecDeque<PathBuf>> = Mutex::new(manifests().into_iter().collect());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("no thread panics with it").pop_front();
                    let Some(manifest) = next else { break };
                    if let Err(complaint) = check(&manifest) {
                        let complaint = format!("{}: {complaint}", manifest.display());
                        failures.lock().expect("no thread panics with it").push(complaint);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no thread panics with it");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_manifest_is_in_the_table_of_the_readme() {
    let readme = fs::read_to_string(examples().join("README.md")).expect("it is committed");
    for manifest in manifests() {
        let name = manifest.file_name().and_then(|name| name.to_str()).expect("names are UTF-8");
        assert!(readme.contains(&format!("| [{name}]({name}) |")), "{name} is not in README.md");
    }
}

fn check(manifest: &Path) -> Result<(), String> {
    let declaration = declaration_of(manifest)?;
    if let Some((script, file)) = &declaration.needs
        && !root().join(file).exists()
    {
        // Not `eprintln!`, which the test harness keeps to itself when a test passes.
        let skipped = format!("skipped: {}: {script} has not been run", manifest.display());
        return writeln!(io::stderr(), "{skipped}").map_err(|error| error.to_string());
    }
    let seen = Seen::of(&run(manifest, &declaration)?);
    let mut complaints: Vec<String> =
        declaration.clauses.iter().filter_map(|clause| seen.complaint(clause)).collect();
    for (what, patterns, lines) in
        [("log", &declaration.logs, &seen.logs), ("error", &declaration.errors, &seen.errors)]
    {
        let missing =
            patterns.iter().filter(|pattern| !lines.iter().any(|line| is_match(pattern, line)));
        complaints.extend(missing.map(|pattern| format!("no {what} line {pattern:?}")));
    }
    if ["job.yml", "pi.yaml"].iter().any(|name| manifest.ends_with(name)) {
        let is_right = seen.logs.contains(&pi::pi(2000));
        complaints.extend((!is_right).then(|| "these are not the digits of π".to_owned()));
    }
    if complaints.is_empty() {
        return Ok(());
    }
    Err(format!("{}\n{}", complaints.join("\n"), seen.stderr))
}

/// Writes a manifest to where the paths of its images lead to the guests, as they do in `examples/`.
fn beside_the_guests(home: &Path, manifest: &str) -> io::Result<PathBuf> {
    symlink(root().join("guests"), home.join("guests"))?;
    fs::create_dir(home.join("examples"))?;
    let path = home.join("examples/manifest.yaml");
    fs::write(&path, manifest)?;
    Ok(path)
}

/// Runs `manifest` as somebody would who has never run mayfly before.
fn run(manifest: &Path, declaration: &Declaration) -> Result<Output, String> {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let manifest = match declaration.in_tests.is_empty() {
        true => manifest.to_owned(),
        false => {
            let text = fs::read_to_string(manifest).map_err(|error| error.to_string())?;
            beside_the_guests(home.path(), &declaration.as_tested(&text))
                .map_err(|error| error.to_string())?
        }
    };
    Command::new(env!("CARGO_BIN_EXE_mayfly"))
        .args(["run", "--quiet", "--output", "json", "--timeout", TIMEOUT])
        .args(&declaration.options)
        .arg(manifest)
        .current_dir(root())
        .env("HOME", home.path())
        .env_remove("XDG_STATE_HOME")
        .env_remove("MAYFLY_STATE_DIR")
        .env_remove("RUST_LOG")
        .output()
        .map_err(|error| format!("can't run mayfly: {error}"))
}

/// What anyone can see of a run.
struct Seen {
    exit_code: Option<i32>,
    /// `status` of the one Job or Pod.
    status: Value,
    /// What containers printed, without their names before it.
    logs: Vec<String>,
    /// What mayfly itself said.
    errors: Vec<String>,
    stderr: String,
}

impl Seen {
    fn of(output: &Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_ours = |line: &&str| line.starts_with("mayfly: ") || line.starts_with("error: ");
        let lines = stderr.lines().filter(|line| !is_trace(line));
        let (errors, logs): (Vec<&str>, Vec<&str>) = lines.partition(is_ours);
        let object: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Self {
            exit_code: output.status.code(),
            status: object["status"].clone(),
            logs: logs.into_iter().map(|line| without_name(line).to_owned()).collect(),
            errors: errors.into_iter().map(str::to_owned).collect(),
            stderr,
        }
    }

    /// What is wrong, if `clause` does not hold.
    fn complaint(&self, clause: &Clause) -> Option<String> {
        let (what, expected, found, holds) = match clause {
            Clause::Exit(code) => {
                let found = self.exit_code.map_or("none".to_owned(), |code| code.to_string());
                ("exit code", code.to_string(), found, self.exit_code == Some(*code))
            }
            Clause::Lines(count) => {
                let found = self.logs.iter().collect::<BTreeSet<_>>().len();
                ("different lines", count.to_string(), found.to_string(), found == *count)
            }
            Clause::Condition(kind, reason) => {
                let (expected, found) = (format!("{kind}/{reason}"), self.conditions());
                let other = if kind == "Complete" { "Failed/" } else { "Complete/" };
                let holds =
                    found.contains(&expected) && !found.iter().any(|it| it.starts_with(other));
                ("conditions", expected, found.join(" "), holds)
            }
            Clause::Field(path, value) => {
                let found = self.field(path);
                // A number that is 0 is left out of an object.
                let holds = is_match(value, &found) || (value == "0" && found.is_empty());
                (path.as_str(), value.clone(), found, holds)
            }
        };
        (!holds).then(|| format!("{what}: expected {expected}, found {found}"))
    }

    /// `TYPE/REASON` of each condition that is True.
    fn conditions(&self) -> Vec<String> {
        let conditions = self.status["conditions"].as_array().map_or(&[][..], Vec::as_slice);
        let text =
            |condition: &Value, key: &str| condition[key].as_str().unwrap_or_default().to_owned();
        conditions
            .iter()
            .filter(|condition| condition["status"] == "True")
            .map(|condition| format!("{}/{}", text(condition, "type"), text(condition, "reason")))
            .collect()
    }

    /// The field of the status at `path`; nothing if it is not there.
    fn field(&self, path: &str) -> String {
        let mut value = &self.status;
        for key in path.split('.') {
            value = match key.parse::<usize>() {
                Ok(index) => &value[index],
                Err(_) => &value[key],
            };
        }
        match value {
            Value::Null => String::new(),
            Value::String(text) => text.trim_end().to_owned(),
            other => other.to_string(),
        }
    }
}

/// Whether the line is what mayfly says of the host that it is on, such as that it has no landlock.
fn is_trace(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next().is_some_and(|time| time.ends_with('Z'))
        && matches!(words.next(), Some("ERROR" | "WARN" | "INFO"))
}

/// The line without the `[pod/container] ` that it may begin with.
fn without_name(line: &str) -> &str {
    let name = line.strip_prefix('[').and_then(|line| line.split_once("] "));
    name.filter(|(name, _)| name.contains('/') && !name.contains(' '))
        .map_or(line, |(_, rest)| rest)
}
