//! Where WebAssembly modules come from: OCI registries, and a store of what was pulled.
