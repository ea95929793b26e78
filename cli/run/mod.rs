//! `mayfly run`: takes Jobs and Pods to their end, in this process alone.
//!
//! ```text
//! manifests ─▶ admission ─▶ images ─▶ store ─▶ control plane ─▶ progress, logs ─▶ summary
//! ```
//!
//! Nothing is started before everything is known to be right. What happens then is the control
//! plane's doing; here it is watched.

pub(crate) mod board;
mod follow;
mod input;
mod output;
mod prepare;
mod printer;
mod progress;
mod start;
mod stream;
mod summary;
mod warnings;

use std::mem;
use std::sync::Arc;

use mayfly_controller::ControlPlane;
use mayfly_controller::clock::Clock;
use mayfly_controller::store::{Names, Store};

use crate::args::RunArguments;
use crate::confine;
use crate::exit::{self, Exit, SIGPIPE};
use crate::interrupt::Interrupt;
use crate::limits::Limits;
use crate::manifest::{self, Manifest};
use crate::state::{OfHost, StateFolder};
use crate::threads;
use follow::Followed;
use input::{Documents, Input};
use printer::{Printer, PrinterThread, To};
use progress::Progress;
use start::Start;
use stream::{Display, Streamed};

/// Runs what `arguments` name to its end.
pub(crate) fn run(arguments: &RunArguments) -> anyhow::Result<Exit> {
    // Read before there is anything that Ctrl-C would leave behind: standard input may take its time.
    let mut errors = Vec::new();
    let manifests = manifest::read(&arguments.files, arguments.recursive, &mut errors);
    let state = match &arguments.state_dir {
        Some(folder) => StateFolder::open(folder)?,
        None => StateFolder::temporary(manifests.iter().any(Manifest::may_name_memory))?,
    };
    // Before a stranger's manifest is understood, and before there are threads.
    confine::run(arguments, &state).tell();
    let documents = Documents::decode(&manifests, &errors);
    confine::run_reads(arguments, &state, &documents.folders, &documents.images()).tell();

    // A state folder may have more to go on with than there is in the manifests.
    let at_once = state.to_remove().map_or(u32::MAX, |_| documents.guests_at_once());
    let threads = threads::start_for(at_once)?;
    let result = threads.block_on(run_all(arguments, &state, documents));
    // What is still at work, such as reading a large file, is of no use to anybody; and to end threads
    // and give back memory one by one takes longer than to end the process.
    mem::forget(threads);
    result
}

async fn run_all(
    arguments: &RunArguments,
    state: &StateFolder,
    documents: Documents,
) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen(state.to_remove())?;
    let store = match state.store() {
        Some(folder) => Store::open(&folder, Clock::system(), Names::random())?,
        None => Store::in_memory(Clock::system(), Names::random()),
    };
    let of_host = OfHost::of(&arguments.host)?;
    let limits = Limits::read(arguments.host.limits.as_deref())?;
    let input = Input::admit(documents, arguments, &store)?;
    prepare::check_host_paths(&input, &of_host.paths)?;
    prepare::check_hosts(&input, &of_host.hosts)?;
    prepare::check_limits(&input, &limits.pods)?;
    for warning in &input.warnings {
        eprintln!("mayfly: warning: {warning}");
    }
    let start = Start::plan(&input, &store)?;
    let runtime = tokio::select! {
        runtime = prepare::runtime(arguments, &input, &limits, &of_host.authorities) => runtime?,
        signal = interrupt.asked() => return Ok(Exit::Signal(signal)),
    };
    confine::hide(&arguments.confinement);
    if !start.continued().is_empty() && !arguments.quiet {
        eprintln!("mayfly: going on with what is in the state folder");
    }
    let objects = start.commit(&store).await?;
    for other in start::others(&store, &objects) {
        eprintln!("mayfly: job/{other} is in the state folder, too, and goes on during this run");
    }

    let progress = Progress::new(arguments.quiet);
    let printing = PrinterThread::start(progress.bars());
    let display = Display::new(printing.printer(), &objects, arguments.output.is_some());
    let runtime = Arc::new(Streamed::new(runtime, display));
    let settings = state.settings(&arguments.backoff, of_host, &limits);
    // As long as the process.
    mem::forget(Arc::clone(&runtime));
    let plane = ControlPlane::start(store.clone(), runtime, settings);
    let mut followed = Followed::new(store, &objects, progress, printing.printer());
    let stopped =
        until_stopped(&mut followed, arguments, &plane, &interrupt, &printing.printer()).await;
    plane.shutdown().await;
    followed.finish();
    if !arguments.quiet {
        let text = summary::text_of(followed.board(), Clock::system().now());
        printing.printer().print(To::Stderr, text);
    }
    if let Some(format) = arguments.output {
        let text = output::text_of(&followed.objects(), format)?;
        printing.printer().print(To::Stdout, text);
    }
    printing.finish().map_err(exit::stdout_error)?;
    Ok(stopped.unwrap_or_else(|| summary::exit_of(followed.board())))
}

/// Follows until everything has ended, or something ends it: then how to exit.
async fn until_stopped(
    followed: &mut Followed,
    arguments: &RunArguments,
    plane: &ControlPlane,
    interrupt: &Interrupt,
    printer: &Printer,
) -> Option<Exit> {
    let timeout = async {
        match arguments.timeout {
            Some(timeout) => tokio::time::sleep(timeout.unsigned_abs()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = followed.until_the_end() => None,
        signal = interrupt.asked() => {
            printer.print(To::Stderr, "mayfly: stopping; once more to stop at once\n");
            Some(Exit::Signal(signal))
        }
        () = timeout => {
            printer.print(To::Stderr, "mayfly: the --timeout is over: stopping\n");
            Some(Exit::Failed)
        }
        () = plane.ended() => {
            printer.print(To::Stderr, "mayfly: a part of mayfly has ended by itself; stopping\n");
            Some(Exit::Failed)
        }
        () = printer.stdout_closed().cancelled() => Some(Exit::Signal(SIGPIPE)),
    }
}
