//! Runs one guest once.

use std::future;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use wasmtime::{GcHeapOutOfMemory, Store, Trap, UpdateDeadline, WasmBacktrace};

use crate::account::Account as _;
use crate::command::{Command, Failure};
use crate::engine::Engine;
use crate::error::Error;
use crate::guest::Guest;
use crate::limits::Limits;
use crate::memory::MemoryAccount;
use crate::meter::Meter;
use crate::module::{Metering, Module, Program};
use crate::network::Session;
use crate::outcome::{End, MemoryUse, Outcome};
use crate::preview2;
use crate::share::Share;
use crate::stop::Stop;
use crate::turn::in_turns;
use crate::world::World;

/// Fuel after which a guest lets others have their turn: some ten milliseconds, as with epochs.
const FUEL_TURN: u64 = 10_000_000;

/// How much of a function's name a backtrace shows. Stops a module whose functions have names of
/// megabytes from filling the message of its end; those of real ones have some hundred bytes.
const FUNCTION_NAME_BYTES_MAX: usize = 1024;

/// Runs guests, each in a world of its own. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    engine: Engine,
}

/// What ended the wait for a guest.
enum Wait {
    Over(Result<u32, Failure>),
    DeadlineExceeded,
    NoMemoryLeft,
    NetworkExceeded,
    /// What holds memory for it on other tasks wanted too much.
    Memory(Stop),
    Cancelled,
}

impl Sandbox {
    /// A sandbox for the modules of `engine`.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Runs `module` once, as `guest`, within `limits`, until it ends or `cancel` fires.
    ///
    /// When the deadline passes, when `cancel` fires or when the future is dropped, the guest is
    /// gone within tens of milliseconds, whatever it is doing. Nothing of it is left but what it
    /// wrote to its mounts.
    ///
    /// The guest computes on the thread that polls the future, ten milliseconds at a time; files
    /// are read and written on tokio's threads for blocking work. If as many guests run as may, or
    /// have as many mounts, it waits for one of them to end, and the deadline starts only then.
    ///
    /// `Err` means that the guest could not be started, and that it was not its own fault.
    pub async fn run(
        &self,
        module: &Module,
        guest: Guest,
        limits: Limits,
        cancel: CancellationToken,
    ) -> Result<Outcome, Error> {
        if limits.fuel.is_some() && !module.metering().counts_fuel() {
            return Err(Error::NotMetered);
        }
        let guest = guest.checked()?;
        let meter = guest.meter.clone();
        let instances = self.engine.instances();
        let _slot = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(ended_at_once(End::Cancelled, &meter)),
            slot = instances.acquire_owned() => slot.map_err(|e| Error::Instantiate(e.into()))?,
        };
        let descriptors = self.engine.descriptors();
        let _mounts = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(ended_at_once(End::Cancelled, &meter)),
            mounts = descriptors.mount(guest.mounts.len()) => mounts,
        };
        let reserved = limits.memory_reserved_bytes.min(limits.memory_bytes);
        let holding = self.engine.memory().hold(reserved);
        let taken = holding.taken();
        let _ticking = (!module.metering().counts_fuel()).then(|| self.engine.ticker().running());
        let memory = MemoryAccount::new(limits.memory_bytes, meter.clone(), holding);
        match memory.take(module.0.run_bytes, MemoryUse::Instance) {
            Err(stop) => Ok(ended_at_once(end_of(stop), &meter)),
            Ok(()) => match &module.0.program {
                Program::Module(program) => {
                    let world = Box::pin(World::new(guest, &limits, memory, descriptors));
                    run(program, module.metering(), world, limits, meter, [cancel, taken]).await
                }
                Program::Component(program) => {
                    let world = preview2::World::new(guest, &limits, memory, descriptors);
                    let world = Box::pin(world);
                    run(program, module.metering(), world, limits, meter, [cancel, taken]).await
                }
            },
        }
    }
}

