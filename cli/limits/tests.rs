//! Files of limits: what they say is what holds, and every mistake is told.

use std::time::Duration;

use mayfly_controller::node::DiskReserve;
use mayfly_controller::node::logs::LogLimits;
use mayfly_controller::quota::Bound;
use mayfly_images::PullLimits;
use mayfly_runtime::ModuleLimits;

use super::Limits;
use super::meaning::read;

/// Says everything that there is to say.
const EVERYTHING: &str = include_str!("../../examples/operator/limits.yaml");

fn refused(text: &str) -> Vec<String> {
    let Err(error) = read(text) else { panic!("it must be refused: {text}") };
    error.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn what_the_example_says_of_pods_is_what_they_have() {
    let limits = read(EVERYTHING).expect("the example must be right");
    let pods = limits.pods;
    let bound = |default, max| Bound { default: Some(default), max: Some(max) };
    assert_eq!(pods.memory_bytes, bound(128 << 20, 2 << 30));
    assert_eq!(pods.memory_request_bytes, Some(16 << 20));
    assert_eq!(pods.cpu_millis, bound(500, 1000));
    assert_eq!(pods.ephemeral_storage_bytes, bound(2 << 30, 20 << 30));
    assert_eq!(pods.fuel, bound(100_000_000_000, 1_000_000_000_000));
    assert_eq!(pods.output_bytes, bound(64 << 20, 1 << 30));
    assert_eq!(pods.open_files, bound(64, 256));
    assert_eq!(pods.network_bytes, bound(64 << 20, 1 << 30));
    assert_eq!(pods.active_deadline_seconds, bound(600, 86_400));
    assert_eq!(pods.volume_bytes, bound(1 << 30, 10 << 30));
    assert_eq!(pods.memory_volume_bytes, bound(64 << 20, 1 << 30));
    assert_eq!(limits.volume_entries, 100_000);
    assert_eq!(limits.logs, LogLimits { file_bytes: 5 << 20, files: 3 });
    let node = limits.capacity;
    assert_eq!((node.cpu_millis, node.memory_for_pods_bytes()), (2000, 4 << 30));
    let reserve = DiskReserve { bytes: Some(2 << 30), entries: Some(50_000) };
    assert_eq!(limits.disk, reserve);
    assert_eq!((node.pods, node.ephemeral_storage_bytes), (250, Some(20 << 30)));
}

#[test]
fn what_the_example_says_of_runs_and_modules_is_what_they_have() {
    let limits = read(EVERYTHING).expect("the example must be right");
    let runs = limits.runs;
    assert_eq!((runs.output_bytes_per_second, runs.output_burst_bytes), (4 << 20, 16 << 20));
    assert_eq!((runs.directory_bytes, runs.random_bytes), (1 << 20, 1 << 20));
    assert_eq!((runs.subscriptions, limits.engine.instances_max), (256, 500));
    assert_eq!((runs.sockets, runs.one_memory_bytes), (16, 1 << 30));
    assert_eq!(limits.images, PullLimits { store_bytes_max: 8 << 30, pulls_max: 2 });
    let engine = limits.engine;
    assert_eq!((engine.module_bytes_max, engine.compiles_max), (64 << 20, 1));
    assert_eq!(engine.compile_deadline, Duration::from_secs(120));
    assert_eq!(engine.compile_cpu_max, Duration::from_secs(60));
    assert_eq!(engine.compile_memory_bytes_max, 1 << 30);
    assert_eq!(engine.memory_bytes_max, Some(4 << 30));
    let expect = ModuleLimits {
        functions: 50_000,
        imports: 1000,
        exports: 10_000,
        types: 10_000,
        globals: 10_000,
        tables: 10,
        memories: 10,
        data_segments: 50_000,
        element_segments: 50_000,
        function_bytes: 1 << 20,
        function_locals: 10_000,
        locals: 1_000_000,
        parts: 100,
        definitions: 10_000,
        nesting: 8,
    };
    assert_eq!(engine.module_limits, expect);
}

#[test]
fn what_is_not_said_is_as_it_was() {
    let check = |text: &str| {
        let limits = read(text).expect("it must be right");
        assert_eq!(limits.pods, Limits::default().pods);
        assert_eq!(limits.runs, Limits::default().runs);
        assert_eq!(limits.engine, Limits::default().engine);
        assert_eq!(limits.logs, LogLimits::default());
    };
    check("");
    check("containers: {}\nnode: {pods: 5}\n");
    let lower = read("containers: {memory: {max: 64Mi}}").expect("it must be right");
    assert_eq!(lower.pods.memory_bytes.grant(None), Some(64 << 20));
    let lower = read("volumes: {diskBytes: {max: 1Gi}}").expect("it must be right");
    assert_eq!(lower.pods.volume_bytes.grant(None), Some(1 << 30));
}

#[test]
fn a_key_that_there_is_not_is_told_with_its_line() {
    assert_eq!(
        refused("containers:\n  memory: {defualt: 1Mi}\npods:\n  activeDeadline: {}\n"),
        [
            "line 2: unknown field \"containers.memory.defualt\", did you mean \"default\"?",
            "line 4: unknown field \"pods.activeDeadline\"",
        ]
    );
    let twice = refused("logs: {files: 3}\nlogs: {files: 4}\n");
    assert!(twice[0].contains("logs"), "{twice:?}");
    let other = refused("volumes: {diskBytes: 1Gi}\n");
    assert!(other[0].contains("volumes.diskBytes"), "{other:?}");
}

#[test]
fn every_mistake_is_told_at_once_whatever_its_sort() {
    let text = "containers:\n  memory: {defualt: 1Mi, max: none}\n  cpu: 2\npods:\n  \
                activeDeadlineSeconds: {max: 5m}\nlogs: {files: 1}\nvolume: {}\n";
    let told = refused(text);
    let expect = [
        "line 2: unknown field \"containers.memory.defualt\"",
        "line 3: containers.cpu: ",
        "line 7: unknown field \"volume\"",
        "containers.memory.max: \"none\" is not",
        "pods.activeDeadlineSeconds.max: \"5m\" is not",
        "logs.files: is less than 2",
    ];
    assert_eq!(told.len(), expect.len(), "{told:?}");
    for (told, expect) in told.iter().zip(expect) {
        assert!(told.starts_with(expect), "{told} is not {expect}");
    }
}

#[test]
fn a_default_above_its_maximum_is_told() {
    let check = |text: &str, expect: &str| assert_eq!(refused(text), [expect]);
    check(
        "containers: {memory: {default: 2Gi, max: 1Gi}}",
        "containers.memory.default: is more than the max of 1Gi; lower it, or raise the max",
    );
    check(
        "containers: {ephemeral-storage: {default: 2Gi, max: 1Gi}}",
        "containers.ephemeral-storage.default: is more than the max of 1Gi; lower it, or raise the \
         max",
    );
    check(
        "volumes: {memoryBytes: {default: 2Gi, max: 1Gi}}",
        "volumes.memoryBytes.default: is more than the max of 1Gi; lower it, or raise the max",
    );
    check(
        "containers: {openFiles: {default: 5000}}",
        "containers.openFiles.default: is more than 1024; say a max as well",
    );
    check(
        "containers: {memory: {default: 1Mi, defaultRequest: 2Mi}}",
        "containers.memory.defaultRequest: is more than the default of 1048576; lower it",
    );
}

#[test]
fn what_is_in_no_unit_or_out_of_reach_is_told() {
    let check = |text: &str, expect: &[&str]| assert_eq!(refused(text), expect, "{text}");
    check(
        "containers: {cpu: {max: none}, fuel: {max: 0}, memory: {max: 100m}}",
        &[
            "containers.memory.max: \"100m\" is not a number of bytes above 0, such as 64Mi",
            "containers.cpu.max: \"none\" is not a share of cores above 0, such as 2 or 250m",
            "containers.fuel.max: \"0\" is not a whole number above 0, such as 100 or 5M",
        ],
    );
    check(
        "modules: {compileSeconds: 5m, compileCpuSeconds: 1k, compileMemoryBytes: -1}",
        &[
            "modules.compileMemoryBytes: \"-1\" is not a number of bytes above 0, such as 64Mi",
            "modules.compileSeconds: \"5m\" is not a whole number of seconds above 0, such as 600",
            "modules.compileCpuSeconds: \"1k\" is not a whole number of seconds above 0, such as 600",
        ],
    );
    check(
        "runs: {atOnce: 100000, sockets: 5Gi}\nmodules: {bytes: 2Gi, functions: 2M, tables: 101}",
        &[
            "runs.atOnce: is more than 20000, the most that there can be",
            "runs.sockets: is more than 4294967295, the most that there can be",
            "modules.bytes: is more than 1073741824, the most that there can be",
            "modules.functions: is more than 1000000, the most that there can be",
            "modules.tables: is more than 100, the most that there can be",
        ],
    );
    check(
        "logs: {fileBytes: 1Ki, files: 1}",
        &[
            "logs.fileBytes: is less than 65536, the least that there can be",
            "logs.files: is less than 2, the least that there can be",
        ],
    );
}
