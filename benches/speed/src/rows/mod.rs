//! The rows of the table, one file each: what is done, and what is measured of it.

mod api;
mod compute;
mod density;
mod growth;
mod idle;
mod jobs;
mod latency;
mod many_jobs;
mod restart;
mod start;
mod throughput;

use std::io;

use crate::figures::Figure;
use crate::options::Options;

type Row = fn(&Options) -> io::Result<Vec<Figure>>;

/// Every row by its name, in the order of the table.
pub(crate) const ALL: &[(&str, Row)] = &[
    ("throughput", throughput::measure),
    ("many-jobs", many_jobs::measure),
    ("latency", latency::measure),
    ("start", start::measure),
    ("density", density::measure),
    ("compute", compute::measure),
    ("growth", growth::measure),
    ("restart", restart::measure),
    ("api", api::measure),
    ("idle", idle::measure),
];
