//! Many hosts and very many pods: even, within what each host has, and at the same cost for each pod
//! however many there are.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::scheduler::known::BoundSpecs;

const HOSTS: usize = 50;
const PODS: usize = 100_000;
/// As the scheduler decides them.
const BATCH: usize = 1_000;

/// A host with room for so many pods of each measure.
fn host(number: usize, room: usize) -> Node {
    let allocatable = json!({
        "cpu": format!("{}m", 10 * room), "memory": format!("{room}Mi"), "pods": room.to_string(),
        "example.org/disk": room.to_string(),
    });
    let name = format!("host-{number:02}");
    serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"zone": format!("zone-{}", number % 5)}},
        "status": {"allocatable": allocatable},
    }))
    .unwrap()
}

/// Makes pods of so many sorts, each of which asks for something else. Those of one have one spec.
struct Maker(Vec<Pod>);

impl Maker {
    fn new(sorts: usize) -> Self {
        let pod = |sort: usize| {
            let requests = json!({
                "cpu": format!("{}m", 10 - sort % 3), "memory": "1Mi", "example.org/disk": "1",
            });
            serde_json::from_value(json!({
                "metadata": {"namespace": "ns", "labels": {"sort": sort.to_string()}},
                "spec": {
                    "containers": [{"name": "c", "resources": {"requests": requests}}],
                    "tolerations": [{"key": sort.to_string(), "operator": "Exists"}],
                },
            }))
            .unwrap()
        };
        Self((0..sorts).map(pod).collect())
    }

    fn pod(&self, number: usize) -> Arc<Pod> {
        let mut pod = self.0[number % self.0.len()].clone();
        pod.metadata.name = Some(format!("p{number}"));
        pod.metadata.uid = Some(format!("uid-{number}"));
        Arc::new(pod)
    }
}

/// Decides on all that wait; how many are on each node.
fn decide_all(index: &mut Index) -> BTreeMap<String, usize> {
    let (mut found, mut specs) = (BTreeMap::new(), BoundSpecs::default());
    loop {
        let decisions = index.decide(BATCH);
        if decisions.is_empty() {
            return found;
        }
        for decision in decisions {
            if let Decision::Bind { pod, node } = decision {
                *found.entry(node.to_string()).or_default() += 1;
                let spec = specs.on(pod.spec.as_ref().unwrap(), &node);
                index.pod(&changed(&pod, |pod| pod.spec = Some(spec)));
            }
        }
    }
}

/// What it costs to place pods beside those that are there already.
fn cost(index: &mut Index, pods: impl Iterator<Item = Arc<Pod>>) -> Work {
    let before = index.work();
    pods.for_each(|pod| index.pod(&pod));
    decide_all(index);
    let after = index.work();
    Work {
        nodes: after.nodes - before.nodes,
        lanes: after.lanes - before.lanes,
        pods: after.pods - before.pods,
    }
}

#[test]
fn a_hundred_thousand_pods_are_spread_evenly_over_fifty_hosts() {
    let mut index = Index::default();
    let room = PODS / HOSTS;
    (0..HOSTS).for_each(|number| index.node(&host(number, room)));
    let maker = Maker::new(7);
    (0..PODS).for_each(|number| index.pod(&maker.pod(number)));
    let placed = decide_all(&mut index);
    // There is room for exactly so many, so none may be over it, and none under.
    assert_eq!(placed.len(), HOSTS);
    assert!(placed.values().all(|pods| *pods == room), "{placed:?}");
    // One more has to wait, and is told.
    index.pod(&maker.pod(PODS));
    let Decision::Wait { message, .. } = &index.decide(BATCH)[0] else { panic!("it must wait") };
    let reasons = "0/50 nodes are available: 50 Insufficient example.org/disk, 50 Insufficient \
                   memory, 50 Too many pods.";
    assert!(message.starts_with(reasons), "{message}");
}

#[test]
fn hosts_that_are_half_empty_are_even_at_every_moment() {
    let mut index = Index::default();
    (0..HOSTS).for_each(|number| index.node(&host(number, 100)));
    let maker = Maker::new(1);
    let mut placed: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    for number in 0..HOSTS * 50 {
        index.pod(&maker.pod(number));
        let [Decision::Bind { node, .. }] = &index.decide(BATCH)[..] else { panic!("it fits") };
        *placed.entry(Arc::clone(node)).or_default() += 1;
        let (min, max) = (placed.values().min().unwrap(), placed.values().max().unwrap());
        assert!(placed.len() < HOSTS || max - min <= 1, "{placed:?}");
    }
}

#[test]
fn larger_hosts_take_more() {
    let mut index = Index::default();
    index.node(&host(0, 100));
    index.node(&host(1, 300));
    let maker = Maker::new(1);
    (0..200).for_each(|number| index.pod(&maker.pod(number)));
    let placed: Vec<_> = decide_all(&mut index).into_values().collect();
    assert_eq!(placed, [50, 150]);
}

