//! The conditions of a Job's status.
//!
//! Their order is the order in which they were added, which clients show.

use crate::api::{JobCondition, Time, Timestamp};

/// Whether the condition `type_` is there and true.
pub fn is_true(conditions: &[JobCondition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}

/// Whether they say that the Job has ended.
pub fn say_finished(conditions: &[JobCondition]) -> bool {
    is_true(conditions, "Complete") || is_true(conditions, "Failed")
}

/// The condition `type_`.
pub fn find<'a>(conditions: &'a [JobCondition], type_: &str) -> Option<&'a JobCondition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// A condition that came about at `now`.
pub fn new(type_: &str, status: bool, reason: &str, message: &str, now: Timestamp) -> JobCondition {
    JobCondition {
        type_: type_.to_owned(),
        status: if status { "True" } else { "False" }.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_probe_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
    }
}

/// Makes `condition` hold, and says whether that changed anything.
///
/// One that is false and was never there is not added.
pub fn set(conditions: &mut Vec<JobCondition>, condition: JobCondition) -> bool {
    match conditions.iter_mut().find(|old| old.type_ == condition.type_) {
        Some(old) if says_the_same(old, &condition) => false,
        Some(old) => {
            *old = condition;
            true
        }
        None if condition.status == "False" => false,
        None => {
            conditions.push(condition);
            true
        }
    }
}

fn says_the_same(left: &JobCondition, right: &JobCondition) -> bool {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    left.status == right.status
        && text(&left.reason) == text(&right.reason)
        && text(&left.message) == text(&right.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_set() {
        let (then, now) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let suspended = |status, reason| new("Suspended", status, reason, "m", then);
        let check = |old: &[JobCondition], condition: JobCondition, expect: bool| {
            let mut conditions = old.to_vec();
            assert_eq!(set(&mut conditions, condition.clone()), expect, "{condition:?}");
            let is_there = conditions.contains(&condition);
            assert_eq!((is_there, conditions == old), (expect, !expect), "{condition:?}");
        };
        let old = [new("Other", true, "r", "m", then), suspended(true, "r")];
        check(&old, new("Suspended", true, "r", "m", now), false);
        check(&old, new("Suspended", false, "r", "m", now), true);
        check(&old, new("Suspended", true, "other", "m", now), true);
        check(&old, new("Suspended", true, "r", "other", now), true);
        check(&old, new("Complete", true, "r", "m", now), true);
        check(&old, new("Complete", false, "r", "m", now), false);
    }
}
