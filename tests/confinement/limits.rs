//! Modules that have too much of something are refused before they are compiled, by name.

use mayfly_runtime::{Engine, EngineSettings, Metering, ModuleError, ModuleLimits};

#[tokio::test]
async fn a_module_that_has_too_much_of_something_is_told_of_what() {
    let module_limits = ModuleLimits { functions: 1, imports: 1, nesting: 1, ..Default::default() };
    let settings = EngineSettings { module_limits, instances_max: 1, ..EngineSettings::default() };
    let engine = Engine::new(settings).expect("the engine must start");
    let check = async |text: &str, expect: &str| {
        let wasm = wat::parse_str(text).expect("it must be well-formed");
        let error =
            engine.load(wasm.into(), Metering::Epochs).await.expect_err("it must be refused");
        assert!(matches!(error, ModuleError::OverLimit { .. }), "{error}");
        assert!(error.to_string().contains(expect), "{expect:?} in {error}");
    };
    check("(module (func) (func))", "with 2 functions, where 1 are allowed").await;
    check(r#"(module (import "a" "b" (func)) (import "a" "c" (func)))"#, "with 2 imports").await;
    check("(component (component (component)))", "with 2 levels of components").await;
}

#[tokio::test]
async fn nested_components_do_not_exhaust_the_stack() {
    let engine = Engine::new(EngineSettings { instances_max: 1, ..EngineSettings::default() });
    let engine = engine.expect("the engine must start");
    // Each level is a section that holds the next one.
    let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..10_000 {
        let mut length = Vec::new();
        let mut left = wasm.len();
        while left > 0x7f {
            length.push((left & 0x7f) as u8 | 0x80);
            left >>= 7;
        }
        length.push(u8::try_from(left).expect("it must have seven bits"));
        wasm = [b"\0asm\x0d\0\x01\0\x04".to_vec(), length, wasm].concat();
    }
    let error = engine.load(wasm.into(), Metering::Epochs).await.expect_err("it must be refused");
    assert!(error.to_string().contains("levels of components, where 32 are allowed"), "{error}");
}
