//! `mayfly log-level`: how much a server says in its log.

use hyper::Method;

use super::connect::Connection;
use super::output::print;
use crate::args::client::LogLevelArguments;
use crate::exit::Exit;

/// Where a server says it, and is told.
const PATH: &str = "/debug/flags/log";

/// Shows what is said, or has something else said.
pub(super) async fn log_level(arguments: &LogLevelArguments) -> anyhow::Result<Exit> {
    let server = Connection::to(&arguments.server).await?;
    let said = match (&arguments.directives, arguments.reset) {
        (Some(directives), _) => server.text(Method::PUT, PATH, directives).await?,
        (None, true) => server.text(Method::PUT, PATH, "").await?,
        (None, false) => server.text(Method::GET, PATH, "").await?,
    };
    print(&said)?;
    Ok(Exit::Done)
}
