//! Once nothing goes wrong any more, every Job comes to its end.
//!
//! Jobs that are meant to wait are left out: those that are suspended, and those whose parallelism
//! is 0. CronJobs have been suspended.

use std::time::Duration;

use mayfly_controller::api::{CronJob, Job, Pod, Resource};
use mayfly_controller::store::Store;

use crate::history::{describe_job, describe_pod};
use crate::ledger::{Found, views};
use crate::world::{World, uid};

/// How long all of it may take: the clock may have been set back by some hours several times, and
/// waits are counted from what it showed before.
const ENDS_WITHIN: Duration = Duration::from_hours(24 * 4);

/// How often somebody looks, at first; then half as often each time.
const LOOK_AFTER: Duration = Duration::from_secs(10);

/// Waits until every Job has ended and what belongs to it is tidied up, and checks what is left.
pub(crate) async fn everything_ends(world: &World, store: &Store) {
    let begun = world.elapsed();
    let mut pause = LOOK_AFTER;
    while let Some(waiting) = first_unfinished(store) {
        if world.elapsed() - begun > ENDS_WITHIN {
            return world.expect(Err(format!("never ends: {waiting}")));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_hours(1));
    }
    let begun = world.elapsed();
    let mut pause = LOOK_AFTER;
    loop {
        world.observe();
        let found = is_tidy(world, store);
        if found.is_ok() || world.elapsed() - begun > ENDS_WITHIN {
            return world.expect(found);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_hours(1));
    }
}

fn first_unfinished(store: &Store) -> Option<String> {
    let jobs = store.list::<Job>(None).items;
    let job = jobs.iter().find(|job| {
        views::is_deleting(&job.metadata)
            || is_to_go(job)
            || (!views::is_finished(job)
                && !views::is_suspended(job)
                && views::parallelism(job) > 0)
    })?;
    let pods = store.list::<Pod>(None).items;
    let pods = pods.iter().filter(|it| views::owner(&it.metadata, "Job") == Some(uid(&**job)));
    let pods: Vec<_> = pods.map(|pod| describe_pod(pod)).collect();
    Some(format!("Job {} {} with pods {pods:#?}", job.key(), describe_job(job)))
}

/// Whether it is kept for some time only after its end, and that is still going on.
fn is_to_go(job: &Job) -> bool {
    let seconds = job.spec.as_ref().and_then(|spec| spec.ttl_seconds_after_finished);
    views::is_finished(job) && seconds.is_some()
}

fn is_tidy(world: &World, store: &Store) -> Found {
    for job in store.list::<Job>(None).items {
        nothing_is_active(&job).map_err(|wrong| format!("Job {}: {wrong}", job.key()))?;
    }
    for pod in store.list::<Pod>(None).items {
        let owner = views::owner(&pod.metadata, "Job");
        let jobs = store.list::<Job>(None).items;
        let job = jobs.iter().find(|job| Some(uid(&***job)) == owner);
        let waits = job.is_some_and(|job| !views::is_finished(job));
        let wrong = if views::is_tracked(&pod) {
            // Its Job counts it once it goes on: it may be what tells how often its index failed.
            if waits && views::has_ended(&pod) {
                continue;
            }
            "is tracked, and nobody will count it"
        } else if !views::has_ended(&pod) {
            "has not ended"
        } else if views::is_deleting(&pod.metadata) {
            "is still being deleted"
        } else {
            continue;
        };
        return Err(format!("Pod {} {wrong}: {}", pod.key(), describe_pod(&pod)));
    }
    for cron_job in store.list::<CronJob>(None).items {
        if views::is_deleting(&cron_job.metadata) {
            return Err(format!("CronJob {} is still being deleted", cron_job.key()));
        }
        let active = cron_job.status.as_ref().and_then(|status| status.active.as_ref());
        let jobs = store.list::<Job>(None).items;
        let is_over = |it: &&mayfly_controller::api::ObjectReference| {
            let job = jobs.iter().find(|job| job.metadata.uid == it.uid);
            job.is_none_or(|job| views::is_finished(job))
        };
        if let Some(over) = active.into_iter().flatten().find(is_over) {
            let name = over.name.as_deref().unwrap_or_default();
            return Err(format!("CronJob {} says that {name} is active", cron_job.key()));
        }
    }
    world.ledger(|ledger| {
        if let Some((pod, container)) = ledger.guests.going_on().next() {
            return Err(format!("container {container} of {pod} still runs"));
        }
        ledger.history_is_trimmed()
    })
}

/// That the status of a Job that has come to its end says so.
fn nothing_is_active(job: &Job) -> Found {
    let status = views::status(job);
    let number = |count: Option<i32>| count.unwrap_or(0);
    if number(status.active) > 0 || number(status.terminating) > 0 || number(status.ready) > 0 {
        return Err(format!("something of it is still active: {}", describe_job(job)));
    }
    Ok(())
}
