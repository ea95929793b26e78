"""Makes a Job, watches it to Complete, reads its log and deletes it, with PyPI's `kubernetes`.

Prints the log. The cluster is that of KUBECONFIG, the image the first argument.
"""

import sys

from kubernetes import client, config, watch

NAMESPACE, NAME = "default", "of-python"


def job(image):
    container = client.V1Container(name="main", image=image, args=["python"])
    spec = client.V1PodSpec(restart_policy="Never", containers=[container])
    template = client.V1PodTemplateSpec(spec=spec)
    return client.V1Job(
        metadata=client.V1ObjectMeta(name=NAME),
        spec=client.V1JobSpec(template=template, backoff_limit=0),
    )


def until(events, is_wanted):
    """The first object of a watch that is wanted; an error if it ends before."""
    for event in events:
        if is_wanted(event["type"], event["object"]):
            return event["object"]
    raise SystemExit("the watch ended too early")


def is_complete(_, job):
    conditions = job.status.conditions or []
    return any(it.type == "Complete" and it.status == "True" for it in conditions)


def main():
    config.load_kube_config()
    batch, core = client.BatchV1Api(), client.CoreV1Api()
    made = batch.create_namespaced_job(NAMESPACE, job(sys.argv[1]))
    assert made.spec.completion_mode == "NonIndexed", made.spec
    selector = {"field_selector": f"metadata.name={NAME}", "timeout_seconds": 120}
    watcher = watch.Watch()
    done = until(watcher.stream(batch.list_namespaced_job, NAMESPACE, **selector), is_complete)
    assert done.status.succeeded == 1, done.status
    pods = core.list_namespaced_pod(NAMESPACE, label_selector=f"job-name={NAME}").items
    assert len(pods) == 1 and pods[0].status.phase == "Succeeded", pods
    print(core.read_namespaced_pod_log(pods[0].metadata.name, NAMESPACE), end="")

    since = batch.list_namespaced_job(NAMESPACE).metadata.resource_version
    batch.delete_namespaced_job(NAME, NAMESPACE, propagation_policy="Background")
    selector["resource_version"] = since
    gone = lambda type_, _: type_ == "DELETED"
    until(watch.Watch().stream(batch.list_namespaced_job, NAMESPACE, **selector), gone)
    try:
        batch.read_namespaced_job(NAME, NAMESPACE)
    except client.ApiException as error:
        assert error.status == 404, error
    else:
        raise SystemExit("the Job is still there")


main()
