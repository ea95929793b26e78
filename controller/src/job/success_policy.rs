//! `spec.successPolicy`: which indexes are enough for the Job to have succeeded.

use crate::api;

use super::indexes::Indexes;

/// A policy, its indexes clipped to the Job's completions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuccessPolicy {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    indexes: Option<Indexes>,
    count: Option<u32>,
}

impl SuccessPolicy {
    /// The policy that `wire` describes for a Job of `completions`.
    pub fn parse(wire: &api::SuccessPolicy, completions: u32) -> Self {
        let rule = |rule: &api::SuccessPolicyRule| Rule {
            indexes: rule
                .succeeded_indexes
                .as_deref()
                .map(|text| Indexes::parse(text, completions)),
            count: rule.succeeded_count.map(|count| u32::try_from(count).unwrap_or(0)),
        };
        Self { rules: wire.rules.iter().map(rule).collect() }
    }

    /// The place in the spec of the first rule that `succeeded` satisfies.
    ///
    /// None does while nothing has succeeded.
    pub fn matching_rule(&self, succeeded: &Indexes) -> Option<usize> {
        if succeeded.is_empty() {
            return None;
        }
        self.rules.iter().position(|rule| rule.is_met(succeeded))
    }
}

impl Rule {
    fn is_met(&self, succeeded: &Indexes) -> bool {
        let Some(indexes) = &self.indexes else {
            return self.count.is_some_and(|count| succeeded.count() >= count);
        };
        if indexes.is_empty() {
            return false;
        }
        let reached = indexes.count_within(succeeded);
        reached == indexes.count() || self.count.is_some_and(|count| reached >= count)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_first_rule_that_is_met_decides() {
        let check = |rules: Value, succeeded: &str, expect: Option<usize>| {
            let wire = serde_json::from_value(json!({ "rules": rules })).expect("a policy");
            let policy = SuccessPolicy::parse(&wire, 6);
            let matching = policy.matching_rule(&Indexes::parse(succeeded, 6));
            assert_eq!(matching, expect, "{rules} of {succeeded}");
        };
        let all = json!([{ "succeededIndexes": "0,2" }]);
        check(all.clone(), "0,1", None);
        check(all, "0-2", Some(0));
        let some = json!([{ "succeededIndexes": "0-3", "succeededCount": 2 }]);
        check(some.clone(), "0,4,5", None);
        check(some, "0,3", Some(0));
        let any = json!([{ "succeededCount": 2 }]);
        check(any.clone(), "5", None);
        check(any, "4,5", Some(0));
        let beyond = json!([{ "succeededIndexes": "6-9" }, { "succeededCount": 0 }]);
        check(beyond.clone(), "", None);
        check(beyond, "1", Some(1));
        check(json!([{}, { "succeededIndexes": "1" }]), "1", Some(1));
    }
}
