//! The compiler's side: one module, from standard input to standard output.
//!
//! What is read before it is confined comes from the parent alone; the module is read afterwards.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::{ExitCode, exit};
use std::thread;

use super::wire::{Answer, Request};
use super::{Work, compile};
use crate::backend;
use crate::confine::confine_compiler;
use crate::error::ModuleError;

/// What a compiler exits with that nobody waits for any more, or that was not started by an engine.
const EXIT_ALONE: u8 = 2;

/// Compiles one module for the process that started this one, as
/// [`Compiler::Child`](super::Compiler::Child) says, and ends when that is done or nobody waits for
/// it any more.
///
/// It gives up whatever a compiler does not need, so it must be called before the process has other
/// threads, and be the last that it does.
pub fn compile_for_parent() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the compiler of modules is started by mayfly itself: {error}");
            ExitCode::from(EXIT_ALONE)
        }
    }
}

fn serve() -> io::Result<()> {
    // Without the buffer that is meant for lines of text.
    let mut to = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut from = io::stdin().lock();
    let request = Request::read(&mut from)?;
    let is_confined = confine_compiler(request.bounds);

    let length = usize::try_from(request.length).map_err(io::Error::other)?;
    let mut wasm = vec![0; length];
    from.read_exact(&mut wasm)?;
    drop(from);
    end_when_nobody_waits()?;
    let answer = Answer { is_confined, result: compile_alone(request.work, &wasm) };
    let (head, words) = answer.to_bytes();
    to.write_all(&head)?;
    to.write_all(&words)?;
    to.write_all(answer.result.as_deref().unwrap_or_default())
}

fn compile_alone(work: Work, wasm: &[u8]) -> Result<Vec<u8>, ModuleError> {
    let engine = wasmtime::Engine::new(&backend::code_config(work.metering));
    let engine = engine.map_err(|error| ModuleError::Host(error.into_boxed_dyn_error()))?;
    compile(&engine, work, wasm)
}

/// Ends the process when the parent closes its end of standard input, as the system does for it when
/// it dies.
fn end_when_nobody_waits() -> io::Result<()> {
    let wait = || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        exit(EXIT_ALONE.into())
    };
    thread::Builder::new().name("lifeline".to_owned()).spawn(wait).map(|_| ())
}