/// Runs `program` to its end in the `world` that it may see, or until it is cancelled or its memory is
/// taken.
async fn run<P: Command>(
    program: &P,
    metering: Metering,
    world: impl Future<Output = Result<P::World, Error>>,
    limits: Limits,
    meter: Meter,
    [cancel, taken]: [CancellationToken; 2],
) -> Result<Outcome, Error> {
    let started = Instant::now();
    let mut store = store(program, metering, world.await?, &limits);
    let (session, memory) = (store.data().session(), store.data_mut().memory().account().clone());
    let wait = tokio::select! {
        biased;
        () = cancel.cancelled() => Wait::Cancelled,
        () = passed(limits.deadline) => Wait::DeadlineExceeded,
        () = taken.cancelled() => Wait::NoMemoryLeft,
        () = exceeded(session.as_deref()) => Wait::NetworkExceeded,
        stop = memory.over() => Wait::Memory(stop),
        result = in_turns(program.start(&mut store), &meter, share(&limits)) => Wait::Over(result),
    };
    let end = match wait {
        Wait::Cancelled => End::Cancelled,
        Wait::DeadlineExceeded => End::DeadlineExceeded,
        Wait::NoMemoryLeft => End::NoMemoryLeft,
        Wait::NetworkExceeded => End::NetworkExceeded,
        Wait::Memory(stop) => end_of(stop),
        Wait::Over(Ok(code)) => End::Exited(code),
        Wait::Over(Err(failure)) => end(failure)?,
    };
    let fuel_left = store.get_fuel().unwrap_or_default();
    meter.ended(limits.fuel.map(|fuel| fuel - fuel_left), started.elapsed());
    let termination_message = store.data().termination_message();
    Ok(Outcome { end, usage: meter.usage(), termination_message })
}

/// What it may compute; all the time if that is a whole core, since it has no threads.
fn share(limits: &Limits) -> Option<Share> {
    let cpu_millis = limits.cpu_millis.filter(|cpu_millis| *cpu_millis < 1000)?;
    Some(Share::new(cpu_millis, Instant::now()))
}

/// The outcome of a guest that was never started.
fn ended_at_once(end: End, meter: &Meter) -> Outcome {
    Outcome { end, usage: meter.usage(), termination_message: Vec::new() }
}

fn store<P: Command>(
    program: &P,
    metering: Metering,
    world: P::World,
    limits: &Limits,
) -> Store<P::World> {
    let mut store = Store::new(program.engine(), world);
    store.limiter(|world| world.memory());
    let call_bytes = limits.memory_bytes.min(P::CALL_BYTES_MAX);
    store.set_hostcall_fuel(usize::try_from(call_bytes).unwrap_or(usize::MAX));
    match metering {
        Metering::Epochs => {
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        }
        Metering::Fuel | Metering::Deterministic => {
            let fuel = limits.fuel.unwrap_or(u64::MAX);
            store.set_fuel(fuel).expect("an engine for this must count fuel");
            store.fuel_async_yield_interval(Some(FUEL_TURN)).expect("a turn must not be zero");
        }
    }
    store
}

async fn passed(deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => tokio::time::sleep(deadline).await,
        None => future::pending().await,
    }
}

/// Waits until the run has sent or received more than it may, on whatever task that was.
async fn exceeded(session: Option<&Session>) {
    match session {
        Some(session) => session.exceeded().await,
        None => future::pending().await,
    }
}

/// What the failure of a guest means, if it is the guest's.
fn end(failure: Failure) -> Result<End, Error> {
    let (error, is_ours) = match failure {
        Failure::Instantiate(error) => (error, true),
        Failure::Run(error) => (error, false),
    };
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return Ok(end_of(*stop));
    }
    // wasmtime keeps to itself why the heap of objects could not grow: for us only the limit can be.
    if error.is::<GcHeapOutOfMemory<()>>() {
        return Ok(End::OutOfMemory(MemoryUse::Memories));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Ok(End::FuelExhausted),
        // A start function of the module's is run as it is instantiated, and what fails in it is the
        // guest's affair.
        None if is_ours && !error.is::<WasmBacktrace>() => {
            Err(Error::Instantiate(error.into_boxed_dyn_error()))
        }
        trap => {
            let reason = match trap {
                Some(trap) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
                None => error.root_cause().to_string(),
            };
            Ok(End::Trapped { reason, backtrace: backtrace(&error) })
        }
    }
}

/// The end of a guest that we stopped.
fn end_of(stop: Stop) -> End {
    match stop {
        Stop::Exit(code) => End::Exited(code),
        Stop::OutOfMemory(what) => End::OutOfMemory(what),
        Stop::NoMemoryLeft => End::NoMemoryLeft,
        Stop::OutputExceeded => End::OutputExceeded,
        Stop::NetworkExceeded => End::NetworkExceeded,
        Stop::SpaceExceeded => End::SpaceExceeded,
    }
}

fn backtrace(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return String::new() };
    let lines = backtrace.frames().iter().map(|frame| match frame.func_name() {
        Some(name) => name[..name.floor_char_boundary(FUNCTION_NAME_BYTES_MAX)].to_owned(),
        None => format!("function {}", frame.func_index()),
    });
    lines.collect::<Vec<_>>().join("\n")
}
