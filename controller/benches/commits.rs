//! How many transactions a store on disk takes from many callers at once, with nothing else at work.
//!
//! ```text
//! cargo bench -p mayfly-controller --bench commits -- [CALLERS] [COUNT]
//! ```
//!
//! Each of CALLERS makes pods, binds them, ends them and deletes them, one transaction after the
//! other, COUNT pods in all.

use std::time::Instant;

use futures_util::future::join_all;
use mayfly_controller::api::{Key, Kind, Object, Pod, PodStatus};
use mayfly_controller::clock::Clock;
use mayfly_controller::store::{DeleteOptions, Names, Store, Transaction};
use mimalloc::MiMalloc;
use serde_json::json;

/// The one that the `mayfly` command has.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const CALLERS: usize = 200;
const COUNT: usize = 40_000;

fn pod(name: &str) -> Object {
    let pod = json!({
        "metadata": {
            "namespace": "default", "name": name,
            "labels": {
                "job-name": "a", "controller-uid": "b", "batch.kubernetes.io/job-name": "a",
                "batch.kubernetes.io/controller-uid": "b",
            },
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "Job", "name": "a", "uid": "b", "controller": true,
            }],
        },
        "spec": { "containers": [{ "name": "main", "image": "one" }], "restartPolicy": "Never" },
    });
    Object::from_json(Kind::Pod, pod.to_string().as_bytes()).expect("a pod")
}

fn ended() -> PodStatus {
    let time = "2026-01-01T00:00:00Z";
    let condition =
        |kind: &str| json!({ "type": kind, "status": "True", "lastTransitionTime": time });
    let kinds =
        ["PodScheduled", "Initialized", "Ready", "ContainersReady", "PodReadyToStartContainers"];
    let status = json!({
        "phase": "Succeeded", "hostIP": "127.0.0.1", "startTime": time, "qosClass": "BestEffort",
        "conditions": kinds.map(condition),
        "containerStatuses": [{
            "name": "main", "image": "one", "imageID": "sha256:0", "ready": false,
            "restartCount": 0, "started": false, "state": { "terminated": {
                "exitCode": 0, "reason": "Completed", "startedAt": time, "finishedAt": time,
            } },
        }],
    });
    serde_json::from_value(status).expect("a status")
}

#[tokio::main]
async fn main() {
    // Cargo adds an option of its own.
    let words = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let mut numbers = words.map(|word| word.parse().expect("a number"));
    let (callers, count) = (numbers.next().unwrap_or(CALLERS), numbers.next().unwrap_or(COUNT));

    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let store = Store::open(&folder.path().join("store"), Clock::system(), Names::seeded(1));
    let store = store.expect("the store opens");
    let begun = Instant::now();
    join_all((0..callers).map(|caller| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in (caller..count).step_by(callers) {
                live(&store, &number.to_string()).await;
            }
        })
    }))
    .await
    .into_iter()
    .for_each(|ended| ended.expect("all is committed"));
    let seconds = begun.elapsed().as_secs_f64();
    println!("{:.0} transactions a second", 4.0 * count as f64 / seconds);
}

/// Makes the pod `name`, and all that becomes of it.
async fn live(store: &Store, name: &str) {
    let key = Key::new("default", name);
    let bind = |pod: &mut Pod| {
        pod.spec.get_or_insert_default().node_name = Some("localhost".to_owned());
    };
    let end = |pod: &mut Pod| pod.status = Some(ended());
    for transaction in [
        Transaction::new().create_object(pod(name)),
        Transaction::new().modify(key.clone(), None, bind),
        Transaction::new().modify(key.clone(), None, end),
        Transaction::new().delete(Kind::Pod, key, DeleteOptions::default()),
    ] {
        store.commit(transaction).await.expect("it is committed");
    }
}
