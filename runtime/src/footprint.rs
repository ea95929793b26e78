//! What the host keeps for each instance of a module, beside its memories and tables.
//!
//! wasmtime has records in each instance for what its module consists of: some thousand bytes for
//! most, and 16 MB for a module of 500,000 functions to which it refers. How large they are depends
//! on the module alone; so an upper bound of it is found out once, when it is loaded, and counted as
//! memory of every run. A component is made of several instances, some of the same module.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, ElementItems, ElementKind, Encoding, ExternalKind, Instance, Parser, Payload,
    Result, TypeRef,
};

use crate::backend::WASM_STACK_BYTES_MAX;
use crate::limits::CORE_INSTANCES_MAX;

/// What every run takes beside its instances: all the stack that its calls may have, and its world,
/// which takes some ten kilobytes.
const RUN_BYTES: u64 = WASM_STACK_BYTES_MAX as u64 + (64 << 10);

/// What each instance takes, whatever it is of.
const INSTANCE_BYTES: u64 = 1 << 10;

/// A function to which the module refers: one that it imports, exports, or has in a table.
const FUNCTION_BYTES: u64 = 32;

/// An import, whatever it is.
const IMPORT_BYTES: u64 = 32;

/// A global variable.
const GLOBAL_BYTES: u64 = 16;

/// A tag of exceptions.
const TAG_BYTES: u64 = 8;

/// A memory or a table, without what is in it.
const MEMORY_BYTES: u64 = 512;

/// A segment of data.
const DATA_BYTES: u64 = 16;

/// A segment of elements that is used while the guest runs.
const SEGMENT_BYTES: u64 = 64;

/// An element of such a segment.
const ELEMENT_BYTES: u64 = 16;

/// Something that a component defines: most of what it takes is for functions that lead into it and
/// out of it.
const DEFINITION_BYTES: u64 = 256;

/// The most memory that the host takes for one run of the module or component `wasm`, which is valid,
/// beside its memories and tables.
pub(crate) fn run_bytes(wasm: &[u8]) -> Result<u64> {
    let mut walk = Walk::default();
    for payload in Parser::new(0).parse_all(wasm) {
        walk.visit(&payload?)?;
    }
    let cores = (CORE_INSTANCES_MAX as u64).saturating_mul(walk.largest_module);
    let Cost { cores: known, rest, is_open } = walk.whole;
    let cores = if is_open { cores } else { known.min(cores) };
    Ok(RUN_BYTES.saturating_add(cores).saturating_add(rest))
}

/// What instances of something take.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// The instances of modules in it.
    cores: u64,
    /// All else.
    rest: u64,
    /// Whether it has instances of what it is given, so that it can't be known here of what.
    is_open: bool,
}

impl Cost {
    /// Something that is not known here.
    const OPEN: Self = Self { cores: 0, rest: 0, is_open: true };

    fn add(&mut self, more: Self) {
        self.cores = self.cores.saturating_add(more.cores);
        self.rest = self.rest.saturating_add(more.rest);
        self.is_open |= more.is_open;
    }
}

/// The parts of a file, one in another.
#[derive(Default)]
struct Walk {
    open: Vec<Part>,
    /// What one instance takes, of the module of which that is most.
    largest_module: u64,
    /// The outermost, once it has been left.
    whole: Cost,
}

enum Part {
    Module(Module),
    Component(Component),
}

