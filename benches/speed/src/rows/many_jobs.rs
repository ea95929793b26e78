//! Very many Jobs of one pod each, made over HTTP by one client with 32 connections.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::jobs::{Ends, JOBS, job, run};
use crate::client::{Access, Client};
use crate::figures::Figure;
use crate::options::Options;
use crate::server::Server;

const JOBS_MADE: usize = 50_000;
const CONNECTIONS: usize = 32;

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut rate = Figure::new("Jobs/s", "3,000");
    let mut cpu = Figure::new("µs of processor time a Job", "");
    let mut slowdown = Figure::new("time of the last tenth / the first tenth", "1");
    let jobs = options.scaled(JOBS_MADE);
    for _ in 0..options.runs {
        for (name, mayfly) in options.mayflies() {
            let server = Server::start(mayfly, &[])?;
            let warm_up = job("first", (1, 1), "job_line", &[]);
            run(&mut server.client()?, Ends::watch(server.client()?, Some("first"))?, &warm_up)?;
            let mut ends = Ends::watch(server.client()?, None)?;
            // The one before them is told first.
            ends.next()?;
            let (before, started) = (server.cpu_seconds()?, Instant::now());
            let times = make_all(&server.access(), ends, jobs)?;
            rate.push(name, jobs as f64 / started.elapsed().as_secs_f64());
            cpu.push(name, (server.cpu_seconds()? - before) * 1e6 / jobs as f64);
            let tenth = (jobs / 10).max(1);
            let last = times[jobs - 1] - times[(jobs - 1).saturating_sub(tenth)];
            slowdown.push(name, last.as_secs_f64() / times[tenth - 1].as_secs_f64());
        }
    }
    Ok(vec![rate, cpu, slowdown])
}

/// Makes the Jobs, and gives when each end was told, after the beginning.
fn make_all(access: &Access, mut ends: Ends, jobs: usize) -> io::Result<Vec<Duration>> {
    let (started, next) = (Instant::now(), AtomicUsize::new(0));
    let make = || -> io::Result<()> {
        let mut client = Client::connect(access)?;
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
        let mut times = Vec::with_capacity(jobs);
        while times.len() < jobs {
            ends.next()?;
            times.push(started.elapsed());
        }
        for maker in makers {
            maker.join().map_err(|_| io::Error::other("a client panicked"))??;
        }
        Ok(times)
    })
}
