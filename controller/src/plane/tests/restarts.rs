//! Restarts within a pod, as its Job sees them.

use super::*;

/// Runs a Job whose container is restarted by what `container` says.
async fn run(simulation: &Simulation, spec: &str, container: &str) -> Arc<Job> {
    let manifest = format!(
        "{{apiVersion: batch/v1, kind: Job, metadata: {{name: job, namespace: default}}, \
         spec: {{{spec}, template: {{spec: {{restartPolicy: Never, \
         containers: [{{name: main, image: any, {container}}}]}}}}}}}}"
    );
    simulation.create_manifest(&manifest).await;
    simulation.end().await
}

const FAIL_JOB: &str = "backoffLimit: 0, podFailurePolicy: {rules: [\
    {action: FailJob, onExitCodes: {operator: In, values: [42]}}]}";

#[tokio::test(start_paused = true)]
async fn a_container_that_is_restarted_has_not_failed_its_pod() {
    let rule = |action: &str| {
        format!(
            "restartPolicy: Never, restartPolicyRules: [{{action: {action}, \
             exitCodes: {{operator: In, values: [42]}}}}]"
        )
    };
    let ways =
        ["restartPolicy: OnFailure".to_owned(), rule("Restart"), rule("RestartAllContainers")];
    for container in ways {
        let simulation = Simulation::start(1, &[42, 42, 0]);
        let job = run(&simulation, FAIL_JOB, &container).await;
        let status = job.status.as_ref().unwrap();
        assert_eq!((status.succeeded, status.failed), (Some(1), None), "{container}");
        let pods = simulation.store.list::<Pod>(None).items;
        let status = pods[0].status.as_ref().unwrap().container_statuses.as_ref().unwrap();
        assert_eq!((pods.len(), status[0].restart_count), (1, 2), "{container}");
        simulation.plane.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_its_rules_do_not_restart_has() {
    let simulation = Simulation::start(1, &[42]);
    let container = "restartPolicy: Never, restartPolicyRules: [{action: Restart, \
        exitCodes: {operator: NotIn, values: [42]}}]";
    let job = run(&simulation, FAIL_JOB, container).await;
    let status = job.status.as_ref().unwrap();
    assert_eq!((status.succeeded, status.failed), (None, Some(1)));
    let conditions = status.conditions.as_ref().unwrap();
    let failed = conditions.iter().find(|condition| condition.type_ == "Failed").unwrap();
    assert_eq!(failed.reason.as_deref(), Some("PodFailurePolicy"));
    simulation.plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_a_job_has_what_every_pod_has() {
    let simulation = Simulation::start(1, &[0]);
    simulation.create("backoffLimit: 0").await;
    simulation.end().await;
    let pod = simulation.store.list::<Pod>(None).items.remove(0);
    let spec = pod.spec.as_ref().unwrap();
    assert_eq!(spec.service_account_name.as_deref(), Some("default"));
    assert_eq!((spec.priority, spec.enable_service_links), (Some(0), Some(true)));
    simulation.plane.shutdown().await;
}
