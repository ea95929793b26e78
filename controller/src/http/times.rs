//! The fractions of times, which clients never see.
//!
//! Times have nanoseconds until they are written down, so that what counts from them is exact. A
//! client that reads a status and writes it back has not changed what it can't know.

use std::sync::Arc;

use crate::api::{JobCondition, Object, PodCondition, Time};

/// Puts the fractions of the times in the status of `old` back into that of `new`, where they are
/// of the same second.
pub(super) fn restore(new: &mut Object, old: &Object) {
    match (new, old) {
        (Object::Job(new), Object::Job(old)) => {
            let (Some(new), Some(old)) = (&mut Arc::make_mut(new).status, &old.status) else {
                return;
            };
            same_second(&mut new.start_time, old.start_time.as_ref());
            same_second(&mut new.completion_time, old.completion_time.as_ref());
            for condition in new.conditions.iter_mut().flatten() {
                let mut old = old.conditions.iter().flatten();
                let old = old.find(|it| it.type_ == condition.type_);
                of_job(condition, old);
            }
        }
        (Object::CronJob(new), Object::CronJob(old)) => {
            let (Some(new), Some(old)) = (&mut Arc::make_mut(new).status, &old.status) else {
                return;
            };
            same_second(&mut new.last_schedule_time, old.last_schedule_time.as_ref());
            same_second(&mut new.last_successful_time, old.last_successful_time.as_ref());
        }
        (Object::Pod(new), Object::Pod(old)) => {
            let (Some(new), Some(old)) = (&mut Arc::make_mut(new).status, &old.status) else {
                return;
            };
            same_second(&mut new.start_time, old.start_time.as_ref());
            for condition in new.conditions.iter_mut().flatten() {
                let mut old = old.conditions.iter().flatten();
                let old = old.find(|it| it.type_ == condition.type_);
                of_pod(condition, old);
            }
        }
        _ => {}
    }
}

fn of_job(new: &mut JobCondition, old: Option<&JobCondition>) {
    let Some(old) = old else { return };
    same_second(&mut new.last_probe_time, old.last_probe_time.as_ref());
    same_second(&mut new.last_transition_time, old.last_transition_time.as_ref());
}

fn of_pod(new: &mut PodCondition, old: Option<&PodCondition>) {
    let Some(old) = old else { return };
    same_second(&mut new.last_probe_time, old.last_probe_time.as_ref());
    same_second(&mut new.last_transition_time, old.last_transition_time.as_ref());
}

fn same_second(new: &mut Option<Time>, old: Option<&Time>) {
    if let (Some(new), Some(old)) = (new, old)
        && new.0.as_second() == old.0.as_second()
    {
        *new = old.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Timestamp;

    #[test]
    fn a_time_of_the_same_second_is_the_same_time() {
        let time = |nanoseconds: i128| {
            Some(Time(Timestamp::from_nanosecond(nanoseconds).expect("must be a time")))
        };
        let check = |new: i128, old: i128, expect: i128| {
            let mut found = time(new);
            same_second(&mut found, time(old).as_ref());
            assert_eq!(found, time(expect), "{new} {old}");
        };
        check(1_000_000_000, 1_500_000_000, 1_500_000_000);
        check(2_000_000_000, 1_500_000_000, 2_000_000_000);
    }
}
