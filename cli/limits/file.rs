//! The file of limits: what it may say, and what that means.
//!
//! It is read as strictly as a manifest, and with the same complaints. Every mistake is told.

use std::fmt::Display;

use anyhow::anyhow;
use mayfly_controller::admission::decode::decode_file;
use mayfly_controller::api::Quantity;
use mayfly_controller::quantity::Amount;
use mayfly_controller::quota::Bound;
use serde::Deserialize;

use super::Limits;

/// Guests at a time that the address space has room for: 4 GiB each, of 128 TiB.
const AT_ONCE_MAX: u64 = 20_000;

/// What `text` says, and the defaults for what it does not.
pub(super) fn read(text: &str) -> anyhow::Result<Limits> {
    let file: File = decode_file(text).map_err(|problems| {
        let lines = problems.into_iter().map(|(line, problem)| match line {
            0 => problem.to_string(),
            line => format!("line {line}: {problem}"),
        });
        anyhow!(lines.collect::<Vec<_>>().join("\n"))
    })?;
    let mut reader = Reader { mistakes: Vec::new() };
    let limits = reader.limits(&file);
    match reader.mistakes.is_empty() {
        true => Ok(limits),
        false => Err(anyhow!(reader.mistakes.join("\n"))),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    containers: Containers,
    pods: Pods,
    runs: Runs,
    modules: Modules,
    node: Node,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Containers {
    memory: Memory,
    cpu: Entry,
    fuel: Entry,
    output_bytes: Entry,
    open_files: Entry,
    network_bytes: Entry,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Memory {
    default: Option<Quantity>,
    default_request: Option<Quantity>,
    max: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    default: Option<Quantity>,
    max: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Pods {
    active_deadline_seconds: Entry,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Runs {
    at_once: Option<Quantity>,
    output_bytes_per_second: Option<Quantity>,
    output_burst_bytes: Option<Quantity>,
    directory_bytes: Option<Quantity>,
    random_bytes: Option<Quantity>,
    subscriptions: Option<Quantity>,
    sockets: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Modules {
    at_once: Option<Quantity>,
    bytes: Option<Quantity>,
    compile_seconds: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Node {
    cpu: Option<Quantity>,
    ephemeral_storage: Option<Quantity>,
    memory: Option<Quantity>,
    pods: Option<Quantity>,
}

/// Turns what was said into numbers, and collects what is wrong.
struct Reader {
    mistakes: Vec<String>,
}

impl Reader {
    fn limits(&mut self, file: &File) -> Limits {
        let mut limits = Limits::default();
        self.pods(file, &mut limits);
        self.runs(&file.runs, &mut limits);
        self.modules(&file.modules, &mut limits);
        self.node(&file.node, &mut limits);
        limits
    }

    fn pods(&mut self, file: &File, limits: &mut Limits) {
        let containers = &file.containers;
        let pods = &mut limits.pods;
        let memory = &containers.memory;
        let at = "containers.memory";
        self.bound(at, &memory.default, &memory.max, whole, &mut pods.memory_bytes);
        if let Some(request) = self.number(at, "defaultRequest", &memory.default_request, whole) {
            pods.memory_request_bytes = Some(request);
            let limit = pods.memory_bytes.grant(None).unwrap_or(u64::MAX);
            if request > limit {
                self.wrong(at, "defaultRequest", format!("is more than the default of {limit}"));
            }
        }
        let mut entry = |at, entry: &Entry, read: Read, bound: &mut Bound| {
            self.bound(at, &entry.default, &entry.max, read, bound);
        };
        entry("containers.cpu", &containers.cpu, thousandths, &mut pods.cpu_millis);
        entry("containers.fuel", &containers.fuel, whole, &mut pods.fuel);
        entry("containers.outputBytes", &containers.output_bytes, whole, &mut pods.output_bytes);
        entry("containers.openFiles", &containers.open_files, whole, &mut pods.open_files);
        let bytes = &containers.network_bytes;
        entry("containers.networkBytes", bytes, whole, &mut pods.network_bytes);
        let deadline = &file.pods.active_deadline_seconds;
        let bound = &mut pods.active_deadline_seconds;
        entry("pods.activeDeadlineSeconds", deadline, whole, bound);
    }

    fn runs(&mut self, runs: &Runs, limits: &mut Limits) {
        let at = "runs";
        if let Some(at_once) = self.at_most(at, "atOnce", &runs.at_once, AT_ONCE_MAX) {
            limits.engine.instances_max = at_once;
        }
        let run = &mut limits.runs;
        for (name, given, limit) in [
            (
                "outputBytesPerSecond",
                &runs.output_bytes_per_second,
                &mut run.output_bytes_per_second,
            ),
            ("outputBurstBytes", &runs.output_burst_bytes, &mut run.output_burst_bytes),
            ("directoryBytes", &runs.directory_bytes, &mut run.directory_bytes),
        ] {
            if let Some(number) = self.number(at, name, given, whole) {
                *limit = number;
            }
        }
        for (name, given, limit) in [
            ("randomBytes", &runs.random_bytes, &mut run.random_bytes),
            ("subscriptions", &runs.subscriptions, &mut run.subscriptions),
            ("sockets", &runs.sockets, &mut run.sockets),
        ] {
            if let Some(number) = self.at_most(at, name, given, u32::MAX.into()) {
                *limit = number;
            }
        }
    }

    fn modules(&mut self, modules: &Modules, limits: &mut Limits) {
        let (at, engine) = ("modules", &mut limits.engine);
        if let Some(bytes) = self.number(at, "bytes", &modules.bytes, whole) {
            engine.module_bytes_max = bytes;
        }
        if let Some(seconds) = self.number(at, "compileSeconds", &modules.compile_seconds, whole) {
            engine.compile_deadline = std::time::Duration::from_secs(seconds);
        }
        if let Some(at_once) = self.at_most(at, "atOnce", &modules.at_once, 1000) {
            engine.compiles_max = at_once as usize;
        }
    }

    fn node(&mut self, node: &Node, limits: &mut Limits) {
        let (at, capacity) = ("node", &mut limits.capacity);
        if let Some(millis) = self.number(at, "cpu", &node.cpu, thousandths) {
            capacity.cpu_millis = millis;
        }
        if let Some(bytes) = self.number(at, "memory", &node.memory, whole) {
            // All of it is for pods: the operator has thought of the rest.
            (capacity.memory_bytes, capacity.memory_reserved_bytes) = (bytes, 0);
            limits.engine.memory_bytes_max = Some(bytes);
        }
        if let Some(pods) = self.at_most(at, "pods", &node.pods, 1_000_000) {
            capacity.pods = pods as usize;
        }
        let storage = self.number(at, "ephemeral-storage", &node.ephemeral_storage, whole);
        capacity.ephemeral_storage_bytes = storage.or(capacity.ephemeral_storage_bytes);
    }

    /// Puts what is said into `bound`, of which nothing may be above its maximum.
    fn bound(
        &mut self,
        at: &str,
        default: &Option<Quantity>,
        max: &Option<Quantity>,
        read: Read,
        bound: &mut Bound,
    ) {
        let given = self.number(at, "default", default, read);
        if let Some(max) = self.number(at, "max", max, read) {
            bound.max = Some(max);
            // What holds when nothing is said is no reason to refuse a lower maximum.
            bound.default = bound.default.map(|default| default.min(max));
        }
        let Some(given) = given else { return };
        bound.default = Some(given);
        if let Some(most) = bound.max.filter(|most| given > *most) {
            match max {
                Some(max) => {
                    self.wrong(at, "default", format!("is more than the max of {}", max.0));
                }
                None => {
                    self.wrong(at, "default", format!("is more than {most}; say a max as well"));
                }
            }
        }
    }

    fn number(
        &mut self,
        at: &str,
        name: &str,
        given: &Option<Quantity>,
        read: Read,
    ) -> Option<u64> {
        let given = given.as_ref()?;
        let number = read(&given.0);
        if number.is_none() {
            let wanted = "is not a number above 0, such as 100, 64Mi or, of a core, 250m";
            self.wrong(at, name, format!("\"{}\" {wanted}", given.0));
        }
        number
    }

    fn at_most(
        &mut self,
        at: &str,
        name: &str,
        given: &Option<Quantity>,
        most: u64,
    ) -> Option<u32> {
        let number = self.number(at, name, given, whole)?;
        if number > most {
            self.wrong(at, name, format!("is more than {most}"));
        }
        u32::try_from(number.min(most)).ok()
    }

    fn wrong(&mut self, at: &str, name: &str, what: impl Display) {
        self.mistakes.push(format!("{at}.{name}: {what}"));
    }
}

/// How a text is read as a number above zero.
type Read = fn(&str) -> Option<u64>;

fn whole(text: &str) -> Option<u64> {
    let amount = Amount::parse(text).filter(|amount| amount.is_whole())?;
    u64::try_from(amount.units()).ok().filter(|number| *number > 0)
}

fn thousandths(text: &str) -> Option<u64> {
    u64::try_from(Amount::parse(text)?.millis()).ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Says everything that there is to say.
    const EVERYTHING: &str = include_str!("../../examples/operator/limits.yaml");

    #[test]
    fn the_example_says_what_it_says() {
        let limits = read(EVERYTHING).expect("the example must be right");
        let pods = limits.pods;
        let bound = |default, max| Bound { default: Some(default), max: Some(max) };
        assert_eq!(pods.memory_bytes, bound(128 << 20, 2 << 30));
        assert_eq!(pods.memory_request_bytes, Some(16 << 20));
        assert_eq!(pods.cpu_millis, bound(500, 1000));
        assert_eq!(pods.fuel, bound(100_000_000_000, 1_000_000_000_000));
        assert_eq!(pods.output_bytes, bound(64 << 20, 1 << 30));
        assert_eq!(pods.open_files, bound(64, 256));
        assert_eq!(pods.network_bytes, bound(64 << 20, 1 << 30));
        assert_eq!(pods.active_deadline_seconds, bound(600, 86_400));
        let runs = limits.runs;
        assert_eq!((runs.output_bytes_per_second, runs.output_burst_bytes), (4 << 20, 16 << 20));
        assert_eq!((runs.directory_bytes, runs.random_bytes), (1 << 20, 1 << 20));
        assert_eq!((runs.subscriptions, limits.engine.instances_max), (256, 500));
        assert_eq!(runs.sockets, 16);
        let engine = limits.engine;
        assert_eq!((engine.module_bytes_max, engine.compiles_max), (64 << 20, 1));
        assert_eq!(engine.compile_deadline, Duration::from_secs(120));
        assert_eq!(engine.memory_bytes_max, Some(4 << 30));
        let node = limits.capacity;
        assert_eq!((node.cpu_millis, node.memory_for_pods_bytes()), (2000, 4 << 30));
        assert_eq!((node.pods, node.ephemeral_storage_bytes), (250, Some(20 << 30)));
    }

    #[test]
    fn what_is_not_said_is_as_it_was() {
        let check = |text: &str| {
            let limits = read(text).expect("it must be right");
            assert_eq!(limits.pods, Limits::default().pods);
            assert_eq!(limits.runs, Limits::default().runs);
        };
        check("");
        check("containers: {}\nnode: {pods: 5}\n");
        let lower = read("containers: {memory: {max: 64Mi}}").expect("it must be right");
        assert_eq!(lower.pods.memory_bytes.grant(None), Some(64 << 20));
    }

    #[test]
    fn every_mistake_is_told() {
        let check = |text: &str, expect: &[&str]| {
            let Err(error) = read(text) else { panic!("it must be refused: {text}") };
            let error = error.to_string();
            assert_eq!(error.lines().collect::<Vec<_>>(), expect, "{text}");
        };
        check(
            "containers:\n  memory: {defualt: 1Mi}\npods:\n  activeDeadline: {}\n",
            &[
                "line 2: unknown field \"containers.memory.defualt\", did you mean \"default\"?",
                "line 4: unknown field \"pods.activeDeadline\"",
            ],
        );
        check(
            "containers: {memory: {default: 2Gi, max: 1Gi}, cpu: {max: none}, fuel: {max: 0}}",
            &[
                "containers.memory.default: is more than the max of 1Gi",
                "containers.cpu.max: \"none\" is not a number above 0, such as 100, 64Mi or, of a \
                 core, 250m",
                "containers.fuel.max: \"0\" is not a number above 0, such as 100, 64Mi or, of a \
                 core, 250m",
            ],
        );
        check(
            "containers: {openFiles: {default: 5000}}\nruns: {atOnce: 100000}",
            &[
                "containers.openFiles.default: is more than 1024; say a max as well",
                "runs.atOnce: is more than 20000",
            ],
        );
    }
}
