//! Pods of a one-line guest through the whole control plane, as one Job of very many.

use std::io;

use super::jobs::{Ends, job, run};
use crate::figures::Figure;
use crate::options::Options;
use crate::peers::{starters, xargs};
use crate::process::{self, Took};
use crate::server::Server;

const PODS: usize = 100_000;
const AT_ONCE: usize = 200;
/// Of the peers, whose rate does not depend on how many there are.
const PROCESSES: usize = 5_000;

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut rate = Figure::new("pods/s", "10 × xargs /bin/true; 20,000");
    let mut cpu = Figure::new("µs of processor time a pod", "");
    let (pods, processes) = (options.scaled(PODS), options.scaled(PROCESSES));
    let starters = starters();
    for _ in 0..options.runs {
        for (name, mayfly) in options.mayflies() {
            let server = Server::start(mayfly, &[])?;
            let mut client = server.client()?;
            // The module is compiled, and the threads are there.
            run(&mut client, Ends::watch(server.client()?, Some("first"))?, &line("first", 1))?;
            let ends = Ends::watch(server.client()?, Some("many"))?;
            let before = server.cpu_seconds()?;
            let ((), took) = Took::of(|| run(&mut client, ends, &line("many", pods)))?;
            rate.push(name, pods as f64 / took.wall.as_secs_f64());
            cpu.push(name, (server.cpu_seconds()? - before) * 1e6 / pods as f64);
        }
        for peer in &starters {
            let many = xargs(peer, processes);
            let ((), took) = Took::of(|| process::run(&many.program, &many.arguments))?;
            rate.push(peer.name, processes as f64 / took.wall.as_secs_f64());
            cpu.push(peer.name, took.cpu_seconds * 1e6 / processes as f64);
        }
    }
    Ok(vec![rate, cpu])
}

fn line(name: &str, pods: usize) -> serde_json::Value {
    job(name, (pods, AT_ONCE), "job_line", &[])
}
