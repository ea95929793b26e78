//! Traces: what was done for a Job, step by step, from the request that made it until its last pod
//! has ended.
//!
//! ```text
//! POST …/jobs ─┬▶ job ─┬▶ reconcile          one commit that makes pods
//!              │       └▶ pod ─┬▶ schedule
//!              │               ├▶ pull, start, run      of each run of a container
//!              │               └▶ end
//! ```
//!
//! A trace is a Job's, and its ids are made of uids: so whoever adds a step needs to know nothing of
//! who added the others, be it another process or another host. How traces are sent on, and which,
//! is a [`SpanSink`]'s; without one nothing is made.
//!
//! It informs, and nothing is decided by it.

mod follower;
mod ids;
mod span;
mod steps;
#[cfg(test)]
mod tests;
mod tracer;

pub(crate) use self::follower::Follower;
pub use self::ids::{Parent, SpanId, TraceId, parse_traceparent};
pub use self::span::{Role, Span, Value};
pub(crate) use self::steps::{Request, reconciled};
pub use self::tracer::{SpanSink, Trace, Tracer};
