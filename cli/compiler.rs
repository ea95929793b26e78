//! This program as its own compiler of modules: `mayfly compile-module`, which only mayfly starts.
//!
//! It is no command of the command line, whose parser would cost more than a small module does.

use std::env;
use std::path::Path;

use mayfly_runtime::Compiler;

/// The first argument of a compiler.
const COMPILE_MODULE: &str = "compile-module";

/// This very program, even if the file that it was started from is another by now.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Whether this process was started to compile a module.
pub(crate) fn is_asked_for() -> bool {
    env::args_os().nth(1).is_some_and(|first| first == COMPILE_MODULE)
}

/// Compiles each module in a process of its own.
pub(crate) fn child() -> Compiler {
    let own = Path::new(OWN_PROGRAM);
    // Without /proc, the file that it was started from has to do.
    let named = || env::current_exe().unwrap_or_default();
    let program = if own.exists() { own.to_owned() } else { named() };
    Compiler::Child { program, args: vec![COMPILE_MODULE.into()] }
}
