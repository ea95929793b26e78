//! Lists of very many pods, and very many watches of them while they change.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::jobs::{Ends, JOBS, job};
use crate::client::Client;
use crate::figures::Figure;
use crate::options::Options;
use crate::server::Server;

const PODS: usize = 10_000;
const WATCHES: usize = 1_000;
const AT_ONCE: usize = 200;
/// Pods of a Job that some of the watches follow.
const PODS_EACH: usize = 100;
const LIST: &str = "/api/v1/namespaces/default/pods";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut json = Figure::new("s for a list of 10,000 pods as JSON", "");
    let mut json_bytes = Figure::new("MB of it", "");
    let mut table = Figure::new("s for the same as Table", "");
    let mut some =
        Figure::new("processor time of 10,000 pods, 1,000 watches of 100 each / none", "");
    let mut all = Figure::new("ns of processor time a byte, 1,000 watches of all of 100 pods", "");
    let (pods, watches) = (options.scaled(PODS), options.scaled(WATCHES));
    let jobs = pods.div_ceil(PODS_EACH);
    for _ in 0..options.runs {
        for (name, mayfly) in options.mayflies() {
            let server = Server::start(mayfly, &[])?;
            let mut ends = Ends::watch(server.client()?, None)?;
            let mut cost = |name: &str, jobs: usize, told: &AtomicU64| {
                let before = server.cpu_seconds()?;
                make(&mut server.client()?, &mut ends, name, jobs)?;
                settle(told);
                io::Result::Ok(server.cpu_seconds()? - before)
            };
            let nobody = AtomicU64::new(0);
            cost("first", 1, &nobody)?;
            let alone = cost("alone", jobs, &nobody)?;
            let mut client = server.client()?;
            let (bytes, seconds) = timed(&mut client, "application/json")?;
            json.push(name, seconds);
            json_bytes.push(name, bytes / 1e6);
            table.push(name, timed(&mut client, TABLE)?.1);
            let job_of = |number| format!("&labelSelector=job-name%3Dsome-{}", number % jobs);
            let told = watch(&server, watches, job_of)?;
            some.push(name, cost("some", jobs, &told)? / alone);
            drop(server);

            // Whoever watches all of so many that change at once would have 170 GB to read.
            let server = Server::start(mayfly, &[])?;
            let mut ends = Ends::watch(server.client()?, None)?;
            make(&mut server.client()?, &mut ends, "first", 1)?;
            let told = watch(&server, watches, |_| String::new())?;
            let before = server.cpu_seconds()?;
            make(&mut server.client()?, &mut ends, "all", 1)?;
            settle(&told);
            let seconds = server.cpu_seconds()? - before;
            all.push(name, seconds * 1e9 / told.load(Ordering::Relaxed) as f64);
        }
    }
    Ok(vec![json, json_bytes, table, some, all])
}

/// Makes `jobs` Jobs at once, and waits until all are complete.
fn make(client: &mut Client, ends: &mut Ends, name: &str, jobs: usize) -> io::Result<()> {
    for number in 0..jobs {
        let name = format!("{name}-{number}");
        client.post(JOBS, &job(&name, (PODS_EACH, AT_ONCE), "job_line", &[]))?;
    }
    (0..jobs).try_for_each(|_| ends.next().map(drop))
}

/// Begins `count` watches of pods from now on, each on a connection of its own that ends with the
/// server; what all of them have been told, in bytes.
fn watch(
    server: &Server,
    count: usize,
    selector: impl Fn(usize) -> String,
) -> io::Result<Arc<AtomicU64>> {
    let told = Arc::new(AtomicU64::new(0));
    let list = server.client()?.get(&format!("{LIST}?limit=1"))?;
    let list: Value = serde_json::from_slice(&list)?;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    for number in 0..count {
        let mut watcher = server.client()?;
        let selector = selector(number);
        watcher.watch(&format!("{LIST}?watch=1&resourceVersion={version}{selector}"))?;
        let told = Arc::clone(&told);
        thread::spawn(move || {
            while let Ok(line) = watcher.line() {
                told.fetch_add(line.len() as u64, Ordering::Relaxed);
            }
        });
    }
    Ok(told)
}

/// Waits until nothing more is told.
fn settle(told: &AtomicU64) {
    loop {
        let before = told.load(Ordering::Relaxed);
        thread::sleep(Duration::from_millis(200));
        if told.load(Ordering::Relaxed) == before {
            return;
        }
    }
}

fn timed(client: &mut Client, accept: &str) -> io::Result<(f64, f64)> {
    let started = Instant::now();
    let body = client.get_as(LIST, accept)?;
    Ok((body.len() as f64, started.elapsed().as_secs_f64()))
}
