//! What is left to a process that compiles a stranger's module: memory, processors, and the two
//! ends of its pipes.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetStatus, Scope,
};
use rustix::process::Resource;
use rustix::thread::CapabilitySet;

use super::calls::confine_compiler_calls;
use super::{hide_memory, keep_capabilities, lower, lower_in_steps};

/// Address space beyond the memory that may be written to: the program, stacks, and what the
/// allocator sets aside for each thread. It costs nothing until it is used; the limit stops page
/// tables from growing without end.
const ADDRESS_SPACE_BEYOND: u64 = 8 << 30;

/// Descriptors: the pipes, and some for what libraries may want to try.
const DESCRIPTORS_MAX: u64 = 16;

/// How much a compiler stands back for what runs beside it: it gets a third of what others get, as
/// `nice` has it. With less, a host that is busy with guests would never come to an end of compiling.
const NICENESS: i32 = 5;

/// What a compiler may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompilerBounds {
    /// Memory that it may write to.
    pub(crate) memory_bytes_max: u64,
    /// Processor time, of all its threads together.
    pub(crate) cpu_seconds_max: u64,
}

/// Leaves this process, which must have one thread, what a compiler needs within `bounds`.
///
/// True if the kernel could do all of it; what it can't do is left out.
pub(crate) fn confine_compiler(bounds: CompilerBounds) -> bool {
    // When the system has no memory left, a compiler goes before whoever waits for it.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let memory = bounds.memory_bytes_max;
    let limits = [
        (Resource::Data, memory),
        (Resource::As, memory.saturating_add(ADDRESS_SPACE_BEYOND)),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Memlock, 0),
        (Resource::Nofile, DESCRIPTORS_MAX),
    ];
    let mut is_whole = true;
    for (resource, to) in limits {
        is_whole &= lower(resource, to).is_ok();
    }
    // The signal that tells of it ends the process, and can be told from others; whoever has got into
    // it may not listen, and has another second.
    let seconds = bounds.cpu_seconds_max.max(1);
    is_whole &= lower_in_steps(Resource::Cpu, seconds, seconds.saturating_add(1)).is_ok();
    // Only slower for others if it can't be had.
    let _ = rustix::process::nice(NICENESS);
    is_whole &= hide_memory().is_ok();
    is_whole &= rustix::thread::set_no_new_privs(true).is_ok();
    is_whole &= keep_capabilities(CapabilitySet::empty()).is_ok();
    is_whole &= confine_to_nothing();
    is_whole & confine_compiler_calls().is_ok()
}

/// No file, no connection, no signal to anybody.
fn confine_to_nothing() -> bool {
    let restricted = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(ABI::V4)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    // What an older kernel leaves open of it, such as connections, no system call leads to.
    restricted.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}
