//! The lines of `mayfly top`: columns, order and sums. Pure.
//!
//! Every cell has one after it, so that even the last is filled up with blanks, as kubectl does.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::SignedDuration;
use mayfly_controller::api::metrics::{NodeMetrics, PodMetrics};
use mayfly_controller::api::{ObjectMeta, Quantity};
use mayfly_controller::quantity::Amount;

use super::used::{Used, per_cent};
use crate::args::client::SortBy;
use crate::client::columns::{Columns, TABLE};
use crate::client::table::escaped;

/// What stands above a sum.
const RULE: &str = "________";

/// How pods are shown.
pub(super) struct PodLines {
    pub(super) with_namespace: bool,
    pub(super) with_containers: bool,
    pub(super) with_headers: bool,
    pub(super) with_sum: bool,
    pub(super) sort_by: Option<SortBy>,
}

impl PodLines {
    /// Of `metrics`, all.
    pub(super) fn of(&self, metrics: &[PodMetrics]) -> String {
        let mut rows = Vec::new();
        if self.with_headers {
            let names = [(self.with_namespace, "NAMESPACE"), (self.with_containers, "POD")];
            let mut titles: Vec<&str> =
                names.iter().filter(|(is_shown, _)| *is_shown).map(|(_, name)| *name).collect();
            titles.extend(["NAME", "CPU(cores)", "MEMORY(bytes)"]);
            rows.push(titles.into_iter().map(str::to_owned).collect());
        }
        let mut pods: Vec<(&PodMetrics, Used)> = metrics.iter().map(|it| (it, sum(it))).collect();
        let with_namespace = self.with_namespace;
        sort(&mut pods, self.sort_by, |pod| {
            let name = name_of(&pod.metadata);
            if with_namespace { (namespace_of(&pod.metadata), name) } else { (String::new(), name) }
        });
        for (pod, used) in &pods {
            rows.extend(self.rows(pod, *used));
        }
        if self.with_sum {
            let total = pods.iter().fold(Used::default(), |total, (_, used)| total + *used);
            // kubectl forgets of these columns without their names.
            let before = usize::from(self.with_headers)
                * (usize::from(self.with_namespace) + usize::from(self.with_containers));
            let blank = |count: usize| vec![String::new(); count];
            rows.push([blank(before + 1), vec![RULE.to_owned(); 2]].concat());
            rows.push([blank(before + 1), total.cells().to_vec()].concat());
        }
        aligned(rows)
    }

    /// A pod's line, or those of its containers.
    fn rows(&self, pod: &PodMetrics, used: Used) -> Vec<Vec<String>> {
        let mut first = Vec::new();
        if self.with_namespace {
            first.push(namespace_of(&pod.metadata));
        }
        if !self.with_containers {
            first.push(name_of(&pod.metadata));
            return vec![[first, used.cells().to_vec()].concat()];
        }
        first.push(name_of(&pod.metadata));
        let containers = pod.containers.iter();
        let mut containers: Vec<_> = containers.map(|it| (it, Used::of(&it.usage))).collect();
        sort(&mut containers, self.sort_by, |container| escaped(&container.name));
        let row = |name: &str, used: Used| {
            [first.clone(), vec![escaped(name)], used.cells().to_vec()].concat()
        };
        containers.into_iter().map(|(container, used)| row(&container.name, used)).collect()
    }
}

/// How nodes are shown.
pub(super) struct NodeLines {
    pub(super) with_headers: bool,
    pub(super) sort_by: Option<SortBy>,
}

impl NodeLines {
    /// Of `metrics`, all, with their shares of what each node has; then nodes without metrics.
    pub(super) fn of(
        &self,
        metrics: &[NodeMetrics],
        available: &BTreeMap<String, BTreeMap<String, Quantity>>,
    ) -> String {
        let mut rows: Vec<Vec<String>> = Vec::new();
        if self.with_headers {
            let titles = ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"];
            rows.push(titles.map(str::to_owned).to_vec());
        }
        let nodes = metrics.iter().map(|it| (it, Used::of(&it.usage)));
        let mut nodes: Vec<_> = nodes.collect();
        sort(&mut nodes, self.sort_by, |node| name_of(&node.metadata));
        for (node, used) in &nodes {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            let has = available.get(name);
            let [cpu, memory] = used.cells();
            let mut row = vec![escaped(name)];
            for (resource, cell, part) in [("cpu", cpu, used.cpu), ("memory", memory, used.memory)]
            {
                row.push(cell);
                let whole = has.and_then(|has| has.get(resource));
                row.extend(whole.map(|whole| per_cent(part, Amount::of(whole))));
            }
            rows.push(row);
        }
        let is_measured =
            |name: &str| metrics.iter().any(|it| it.metadata.name.as_deref() == Some(name));
        for name in available.keys().filter(|name| !is_measured(name)) {
            rows.push([vec![escaped(name)], vec!["<unknown>".to_owned(); 4]].concat());
        }
        aligned(rows)
    }
}

fn sum(pod: &PodMetrics) -> Used {
    pod.containers.iter().fold(Used::default(), |sum, it| sum + Used::of(&it.usage))
}

