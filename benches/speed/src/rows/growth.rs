//! What a pod costs when very many have finished before it, beside what it costs a server that has just
//! been started. The two take turns: over minutes, the machine itself is quicker and slower by more
//! than what is looked for.

use std::io;
use std::path::Path;

use super::jobs::{Ends, job, run};
use crate::figures::Figure;
use crate::options::Options;
use crate::server::Server;

const PODS: usize = 1_000_000;
/// The pods whose cost is looked at, of each server in its turn.
const SAMPLE: usize = 10_000;
/// Finished pods that a server keeps (`--terminated-pod-gc-threshold`).
const KEPT: usize = 12_500;
/// Those that a new server has run before: its first takes what no other does.
const WARM_UP: usize = 100;
const AT_ONCE: usize = 200;

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut growth = Figure::new("processor time a pod, with many before it / the first", "1.2");
    let mut later = Figure::new("the same / when as many are collected as end", "");
    let mut memory = Figure::new("MB of memory after it", "bounded");
    let mut disk = Figure::new("MB of disk after it", "bounded");
    let (pods, sample) = (options.scaled(PODS), options.scaled(SAMPLE));
    for (name, mayfly) in options.mayflies() {
        let old = started(mayfly)?;
        cost(&old, "many", pods)?;
        for number in 0..options.runs {
            let new = started(mayfly)?;
            let first = cost(&new, "first", sample)?;
            cost(&new, "kept", KEPT.saturating_sub(sample))?;
            let collecting = cost(&new, "collecting", sample)?;
            let after = cost(&old, &format!("after-{number}"), sample)?;
            growth.push(name, after / first);
            later.push(name, after / collecting);
            memory.push(name, old.memory_bytes()? / 1e6);
            disk.push(name, old.state_bytes() / 1e6);
        }
    }
    Ok(vec![growth, later, memory, disk])
}

fn started(mayfly: &Path) -> io::Result<Server> {
    let server = Server::start(mayfly, &[])?;
    cost(&server, "warm-up", WARM_UP)?;
    Ok(server)
}

/// Seconds of processor time that `server` takes for each pod of a Job that has so many.
fn cost(server: &Server, name: &str, pods: usize) -> io::Result<f64> {
    // Each time a new one: what is not used for half a minute is closed.
    let mut client = server.client()?;
    let ends = Ends::watch(server.client()?, Some(name))?;
    let before = server.cpu_seconds()?;
    run(&mut client, ends, &job(name, (pods, AT_ONCE), "job_line", &[]))?;
    Ok((server.cpu_seconds()? - before) / pods as f64)
}
