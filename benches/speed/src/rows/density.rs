//! Very many pods that sleep at once.

use std::fs;
use std::io;

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
            let (before, _) = server.memory_bytes()?;
            let ends = Ends::watch(server.client()?, Some("many"))?;
            let sleepers = job("many", (pods, pods), "job_sleep", &[&SECONDS.to_string()]);
            let ((), took) = Took::of(|| run(&mut client, ends, &sleepers))?;
            let (_, most) = server.memory_bytes()?;
            memory.push(name, (most - before).max(0.0) / 1024.0 / pods as f64);
            beyond.push(name, took.wall.as_secs_f64() - SECONDS);
        }
    }
    Ok(vec![memory, beyond])
}