/// The largest first, or else by name.
fn sort<T, K: Ord>(items: &mut [(&T, Used)], by: Option<SortBy>, name: impl Fn(&T) -> K) {
    match by {
        Some(SortBy::Cpu) => items.sort_by_key(|(_, used)| Reverse(used.cpu.millis())),
        Some(SortBy::Memory) => items.sort_by_key(|(_, used)| Reverse(used.memory.units())),
        None => items.sort_by_key(|(item, _)| name(item)),
    }
}

fn name_of(metadata: &ObjectMeta) -> String {
    escaped(metadata.name.as_deref().unwrap_or_default())
}

fn namespace_of(metadata: &ObjectMeta) -> String {
    escaped(metadata.namespace.as_deref().unwrap_or_default())
}

fn aligned(mut rows: Vec<Vec<String>>) -> String {
    rows.iter_mut().for_each(|row| row.push(String::new()));
    Columns::new(TABLE).lines(&rows)
}

/// A time as Go writes it: `2m4.5s`.
pub(super) fn go_duration(duration: SignedDuration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    let mut fraction = format!(".{nanos:09}");
    fraction.truncate(fraction.trim_end_matches('0').trim_end_matches('.').len());
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}{fraction}s"),
        (0, _) => format!("{minutes}m{seconds}{fraction}s"),
        _ => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, name: &str, containers: &[(&str, &str, &str)]) -> PodMetrics {
        let containers = containers.iter().map(
            |(name, cpu, memory)| json!({"name": name, "usage": {"cpu": cpu, "memory": memory}}),
        );
        serde_json::from_value(json!({
            "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics",
            "metadata": {"namespace": namespace, "name": name},
            "timestamp": "2026-01-01T00:00:00Z", "window": "15s",
            "containers": containers.collect::<Vec<_>>(),
        }))
        .unwrap()
    }

    const PLAIN: PodLines = PodLines {
        with_namespace: false,
        with_containers: false,
        with_headers: true,
        with_sum: false,
        sort_by: None,
    };

    #[test]
    fn pods_are_shown_as_kubectl_shows_them() {
        let pods = [
            pod("b", "idle", &[("main", "0", "1100Ki"), ("other", "1n", "1Mi")]),
            pod("a", "pi", &[("main", "250500000n", "52000Ki")]),
        ];
        let check = |lines: PodLines, expect: &str| assert_eq!(lines.of(&pods), expect);
        check(
            PLAIN,
            "NAME   CPU(cores)   MEMORY(bytes)   \n\
             idle   1m           2Mi             \n\
             pi     251m         50Mi            \n",
        );
        check(
            PodLines { sort_by: Some(SortBy::Cpu), with_headers: false, ..PLAIN },
            "pi     251m   50Mi   \nidle   1m     2Mi    \n",
        );
        check(
            PodLines { with_namespace: true, with_sum: true, ..PLAIN },
            "NAMESPACE   NAME   CPU(cores)   MEMORY(bytes)   \n\
             a           pi     251m         50Mi            \n\
             b           idle   1m           2Mi             \n\
             \x20                  ________     ________        \n\
             \x20                  251m         52Mi            \n",
        );
        check(
            PodLines { with_containers: true, sort_by: Some(SortBy::Memory), ..PLAIN },
            "POD    NAME    CPU(cores)   MEMORY(bytes)   \n\
             pi     main    251m         50Mi            \n\
             idle   main    0m           1Mi             \n\
             idle   other   1m           1Mi             \n",
        );
    }

    #[test]
    fn nodes_are_shown_with_their_shares() {
        let node: NodeMetrics = serde_json::from_value(json!({
            "apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics",
            "metadata": {"name": "here"}, "timestamp": "2026-01-01T00:00:00Z", "window": "15s",
            "usage": {"cpu": "1500m", "memory": "512Mi"},
        }))
        .unwrap();
        let has = |cpu: &str, memory: &str| {
            let all = [("cpu", cpu), ("memory", memory)];
            all.map(|(name, it)| (name.to_owned(), Quantity(it.to_owned()))).into()
        };
        let available =
            [("here".to_owned(), has("4", "3Gi")), ("there".to_owned(), has("1", "0"))].into();
        let lines = NodeLines { with_headers: true, sort_by: None };
        assert_eq!(
            lines.of(&[node], &available),
            "NAME    CPU(cores)   CPU(%)      MEMORY(bytes)   MEMORY(%)   \n\
             here    1500m        37%         512Mi           16%         \n\
             there   <unknown>    <unknown>   <unknown>       <unknown>   \n"
        );
    }

    #[test]
    fn a_name_does_not_paint_the_terminal() {
        let pods = [pod("a", "x\x1b[31m", &[("m\ty", "1", "1")])];
        let shown = PodLines { with_containers: true, with_headers: false, ..PLAIN }.of(&pods);
        assert_eq!(shown, "x^[[31m   m y   1000m   0Mi   \n");
    }

    #[test]
    fn times_are_gos() {
        let check = |nanos: i64, expect: &str| {
            assert_eq!(go_duration(SignedDuration::from_nanos(nanos)), expect);
        };
        check(124_000_000_000, "2m4s");
        check(124_500_000_000, "2m4.5s");
        check(3_600_000_000_001, "1h0m0.000000001s");
        check(1_000_000_000, "1s");
    }
}
