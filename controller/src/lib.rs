//! A Kubernetes control plane for Jobs, as a library.
//!
//! A manifest becomes an object, an object a plan, a plan pods, a pod one run, a run an outcome and
//! the outcome status. Each step writes to the [`store`], and no step calls the next.
//! Nothing here knows what a container is made of: whoever runs one implements
//! [`node::PodRuntime`].
//!
//! A whole program, which runs a Job to its end in a runtime that only prints:
//!
//! ```
//! use std::error::Error;
//! use std::sync::Arc;
//!
//! use mayfly_controller::admission::{self, decode};
//! use mayfly_controller::api::{Job, Kind, Object, Resource};
//! use mayfly_controller::clock::Clock;
//! use mayfly_controller::job::BackoffSettings;
//! use mayfly_controller::node::{self, NodeSettings, PodRuntime, Pull, Stream};
//! use mayfly_controller::podgc::TERMINATED_POD_GC_THRESHOLD;
//! use mayfly_controller::store::{Names, Store, Transaction};
//! use mayfly_controller::{ControlPlane, Settings};
//! use tokio_util::sync::CancellationToken;
//!
//! const MANIFEST: &str = "
//! apiVersion: batch/v1
//! kind: Job
//! metadata: {name: hello, namespace: default}
//! spec:
//!   completions: 3
//!   parallelism: 2
//!   template:
//!     spec:
//!       restartPolicy: Never
//!       containers: [{name: main, image: parrot, args: [hello]}]
//! ";
//!
//! /// Every image is a parrot, which says its arguments.
//! struct Parrots;
//!
//! impl PodRuntime for Parrots {
//!     async fn pull(&self, _: Pull) -> Result<node::Image, node::PullError> {
//!         Ok(node::Image { id: format!("sha256:{:064}", 0), was_present: true, bytes: 1 })
//!     }
//!
//!     async fn run(
//!         &self,
//!         container: node::Container,
//!         _cancel: CancellationToken,
//!     ) -> Result<node::ContainerEnd, node::StartError> {
//!         let line = container.args.join(" ") + "\n";
//!         let written = container.output.write(Stream::Stdout, line.as_bytes());
//!         written.map_err(|error| node::StartError(error.to_string()))?;
//!         Ok(node::ContainerEnd { exit_code: 0, reason: "Completed".into(), message: None, termination_log: Vec::new() })
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     // `Store::open` instead keeps everything in a folder.
//!     let store = Store::in_memory(Clock::system(), Names::random());
//!     let root = tempfile::tempdir()?;
//!     let settings = Settings {
//!         backoff: BackoffSettings::default(),
//!         node: NodeSettings::new("localhost", root.path()),
//!         root_ca: None,
//!         terminated_pod_gc_threshold: TERMINATED_POD_GC_THRESHOLD,
//!     };
//!     let plane = ControlPlane::start(store.clone(), Arc::new(Parrots), settings);
//!
//!     for document in decode::decode(MANIFEST.as_bytes(), "hello.yaml", Default::default())? {
//!         let Object::Job(job) = document.object else { continue };
//!         let admitted = admission::admit_job((*job).clone(), &store.names().uid())?;
//!         store.commit(Transaction::new().create(admitted.object)).await?;
//!     }
//!
//!     let mut watch = store.watch(&[Kind::Job], 0)?;
//!     let job = loop {
//!         let change = watch.next().await?;
//!         let Some(job) = Job::from_object(&change.object) else { continue };
//!         let status = job.status.clone().unwrap_or_default();
//!         let conditions = status.conditions.unwrap_or_default();
//!         if conditions.iter().any(|it| it.type_ == "Complete" && it.status == "True") {
//!             break job.clone();
//!         }
//!     };
//!     assert_eq!(job.status.as_ref().and_then(|status| status.succeeded), Some(3));
//!     plane.shutdown().await;
//!     Ok(())
//! }
//! ```

pub mod admission;
pub mod annotations;
pub mod api;
pub mod backup;
pub mod bootstrap;
pub mod certificates;
pub mod clock;
pub mod cronjob;
pub mod events;
pub mod gc;
pub mod http;
pub mod job;
pub mod limits;
pub mod meter;
pub mod metrics;
pub mod namespace;
pub mod network;
pub mod node;
pub mod nodelifecycle;
pub mod plane;
pub mod podgc;
pub mod priority;
pub mod quantity;
pub mod quota;
pub mod resources;
pub mod scheduler;
pub mod store;
pub mod taints;
pub mod trace;
pub mod ttl;
mod workqueue;

pub use plane::{ControlPlane, Settings};