impl Walk {
    fn visit(&mut self, payload: &Payload<'_>) -> Result<()> {
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } => {
                self.open.push(Part::Module(Module::default()));
            }
            Payload::Version { encoding: Encoding::Component, .. } => {
                self.open.push(Part::Component(Component::default()));
            }
            Payload::End(_) => self.leave(),
            payload => match self.open.last_mut() {
                Some(Part::Module(module)) => module.count(payload)?,
                Some(Part::Component(_)) => self.count_component(payload)?,
                None => {}
            },
        }
        Ok(())
    }

    /// Has what was left last be one of the parts that the component around it may make instances of.
    fn leave(&mut self) {
        let Some(part) = self.open.pop() else { return };
        let parent = match self.open.last_mut() {
            Some(Part::Component(parent)) => Some(parent),
            _ => None,
        };
        match part {
            Part::Module(module) => {
                let cost = module.cost();
                self.largest_module = self.largest_module.max(cost.cores);
                match parent {
                    Some(parent) => parent.modules.push(cost),
                    None => self.whole = cost,
                }
            }
            Part::Component(component) => match parent {
                Some(parent) => parent.components.push(component.cost),
                None => self.whole = component.cost,
            },
        }
    }

    fn count_component(&mut self, payload: &Payload<'_>) -> Result<()> {
        if let Payload::ComponentAliasSection(aliases) = payload {
            for alias in aliases.clone() {
                self.alias(&alias?);
            }
        } else if let Some(Part::Component(component)) = self.open.last_mut() {
            component.count(payload)?;
        }
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        let outer = |count: u32| {
            let depth = self.open.len().checked_sub(1 + count as usize)?;
            match self.open.get(depth)? {
                Part::Component(component) => Some(component),
                Part::Module(_) => None,
            }
        };
        let (kind, cost) = match alias {
            ComponentAlias::InstanceExport { kind, .. } => (*kind, None),
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                let found = outer(*count).map(|it| at(&it.modules, *index));
                (ComponentExternalKind::Module, found)
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let found = outer(*count).map(|it| at(&it.components, *index));
                (ComponentExternalKind::Component, found)
            }
            _ => (ComponentExternalKind::Type, None),
        };
        if let Some(Part::Component(component)) = self.open.last_mut() {
            component.define(kind, cost.unwrap_or(Cost::OPEN));
            component.cost.rest += DEFINITION_BYTES;
        }
    }
}

/// What is at `index` of what is known.
fn at(known: &[Cost], index: u32) -> Cost {
    known.get(index as usize).copied().unwrap_or(Cost::OPEN)
}

/// A component, as far as it has been read.
#[derive(Default)]
struct Component {
    cost: Cost,
    /// What one instance of each takes, by its index.
    modules: Vec<Cost>,
    components: Vec<Cost>,
}

impl Component {
    fn define(&mut self, kind: ComponentExternalKind, cost: Cost) {
        match kind {
            ComponentExternalKind::Module => self.modules.push(cost),
            ComponentExternalKind::Component => self.components.push(cost),
            _ => {}
        }
    }

    fn count(&mut self, payload: &Payload<'_>) -> Result<()> {
        let definitions = match payload {
            Payload::InstanceSection(instances) => {
                for instance in instances.clone() {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        self.cost.add(at(&self.modules, module_index));
                    }
                }
                instances.count()
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances.clone() {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        self.cost.add(at(&self.components, component_index));
                    }
                }
                instances.count()
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone() {
                    match import?.ty {
                        ComponentTypeRef::Module(_) => self.modules.push(Cost::OPEN),
                        ComponentTypeRef::Component(_) => self.components.push(Cost::OPEN),
                        _ => {}
                    }
                }
                imports.count()
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports.clone() {
                    // What is exported is defined once more by that.
                    let export = export?;
                    let cost = match export.kind {
                        ComponentExternalKind::Module => at(&self.modules, export.index),
                        _ => at(&self.components, export.index),
                    };
                    self.define(export.kind, cost);
                }
                exports.count()
            }
            Payload::ComponentCanonicalSection(functions) => functions.count(),
            Payload::ComponentTypeSection(types) => types.count(),
            _ => 0,
        };
        let bytes = u64::from(definitions) * DEFINITION_BYTES;
        self.cost.rest = self.cost.rest.saturating_add(bytes);
        Ok(())
    }
}

/// A module, as far as it has been read.
#[derive(Default)]
struct Module {
    bytes: u64,
    /// All functions, and how often the module refers to one.
    functions: u64,
    references: u64,
}

impl Module {
    fn cost(&self) -> Cost {
        let functions = self.references.min(self.functions) * FUNCTION_BYTES;
        Cost { cores: INSTANCE_BYTES + self.bytes + functions, ..Cost::default() }
    }

    fn add(&mut self, count: u32, bytes: u64) {
        self.bytes += u64::from(count) * bytes;
    }

