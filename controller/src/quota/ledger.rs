//! One quota as it is charged: what it allows, and what of it is used. Pure.

use super::scope::Scope;
use super::usage::Usage;
use crate::api::{Quantity, ResourceQuota};
use crate::quantity::Amount;
use crate::resources::{Amounts, amounts};

/// One quota as it is charged.
///
/// It allows what its spec says, at once; Kubernetes differs: there, what its status repeats of that
/// a while later. What is not counted yet is not allowed: Kubernetes lets everything pass until then.
#[derive(Clone, Debug)]
pub struct Ledger {
    name: String,
    hard: Amounts,
    used: Amounts,
    scopes: Vec<Scope>,
}

impl Ledger {
    /// As `quota` stands.
    pub fn of(quota: &ResourceQuota) -> Self {
        let spec = quota.spec.clone().unwrap_or_default();
        let used = quota.status.as_ref().and_then(|status| status.used.as_ref());
        Self {
            name: quota.metadata.name.clone().unwrap_or_default(),
            hard: amounts(spec.hard.as_ref()),
            used: amounts(used),
            scopes: Scope::all(&spec),
        }
    }

    /// Whether `usage` is among what it bounds.
    fn is_about(&self, usage: &Usage) -> bool {
        self.is_in_scope(usage) && self.hard.keys().any(|name| usage.concerns(name))
    }

    pub(super) fn is_in_scope(&self, usage: &Usage) -> bool {
        match &usage.pod {
            Some(pod) => self.scopes.iter().all(|scope| scope.is_met_by(pod)),
            None => self.scopes.is_empty(),
        }
    }

    /// What of `usage` it bounds.
    pub(super) fn bounded(&self, usage: &Usage) -> Amounts {
        if !self.is_in_scope(usage) {
            return Amounts::new();
        }
        let amounts = usage.amounts.iter().filter(|(name, _)| self.hard.contains_key(*name));
        amounts.map(|(name, amount)| (name.clone(), *amount)).collect()
    }

    /// Whether `usage` says of itself what has to be known, and it is known what is used; if not,
    /// why not.
    fn is_ready_for(&self, usage: &Usage) -> Result<(), String> {
        if !self.is_about(usage) {
            return Ok(());
        }
        let unsaid = usage.unsaid.iter().filter(|(resource, _)| self.hard.contains_key(**resource));
        let unsaid: Vec<String> = unsaid
            .map(|(resource, containers)| {
                let containers: Vec<&str> = containers.iter().map(String::as_str).collect();
                format!("{resource} for: {}", containers.join(","))
            })
            .collect();
        if !unsaid.is_empty() {
            return Err(format!("failed quota: {}: must specify {}", self.name, unsaid.join("; ")));
        }
        let concerned = || self.hard.keys().filter(|name| usage.concerns(name));
        if concerned().any(|name| !self.used.contains_key(name)) {
            let names: Vec<&str> = concerned().map(String::as_str).collect();
            let (name, names) = (&self.name, names.join(","));
            return Err(format!("status unknown for quota: {name}, resources: {names}"));
        }
        Ok(())
    }

    /// Whether there is room for `usage`; if not, where there is none.
    fn has_room_for(&self, usage: &Usage) -> Result<(), String> {
        let mut exceeded = Vec::new();
        for (name, requested) in self.bounded(usage) {
            let used = self.used.get(&name).copied().unwrap_or_default();
            let hard = self.hard[&name];
            if requested > Amount::ZERO && used + requested > hard {
                exceeded.push((name, requested, used, hard));
            }
        }
        if exceeded.is_empty() {
            return Ok(());
        }
        let list = |of: fn(&(String, Amount, Amount, Amount)) -> Amount| {
            let each = exceeded.iter().map(|it| format!("{}={}", it.0, of(it)));
            each.collect::<Vec<_>>().join(",")
        };
        Err(format!(
            "exceeded quota: {}, requested: {}, used: {}, limited: {}",
            self.name,
            list(|it| it.1),
            list(|it| it.2),
            list(|it| it.3),
        ))
    }

