//! What a component may import, and what it must export.

use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p2::bindings::{
    CommandPre, LinkOptions, cli, clocks, filesystem, random, sockets,
};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};
use wasmtime_wasi_io::bindings::wasi::io;

use super::world::World;
use crate::error::{ModuleError, NAMES_TOLD_MAX, told};

/// The interfaces below, of any version: what is unknown of them is a matter of versions.
const PACKAGES: [&str; 7] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:http/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Everything that a component may import.
///
/// Sockets and requests over HTTP are there for all, since most programs import them, whether they
/// use them or not; what can be reached by them is for `crate::network` to say.
pub(crate) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<World>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    io::error::add_to_linker::<_, HasSelf<ResourceTable>>(l, |world: &mut World| &mut world.table)?;
    io::poll::add_to_linker::<_, HasSelf<World>>(l, |world| world)?;
    io::streams::add_to_linker::<_, HasSelf<ResourceTable>>(l, |world: &mut World| {
        &mut world.table
    })?;

    clocks::wall_clock::add_to_linker::<_, WasiClocks>(l, World::clocks)?;
    clocks::monotonic_clock::add_to_linker::<_, HasSelf<World>>(l, |world| world)?;
    random::random::add_to_linker::<_, WasiRandom>(l, World::random)?;
    random::insecure::add_to_linker::<_, WasiRandom>(l, World::random)?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(l, World::random)?;

    cli::exit::add_to_linker::<_, HasSelf<World>>(l, |world| world)?;
    cli::stdout::add_to_linker::<_, HasSelf<World>>(l, |world| world)?;
    cli::stderr::add_to_linker::<_, HasSelf<World>>(l, |world| world)?;
    cli::stdin::add_to_linker::<_, WasiCli>(l, World::cli)?;
    cli::environment::add_to_linker::<_, WasiCli>(l, World::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, World::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, World::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, World::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, World::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, World::cli)?;

    filesystem::types::add_to_linker::<_, HasSelf<World>>(l, |world| world)?;
    filesystem::preopens::add_to_linker::<_, HasSelf<World>>(l, |world| world)?;

    let options = LinkOptions::default();
    sockets::network::add_to_linker::<_, HasSelf<World>>(l, &(&options).into(), |world| world)?;
    sockets::instance_network::add_to_linker::<_, WasiSockets>(l, World::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<_, HasSelf<World>>(l, |world| world)?;
    sockets::tcp_create_socket::add_to_linker::<_, HasSelf<World>>(l, |world| world)?;
    sockets::udp_create_socket::add_to_linker::<_, HasSelf<World>>(l, |world| world)?;
    sockets::tcp::add_to_linker::<_, HasSelf<World>>(l, |world| world)?;
    sockets::udp::add_to_linker::<_, HasSelf<World>>(l, |world| world)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(l)?;
    Ok(linker)
}

/// Checks that `component` is a command that the sandbox can run, and links it.
pub(crate) fn link(
    linker: &Linker<World>,
    component: &Component,
) -> Result<CommandPre<World>, ModuleError> {
    check_run(component)?;
    let linked = linker.instantiate_pre(component).map_err(|error| {
        let names = unknown_imports(component);
        if names.is_empty() {
            return ModuleError::Invalid { what: "component", detail: told(format!("{error:#}")) };
        }
        ModuleError::UnknownComponentImports { names }
    })?;
    CommandPre::new(linked).map_err(|error| ModuleError::Invalid {
        what: "component",
        detail: told(format!("{error:#}")),
    })
}

fn check_run(component: &Component) -> Result<(), ModuleError> {
    let component_type = component.component_type();
    let names: Vec<_> =
        component_type.exports(component.engine()).map(|(name, _)| name.to_owned()).collect();
    let exports = |prefix: &str| names.iter().any(|name| name.starts_with(prefix));
    let hint = if exports("wasi:cli/run@0.2.") {
        return Ok(());
    } else if exports("wasi:cli/run@") {
        ", but one for another version of WASI"
    } else if exports("wasi:http/") {
        ", but serves HTTP"
    } else {
        ""
    };
    Err(ModuleError::NoRun { hint })
}

fn unknown_imports(component: &Component) -> Vec<String> {
    let component_type = component.component_type();
    component_type
        .imports(component.engine())
        .map(|(name, _)| name)
        .filter(|name| !PACKAGES.iter().any(|package| name.starts_with(package)))
        .take(NAMES_TOLD_MAX)
        .map(|name| told(name.to_owned()))
        .collect()
}
