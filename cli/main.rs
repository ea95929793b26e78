//! The `mayfly` command: wiring, and words for people.
//!
//! What it decides is only what a person asked for; what a Job, a pod or a sandbox means is said by
//! the libraries, which do not know each other and meet in [`wasm`].

mod args;
mod backup;
mod client;
mod compiler;
mod confine;
mod descriptors;
mod exit;
mod image;
mod images;
mod interrupt;
mod limits;
mod log;
mod manifest;
mod manual;
mod node;
mod notify;
mod pin;
mod places;
#[cfg(test)]
mod reference;
mod run;
mod serve;
mod state;
mod threads;
mod wasm;

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A pod is many small objects, made on one thread and freed on another.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    if compiler::is_asked_for() {
        return mayfly_runtime::compile_for_parent();
    }
    let arguments = match args::Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => exit::now(exit::report(Err(error))),
    };
    let log = arguments.start_log();
    exit::now(exit::report(match arguments.command {
        args::Command::Run(arguments) => run::run(&arguments),
        args::Command::Serve(arguments) => serve::serve(&arguments, log),
        args::Command::Node(arguments) => node::node(&arguments),
        args::Command::Backup(arguments) => backup::backup(&arguments),
        args::Command::Restore(arguments) => backup::restore(&arguments),
        args::Command::Image(command) => image::image(command),
        args::Command::Client(command) => client::run(&command),
        args::Command::Completion { shell } => manual::completion(shell),
        args::Command::Man { folder } => manual::man(folder.as_deref()),
    }))
}
