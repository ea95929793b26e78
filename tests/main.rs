//! The promises of mayfly, in one test binary.

mod backup;
mod cli;
mod clients;
mod confinement;
mod conformance;
mod crash;
mod dashboard;
mod documents;
mod etcd;
mod examples;
mod guests;
mod harness;
mod kubectl;
mod node;
mod packages;
mod programs;
mod registry;
mod sandbox;
mod serve;
mod tidy;
mod traces;
mod wasi_testsuite;
