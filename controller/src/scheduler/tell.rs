//! Why pods wait, and who is told. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::company::{self, Company};
use super::index::{Decision, Index};
use super::lanes::LaneId;
use super::message::{self, NEVER, NO_VICTIMS, NOT_HELPFUL, Preemption, UNDER_WAY};
use super::nodes::NodeId;
use super::request::Class;
use super::tally::Refusal;
use super::trial::Trial;

impl Index {
    /// Tells the pods that are stuck why, each once.
    pub(super) fn tell(&mut self, decisions: &mut Vec<Decision>, decisions_max: usize) {
        while decisions.len() < decisions_max
            && let Some(lane) = self.lanes.to_tell()
        {
            let mut messages: BTreeMap<Preemption, String> = BTreeMap::new();
            while decisions.len() < decisions_max
                && let Some(turn) = self.lanes.tell(lane)
            {
                let preemption = match self.lanes.lane(lane).is_waited_for(&turn) {
                    true => Preemption::IsUnderWay,
                    false => Preemption::Fails,
                };
                let message = messages.entry(preemption);
                let message = message.or_insert_with(|| self.why_not(lane, Some(preemption)));
                let pod = self.pods.get(&turn.uid).map(|place| Arc::clone(&place.pod));
                decisions.extend(pod.map(|pod| Decision::Wait { pod, message: message.clone() }));
            }
        }
    }

    /// Why no node takes the pods of a lane, and why none goes for them, if none does.
    pub(super) fn why_not(&mut self, id: LaneId, preemption: Option<Preemption>) -> String {
        let class = Arc::clone(&self.lanes.lane(id).class);
        let refusals = self.refusals(&class);
        let preemption = match preemption {
            None => None,
            Some(_) if !class.request.preempts => Some(NEVER.to_owned()),
            Some(Preemption::IsUnderWay) => Some(UNDER_WAY.to_owned()),
            Some(Preemption::Fails) => Some(self.why_none_goes(&class, &refusals)),
        };
        let refusals: Vec<_> = refusals.into_iter().map(|(_, refusals)| refusals).collect();
        message::unschedulable(&refusals, preemption)
    }

    /// Why each node does not take the pods of a class.
    fn refusals(&mut self, class: &Class) -> Vec<(NodeId, Vec<Refusal>)> {
        let company = company::depends_on_pods(class)
            .then(|| Company::of(class, &self.nodes, &self.selectors, &mut self.work));
        let refusals = |(node, tally): (NodeId, &super::tally::NodeTally)| {
            let mut refusals = tally.refusals(&class.request);
            if refusals.is_empty() {
                refusals.extend(company.as_ref().and_then(|it| it.refusal(node)));
            }
            (node, refusals)
        };
        self.nodes.known().into_iter().map(refusals).collect()
    }

    /// Why it would not help if others went for the pods of a class.
    fn why_none_goes(&mut self, class: &Class, refusals: &[(NodeId, Vec<Refusal>)]) -> String {
        let has_below = self.bound.has_below(class.request.priority);
        if has_below {
            self.keep_bound();
        }
        let mut trial = has_below.then(|| Trial::of(self, class, ""));
        let why = |(node, refusals): &(NodeId, Vec<Refusal>)| match &mut trial {
            _ if refusals.iter().any(|refusal| !refusal.is_for_now) => vec![NOT_HELPFUL.to_owned()],
            Some(trial) => trial.why_not(*node),
            None => vec![NO_VICTIMS.to_owned()],
        };
        let reasons: Vec<Vec<String>> = refusals.iter().map(why).collect();
        message::unavailable(reasons.len(), reasons.iter().flatten().map(String::as_str))
    }
}
