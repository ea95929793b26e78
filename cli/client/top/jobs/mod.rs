//! `mayfly top`: Jobs and what they use, live.
//!
//! ```text
//! server ─▶ feed ─▶ known ─┬▶ rows ─▶ draw ─▶ terminal
//! terminal ─▶ keys ─▶ view ┘
//! ```
//!
//! What is known, what keys do and what is drawn are pure. Where standard output is no terminal, one
//! table is printed.

mod draw;
mod feed;
mod keys;
mod known;
mod live;
mod rows;
mod terminal;
#[cfg(test)]
mod tests;
mod view;

use jiff::Timestamp;

use self::known::Known;
use self::rows::{TITLES, rows};
pub(crate) use self::view::Sort;
use self::view::View;
use super::check_served;
use crate::args::client::TopJobArguments;
use crate::client::columns::{Columns, TABLE};
use crate::client::connect::Connection;
use crate::client::output::print;
use crate::exit::Exit;

/// Shows what `arguments` ask for.
pub(super) async fn jobs(arguments: &TopJobArguments) -> anyhow::Result<Exit> {
    let connection = Connection::open(&arguments.server).await?;
    let (server, home) = (&connection.server, connection.namespace.clone());
    check_served(server).await?;
    let namespace = (!arguments.all_namespaces).then(|| home.clone());
    let view = View::new(namespace, home, arguments.sort_by);
    if terminal::is_there() {
        return live::live(server, view).await;
    }
    let known = feed::once(server, view.namespace.as_deref()).await?;
    if known.jobs.is_empty() {
        match &view.namespace {
            Some(namespace) => eprintln!("No resources found in {namespace} namespace."),
            None => eprintln!("No resources found"),
        }
        return Ok(Exit::Done);
    }
    print(&table(&known, &view, !arguments.no_headers, Timestamp::now()))?;
    Ok(Exit::Done)
}

/// One table of what is known.
fn table(known: &Known, view: &View, with_headers: bool, now: Timestamp) -> String {
    let first = usize::from(view.namespace.is_some());
    let titles = TITLES.map(str::to_owned);
    let rows = rows(known, view, now).into_iter().map(|row| row.cells);
    let rows = with_headers.then_some(titles).into_iter().chain(rows);
    let rows: Vec<Vec<String>> = rows.map(|cells| cells[first..].to_vec()).collect();
    Columns::new(TABLE).lines(&rows)
}
