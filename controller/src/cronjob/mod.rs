//! CronJobs: Jobs made at times that a schedule says.
//!
//! Knows the wire types and time zones, never the time itself. Here so far is the schedule; what a
//! CronJob needs next will be decided beside it, as a pure function.

pub mod schedule;

pub use self::schedule::{Schedule, ScheduleError};
