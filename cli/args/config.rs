//! `mayfly serve --config FILE`: options from a file, under the names that they have.
//!
//! ```text
//! FILE ─▶ pairs ─▶ options, but for those that are given already ─▶ command line
//! ```
//!
//! What an option is, and what it takes, is said by the command line alone; so whatever there is can
//! stand in the file.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use mayfly_controller::admission::decode::decode_file;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// The largest file of options. Stops a file that is none from filling memory.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Options that only the command line can give.
const NOT_IN_A_FILE: &[&str] = &["config", "help", "version", "verbose"];

/// What the file at `path` adds to the command line that `given` was read from. What is given there,
/// or by the environment, counts more.
pub(super) fn options(
    path: &Path,
    serve: &Command,
    given: &ArgMatches,
) -> anyhow::Result<Vec<OsString>> {
    let read = || -> anyhow::Result<Vec<String>> {
        let bytes = fs::metadata(path)?.len();
        ensure!(bytes <= FILE_BYTES_MAX, "it has more than {FILE_BYTES_MAX} bytes");
        options_in(&fs::read_to_string(path)?, serve, given)
    };
    let options = read().with_context(|| cant_use(path))?;
    Ok(options.into_iter().map(OsString::from).collect())
}

/// What is wrong with the whole of them, if a file at `path` has been added.
pub(super) fn wrong(path: &Path, error: &clap::Error) -> anyhow::Error {
    anyhow!(told(error)).context(cant_use(path))
}

fn cant_use(path: &Path) -> String {
    format!("can't use the options in {}", path.display())
}

fn options_in(text: &str, serve: &Command, given: &ArgMatches) -> anyhow::Result<Vec<String>> {
    let Pairs(pairs) = decode_file(text).map_err(|problems| {
        let lines = problems.iter().map(|(line, problem)| match line {
            0 => problem.to_string(),
            line => format!("line {line}: {problem}"),
        });
        anyhow!(lines.collect::<Vec<_>>().join("\n"))
    })?;
    let (mut options, mut mistakes) = (Vec::new(), Vec::new());
    for (key, value) in &pairs {
        let line = line_of(text, key);
        let found = find(serve, key);
        match found.and_then(|option| Ok((option, words(option, key, value)?))) {
            Ok((option, words)) => match unfit(serve, &words) {
                Some(why) => mistakes.push(format!("line {line}: {why}")),
                None if is_given(option, given) => {}
                None => options.extend(words),
            },
            Err(why) => mistakes.push(format!("line {line}: {key}: {why}")),
        }
    }
    match mistakes.is_empty() {
        true => Ok(options),
        false => Err(anyhow!(mistakes.join("\n"))),
    }
}

fn find<'a>(serve: &'a Command, key: &str) -> Result<&'a Arg, String> {
    let in_a_file = |arg: &&Arg| arg.get_long().is_some_and(|it| !NOT_IN_A_FILE.contains(&it));
    let mut known = serve.get_arguments().filter(in_a_file);
    known.find(|arg| arg.get_long() == Some(key)).ok_or_else(|| {
        "there is no such option; `mayfly serve --help` lists them, without the dashes".to_owned()
    })
}

/// `value` as it would be on the command line.
fn words(option: &Arg, key: &str, value: &Value) -> Result<Vec<String>, String> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err("a value is wanted, not a list or a map of them".to_owned()),
    };
    let takes_none = matches!(option.get_action(), ArgAction::SetTrue);
    match (value, option.get_action()) {
        (Value::Bool(true), _) if takes_none => Ok(vec![format!("--{key}")]),
        (Value::Bool(false), _) if takes_none => Ok(Vec::new()),
        _ if takes_none => Err("true or false is wanted".to_owned()),
        (Value::Array(items), ArgAction::Append) => {
            items.iter().map(|item| Ok(format!("--{key}={}", scalar(item)?))).collect()
        }
        _ => Ok(vec![format!("--{key}={}", scalar(value)?)]),
    }
}

/// Why `words` are no values of their option.
fn unfit(serve: &Command, words: &[String]) -> Option<String> {
    let line = std::iter::once("serve").chain(words.iter().map(String::as_str));
    // Whether options go together shows when all of them are there.
    let error = serve.clone().try_get_matches_from(line).err().filter(|error| {
        matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation)
    });
    error.as_ref().map(told)
}

fn is_given(option: &Arg, given: &ArgMatches) -> bool {
    let source = given.value_source(option.get_id().as_str());
    matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

/// What clap says, without what it adds for people at a command line.
fn told(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let line = lines.join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

/// The line in which `key` stands: it is one of the outermost.
fn line_of(text: &str, key: &str) -> usize {
    let is_it = |line: &str| {
        let rest = line.trim_start_matches(['"', '\'']).strip_prefix(key);
        rest.is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
    };
    text.lines().position(is_it).map_or(1, |index| index + 1)
}

/// The file: keys and values in their order.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("options and their values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Arguments;

    fn serve() -> Command {
        let mut all = Arguments::command();
        all.build();
        all.find_subcommand("serve").expect("it must be there").clone()
    }

    fn check(text: &str, given: &[&str], expect: Result<&[&str], &str>) {
        let line = std::iter::once("serve").chain(given.iter().copied());
        let given = serve().try_get_matches_from(line).expect("it must make sense");
        let options = options_in(text, &serve(), &given).map_err(|error| error.to_string());
        let expect = expect.map(|it| it.iter().map(ToString::to_string).collect());
        assert_eq!(options, expect.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn a_file_says_what_the_command_line_would() {
        check("", &[], Ok(&[]));
        check("# nothing\n", &[], Ok(&[]));
        check("listen: 0.0.0.0:6443\n", &[], Ok(&["--listen=0.0.0.0:6443"]));
        check("offline: true\nno-confinement: false\n", &[], Ok(&["--offline"]));
        check("terminated-pod-gc-threshold: 5\n", &[], Ok(&["--terminated-pod-gc-threshold=5"]));
        check(
            "image: [a=a.wasm, b=b.wasm]\ntls-san: one\n",
            &[],
            Ok(&["--image=a=a.wasm", "--image=b=b.wasm", "--tls-san=one"]),
        );
    }

    #[test]
    fn the_command_line_counts_more() {
        let file = "listen: '[::1]:1'\nimage: [a=a.wasm]\nbackoff-max: 1m\n";
        check(file, &["--listen", "127.0.0.1:0", "--image=b=b.wasm"], Ok(&["--backoff-max=1m"]));
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        check(
            "# what is wrong\nlisten: nowhere\nlissen: 1\n\noffline: 7\nimage: {a: b}\nconfig: x\n",
            &[],
            Err("line 2: invalid value 'nowhere' for '--listen <ADDRESS:PORT>': an address and a \
                 port are wanted, such as 127.0.0.1:6443 or [::1]:6443\n\
                 line 3: lissen: there is no such option; `mayfly serve --help` lists them, without \
                 the dashes\n\
                 line 5: offline: true or false is wanted\n\
                 line 6: image: a value is wanted, not a list or a map of them\n\
                 line 7: config: there is no such option; `mayfly serve --help` lists them, without \
                 the dashes"),
        );
        check("listen: a\nlisten: b\n", &[], Err("line 2: duplicate field \"listen\""));
        check(
            "listen: [\n",
            &[],
            Err("line 2: while parsing a node, did not find expected node content"),
        );
    }
}
