//! A page of Markdown as a test reads it: its blocks of code, and what is said of each in a comment
//! that readers don't see.
//!
//! | comment before a block | means |
//! |---|---|
//! | `<!-- not run: REASON -->` | it can't be run here |
//! | `<!-- run if: COMMAND -->` | it is run where the command succeeds |
//! | `<!-- exits: 2, 0 -->` | the exit codes of its commands, in order; 0 where none is said |
//! | `<!-- after: PAGE -->` | whoever reads has the files that the page shows |
//! | `<!-- eventually -->` | each command is run until what comes of it is what is shown |

use std::fs;

use crate::harness::repository;

/// A fenced block of code.
pub(super) struct Block {
    /// The line that its code begins in.
    pub(super) line: usize,
    /// What is said behind the fence.
    pub(super) language: String,
    pub(super) text: String,
    pub(super) marks: Vec<Mark>,
}

/// What is said of a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark {
    NotRun(String),
    RunIf(String),
    Exits(Vec<i32>),
    After(String),
    Eventually,
}

/// The blocks of the page `file`.
pub(super) fn blocks(file: &str) -> Vec<Block> {
    let markdown = fs::read_to_string(repository().join(file));
    parse(&markdown.unwrap_or_else(|error| panic!("{file}: {error}")))
}

fn parse(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut marks = Vec::new();
    let mut lines = (1..).zip(markdown.lines());
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let code = lines.by_ref().map(|(_, line)| line);
            let code = code.take_while(|line| line.trim_start() != "```");
            blocks.push(Block {
                line: number + 1,
                language: language.to_owned(),
                text: code.flat_map(|line| [line, "\n"]).collect(),
                marks: std::mem::take(&mut marks),
            });
        } else if let Some(mark) = Mark::of(line) {
            marks.push(mark);
        } else if !line.trim().is_empty() {
            assert!(marks.is_empty(), "line {number}: a comment must be before a block of code");
        }
    }
    blocks
}

impl Mark {
    /// What a line says, if it is a comment. There are no others than ours, so that a slip in one is
    /// found.
    fn of(line: &str) -> Option<Self> {
        let said = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
        let (word, rest) = said.split_once(": ").unwrap_or((said, ""));
        Some(match word {
            "not run" => Self::NotRun(rest.to_owned()),
            "run if" => Self::RunIf(rest.to_owned()),
            "exits" => {
                let codes = rest.split(", ").map(str::parse).collect::<Result<_, _>>();
                Self::Exits(codes.unwrap_or_else(|error| panic!("{line}: {error}")))
            }
            "after" => Self::After(rest.to_owned()),
            "eventually" => Self::Eventually,
            _ => panic!("{line}: no comment that a test knows"),
        })
    }
}

impl Block {
    /// Whether it has commands.
    pub(super) fn is_shell(&self) -> bool {
        matches!(self.language.as_str(), "sh" | "console")
    }

    /// The file that a reader makes of it: the one that its first line names, in a comment that has
    /// nothing else.
    pub(super) fn file(&self) -> Option<&str> {
        let first = self.text.lines().next()?;
        let name = first.strip_prefix("# ").or_else(|| first.strip_prefix("// "))?;
        let is_of_name = |it: char| it.is_ascii_alphanumeric() || "._-/".contains(it);
        let is_file = !self.is_shell() && name.contains('.') && name.chars().all(is_of_name);
        is_file.then_some(name)
    }

    /// Why it is not run, if it is not.
    pub(super) fn not_run(&self) -> Option<&str> {
        self.marks.iter().find_map(|mark| match mark {
            Mark::NotRun(reason) => Some(reason.as_str()),
            _ => None,
        })
    }

    /// What must succeed for it to be run.
    pub(super) fn condition(&self) -> Option<&str> {
        self.marks.iter().find_map(|mark| match mark {
            Mark::RunIf(command) => Some(command.as_str()),
            _ => None,
        })
    }

    /// The page that has been read before, if it goes on from one.
    pub(super) fn after(&self) -> Option<&str> {
        self.marks.iter().find_map(|mark| match mark {
            Mark::After(page) => Some(page.as_str()),
            _ => None,
        })
    }

    pub(super) fn is_eventual(&self) -> bool {
        self.marks.contains(&Mark::Eventually)
    }

    /// Its commands, in order.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = if self.language == "console" { self.console() } else { self.script() };
        let codes = self.marks.iter().find_map(|mark| match mark {
            Mark::Exits(codes) => Some(codes.as_slice()),
            _ => None,
        });
        let codes = codes.unwrap_or_default();
        assert!(codes.len() <= steps.len(), "line {}: more exit codes than commands", self.line);
        for (step, code) in steps.iter_mut().zip(codes) {
            step.code = *code;
        }
        steps
    }

    /// Commands after prompts, each with what it prints.
    fn console(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut is_open = false;
        for (line, text) in (self.line..).zip(self.text.lines()) {
            match (text.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    is_open = command.ends_with('\\');
                    let (command, shown) = (command.to_owned(), Some(String::new()));
                    steps.push(Step { line, command, shown, code: 0 });
                }
                (None, Some(step)) if is_open => {
                    step.command += &format!("\n{text}");
                    is_open = text.ends_with('\\');
                }
                (None, Some(Step { shown: Some(shown), .. })) => *shown += &format!("{text}\n"),
                (None, _) => panic!("line {line}: a console must begin with a prompt"),
            }
        }
        steps
    }

    /// Commands, one a line, but for those that go on after a backslash or with a document.
    fn script(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut lines = (self.line..).zip(self.text.lines());
        while let Some((line, text)) = lines.next() {
            if text.trim().is_empty() || text.trim_start().starts_with('#') {
                continue;
            }
            let mut command = text.to_owned();
            while command.ends_with('\\') {
                let (_, next) = lines.next().expect("a backslash must be followed by a line");
                command += &format!("\n{next}");
            }
            if let Some((_, end)) = text.split_once("<<") {
                for (_, next) in lines.by_ref() {
                    command += &format!("\n{next}");
                    if next == end.trim() {
                        break;
                    }
                }
            }
            steps.push(Step { line, command, shown: None, code: 0 });
        }
        steps
    }
}

/// A command, and what the page says of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) line: usize,
    pub(super) command: String,
    /// What it prints, if that is shown.
    pub(super) shown: Option<String>,
    pub(super) code: i32,
}

#[test]
fn blocks_have_their_marks_and_commands() {
    let page = "# Title\n\n<!-- exits: 2 -->\n<!-- eventually -->\n\n```console\n$ a \\\n  b\nsaid\n$ \
                c\n```\ntext\n<!-- not run: it is far -->\n```sh\n# why\na   # so\ncat >f \
                <<END\n1\nEND\n```\n```yaml\n# dir/f.yaml\nkind: Job\n```\n```yaml\n# two \
                words.\n```\n";
    let blocks = parse(page);
    let step = |line, command: &str, shown: Option<&str>, code| Step {
        line,
        command: command.to_owned(),
        shown: shown.map(str::to_owned),
        code,
    };
    let steps = [step(7, "a \\\n  b", Some("said\n"), 2), step(10, "c", Some(""), 0)];
    assert_eq!(blocks[0].steps(), steps);
    assert!(blocks[0].is_eventual());
    assert_eq!(blocks[1].not_run(), Some("it is far"));
    let steps = [step(16, "a   # so", None, 0), step(17, "cat >f <<END\n1\nEND", None, 0)];
    assert_eq!(blocks[1].steps(), steps);
    assert_eq!(blocks[2].file(), Some("dir/f.yaml"));
    assert_eq!(blocks[3].file(), None);
}
