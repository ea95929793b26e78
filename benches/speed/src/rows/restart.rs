//! A server that is killed and starts again, with very many objects, and goes on.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::jobs::{Ends, JOBS, job, run};
use crate::client::{Access, Client};
use crate::figures::Figure;
use crate::options::Options;
use crate::server::Server;

const OBJECTS: usize = 100_000;
/// Pods that have ended. They and what is told of them are two thirds of all objects; of events,
/// mayfly keeps 50,000 at most.
const PODS: usize = 12_500;
const AT_ONCE: usize = 200;
/// That make the rest, which are ConfigMaps.
const CONNECTIONS: usize = 32;

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut ready = Figure::new("s until it serves again, 100,000 objects", "1");
    let mut objects = Figure::new("objects that it loaded", "100,000");
    for (name, mayfly) in options.mayflies() {
        let mut server = Server::start(mayfly, &["--terminated-pod-gc-threshold=0"])?;
        let mut client = server.client()?;
        for number in 0..options.scaled(PODS).div_ceil(AT_ONCE) {
            let name = format!("many-{number}");
            let ends = Ends::watch(server.client()?, Some(&name))?;
            run(&mut client, ends, &job(&name, (AT_ONCE, AT_ONCE), "job_line", &[]))?;
        }
        let missing = options.scaled(OBJECTS).saturating_sub(count(&mut client)?);
        fill(&server.access(), missing)?;
        objects.push(name, count(&mut client)? as f64);
        for number in 0..options.runs {
            let going_on = format!("going-on-{number}");
            client.post(JOBS, &job(&going_on, (1, 1), "job_sleep", &["0.5"]))?;
            server.kill_and_start()?;
            ready.push(name, server.ready_after.as_secs_f64());
            Ends::watch(server.client()?, Some(&going_on))?.next()?;
            client = server.client()?;
        }
    }
    Ok(vec![ready, objects])
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// How many objects there are, of the kinds that matter here.
fn count(client: &mut Client) -> io::Result<usize> {
    let lists = [JOBS, "/api/v1/namespaces/default/pods", "/api/v1/events", CONFIG_MAPS];
    let mut count = 0;
    for list in lists {
        let one = client.get(&format!("{list}?limit=1"))?;
        let one: Value = serde_json::from_slice(&one).map_err(io::Error::other)?;
        let shown = one["items"].as_array().map_or(0, Vec::len);
        let more = one["metadata"]["remainingItemCount"].as_u64().unwrap_or_default();
        count += shown + more as usize;
    }
    Ok(count)
}

/// Makes so many ConfigMaps of half a kilobyte.
fn fill(access: &Access, count: usize) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let make = || -> io::Result<()> {
        let mut client = Client::connect(access)?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            client.post(
                CONFIG_MAPS,
                &json!({
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": format!("settings-{number}")},
                    "data": {"settings": "x".repeat(500)},
                }),
            )?;
        }
    };
    thread::scope(|scope| {
        let makers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(make)).collect();
        makers.into_iter().try_for_each(|maker| {
            maker.join().map_err(|_| io::Error::other("a client panicked"))?
        })
    })
}
