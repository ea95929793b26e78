//! Lists of very many pods, and very many watches of them while they change.

use std::io;
use std::thread;
use std::time::Instant;

use super::jobs::{Ends, job, run};
use crate::client::Client;
use crate::figures::Figure;
use crate::options::Options;
use crate::server::Server;

const PODS: usize = 10_000;
const WATCHES: usize = 1_000;
const AT_ONCE: usize = 200;
const LIST: &str = "/api/v1/namespaces/default/pods";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut json = Figure::new("s for a list of 10,000 pods as JSON", "");
    let mut json_bytes = Figure::new("MB of it", "");
    let mut table = Figure::new("s for the same as Table", "");
    let mut watched = Figure::new("s of processor time of 10,000 pods, 1,000 watches / none", "");
    let (pods, watches) = (options.scaled(PODS), options.scaled(WATCHES));
    for _ in 0..options.runs {
        for (name, mayfly) in options.mayflies() {
            let server = Server::start(mayfly, &[])?;
            let mut client = server.client()?;
            let mut cost = |name: &str, pods: usize| {
                let ends = Ends::watch(server.client()?, Some(name))?;
                let before = server.cpu_seconds()?;
                run(&mut client, ends, &job(name, (pods, AT_ONCE), "job_line", &[]))?;
                io::Result::Ok(server.cpu_seconds()? - before)
            };
            cost("first", 100)?;
            let alone = cost("alone", pods)?;
            let mut client = server.client()?;
            let (bytes, seconds) = timed(&mut client, "application/json")?;
            json.push(name, seconds);
            json_bytes.push(name, bytes / 1e6);
            table.push(name, timed(&mut client, TABLE)?.1);
            for _ in 0..watches {
                let mut watcher = server.client()?;
                watcher.watch(&format!("{LIST}?watch=1&resourceVersion=0"))?;
                // Ends with the server.
                thread::spawn(move || while watcher.line().is_ok() {});
            }
            watched.push(name, cost("watched", pods)? / alone);
        }
    }
    Ok(vec![json, json_bytes, table, watched])
}

fn timed(client: &mut Client, accept: &str) -> io::Result<(f64, f64)> {
    let started = Instant::now();
    let body = client.get_as(LIST, accept)?;
    Ok((body.len() as f64, started.elapsed().as_secs_f64()))
}
