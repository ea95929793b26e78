//! A program, module or component, checked and compiled once.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use wasmtime::{ExternType, InstancePre, UnknownImportError};
use wasmtime_wasi::p2::bindings::CommandPre;

use crate::backend::Backend;
use crate::error::{ModuleError, NAMES_TOLD_MAX, told};
use crate::preview2;
use crate::world::World;

/// A program, checked and compiled once, and shared by all its runs. Cheap to clone.
///
/// It is a core module or a component; a run of either is the same to whoever starts it.
#[derive(Clone)]
pub struct Module(pub(crate) Arc<Compiled>);

pub(crate) struct Compiled {
    pub(crate) digest: Digest,
    pub(crate) metering: Metering,
    pub(crate) program: Program,
    /// What the host keeps for a run of it, beside its memories and tables.
    pub(crate) run_bytes: u64,
}

/// What is compiled and linked, and can be started.
pub(crate) enum Program {
    /// A core module, a command of WASI preview 1.
    Module(InstancePre<World>),
    /// A component, a command of WASI preview 2.
    Component(CommandPre<preview2::World>),
}

impl Module {
    /// What it is, whatever it is called.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// How much memory its compiled code takes, in bytes.
    pub fn code_bytes(&self) -> u64 {
        let image = match &self.0.program {
            Program::Module(program) => program.module().image_range(),
            Program::Component(program) => program.instance_pre().component().image_range(),
        };
        image.end.addr().saturating_sub(image.start.addr()) as u64
    }

    /// What its code was compiled to be stopped by.
    pub fn metering(&self) -> Metering {
        self.0.metering
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("digest", &self.0.digest)
            .field("metering", &self.0.metering)
            .finish()
    }
}

/// What code is compiled to be stopped by; doing both would cost most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metering {
    /// A clock. Costs next to nothing; a run ends at its deadline or when it is cancelled.
    Epochs,
    /// A count of instructions, and so the clock too. Costs up to a fifth; a run may have
    /// [`Limits::fuel`](crate::Limits::fuel) as well.
    Fuel,
    /// The same count, in code that computes the same on every machine: what is not a number has but
    /// one form, and relaxed SIMD is not. Floating-point code is a little slower. It is for
    /// [deterministic](crate::Guest::deterministic) guests.
    Deterministic,
}

impl Metering {
    /// Whether instructions are counted.
    pub(crate) fn counts_fuel(self) -> bool {
        match self {
            Self::Epochs => false,
            Self::Fuel | Self::Deterministic => true,
        }
    }
}

/// The SHA-256 digest of a module's bytes. `Display` writes `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest that `text` is, if it is one: `sha256:` and 64 hex digits, as `Display` writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let (pairs, []) = text.strip_prefix("sha256:")?.as_bytes().as_chunks() else { return None };
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let bytes = pairs.iter().map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?));
        bytes.collect::<Option<Vec<u8>>>()?.try_into().ok().map(Self)
    }

    /// The digits alone.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Checks that `module` is a command that the sandbox can run, and links it.
pub(crate) fn link(
    backend: &Backend,
    module: &wasmtime::Module,
) -> Result<InstancePre<World>, ModuleError> {
    check_start(module)?;
    backend.linker.instantiate_pre(module).map_err(|error| {
        let names = unknown_imports(backend, module);
        if names.is_empty() {
            return ModuleError::Invalid { what: "module", detail: told(format!("{error:#}")) };
        }
        ModuleError::UnknownImports { names }
    })
}

fn check_start(module: &wasmtime::Module) -> Result<(), ModuleError> {
    match module.get_export("_start") {
        Some(ExternType::Func(start))
            if start.params().len() == 0 && start.results().len() == 0 =>
        {
            Ok(())
        }
        Some(_) => Err(ModuleError::NoStart { hint: ", only something else of that name" }),
        None if module.get_export("_initialize").is_some() => {
            Err(ModuleError::NoStart { hint: ", but a library (it exports `_initialize`)" })
        }
        None => Err(ModuleError::NoStart { hint: "" }),
    }
}

/// The names that `module` imports in vain, found one by one: each is put in place to see the next.
fn unknown_imports(backend: &Backend, module: &wasmtime::Module) -> Vec<String> {
    let mut linker = backend.linker.clone();
    let mut names = Vec::new();
    while let Err(error) = linker.instantiate_pre(module) {
        let Some(unknown) = error.downcast_ref::<UnknownImportError>() else { break };
        names.push(told(format!("{}.{}", unknown.module(), unknown.name())));
        let stub = match unknown.ty() {
            ExternType::Func(ty) => {
                linker.func_new(unknown.module(), unknown.name(), ty, |_, _, _| Ok(()))
            }
            _ => break,
        };
        if stub.is_err() || names.len() == NAMES_TOLD_MAX {
            break;
        }
    }
    names
}
