//! Very many pods that sleep at once.

use std::fs;
use std::io;
use std::thread;

use serde_json::json;

use super::jobs::{Ends, job, run};
use crate::figures::Figure;
use crate::options::Options;
use crate::process::Took;
use crate::server::Server;

const PODS: usize = 10_000;
const SECONDS: f64 = 10.0;

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut memory = Figure::new("KB of memory a pod, at most, in all", "60");
    let mut beyond = Figure::new("s from start to end, beyond the sleep", "5");
    let pods = options.scaled(PODS);
    let folder = tempfile::tempdir()?;
    let limits = folder.path().join("limits.yaml");
    // JSON is YAML.
    fs::write(&limits, json!({"runs": {"atOnce": pods}, "node": {"pods": pods + 10}}).to_string())?;
    let limits = format!("--limits={}", limits.display());
    for _ in 0..options.runs {
        for (name, mayfly) in options.mayflies() {
            let server = Server::start(mayfly, &[&limits])?;
            let mut client = server.client()?;
            let ends = Ends::watch(server.client()?, Some("first"))?;
            run(&mut client, ends, &job("first", (1, 1), "job_sleep", &["0"]))?;
            let before = server.most_memory_bytes()?;
            let mut ready = Ends::watch(server.client()?, Some("many"))?;
            let ends = Ends::watch(server.client()?, Some("many"))?;
            let sleepers = job("many", (pods, pods), "job_sleep", &[&SECONDS.to_string()]);
            let mut most = before;
            let ((), took) = Took::of(|| {
                thread::scope(|scope| {
                    let asleep =
                        scope.spawn(|| ready.ready(pods).and_then(|()| server.most_memory_bytes()));
                    run(&mut client, ends, &sleepers)?;
                    most = asleep.join().map_err(|_| io::Error::other("a client panicked"))??;
                    Ok(())
                })
            })?;
            memory.push(name, (most - before) / 1024.0 / pods as f64);
            beyond.push(name, took.wall.as_secs_f64() - SECONDS);
        }
    }
    Ok(vec![memory, beyond])
}
