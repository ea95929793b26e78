//! Whether a node suits a pod by the pods that are there, and how well: one look at every node, and at
//! no pod. Pure.
//!
//! Source: Kubernetes' plugins PodTopologySpread, InterPodAffinity, NodeAffinity and TaintToleration.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::constraints::{Constraints, Near, Role, Spread, Term};
use super::nodes::{NodeId, Nodes};
use super::request::{Class, Request};
use super::score::{self, AFFINITY, COMPANY, SPREAD, TAINTS};
use super::selector::Selector;
use super::selectors::{Asking, Counts, SelectorId, Selectors, Step};
use super::sight::{Rank, Work};
use super::tally::{NodeTally, Refusal};

/// How many pods there are, by the value of a label of their nodes.
type Domains<'a> = HashMap<&'a str, u64, RandomState>;

/// All nodes, as the pods that are there make them to the pods of one class.
pub(super) struct Company<'a> {
    class: &'a Class,
    nodes: &'a Nodes,
    selectors: &'a Selectors,
    known: Vec<(NodeId, &'a NodeTally)>,
    near: Option<NearBy<'a>>,
    against: Vec<Against<'a>>,
    spread: Vec<Spreading<'a>>,
}

/// The pods that must be near.
struct NearBy<'a> {
    selector: Option<SelectorId>,
    by_key: Vec<(&'a str, Domains<'a>)>,
    /// How many there are, by each of the labels.
    count: u64,
    /// Whether the pod is one of them itself: where there are none, it may be the first.
    is_own: bool,
}

/// Where a pod may not come.
struct Against<'a> {
    /// By which label.
    key: &'a str,
    /// How many are against it.
    domains: Domains<'a>,
    who: Who,
    why: &'static str,
}

/// Pods that keep others away.
enum Who {
    /// Those that this selects.
    Selected(Option<SelectorId>),
    /// Those that ask by this for nobody near.
    Asking(SelectorId),
}

