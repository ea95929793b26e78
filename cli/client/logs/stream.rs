//! One container's log to standard output, as it stands.

use std::io::{self, Write};

use axum::body::BodyDataStream;
use futures_util::StreamExt;
use mayfly_controller::api::Kind;

use super::choose::Source;
use crate::client::complaint::Complaint;
use crate::client::request::{Pairs, Server};
use crate::client::resource::Resource;
use crate::exit;

/// How much of an unfinished line is held back so that its prefix stands before a whole one. Stops a
/// container that never ends a line from filling our memory.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Prints the log of `source` to its end.
pub(super) async fn print(
    server: &Server,
    source: &Source,
    query: &Pairs,
    with_prefix: bool,
) -> anyhow::Result<()> {
    let mut bytes = open(server, source, query).await?;
    let prefix = with_prefix.then(|| source.prefix());
    let mut lines = Prefixed { prefix, unfinished: Vec::new() };
    while let Some(some) = bytes.next().await {
        let some = some.map_err(|error| {
            Complaint::failed(format!("the log of pod/{} broke off: {error}", source.pod))
        })?;
        write(&lines.take(&some))?;
    }
    write(&lines.finish())
}

/// The log of `source` as the server sends it.
pub(super) async fn open(
    server: &Server,
    source: &Source,
    query: &Pairs,
) -> anyhow::Result<BodyDataStream> {
    let pod = Resource::of(Kind::Pod).path_of(&source.namespace, &source.pod);
    let mut query = query.clone();
    query.push(("container", source.container.clone()));
    server.stream(&format!("{pod}/log"), &query).await
}

impl Source {
    /// What `--prefix` puts before a line.
    pub(super) fn prefix(&self) -> String {
        format!("[pod/{}/{}] ", self.pod, self.container)
    }
}

pub(super) fn write(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(exit::stdout_error)
}

/// Puts a prefix before each line; without one, nothing is held back.
struct Prefixed {
    prefix: Option<String>,
    unfinished: Vec<u8>,
}

impl Prefixed {
    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(prefix) = &self.prefix else { return bytes.to_vec() };
        self.unfinished.extend_from_slice(bytes);
        let end = match self.unfinished.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            None if self.unfinished.len() > LINE_BYTES_MAX => self.unfinished.len(),
            None => return Vec::new(),
        };
        let rest = self.unfinished.split_off(end);
        let whole = std::mem::replace(&mut self.unfinished, rest);
        let lines = whole.split_inclusive(|byte| *byte == b'\n');
        lines.flat_map(|line| [prefix.as_bytes(), line].concat()).collect()
    }

    fn finish(self) -> Vec<u8> {
        match self.prefix {
            Some(prefix) if !self.unfinished.is_empty() => {
                [prefix.as_bytes(), &self.unfinished].concat()
            }
            _ => self.unfinished,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_prefix() {
        let check = |prefix: Option<&str>, chunks: &[&str], expect: &str| {
            let mut lines = Prefixed { prefix: prefix.map(str::to_owned), unfinished: Vec::new() };
            let mut printed = Vec::new();
            for chunk in chunks {
                printed.extend(lines.take(chunk.as_bytes()));
            }
            printed.extend(lines.finish());
            assert_eq!(String::from_utf8(printed).unwrap(), expect);
        };
        check(None, &["a\nb", "c\n"], "a\nbc\n");
        check(Some("[x] "), &["a\nb", "c\n\nd"], "[x] a\n[x] bc\n[x] \n[x] d");
        check(Some("[x] "), &[], "");
    }
}