#[test]
fn what_a_pod_costs_does_not_grow_with_the_pods_that_are_there_or_wait() {
    let mut index = Index::default();
    (0..HOSTS).for_each(|number| index.node(&host(number, PODS / HOSTS)));
    let sorts = 7;
    let maker = Maker::new(sorts);
    let mut next = 0;
    let mut more = |count: usize| {
        next += count;
        (next - count..next).map(|number| maker.pod(number))
    };
    let of_few = cost(&mut index, more(5_000));
    let early = cost(&mut index, more(5_000));
    // A great many are bound by now.
    cost(&mut index, more(80_000));
    let late = cost(&mut index, more(5_000));
    // Each looks at the one node that has changed for each pod before it, of its sort or another.
    let each = early.nodes / 5_000;
    assert!(each <= sorts as u64 + 1, "{early:?}");
    assert_eq!((late.nodes, late.lanes, late.pods), (early.nodes, early.lanes, 0), "{of_few:?}");
}

#[test]
fn what_a_pod_costs_that_looks_at_others_does_not_grow_either() {
    let maker = Maker::new(1);
    let spread = |number: usize| {
        changed(&maker.pod(number), |pod| {
            let spec = pod.spec.as_mut().unwrap();
            let selector = json!({"matchLabels": {"sort": "0"}});
            spec.topology_spread_constraints = serde_json::from_value(json!([{
                "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": selector,
            }]))
            .unwrap();
            let term = json!({"weight": 10, "podAffinityTerm": {
                "topologyKey": "zone", "labelSelector": selector,
            }});
            let preferred = json!({"preferredDuringSchedulingIgnoredDuringExecution": [term]});
            let affinity = json!({"podAntiAffinity": preferred});
            spec.affinity = serde_json::from_value(affinity).unwrap();
        })
    };
    let mut index = Index::default();
    (0..HOSTS).for_each(|number| index.node(&host(number, 400)));
    cost(&mut index, (0..1_000).map(spread));
    let early = cost(&mut index, (1_000..2_000).map(spread));
    cost(&mut index, (2_000..9_000).map(spread));
    let late = cost(&mut index, (9_000..10_000).map(spread));
    assert_eq!((late.nodes, late.lanes, late.pods), (early.nodes, early.lanes, 0));
    assert!(early.nodes <= 1_000 * (HOSTS as u64 + 3), "{early:?}");
    // A new selector looks at the pods that it may mean, not at all that are there.
    let other = |number: usize| {
        changed(&spread(number), |pod| {
            let labels = json!({"sort": "0", "job": "new"});
            pod.metadata.labels = serde_json::from_value(labels).unwrap();
            let constraint = &mut pod.spec.as_mut().unwrap().topology_spread_constraints;
            constraint.as_mut().unwrap()[0].match_label_keys = Some(vec!["job".to_owned()]);
        })
    };
    let new = cost(&mut index, (10_000..10_010).map(other));
    assert!(new.pods <= 10, "{new:?}");
}

/// What it costs that one pod has another go, on hosts that each have so many of a lower priority.
fn cost_of_preemption(lower: usize, change: impl Fn(&mut Pod)) -> Work {
    let mut index = Index::default();
    (0..HOSTS).for_each(|number| index.node(&host(number, lower)));
    let maker = Maker::new(1);
    (0..HOSTS * lower).for_each(|number| index.pod(&maker.pod(number)));
    decide_all(&mut index);
    let before = index.work();
    index.pod(&changed(&maker.pod(PODS), |pod| {
        pod.spec.as_mut().unwrap().priority = Some(10);
        change(pod);
    }));
    let decisions = index.decide(BATCH);
    let [Decision::Preempt { victims, .. }] = &decisions[..] else { panic!("{decisions:?}") };
    assert_eq!(victims.len(), 1);
    let after = index.work();
    Work {
        nodes: after.nodes - before.nodes,
        lanes: after.lanes - before.lanes,
        pods: after.pods - before.pods,
    }
}

#[test]
fn what_it_costs_that_others_go_grows_with_those_that_could_and_no_faster() {
    let spread = |pod: &mut Pod| {
        let spec = pod.spec.as_mut().unwrap();
        let selector = json!({"matchLabels": {"sort": "0"}});
        spec.topology_spread_constraints = serde_json::from_value(json!([{
            "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": selector,
        }]))
        .unwrap();
        let term = json!({"topologyKey": "zone", "labelSelector": {"matchLabels": {"no": "such"}}});
        let apart = json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]});
        spec.affinity = serde_json::from_value(json!({"podAntiAffinity": apart})).unwrap();
    };
    let hosts = HOSTS as u64;
    for lower in [10, 40] {
        let plain = cost_of_preemption(lower, |_| {});
        let spread = cost_of_preemption(lower, spread);
        let lower = lower as u64;
        assert!(plain.nodes <= 2 * hosts && spread.nodes <= 4 * hosts, "{plain:?} {spread:?}");
        // Each of them is tried to be without, and to be with again; and held against the selector.
        assert!(plain.pods <= 2 * hosts * lower, "{plain:?}");
        assert!(spread.pods <= 3 * hosts * lower, "{spread:?}");
    }
}
