//! What a module may consist of, counted before it is compiled.
//!
//! The validator has limits of its own, which WebAssembly's engines have agreed on; they are the
//! bounds of what is possible. These are the bounds of what programs have.

use wasmparser::{Parser, Payload};

use crate::error::ModuleError;
use crate::module::Digest;

/// What a module may consist of; of a component, all that is nested in it together.
///
/// The defaults leave the largest programs known to run (Yosys, a chip synthesiser, CPython, Perl, a
/// compiler of GCC) room for ten times of what they have, where the validator allows that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleLimits {
    /// Functions of its own. Each is compiled, and costs a record at run time. Yosys has 46,473.
    pub functions: u64,
    /// What it imports. WASI has some hundred functions; CPython takes 43 of them.
    pub imports: u64,
    /// What it exports.
    pub exports: u64,
    /// Types of functions and data.
    pub types: u64,
    /// Global variables.
    pub globals: u64,
    /// Tables. As the validator has it.
    pub tables: u64,
    /// Memories. As the validator has it.
    pub memories: u64,
    /// Segments of data. CPython has 24,171. As the validator has it.
    pub data_segments: u64,
    /// Segments of tables' elements. As the validator has it.
    pub element_segments: u64,
    /// The longest function, in bytes. Compiling one takes more than proportionally longer. As the
    /// validator has it.
    pub function_bytes: u64,
    /// Local variables of one function. They are declared by the thousand in a few bytes. As the
    /// validator has it.
    pub function_locals: u64,
    /// Local variables of all functions together. Yosys has 298,321.
    pub locals: u64,
    /// Modules and components in a component.
    pub parts: u64,
    /// Instances, aliases, types and functions that components define.
    pub definitions: u64,
    /// How deep components are nested.
    pub nesting: u64,
}

impl Default for ModuleLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl ModuleLimits {
    /// How many limits there are.
    pub(crate) const COUNT: usize = 15;

    /// See [`ModuleLimits`].
    pub(crate) const DEFAULT: Self = Self {
        functions: 500_000,
        imports: 10_000,
        exports: 100_000,
        types: 100_000,
        globals: 100_000,
        tables: 100,
        memories: 16,
        data_segments: 100_000,
        element_segments: 100_000,
        function_bytes: 7_654_321,
        function_locals: 50_000,
        locals: 10_000_000,
        parts: 1000,
        definitions: 100_000,
        nesting: 32,
    };

    /// In the order of the fields.
    pub(crate) fn to_numbers(self) -> [u64; Self::COUNT] {
        [
            self.functions,
            self.imports,
            self.exports,
            self.types,
            self.globals,
            self.tables,
            self.memories,
            self.data_segments,
            self.element_segments,
            self.function_bytes,
            self.function_locals,
            self.locals,
            self.parts,
            self.definitions,
            self.nesting,
        ]
    }

    /// What code is called by that was checked for these: nothing, for the defaults. What was compiled
    /// when more was allowed is not taken when less is.
    pub(crate) fn mark(self) -> String {
        if self == Self::DEFAULT {
            return String::new();
        }
        let bytes: Vec<u8> = self.to_numbers().iter().flat_map(|it| it.to_le_bytes()).collect();
        format!("-{}", &Digest::of(&bytes).hex()[..16])
    }

    /// The limits that [`Self::to_numbers`] gave.
    pub(crate) fn of_numbers(numbers: [u64; Self::COUNT]) -> Self {
        let [
            functions,
            imports,
            exports,
            types,
            globals,
            tables,
            memories,
            data_segments,
            element_segments,
            function_bytes,
            function_locals,
            locals,
            parts,
            definitions,
            nesting,
        ] = numbers;
        Self {
            functions,
            imports,
            exports,
            types,
            globals,
            tables,
            memories,
            data_segments,
            element_segments,
            function_bytes,
            function_locals,
            locals,
            parts,
            definitions,
            nesting,
        }
    }

