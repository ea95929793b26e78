//! Pods are of another class once others ask by a selector that selects them, and again when nobody
//! does any more. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::index::{Index, On};
use super::lanes::LaneId;
use super::nodes::NodeId;
use super::request::{Class, Turn};
use super::selector::Selector;
use super::selectors::SelectorId;

impl Index {
    /// Finds the pods that a new selector selects.
    pub(super) fn find_selected(&mut self, id: SelectorId) {
        let Some(selector) = self.selectors.get(id).cloned() else { return };
        for node in self.reclass(&selector, |class| class.selected_by_also(id)) {
            self.selectors.found(id, node);
        }
    }

    /// Nobody asks by a selector any more, so that it makes no pods another sort than others.
    pub(super) fn is_selected_no_more(&mut self, id: SelectorId, selector: &Selector) {
        self.reclass(selector, |class| class.selected_by_no_more(id));
    }

    /// Gives the pods that `selector` selects another class; the nodes of those that have one.
    fn reclass(&mut self, selector: &Selector, other: impl Fn(&Class) -> Class) -> Vec<NodeId> {
        let candidates: Vec<Arc<str>> = match selector.pair() {
            Some((key, value)) => self.labels.with(key, value).cloned().collect(),
            None => self.pods.keys().cloned().collect(),
        };
        self.work.pods += candidates.len() as u64;
        // Those of one class become those of one class.
        let mut classes: HashMap<*const Class, (Arc<Class>, Arc<Class>)> = HashMap::new();
        let mut moving: BTreeMap<Turn, (LaneId, Arc<Class>)> = BTreeMap::new();
        let mut nodes = Vec::new();
        for uid in candidates {
            let Some(place) = self.pods.get_mut(&uid) else { continue };
            if !selector.selects(&place.pod, &self.selectors.namespaces) {
                continue;
            }
            // What it was is held, so that nothing else comes to be there.
            let classes = classes.entry(Arc::as_ptr(&place.class));
            let make = || (Arc::clone(&place.class), Arc::new(other(&place.class)));
            let (_, class) = classes.or_insert_with(make);
            match &place.on {
                On::Node(node) => {
                    nodes.push(*node);
                    place.class = Arc::clone(class);
                }
                On::Lane(lane, turn) => {
                    moving.insert(turn.clone(), (*lane, Arc::clone(class)));
                }
            }
        }
        for (turn, (lane, class)) in moving {
            self.moves(turn, lane, &class);
        }
        nodes
    }

    /// A pod that waits goes into another lane.
    fn moves(&mut self, turn: Turn, lane: LaneId, class: &Arc<Class>) {
        let is_told = self.lanes.leave(lane, &turn);
        let lane = self.lanes.join(class, turn.clone(), is_told, &mut self.nodes);
        let class = Arc::clone(&self.lanes.lane(lane).class);
        let Some(place) = self.pods.get_mut(&turn.uid) else { return };
        place.class = class;
        let uid = Arc::clone(&turn.uid);
        place.on = On::Lane(lane, turn);
        // What is kept for it is kept for one of the lane that it is in now.
        if let Some(node) = place.nominated {
            let request = Arc::clone(&place.class.request);
            self.nodes.nominate(node, &uid, &request);
            self.settle_nominees(node);
        }
    }
}
