//! Tells from its first bytes what a file is, so that the error for a wrong one can say so.

use wasmparser::{Parser, Payload};

use crate::cache;
use crate::error::ModuleError;

/// The version field of a core module, after the magic number.
const MODULE_VERSION: u32 = 1;
/// The same of a component: version 13, layer 1.
const COMPONENT_VERSION: u32 = 0x0001_000d;

/// What a WebAssembly file in binary form is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A core module.
    Module,
    /// A component.
    Component,
}

impl Kind {
    /// In a word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Component => "component",
        }
    }
}

/// What the module or component `wasm` imports, in its order: of a module the names of modules, of a
/// component those of interfaces. What can't be read ends the list.
pub fn imports(wasm: &[u8]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if !found.iter().any(|it| it == name) {
            found.push(name.to_owned());
        }
    };
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::ImportSection(imports)) if depth == 0 => {
                imports.into_imports().flatten().for_each(|import| add(import.module));
            }
            Ok(Payload::ComponentImportSection(imports)) if depth == 0 => {
                imports.into_iter().flatten().for_each(|import| add(import.name.name));
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    found
}

/// Tells by how `bytes` begin whether they are a module or a component in binary form.
pub(crate) fn kind_of(bytes: &[u8]) -> Result<Kind, ModuleError> {
    let Some(rest) = bytes.strip_prefix(b"\0asm") else {
        if is_text_format(bytes) {
            return Err(ModuleError::Text);
        }
        if cache::is_ours(bytes) || wasmtime::Engine::detect_precompiled(bytes).is_some() {
            return Err(ModuleError::Precompiled);
        }
        return Err(ModuleError::NotWebAssembly { looks_like: looks_like(bytes) });
    };
    let Some(version) = rest.first_chunk::<4>() else {
        return Err(ModuleError::Truncated { what: "file", bytes: bytes.len() as u64 });
    };
    match u32::from_le_bytes(*version) {
        MODULE_VERSION => Ok(Kind::Module),
        COMPONENT_VERSION => Ok(Kind::Component),
        version => Err(ModuleError::Version(version)),
    }
}

fn is_text_format(bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]);
    let code = start
        .lines()
        .map(str::trim_start)
        .find(|line| !line.is_empty() && !line.starts_with(";;"))
        .unwrap_or_default();
    let inside = code.strip_prefix('(').map(str::trim_start).unwrap_or_default();
    code.starts_with("(;") || inside.starts_with("module") || inside.starts_with("component")
}

fn looks_like(bytes: &[u8]) -> String {
    const KNOWN: [(&[u8], &str); 9] = [
        (b"\x7fELF", "a program or library for Linux (ELF)"),
        (b"MZ", "a program for Windows"),
        (b"\xcf\xfa\xed\xfe", "a program for macOS (Mach-O)"),
        (b"\xca\xfe\xba\xbe", "a program for macOS or a Java class"),
        (b"\x1f\x8b", "gzip-compressed data"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
        (b"#!", "a script"),
        (b"BC\xc0\xde", "LLVM bitcode"),
    ];
    if bytes.is_empty() {
        return "the file is empty".to_owned();
    }
    if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return format!("it looks like {name}");
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return "it looks like a tar archive".to_owned();
    }
    let start = &bytes[..bytes.len().min(16)];
    if start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return format!("it looks like text that begins with {:?}", String::from_utf8_lossy(start));
    }
    format!("it begins with the bytes {start:02x?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_file_is_named() {
        let table: [(&[u8], &str); 11] = [
            (b"", "the file is empty"),
            (b"#!/bin/sh\necho", "a script"),
            (b"\x7fELF\x02\x01", "ELF"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"PK\x03\x04..", "zip"),
            (b"apiVersion: v1\n", "text that begins with \"apiVersion: v1\\n\""),
            (b"\xff\xfe\x00", "the bytes [ff, fe, 00]"),
            (b"\n;; hello\n  (module)", "text format"),
            (b"(component)", "text format"),
            (b"\0asm", "cut short"),
            (b"\0asm\x02\0\0\0", "unknown version 0x2"),
        ];
        for (bytes, expect) in table {
            let message = kind_of(bytes).unwrap_err().to_string();
            assert!(message.contains(expect), "{bytes:?}: {message}");
        }
        assert_eq!(kind_of(b"\0asm\x01\0\0\0").unwrap(), Kind::Module);
        assert_eq!(kind_of(b"\0asm\x0d\0\x01\0").unwrap(), Kind::Component);
    }
    #[test]
    fn imports_are_those_of_the_whole_and_each_is_told_once() {
        let check = |text: &str, expect: &[&str]| {
            let wasm = wat::parse_str(text).unwrap();
            assert_eq!(imports(&wasm), expect, "{text}");
            // What is cut off ends the list, and nothing else.
            assert!(imports(&wasm[..wasm.len() - 1]).len() <= expect.len());
        };
        check("(module)", &[]);
        check(
            r#"(module (import "a" "f" (func)) (import "b" "g" (func)) (import "a" "h" (func)))"#,
            &["a", "b"],
        );
        check(
            r#"(component
                 (import "wasi:cli/stdout@0.2.6" (instance))
                 (core module (import "inside" "f" (func)))
                 (component (import "deeper:still/it@1.0.0" (instance)))
                 (import "wasi:io/poll@0.2.6" (instance)))"#,
            &["wasi:cli/stdout@0.2.6", "wasi:io/poll@0.2.6"],
        );
        assert_eq!(imports(b"no module"), Vec::<String>::new());
    }
}