    /// Checks that the module or component `wasm` keeps to the limits, which takes time in
    /// proportion to its length. What is not WebAssembly ends the count: the validator has words for
    /// it.
    pub(crate) fn check(&self, wasm: &[u8]) -> Result<(), ModuleError> {
        let mut found = Tally::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let Ok(payload) = payload else { break };
            if found.count(&payload).is_err() {
                break;
            }
            found.check(self)?;
        }
        Ok(())
    }
}

/// What was found so far.
#[derive(Default)]
struct Tally {
    functions: u64,
    imports: u64,
    exports: u64,
    types: u64,
    globals: u64,
    tables: u64,
    memories: u64,
    shared_memories: u64,
    data_segments: u64,
    element_segments: u64,
    longest_function_bytes: u64,
    most_function_locals: u64,
    locals: u64,
    parts: u64,
    definitions: u64,
    depth: u64,
}

impl Tally {
    fn count(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        let add = |to: &mut u64, count: u32| *to += u64::from(count);
        match payload {
            Payload::TypeSection(types) => {
                // A group of types that know each other counts as what is in it.
                for group in types.clone() {
                    self.types += group?.types().len() as u64;
                }
            }
            Payload::ImportSection(imports) => add(&mut self.imports, imports.count()),
            Payload::FunctionSection(functions) => add(&mut self.functions, functions.count()),
            Payload::TableSection(tables) => add(&mut self.tables, tables.count()),
            Payload::MemorySection(memories) => {
                add(&mut self.memories, memories.count());
                for memory in memories.clone() {
                    self.shared_memories += u64::from(memory?.shared);
                }
            }
            Payload::GlobalSection(globals) => add(&mut self.globals, globals.count()),
            Payload::ExportSection(exports) => add(&mut self.exports, exports.count()),
            Payload::ElementSection(segments) => add(&mut self.element_segments, segments.count()),
            Payload::DataSection(segments) => add(&mut self.data_segments, segments.count()),
            Payload::CodeSectionEntry(function) => self.count_function(function)?,
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                self.parts += 1;
                self.depth += 1;
            }
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::InstanceSection(it) => add(&mut self.definitions, it.count()),
            Payload::CoreTypeSection(it) => add(&mut self.definitions, it.count()),
            Payload::ComponentInstanceSection(it) => add(&mut self.definitions, it.count()),
            Payload::ComponentAliasSection(it) => add(&mut self.definitions, it.count()),
            Payload::ComponentTypeSection(it) => add(&mut self.definitions, it.count()),
            Payload::ComponentCanonicalSection(it) => add(&mut self.definitions, it.count()),
            Payload::ComponentImportSection(it) => add(&mut self.imports, it.count()),
            Payload::ComponentExportSection(it) => add(&mut self.exports, it.count()),
            _ => {}
        }
        Ok(())
    }

    fn count_function(
        &mut self,
        function: &wasmparser::FunctionBody<'_>,
    ) -> wasmparser::Result<()> {
        let mut locals = 0_u64;
        for group in function.get_locals_reader()? {
            let (count, _) = group?;
            locals = locals.saturating_add(count.into());
        }
        self.locals = self.locals.saturating_add(locals);
        self.most_function_locals = self.most_function_locals.max(locals);
        let bytes = function.as_bytes().len() as u64;
        self.longest_function_bytes = self.longest_function_bytes.max(bytes);
        Ok(())
    }

    fn check(&self, limits: &ModuleLimits) -> Result<(), ModuleError> {
        let table = [
            ("functions", self.functions, limits.functions),
            ("imports", self.imports, limits.imports),
            ("exports", self.exports, limits.exports),
            ("types", self.types, limits.types),
            ("globals", self.globals, limits.globals),
            ("tables", self.tables, limits.tables),
            ("memories", self.memories, limits.memories),
            // There are no threads. wasmtime would say so only when the guest is to be started.
            ("memories that threads share", self.shared_memories, 0),
            ("segments of data", self.data_segments, limits.data_segments),
            ("segments of elements", self.element_segments, limits.element_segments),
            ("bytes in one function", self.longest_function_bytes, limits.function_bytes),
            ("local variables in one function", self.most_function_locals, limits.function_locals),
            ("local variables", self.locals, limits.locals),
            ("modules and components within", self.parts, limits.parts),
            ("definitions of components", self.definitions, limits.definitions),
            ("levels of components", self.depth, limits.nesting),
        ];
        match table.into_iter().find(|(_, found, max)| found > max) {
            Some((what, found, max)) => {
                Err(ModuleError::OverLimit { what: what.to_owned(), found, max })
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that `text` has as many of something as `found` says, and that one less is refused.
    fn check(text: &str, found: &str, limits: impl Fn(&mut ModuleLimits) -> &mut u64) {
        let wasm = wat::parse_str(text).unwrap();
        let (count, what) = found.split_once(' ').unwrap();
        let mut exact = ModuleLimits::default();
        *limits(&mut exact) = count.parse().unwrap();
        exact.check(&wasm).unwrap();
        *limits(&mut exact) -= 1;
        let error = exact.check(&wasm).unwrap_err().to_string();
        assert!(error.contains(&format!("with {count} {what}, ")), "{found}: {error}");
    }

    #[test]
    fn each_limit_is_one_and_says_so() {
        check("(module (func) (func))", "2 functions", |it| &mut it.functions);
        let two = r#"(module (import "a" "b" (func)) (import "a" "c" (func)))"#;
        check(two, "2 imports", |it| &mut it.imports);
        let two = r#"(module (func (export "a") (export "b")))"#;
        check(two, "2 exports", |it| &mut it.exports);
        check("(module (rec (type (func)) (type (func))) (type (struct)))", "3 types", |it| {
            &mut it.types
        });
        check("(module (global i32 (i32.const 1)))", "1 globals", |it| &mut it.globals);
        check("(module (table 1 funcref) (table 1 funcref))", "2 tables", |it| &mut it.tables);
        check("(module (memory 1) (memory 1))", "2 memories", |it| &mut it.memories);
        check(r#"(module (data "a") (data "b"))"#, "2 segments of data", |it| {
            &mut it.data_segments
        });
        check("(module (elem func))", "1 segments of elements", |it| &mut it.element_segments);
        check("(module (func) (func nop))", "3 bytes in one function", |it| &mut it.function_bytes);
        let two = "(module (func (local i32 i64)) (func (local i32)))";
        check(two, "2 local variables in one function", |it| &mut it.function_locals);
        check(two, "3 local variables", |it| &mut it.locals);
        let nested = "(component (component (core module)) (core module))";
        check(nested, "3 modules and components within", |it| &mut it.parts);
        check(nested, "2 levels of components", |it| &mut it.nesting);
        check("(component (type u8) (type u16))", "2 definitions of components", |it| {
            &mut it.definitions
        });
        check(
            "(component (component (core module (func))) (core module (func)))",
            "2 functions",
            |it| &mut it.functions,
        );
    }

    #[test]
    fn a_memory_for_threads_is_refused_before_it_is_wanted() {
        let wasm = wat::parse_str("(module (memory 1 2 shared))").unwrap();
        let error = ModuleLimits::default().check(&wasm).unwrap_err().to_string();
        assert!(error.contains("with 1 memories that threads share, where 0 are"), "{error}");
    }

    #[test]
    fn limits_are_kept_as_numbers() {
        let numbers: [u64; ModuleLimits::COUNT] = std::array::from_fn(|index| index as u64);
        assert_eq!(ModuleLimits::of_numbers(numbers).to_numbers(), numbers);
    }

    #[test]
    fn what_is_broken_is_left_to_the_validator() {
        ModuleLimits::default().check(b"\0asm\x01\0\0\0\x01\xff").unwrap();
        ModuleLimits::default().check(b"").unwrap();
    }
}