/// A spread that must be kept.
struct Spreading<'a> {
    spread: &'a Spread,
    domains: Domains<'a>,
    selector: Option<SelectorId>,
    /// How many are where the fewest are.
    fewest: u64,
    /// The two domains where the fewest are, and how many: looked up when pods are moved.
    two_fewest: Option<[(&'a str, u64); 2]>,
    /// Whether the pod itself is one of those that are spread.
    is_own: bool,
}

/// Whether pods of `class` are placed by more than the room that nodes have: if not, the best node by
/// room is the best.
pub(super) fn matters(class: &Class, nodes_have_mild_taints: bool) -> bool {
    let request = &class.request;
    depends_on_pods(class) || request.affinity.prefers() || nodes_have_mild_taints
}

/// Whether it matters to them which pods are where.
pub(super) fn depends_on_pods(class: &Class) -> bool {
    class.request.constraints.is_some() || !class.selected_by.is_empty()
}

impl<'a> Company<'a> {
    pub(super) fn of(
        class: &'a Class,
        nodes: &'a Nodes,
        selectors: &'a Selectors,
        work: &mut Work,
    ) -> Self {
        let known = nodes.known();
        work.nodes += known.len() as u64;
        let mut this = Self {
            class,
            nodes,
            selectors,
            known,
            near: None,
            against: Vec::new(),
            spread: Vec::new(),
        };
        this.against = this.forbidding();
        if let Some(constraints) = this.constraints() {
            this.near = constraints.near.as_ref().map(|near| this.near_by(near));
            this.spread = this.spreading(constraints);
        }
        this
    }

    fn constraints(&self) -> Option<&'a Constraints> {
        self.class.request.constraints.as_deref()
    }

    /// The sums of `counts` by the label `key` of the nodes that `count`.
    fn domains(
        &self,
        key: &str,
        counts: &Counts,
        count: impl Fn(&NodeTally) -> bool,
    ) -> Domains<'a> {
        let mut domains = Domains::default();
        for (id, node) in self.known.iter().filter(|(_, node)| count(node)) {
            if let Some(value) = node.label(key) {
                *domains.entry(value).or_default() += counts.on(*id);
            }
        }
        domains
    }

    /// Whether `selector` selects the pod itself.
    fn is_own(&self, selector: &Arc<Selector>) -> bool {
        let id = self.selectors.id(selector);
        id.is_some_and(|id| self.class.selected_by.binary_search(&id).is_ok())
    }

    fn near_by(&self, near: &'a Near) -> NearBy<'a> {
        let counts = self.selectors.selected(&near.selector);
        let by_key = near.keys.iter().map(|key| (&**key, self.domains(key, counts, |_| true)));
        let by_key: Vec<_> = by_key.collect();
        NearBy {
            selector: self.selectors.id(&near.selector),
            count: by_key.iter().flat_map(|(_, domains)| domains.values()).sum(),
            by_key,
            is_own: self.is_own(&near.selector),
        }
    }

    /// Its own anti-affinity first, then that of those that are there.
    fn forbidding(&self) -> Vec<Against<'a>> {
        let far = self.constraints().into_iter().flat_map(|it| &it.far);
        let own = far.map(|term| Against {
            key: &term.key,
            domains: self.domains(&term.key, self.selectors.selected(&term.selector), |_| true),
            who: Who::Selected(self.selectors.id(&term.selector)),
            why: "node(s) didn't match pod anti-affinity rules",
        });
        let asking = self.selectors.asking(&self.class.selected_by);
        let forbid = asking.filter(|it| it.role == Role::Forbids);
        let theirs = forbid.map(|Asking { selector, key, counts, .. }| Against {
            key,
            domains: self.domains(key, counts, |_| true),
            who: Who::Asking(selector),
            why: "node(s) didn't satisfy existing pods anti-affinity rules",
        });
        own.chain(theirs).collect()
    }

    fn spreading(&self, constraints: &'a Constraints) -> Vec<Spreading<'a>> {
        let all = &constraints.hard_spread;
        let spreading = |spread: &'a Spread| {
            let domains = self.spread_domains(spread, all);
            let fewest = match domains.len() < spread.domains_min {
                true => 0,
                false => domains.values().copied().min().unwrap_or_default(),
            };
            Spreading {
                spread,
                domains,
                selector: self.selectors.id(&spread.selector),
                fewest,
                two_fewest: None,
                is_own: self.is_own(&spread.selector),
            }
        };
        all.iter().map(spreading).collect()
    }

    /// Those that count have the labels of all constraints, and are not left out by the policies.
    fn spread_domains(&self, spread: &Spread, all: &[Spread]) -> Domains<'a> {
        let counts = self.selectors.selected(&spread.selector);
        self.domains(&spread.key, counts, |node| spread.counts(all, node, self.request()))
    }

    fn request(&self) -> &'a Request {
        &self.class.request
    }

    /// Why a node that has room does not take the pod; nothing if it does.
    pub(super) fn refusal(&self, node: NodeId) -> Option<Refusal> {
        let node = &self.nodes[node];
        self.spread_refusal(node).or_else(|| self.near_refusal(node)).or_else(|| {
            let is_against = |it: &&Against<'_>| {
                let count = node.label(it.key).and_then(|value| it.domains.get(value));
                count.is_some_and(|count| *count > 0)
            };
            self.against.iter().find(is_against).map(|it| Refusal::for_now(it.why))
        })
    }

    fn spread_refusal(&self, node: &NodeTally) -> Option<Refusal> {
        const WHY: &str = "node(s) didn't match pod topology spread constraints";
        for Spreading { spread, domains, fewest, is_own, .. } in &self.spread {
            let Some(value) = node.label(&spread.key) else {
                return Some(Refusal::lasting(&format!("{WHY} (missing required label)")));
            };
            let count = domains.get(value).copied().unwrap_or_default() + u64::from(*is_own);
            let skew = i64::try_from(count).unwrap_or(i64::MAX)
                - i64::try_from(*fewest).unwrap_or(i64::MAX);
            if skew > spread.skew_max {
                return Some(Refusal::for_now(WHY));
            }
        }
        None
    }

    fn near_refusal(&self, node: &NodeTally) -> Option<Refusal> {
        let NearBy { by_key, count, is_own, .. } = self.near.as_ref()?;
        let may_be_first = *count == 0 && *is_own;
        let is_near = |domains: &Domains<'_>, value: &str| {
            may_be_first || domains.get(value).is_some_and(|count| *count > 0)
        };
        let mut keys = by_key.iter();
        let are_near =
            keys.all(|(key, domains)| node.label(key).is_some_and(|value| is_near(domains, value)));
        (!are_near).then(|| Refusal::lasting("node(s) didn't match pod affinity rules"))
    }

    /// As it would be if a pod of `other` left a node, or came back to it: one node's at a time, and
    /// in the end none is away.
    pub(super) fn shift(&mut self, other: &Class, node: NodeId, step: Step) {
        let (selectors, node) = (self.selectors, &self.nodes[node]);
        let is_selected = |id: &Option<SelectorId>| {
            id.is_some_and(|id| other.selected_by.binary_search(&id).is_ok())
        };
        if let Some(near) = self.near.as_mut().filter(|it| is_selected(&it.selector)) {
            for (key, domains) in &mut near.by_key {
                if let Some(count) = count_at(node, key, domains) {
                    move_by(count, step, 1);
                    move_by(&mut near.count, step, 1);
                }
            }
        }
        for against in &mut self.against {
            let times = match &against.who {
                Who::Selected(selector) => u64::from(is_selected(selector)),
                Who::Asking(selector) => forbids(other, *selector, against.key, selectors),
            };
            if let Some(count) = count_at(node, against.key, &mut against.domains) {
                move_by(count, step, times);
            }
        }
        let all = self.constraints().map(|it| it.hard_spread.as_slice()).unwrap_or_default();
        let request = self.request();
        for spreading in self.spread.iter_mut().filter(|it| is_selected(&it.selector)) {
            if spreading.spread.counts(all, node, request) {
                spreading.shift(node, step);
            }
        }
    }

    /// The best of the nodes that have room, in this order, if one takes the pod.
    pub(super) fn best<'b>(&self, fitting: impl Iterator<Item = &'b Rank>) -> Option<NodeId> {
        let taking: Vec<&Rank> = fitting.filter(|it| self.refusal(it.node).is_none()).collect();
        let mut scores: Vec<i64> = taking.iter().map(|rank| rank.score.0).collect();
        let mut add = |weight: i64, more: Vec<i64>| {
            for (score, more) in scores.iter_mut().zip(more) {
                *score += weight * more;
            }
        };
        let nodes: Vec<(NodeId, &NodeTally)> =
            taking.iter().map(|rank| (rank.node, &self.nodes[rank.node])).collect();
        let values = |value: &dyn Fn(&NodeTally) -> i64| {
            nodes.iter().map(|(_, node)| value(node)).collect::<Vec<_>>()
        };
        let request = self.request();
        let taints = values(&|node| node.mild_taints(request));
        add(TAINTS, scaled(&taints, score::fewest));
        let preference = values(&|node| node.preference(request));
        add(AFFINITY, scaled(&preference, score::most));
        add(COMPANY, self.company(&nodes));
        add(SPREAD, self.soft_spread(&nodes));
        let ranked = taking.iter().zip(scores);
        let best =
            ranked.min_by_key(|(rank, score)| (Reverse(*score), rank.pods, Arc::clone(&rank.name)));
        best.map(|(rank, _)| rank.node)
    }

    /// `InterPodAffinity`: what it prefers of pods, and what they prefer of it.
    fn company(&self, nodes: &[(NodeId, &NodeTally)]) -> Vec<i64> {
        let own = self.constraints().into_iter().flat_map(|it| &it.weighed);
        let own = own.map(|(weight, term)| {
            (*weight, term.key.as_str(), self.selectors.selected(&term.selector))
        });
        let asking = self.selectors.asking(&self.class.selected_by);
        let theirs = asking.filter_map(|it| match it.role {
            Role::Weighs(weight) => Some((weight, it.key, it.counts)),
            Role::Forbids => None,
        });
        let mut sums: BTreeMap<&str, HashMap<&str, i64, RandomState>> = BTreeMap::new();
        for (weight, key, counts) in own.chain(theirs) {
            let by_value = sums.entry(key).or_default();
            for (value, count) in self.domains(key, counts, |_| true) {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                *by_value.entry(value).or_default() += weight.saturating_mul(count);
            }
        }
        let sum = |node: &NodeTally| {
            let of_key = |(key, by_value): (&&str, &HashMap<&str, i64, RandomState>)| {
                node.label(key).and_then(|value| by_value.get(value)).copied()
            };
            sums.iter().filter_map(of_key).sum::<i64>()
        };
        let values: Vec<i64> = nodes.iter().map(|(_, node)| sum(node)).collect();
        let min = values.iter().copied().min().unwrap_or_default();
        scaled(&values, |value, max| score::between(value, min, max))
    }

    /// `PodTopologySpread`: the fewer of the pods that are spread the better, the more so the more
    /// domains there are.
    fn soft_spread(&self, nodes: &[(NodeId, &NodeTally)]) -> Vec<i64> {
        let all = self.constraints().map(|it| it.soft_spread.as_slice()).unwrap_or_default();
        if all.is_empty() {
            return Vec::new();
        }
        let counts = |node: &NodeTally| all.iter().all(|it| node.label(&it.key).is_some());
        let spreads: Vec<_> = all
            .iter()
            .map(|spread| {
                let offered = nodes.iter().filter(|(_, node)| counts(node));
                let mut values: Vec<_> =
                    offered.filter_map(|(_, node)| node.label(&spread.key)).collect();
                values.sort_unstable();
                values.dedup();
                (spread, self.spread_domains(spread, all), weight_of(values.len()))
            })
            .collect();
        let value = |node: &NodeTally| {
            let of = |(spread, domains, weight): &(&Spread, Domains<'_>, i64)| {
                let count = node.label(&spread.key).and_then(|value| domains.get(value));
                let count = i64::try_from(count.copied().unwrap_or_default()).unwrap_or(i64::MAX);
                count.saturating_mul(*weight).saturating_add((spread.skew_max - 1) * 1000)
            };
            counts(node).then(|| spreads.iter().map(of).sum::<i64>())
        };
        let values: Vec<Option<i64>> = nodes.iter().map(|(_, node)| value(node)).collect();
        let known = || values.iter().flatten().copied();
        let (min, max) = (known().min().unwrap_or_default(), known().max().unwrap_or_default());
        let scaled = |value: Option<i64>| match value {
            // One that lacks a label is the last choice.
            None => 0,
            Some(_) if max == 0 => score::FULL,
            Some(value) => score::most(max + min - value, max),
        };
        values.into_iter().map(scaled).collect()
    }
}