    fn count(&mut self, payload: &Payload<'_>) -> Result<()> {
        match payload {
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports() {
                    let is_function =
                        matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_));
                    // To one that is imported wasmtime refers by itself.
                    self.functions += u64::from(is_function);
                    self.references += u64::from(is_function);
                    self.bytes += IMPORT_BYTES;
                }
            }
            Payload::FunctionSection(functions) => self.functions += u64::from(functions.count()),
            Payload::GlobalSection(globals) => {
                // Each may begin as a reference to a function.
                self.references += u64::from(globals.count());
                self.add(globals.count(), GLOBAL_BYTES);
            }
            Payload::TableSection(tables) => {
                self.references += u64::from(tables.count());
                self.add(tables.count(), MEMORY_BYTES);
            }
            Payload::MemorySection(memories) => self.add(memories.count(), MEMORY_BYTES),
            Payload::TagSection(tags) => self.add(tags.count(), TAG_BYTES),
            Payload::DataSection(segments) => self.add(segments.count(), DATA_BYTES),
            Payload::ExportSection(exports) => {
                for export in exports.clone() {
                    let kind = export?.kind;
                    let is_function = matches!(kind, ExternalKind::Func | ExternalKind::FuncExact);
                    self.references += u64::from(is_function);
                }
            }
            Payload::ElementSection(segments) => {
                for segment in segments.clone() {
                    let segment = segment?;
                    let elements = match segment.items {
                        ElementItems::Functions(functions) => functions.count(),
                        ElementItems::Expressions(_, expressions) => expressions.count(),
                    };
                    self.references += u64::from(elements);
                    if matches!(segment.kind, ElementKind::Passive) {
                        self.add(elements, ELEMENT_BYTES);
                        self.bytes += SEGMENT_BYTES;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

    use super::*;

    /// What wasmtime says that instances of `wasm` take, when there is no room for them: of a
    /// component, its parts together.
    fn required(wasm: &[u8], is_component: bool) -> u64 {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_core_instances(1).total_memories(100).total_tables(100).total_stacks(1);
        pool.max_memory_size(1 << 16).table_elements(1000).total_gc_heaps(1);
        pool.max_memories_per_module(100).max_tables_per_module(100);
        pool.max_core_instances_per_component(1000).max_component_instance_size(1);
        if !is_component {
            pool.max_core_instance_size(1);
        }
        let mut config = Config::new();
        config.memory_reservation(1 << 16).memory_guard_size(1 << 16);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let error = match is_component {
            true => wasmtime::component::Component::new(&engine, wasm).map(drop),
            false => wasmtime::Module::new(&engine, wasm).map(drop),
        };
        let text = format!("{:?}", error.unwrap_err());
        let (_, rest) = text.split_once("requires ").expect(&text);
        rest.split(' ').next().unwrap().parse().expect(&text)
    }

    /// Checks that no more is taken than counted, and not much less: `slack` is what is counted too
    /// much, besides what every instance is given.
    fn check(what: &str, text: &str, slack: u64) {
        let wasm = wat::parse_str(text).unwrap();
        let (counted, is) = (run_bytes(&wasm).unwrap() - RUN_BYTES, required(&wasm, false));
        assert!(counted >= is, "{what}: {is} bytes, and {counted} counted");
        assert!(
            counted <= is + INSTANCE_BYTES + slack,
            "{what}: {is} bytes, and {counted} counted"
        );
    }

    fn many(count: usize, part: impl Fn(usize) -> String) -> String {
        (0..count).fold(String::new(), |mut text, number| {
            write!(text, "{} ", part(number)).unwrap();
            text
        })
    }

    #[test]
    fn each_part_of_a_module_is_counted_as_wasmtime_has_it() {
        check("nothing", "(module)", 0);
        let functions = many(1000, |_| "(func)".to_owned());
        check("functions that nobody refers to", &format!("(module {functions})"), 0);
        let exports = many(1000, |n| format!(r#"(func (export "{n}"))"#));
        check("functions that are exported", &format!("(module {exports})"), 0);
        let indices = many(1000, |n| n.to_string());
        let declared = format!("(module {functions} (elem declare func {indices}))");
        check("functions that are declared", &declared, 0);
        let table =
            format!("(module {functions} (table 1000 funcref) (elem (i32.const 0) {indices}))");
        check("functions in a table", &table, MEMORY_BYTES);
        let twice = format!("(module {functions} (elem declare func {indices} {indices}))");
        check("functions that are referred to twice", &twice, 0);
        let imports = many(1000, |n| format!(r#"(import "a" "{n}" (func))"#));
        check("functions that are imported", &format!("(module {imports})"), 0);
        let imports = many(1000, |n| format!(r#"(import "a" "{n}" (global i64))"#));
        check("globals that are imported", &format!("(module {imports})"), 8 * 1000);
        let globals = many(1000, |_| "(global i32 (i32.const 1))".to_owned());
        check("globals", &format!("(module {globals})"), 0);
        let globals = many(1000, |n| format!("(global funcref (ref.func {n}))"));
        check("globals that refer to functions", &format!("(module {functions} {globals})"), 0);
        let tags = many(1000, |_| "(tag)".to_owned());
        check("tags", &format!("(module {tags})"), 4 * 1000);
        let data = many(1000, |_| r#"(data "a")"#.to_owned());
        check("segments of data", &format!("(module (memory 1) {data})"), MEMORY_BYTES + 4 * 1000);
        let tables = many(100, |_| "(table 1 funcref)".to_owned());
        check("tables", &format!("(module {tables})"), 100 * MEMORY_BYTES);
        let memories = many(100, |_| "(memory 1)".to_owned());
        check("memories", &format!("(module {memories})"), 100 * MEMORY_BYTES);
    }

    #[test]
    fn elements_that_wait_to_be_used_take_memory_of_their_own() {
        let elements = many(1000, |_| "(ref.null func)".to_owned());
        let wasm = wat::parse_str(format!("(module (elem funcref {elements}))")).unwrap();
        let counted = run_bytes(&wasm).unwrap() - RUN_BYTES - INSTANCE_BYTES;
        assert_eq!(counted, SEGMENT_BYTES + 1000 * ELEMENT_BYTES);
    }

    /// A component with these parts, beside a module `$m` of a thousand functions.
    fn component(parts: &str) -> Vec<u8> {
        let exports = many(1000, |n| format!(r#"(func (export "{n}"))"#));
        wat::parse_str(format!("(component (core module $m {exports}) {parts})")).unwrap()
    }

    #[test]
    fn each_instance_of_a_component_is_counted() {
        let one = INSTANCE_BYTES + 1000 * FUNCTION_BYTES;
        let check = |parts: &str, instances: u64| {
            let wasm = component(parts);
            let counted = run_bytes(&wasm).unwrap() - RUN_BYTES;
            assert_eq!(counted / one, instances, "{counted}: {parts}");
            if instances > 0 && instances < CORE_INSTANCES_MAX as u64 {
                let is = required(&wasm, true);
                assert!(counted >= is, "{is} bytes, and {counted} counted: {parts}");
            }
        };
        let once = "(core instance (instantiate $m))";
        check("", 0);
        check(once, 1);
        check(&once.repeat(3), 3);
        check(&once.repeat(120), 100);
        // One that makes two of its own accord, by way of an alias, is made three times.
        let inner = "(component $c (alias outer 1 $m (core module $n))
            (core instance (instantiate $n)) (core instance (instantiate $n)))";
        check(&format!("{inner} {}", "(instance (instantiate $c))".repeat(3)), 6);
        // Of what one is given, there may be as many as may be at all.
        let given = r#"(component $c (import "m" (core module $n))
            (core instance (instantiate $n)))
            (instance (instantiate $c (with "m" (core module $m))))"#;
        check(given, 100);
    }

    #[test]
    fn what_is_multiplied_again_and_again_is_no_more_than_there_may_be() {
        let nested = (0..31).fold(
            "(core module $m) (core instance (instantiate $m)) (core instance (instantiate $m))"
                .to_owned(),
            |inner, _| {
                format!("(component $c {inner}) {}", "(instance (instantiate $c))".repeat(2))
            },
        );
        let wasm = wat::parse_str(format!("(component {nested})")).unwrap();
        let counted = run_bytes(&wasm).unwrap();
        assert!(counted >= RUN_BYTES + 100 * INSTANCE_BYTES, "{counted}");
    }
}