    /// Charges each of `ledgers` with `usage`, or none of them, and says why.
    pub fn charge(ledgers: &mut [Self], usage: &Usage) -> Result<(), String> {
        ledgers.iter().try_for_each(|ledger| ledger.is_ready_for(usage))?;
        ledgers.iter().try_for_each(|ledger| ledger.has_room_for(usage))?;
        for ledger in ledgers {
            for (name, amount) in ledger.bounded(usage) {
                let used = ledger.used.entry(name).or_default();
                *used = *used + amount;
            }
        }
        Ok(())
    }

    /// `quota` with what is used by now.
    pub(super) fn write(&self, quota: &ResourceQuota) -> ResourceQuota {
        let mut quota = quota.clone();
        let used = quota.status.get_or_insert_default().used.get_or_insert_default();
        for (name, amount) in &self.used {
            // What has not changed stays as it is written.
            if used.get(name).map(Amount::of) != Some(*amount) {
                used.insert(name.clone(), Quantity(amount.to_string()));
            }
        }
        quota
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ledger(name: &str, spec: &Value, used: &Value) -> Ledger {
        let quota = json!({"metadata": {"name": name}, "spec": spec, "status": {"used": used}});
        Ledger::of(&serde_json::from_value(quota).expect("must be a quota"))
    }

    fn pod(spec: &Value) -> Usage {
        let pod = serde_json::from_value(json!({"spec": spec})).expect("must be a pod");
        Usage::of_pod(&pod, false)
    }

    #[test]
    fn a_charge_is_made_of_all_quotas_or_of_none() {
        let usage = pod(&json!({"containers": [
            {"name": "b", "resources": {"requests": {"cpu": "500m"}}}, {"name": "a"},
        ]}));
        let roomy = || ledger("a", &json!({"hard": {"pods": "2"}}), &json!({"pods": "1"}));
        let check = |other: Ledger, expect: Result<(), &str>, used: &str| {
            let mut ledgers = [roomy(), other];
            let charged = Ledger::charge(&mut ledgers, &usage);
            assert_eq!(charged, expect.map_err(str::to_owned));
            assert_eq!(ledgers[0].used["pods"].to_string(), used);
        };
        check(
            ledger(
                "b",
                &json!({"hard": {"pods": "2", "count/pods": "9"}}),
                &json!({"pods": "2", "count/pods": "3"}),
            ),
            Err("exceeded quota: b, requested: pods=1, used: pods=2, limited: pods=2"),
            "1",
        );
        check(
            ledger(
                "b",
                &json!({"hard": {"limits.cpu": "2", "requests.cpu": "1", "memory": "1"}}),
                &json!({}),
            ),
            Err(
                "failed quota: b: must specify limits.cpu for: a,b; memory for: a,b; requests.cpu for: a",
            ),
            "1",
        );
        check(
            ledger("b", &json!({"hard": {"pods": "2"}}), &json!({})),
            Err("status unknown for quota: b, resources: pods"),
            "1",
        );
        check(ledger("b", &json!({"hard": {"count/jobs.batch": "0"}}), &json!({})), Ok(()), "2");
        check(
            ledger(
                "b",
                &json!({"hard": {"pods": "0"}, "scopes": ["Terminating"]}),
                &json!({"pods": "0"}),
            ),
            Ok(()),
            "2",
        );
        check(ledger("b", &json!({"hard": {"pods": "3"}}), &json!({"pods": "2"})), Ok(()), "2");
    }

    #[test]
    fn what_is_used_above_what_is_allowed_hinders_only_who_wants_more_of_it() {
        let usage =
            pod(&json!({"containers": [{"name": "c", "resources": {"requests": {"cpu": "0"}}}]}));
        let hard = json!({"hard": {"pods": "2", "requests.cpu": "1"}});
        let mut over = [ledger("q", &hard, &json!({"pods": "1", "requests.cpu": "2"}))];
        assert_eq!(Ledger::charge(&mut over, &usage), Ok(()));
        let refused = Ledger::charge(&mut over, &usage).expect_err("must be refused");
        assert_eq!(refused, "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2");
    }
}
