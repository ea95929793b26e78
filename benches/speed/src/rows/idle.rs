//! A server with very many finished Jobs, and nothing to do. As many of them as there are runs rest at
//! the same time.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use super::jobs::{Ends, JOBS, job};
use crate::client::Client;
use crate::figures::Figure;
use crate::options::Options;
use crate::server::Server;

const JOBS_MADE: usize = 10_000;
const CONNECTIONS: usize = 8;

/// After the last Job, or after a start: what is cleared up then is not idleness.
const SETTLE: Duration = Duration::from_secs(5);
/// For as long, and some seconds, the server remembers what has changed.
const REST: Duration = Duration::from_secs(320);
/// After a start there is nothing of that.
const REST_STARTED_ANEW: Duration = Duration::from_secs(40);
const LOOKED_AT: Duration = Duration::from_secs(20);

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut cpu = Figure::new("% of a core", "0");
    let mut at_once = Figure::new("MB of memory, five seconds later", "");
    let mut memory = Figure::new("MB of memory, at rest", "100");
    let mut started_anew = Figure::new("MB of memory, started anew", "100");
    let jobs = options.scaled(JOBS_MADE);
    let mut servers = Vec::new();
    for _ in 0..options.runs {
        for (name, mayfly) in options.mayflies() {
            let server = Server::start(mayfly, &[])?;
            make_all(&server, jobs)?;
            sleep(SETTLE);
            at_once.push(name, server.memory_bytes()? / 1e6);
            servers.push((name, server));
        }
    }
    // All of them at once: none does anything that another could notice.
    sleep(REST);
    let before = servers.iter().map(|(_, server)| server.cpu_seconds());
    let before = before.collect::<io::Result<Vec<f64>>>()?;
    sleep(LOOKED_AT);
    for ((name, server), before) in servers.iter().zip(before) {
        let used = server.cpu_seconds()? - before;
        cpu.push(name, used * 100.0 / LOOKED_AT.as_secs_f64());
        memory.push(name, server.memory_bytes()? / 1e6);
    }
    for (_, server) in &mut servers {
        server.kill_and_start()?;
    }
    sleep(REST_STARTED_ANEW);
    for (name, server) in &servers {
        started_anew.push(name, server.memory_bytes()? / 1e6);
    }
    Ok(vec![cpu, at_once, memory, started_anew])
}

fn make_all(server: &Server, jobs: usize) -> io::Result<()> {
    let mut ends = Ends::watch(server.client()?, None)?;
    let (access, next) = (server.access(), AtomicUsize::new(0));
    let make = || -> io::Result<()> {
        let mut client = Client::connect(&access)?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= jobs {
                return Ok(());
            }
            client.post(JOBS, &job(&format!("job-{number}"), (1, 1), "job_line", &[]))?;
        }
    };
    thread::scope(|scope| {
        let makers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(make)).collect();
        (0..jobs).try_for_each(|_| ends.next().map(drop))?;
        let mut joined = makers.into_iter().map(|it| it.join());
        joined.try_for_each(|it| it.unwrap_or_else(|_| Err(io::Error::other("a client panicked"))))
    })
}
