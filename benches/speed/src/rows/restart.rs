//! A server that is killed and starts again, with very many objects, and goes on.

use std::io;

use super::jobs::{Ends, JOBS, job, run};
use crate::figures::Figure;
use crate::options::Options;
use crate::server::Server;

/// A Job of one pod leaves about eight: itself, its pod, and what is told of both.
const JOBS_MADE: usize = 12_500;
const AT_ONCE: usize = 200;

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut ready = Figure::new("s until it serves again, 100,000 objects", "1");
    let mut objects = Figure::new("objects that it loaded", "100,000");
    let jobs = options.scaled(JOBS_MADE);
    for (name, mayfly) in options.mayflies() {
        let mut server = Server::start(mayfly, &["--terminated-pod-gc-threshold=0"])?;
        let mut client = server.client()?;
        for number in 0..jobs.div_ceil(AT_ONCE) {
            let name = format!("many-{number}");
            let ends = Ends::watch(server.client()?, Some(&name))?;
            run(&mut client, ends, &job(&name, (AT_ONCE, AT_ONCE), "job_line", &[]))?;
        }
        let pods = server.client()?.get("/api/v1/namespaces/default/pods?limit=1")?;
        let events = server.client()?.get("/api/v1/namespaces/default/events?limit=1")?;
        objects.push(name, remaining(&pods) + remaining(&events));
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

/// How many more there are than the one that a list of one shows.
fn remaining(list: &[u8]) -> f64 {
    let list: serde_json::Value = serde_json::from_slice(list).unwrap_or_default();
    list["metadata"]["remainingItemCount"].as_f64().unwrap_or_default()
}
