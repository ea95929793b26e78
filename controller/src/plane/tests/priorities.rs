//! Jobs whose pods have priorities.

use serde_json::json;

use super::*;
use crate::api::PriorityClass;

fn job(name: &str, class: &str, cpu: u64) -> String {
    format!(
        "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}, namespace: default}}, \
         spec: {{template: {{spec: {{restartPolicy: Never, {class} \
         containers: [{{name: main, image: any, resources: {{requests: {{cpu: {cpu}m}}}}}}]}}}}}}}}"
    )
}

async fn class(simulation: &Simulation, name: &str, value: i32) {
    let class = json!({"metadata": {"name": name}, "value": value});
    let class = serde_json::from_value::<PriorityClass>(class).unwrap();
    let class = admission::admit_priority_class(class, "").unwrap().object;
    simulation.store.commit(Transaction::new().create(class)).await.unwrap();
}

fn events(simulation: &Simulation, reason: &str) -> Vec<String> {
    let events = simulation.store.list::<Event>(None).items;
    let of = events.iter().filter(|event| event.reason.as_deref() == Some(reason));
    of.filter_map(|event| event.message.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_job_waits_for_the_class_that_its_pods_name() {
    let simulation = Simulation::start(1, &[0]);
    simulation.plane.ready().await;
    simulation.create_manifest(&job("job", "priorityClassName: high,", 1)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(simulation.store.list::<Pod>(None).items.len(), 0);
    let why = events(&simulation, "FailedCreate").pop().unwrap();
    assert!(why.ends_with("is forbidden: no PriorityClass with name high was found"), "{why}");
    class(&simulation, "high", 1000).await;
    simulation.end().await;
    let spec = simulation.store.list::<Pod>(None).items[0].spec.clone().unwrap();
    assert_eq!(spec.priority, Some(1000));
    assert_eq!(spec.preemption_policy.as_deref(), Some("PreemptLowerPriority"));
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_a_higher_priority_has_the_place_of_another() {
    let simulation = Simulation::start(60, &[0]);
    simulation.plane.ready().await;
    class(&simulation, "high", 1000).await;
    let store = &simulation.store;
    let node = store.get::<Node>(&Key::new("", "localhost")).unwrap();
    let allocatable = node.status.as_ref().unwrap().allocatable.clone().unwrap();
    let all = crate::quantity::Amount::of(&allocatable["cpu"]).millis();
    let all = u64::try_from(all).unwrap();
    simulation.create_manifest(&job("job", "", all)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    simulation.create_manifest(&job("urgent", "priorityClassName: high,", all)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let pods = store.list::<Pod>(None).items;
    let urgent = pods.iter().find(|pod| pod.key().name.starts_with("urgent")).unwrap();
    let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone());
    assert_eq!(phase(urgent).as_deref(), Some("Running"));
    assert_eq!(urgent.status.as_ref().unwrap().nominated_node_name, None, "it has its node");
    let preempted = format!("Preempted by pod {} on node localhost", urgent.uid());
    assert_eq!(events(&simulation, "Preempted"), [preempted]);
    let waits = events(&simulation, "FailedScheduling");
    let why = "0/1 nodes are available: 1 Insufficient cpu.";
    assert!(waits.iter().any(|it| it == why), "{waits:?}");
    // The other one comes back when there is room.
    let job = simulation.end().await;
    assert_eq!(job.key().name.as_ref(), "urgent");
    loop {
        let job = store.get::<Job>(&Key::new("default", "job")).unwrap();
        if job.status.as_ref().is_some_and(|it| it.succeeded == Some(1)) {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_may_ignore_that_its_pod_went_for_another() {
    let simulation = Simulation::start(60, &[0]);
    simulation.plane.ready().await;
    class(&simulation, "high", 1000).await;
    let store = &simulation.store;
    let node = store.get::<Node>(&Key::new("", "localhost")).unwrap();
    let allocatable = node.status.as_ref().unwrap().allocatable.clone().unwrap();
    let all = crate::quantity::Amount::of(&allocatable["cpu"]).millis();
    let all = u64::try_from(all).unwrap();
    // The first pod that fails is one too many, but for those that go for others.
    let failures = |policy: &str| format!("spec: {{backoffLimit: 0, {policy} template:");
    let ignores = "podFailurePolicy: {rules: [{action: Ignore, \
                   onPodConditions: [{type: DisruptionTarget}]}]},";
    let ignoring = job("job", "", all).replace("spec: {template:", &failures(ignores));
    simulation.create_manifest(&ignoring).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    simulation.create_manifest(&job("urgent", "priorityClassName: high,", all)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(events(&simulation, "Preempted").len(), 1);
    let status = loop {
        let job = store.get::<Job>(&Key::new("default", "job")).unwrap();
        let status = job.status.clone().unwrap_or_default();
        if status.conditions.as_deref().is_some_and(conditions::say_finished) {
            break status;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    assert_eq!((status.succeeded, status.failed.unwrap_or_default()), (Some(1), 0));
    simulation.plane.shutdown().await;
}
