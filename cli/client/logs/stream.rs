//! One container's log to standard output, as it stands.

use std::io::{self, Write};

use axum::body::BodyDataStream;
use futures_util::StreamExt;
use mayfly_controller::api::Kind;

use super::choose::Source;
use super::unfinished::Unfinished;
use crate::client::complaint::Complaint;
use crate::client::request::{Pairs, Server};
use crate::client::resource::Resource;
use crate::exit;

/// Prints the log of `source` to its end.
pub(super) async fn print(
    server: &Server,
    source: &Source,
    query: &Pairs,
    with_prefix: bool,
) -> anyhow::Result<()> {
    let mut bytes = open(server, source, query).await?;
    let prefix = with_prefix.then(|| source.prefix());
    let mut lines = Prefixed { prefix, unfinished: Unfinished::default() };
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

fn write(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(exit::stdout_error)
}

/// Puts a prefix before each line; without one, nothing is held back.
struct Prefixed {
    prefix: Option<String>,
    unfinished: Unfinished,
}

impl Prefixed {
    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(prefix) = &self.prefix else { return bytes.to_vec() };
        let whole = self.unfinished.take(bytes);
        let lines = whole.split_inclusive(|byte| *byte == b'\n');
        lines.flat_map(|line| [prefix.as_bytes(), line].concat()).collect()
    }

    fn finish(mut self) -> Vec<u8> {
        let line = self.unfinished.finish();
        match self.prefix {
            Some(prefix) if !line.is_empty() => [prefix.as_bytes(), &line].concat(),
            _ => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_prefix() {
        let check = |prefix: Option<&str>, chunks: &[&str], expect: &str| {
            let mut lines =
                Prefixed { prefix: prefix.map(str::to_owned), unfinished: Unfinished::default() };
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
