//! The commands that speak to a server: kubectl's, for hosts that have no kubectl.
//!
//! ```text
//! words ─▶ Selection ─┐
//! files ─▶ Document ──┼─▶ Server ─▶ tables, objects, streams ─▶ standard output
//! kubeconfig ─▶ Connection
//! ```
//!
//! They know a server only from outside, by its address, and work against any Kubernetes. What is
//! printed, and what is complained of, is in kubectl's words; see [`Complaint`] for exit codes.

mod apply;
mod backup;
mod columns;
mod complaint;
mod config;
mod connect;
mod create;
mod delete;
mod describe;
mod events;
mod files;
mod get;
mod jsonpath;
mod log_level;
mod logs;
pub(crate) mod output;
mod request;
mod rerun;
mod resource;
mod select;
mod suspend;
mod table;
mod token;
pub(crate) mod top;
pub(crate) mod wait;
mod waiting;
mod watch;
mod yaml;

use std::io::IsTerminal as _;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::client::ClientCommand;
use crate::exit::{Exit, SIGINT, SIGTERM};

pub(crate) use backup::{backup, restore};
pub(crate) use complaint::Complaint;

/// Runs `command` against its server.
pub(crate) fn run(command: &ClientCommand) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("can't start")?;
    runtime.block_on(async {
        let answer = answer(command);
        if is_drawn_over(command) {
            return until_interrupted(answer).await;
        }
        if !waits(command) {
            // A signal ends the process as it ends any: nothing here has to be put in order.
            return answer.await;
        }
        tokio::select! {
            biased;
            answer = answer => answer,
            given_up = given_up() => given_up.map(|()| Exit::Failed),
        }
    })
}

async fn answer(command: &ClientCommand) -> anyhow::Result<Exit> {
    match command {
        ClientCommand::Create(arguments) => create::create(arguments).await,
        ClientCommand::Apply(arguments) => apply::apply(arguments).await,
        ClientCommand::Get(arguments) => get::get(arguments).await,
        ClientCommand::Describe(arguments) => describe::describe(arguments).await,
        ClientCommand::Logs(arguments) => logs::logs(arguments).await,
        ClientCommand::Delete(arguments) => delete::delete(arguments).await,
        ClientCommand::Wait(arguments) => wait::wait(arguments).await,
        ClientCommand::Events(arguments) => events::events(arguments).await,
        ClientCommand::Top(arguments) => top::top(arguments).await,
        ClientCommand::Suspend(arguments) => suspend::switch(arguments, true).await,
        ClientCommand::Resume(arguments) => suspend::switch(arguments, false).await,
        ClientCommand::Rerun(arguments) => rerun::rerun(arguments).await,
        ClientCommand::LogLevel(arguments) => log_level::log_level(arguments).await,
        ClientCommand::Token(command) => token::token(command).await,
        ClientCommand::Config(command) => config::config(command),
    }
}

/// Whether kubectl's command of that name waits for what happens, and takes a signal as the end of
/// its patience: it exits with 1.
fn waits(command: &ClientCommand) -> bool {
    match command {
        ClientCommand::Get(arguments) => arguments.watch || arguments.watch_only,
        ClientCommand::Events(arguments) => arguments.watch,
        ClientCommand::Wait(_) | ClientCommand::Delete(_) => true,
        _ => false,
    }
}

/// Whether there is a line on the terminal that must not stay there.
fn is_drawn_over(command: &ClientCommand) -> bool {
    matches!(command, ClientCommand::Logs(arguments) if arguments.follow)
        && std::io::stderr().is_terminal()
}

/// What comes of `answer`; a signal ends it as it would end the process, but in order.
async fn until_interrupted(
    answer: impl Future<Output = anyhow::Result<Exit>>,
) -> anyhow::Result<Exit> {
    let listen = |kind| signal(kind).context("can't listen for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    tokio::select! {
        biased;
        answer = answer => answer,
        _ = interrupt.recv() => Ok(Exit::Signal(SIGINT)),
        _ = terminate.recv() => Ok(Exit::Signal(SIGTERM)),
    }
}

/// Waits for one of the signals that kubectl listens to while it waits.
async fn given_up() -> anyhow::Result<()> {
    let listen = |kind| signal(kind).context("can't listen for signals");
    let mut hangup = listen(SignalKind::hangup())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut quit = listen(SignalKind::quit())?;
    let mut terminate = listen(SignalKind::terminate())?;
    tokio::select! {
        _ = hangup.recv() => {}
        _ = interrupt.recv() => {}
        _ = quit.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