impl Spread {
    /// Whether what is on a node counts, of those that have to be spread by `all`.
    fn counts(&self, all: &[Self], node: &NodeTally, request: &Request) -> bool {
        all.iter().all(|it| node.label(&it.key).is_some())
            && (!self.honours_affinity || node.is_asked_for(request))
            && (!self.honours_taints || !node.has_untolerated_taint(request))
    }
}

impl<'a> Spreading<'a> {
    fn shift(&mut self, node: &'a NodeTally, step: Step) {
        let Some(value) = node.label(&self.spread.key) else { return };
        let [first, second] = *self.two_fewest.get_or_insert_with(|| {
            let mut two = [("", u64::MAX); 2];
            for (value, count) in self.domains.iter().map(|(value, count)| (*value, *count)) {
                if count < two[0].1 {
                    two = [(value, count), two[0]];
                } else if count < two[1].1 {
                    two[1] = (value, count);
                }
            }
            two
        });
        // All others are as they were.
        let others = if first.0 == value { second.1 } else { first.1 };
        let Some(count) = self.domains.get_mut(value) else { return };
        move_by(count, step, 1);
        let own = *count;
        if self.domains.len() >= self.spread.domains_min {
            self.fewest = own.min(others);
        }
    }
}

/// How many are counted where a node is.
fn count_at<'b>(node: &NodeTally, key: &str, domains: &'b mut Domains<'_>) -> Option<&'b mut u64> {
    node.label(key).and_then(|value| domains.get_mut(value))
}

/// How often a pod of `class` asks by `selector` for nobody near by this label.
fn forbids(class: &Class, selector: SelectorId, key: &str, selectors: &Selectors) -> u64 {
    let far = class.request.constraints.iter().flat_map(|it| &it.far);
    let same = |term: &&Term| term.key == key && selectors.id(&term.selector) == Some(selector);
    far.filter(same).count() as u64
}

fn move_by(count: &mut u64, step: Step, times: u64) {
    *count = match step {
        Step::Comes => *count + times,
        Step::Leaves => count.saturating_sub(times),
    };
}

/// What one pod weighs where there are so many domains, in thousandths: the logarithm of two more.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "there are few")]
fn weight_of(domains: usize) -> i64 {
    (((domains + 2) as f64).ln() * 1000.0).round() as i64
}

/// Each of `values`, by the largest of them.
fn scaled(values: &[i64], scale: impl Fn(i64, i64) -> i64) -> Vec<i64> {
    let max = values.iter().copied().max().unwrap_or_default();
    values.iter().map(|value| scale(*value, max)).collect()
}
