//! What a pod costs when very many have finished before it.

use std::io;

use super::jobs::{Ends, job, run};
use crate::figures::Figure;
use crate::options::Options;
use crate::server::Server;

const PODS: usize = 1_000_000;
/// The pods whose cost is looked at, before and after.
const SAMPLE: usize = 10_000;
const AT_ONCE: usize = 200;

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut growth = Figure::new("processor time a pod, last / first", "1.2");
    let mut memory = Figure::new("MB of memory after it", "bounded");
    let mut disk = Figure::new("MB of disk after it", "bounded");
    let (pods, sample) = (options.scaled(PODS), options.scaled(SAMPLE));
    for (name, mayfly) in options.mayflies() {
        let server = Server::start(mayfly, &[])?;
        let cost = |name: &str, pods: usize| {
            // Each time a new one: what is not used for half a minute is closed.
            let mut client = server.client()?;
            let ends = Ends::watch(server.client()?, Some(name))?;
            let before = server.cpu_seconds()?;
            run(&mut client, ends, &job(name, (pods, AT_ONCE), "job_line", &[]))?;
            io::Result::Ok((server.cpu_seconds()? - before) / pods as f64)
        };
        cost("first", 100)?;
        let first = cost("before", sample)?;
        cost("many", pods)?;
        growth.push(name, cost("after", sample)? / first);
        memory.push(name, server.memory_bytes()? / 1e6);
        disk.push(name, server.state_bytes() / 1e6);
    }
    Ok(vec![growth, memory, disk])
}
