//! What can be asked for on the command line.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};

use super::{check, code, page, prose, table};
use crate::args::Arguments;

/// Options of every command, told once.
const EVERYWHERE: &[&str] = &["help", "version", "verbose"];

#[test]
fn commands() {
    let mut root = Arguments::command();
    root.build();
    let introduction = "`mayfly help COMMAND` says the same, `mayfly man FOLDER` writes it as \
                        manual pages, and `mayfly completion SHELL` completes it.\n\
                        Options of `mayfly serve` may stand in a file, under the same names \
                        without the dashes: see [Setting up an edge host](../edge-host.md#configure).\n\
                        The exit codes are on [a page of their own](exit-codes.md).";
    let mut text = page("Commands and options", introduction);
    text.push_str("\nEvery command takes these:\n\n");
    let everywhere = root.get_arguments().filter(|it| EVERYWHERE.contains(&it.get_id().as_str()));
    table(&mut text, ["option", "means"], everywhere.map(option));
    for command in root.get_subcommands() {
        tell(command, &mut text);
    }
    check("commands", &text);
}

/// Tells of `command`, and of those in it.
fn tell(command: &Command, text: &mut String) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = command.get_bin_name().expect("a built command must know it");
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    writeln!(text, "\n## `{name}`\n\n{}.", prose(about.trim_end_matches('.')))
        .expect("a String takes everything");
    if command.has_subcommands() {
        let of_it = command.get_subcommands().filter(|it| it.get_name() != "help");
        of_it.for_each(|command| tell(command, text));
        return;
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").lines().map(str::trim).collect::<Vec<_>>();
    writeln!(text, "\n```text\n{}\n```\n", usage.join("\n")).expect("a String takes everything");
    let arguments = command
        .get_arguments()
        .filter(|it| !it.is_hide_set() && !EVERYWHERE.contains(&it.get_id().as_str()));
    table(text, ["option", "means"], arguments.map(option));
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples = examples.split("\nExit codes:").next().unwrap_or_default().trim();
    if let Some(examples) = examples.strip_prefix("Examples:").or(examples.strip_prefix("Example:"))
    {
        let lines = examples.trim_start_matches('\n').lines();
        let lines = lines.map(|line| line.strip_prefix("  ").unwrap_or(line));
        let lines = lines.collect::<Vec<_>>().join("\n");
        writeln!(text, "\n```text\n{lines}\n```").expect("a String takes everything");
    }
}

/// How an option or a value is written, and what it means.
fn option(argument: &Arg) -> [String; 2] {
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let takes_value = argument.get_action().takes_values();
    let value = takes_value.then(|| argument.get_value_names().unwrap_or_default().join(" "));
    let value = value.unwrap_or_default();
    let names: Vec<_> = short.into_iter().chain(long).collect();
    let written = match names.is_empty() {
        true => code(&value),
        false => {
            let last = names.len() - 1;
            let with_value = |(at, name): (usize, &String)| match value.is_empty() || at < last {
                true => code(name),
                false => code(&format!("{name} {value}")),
            };
            names.iter().enumerate().map(with_value).collect::<Vec<_>>().join(", ")
        }
    };
    [written, meaning(argument, takes_value)]
}

fn meaning(argument: &Arg, takes_value: bool) -> String {
    let help = argument.get_long_help().or(argument.get_help());
    let mut meaning = prose(&help.map(ToString::to_string).unwrap_or_default());
    if !meaning.ends_with('.') && !meaning.is_empty() {
        meaning.push('.');
    }
    let of_words =
        |words: Vec<String>| words.iter().map(|it| code(it)).collect::<Vec<_>>().join(", ");
    let values = argument.get_possible_values();
    let values: Vec<_> = values.iter().map(|value| value.get_name().to_owned()).collect();
    if takes_value && !values.is_empty() {
        meaning += &format!(" One of {}.", of_words(values));
    }
    let defaults = argument.get_default_values();
    let defaults: Vec<_> = defaults.iter().map(|it| it.to_string_lossy().into_owned()).collect();
    if takes_value && !defaults.is_empty() {
        meaning += &format!(" Default: {}.", of_words(defaults));
    }
    if let Some(variable) = argument.get_env() {
        meaning += &format!(" In the environment: {}.", code(&variable.to_string_lossy()));
    }
    meaning
}
