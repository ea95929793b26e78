//! One Job on an idle server: from its POST to the event of a watch that says Complete.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::jobs::{Ends, JOBS, job};
use crate::figures::{Figure, percentile};
use crate::options::Options;
use crate::server::Server;

const JOBS_MADE: usize = 500;

/// Between two Jobs, so that the server is idle when the next one comes.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) fn measure(options: &Options) -> io::Result<Vec<Figure>> {
    let mut half = Figure::new("ms, median", "3");
    let mut most = Figure::new("ms, 99th percentile", "10");
    let mut cpu = Figure::new("µs of processor time a Job", "");
    let jobs = options.scaled(JOBS_MADE);
    for _ in 0..options.runs {
        for (name, mayfly) in options.mayflies() {
            let server = Server::start(mayfly, &[])?;
            let (mut client, mut ends) = (server.client()?, Ends::watch(server.client()?, None)?);
            let mut one = |name: &str| {
                sleep(PAUSE);
                let job = job(name, (1, 1), "job_line", &[]);
                let started = Instant::now();
                client.post(JOBS, &job)?;
                ends.next()?;
                io::Result::Ok(started.elapsed().as_secs_f64() * 1e3)
            };
            one("first")?;
            let before = server.cpu_seconds()?;
            let times: Vec<f64> =
                (0..jobs).map(|number| one(&format!("job-{number}"))).collect::<Result<_, _>>()?;
            half.push(name, percentile(&times, 50));
            most.push(name, percentile(&times, 99));
            cpu.push(name, (server.cpu_seconds()? - before) * 1e6 / jobs as f64);
        }
    }
    Ok(vec![half, most, cpu])
}
