//! The annotation that says which hosts a pod reaches.

use crate::admission::error::Errors;
use crate::admission::path::Path;
use crate::api::ObjectMeta;
use crate::api::names::ALLOW_HOSTS;
use crate::network;

/// Validates the hosts in the `metadata` of a pod or its template, which is at `at`. Whether the
/// operator allows them is another question.
pub(crate) fn hosts(metadata: &ObjectMeta, at: &Path<'_>, errors: &mut Errors) {
    let Err(error) = network::asked(metadata) else { return };
    let value = metadata.annotations.as_ref().and_then(|it| it.get(ALLOW_HOSTS));
    let value = value.map(String::as_str).unwrap_or_default();
    errors.invalid(&at.child("annotations").key(ALLOW_HOSTS), value, &error.to_string());
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::admission::{admit_cron_job, admit_job, admit_pod};

    /// What is said of a pod, a Job and a CronJob whose pods ask for `hosts`.
    fn said(hosts: &str) -> [String; 3] {
        let template = json!({
            "metadata": {"name": "a", "annotations": {"mayfly.dev/allow-hosts": hosts}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b:1"}]},
        });
        let spec = json!({"template": template});
        let job = json!({"metadata": {"name": "a"}, "spec": spec});
        let spec = json!({"schedule": "* * * * *", "jobTemplate": {"spec": spec}});
        let cron_job = json!({"metadata": {"name": "a"}, "spec": spec});
        fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
            serde_json::from_value(value).unwrap()
        }
        [
            admit_pod(read(template), "u").err().map(|error| error.to_string()),
            admit_job(read(job), "u").err().map(|error| error.to_string()),
            admit_cron_job(read(cron_job), "u").err().map(|error| error.to_string()),
        ]
        .map(Option::unwrap_or_default)
    }

    #[test]
    fn admits_hosts_and_denies_what_is_none_wherever_a_pod_is_described() {
        for good in ["", "example.org:443, *.example.net\n10.0.0.0/8:53/udp", "*"] {
            assert_eq!(said(good), ["", "", ""], "{good}");
        }
        let at = "metadata.annotations[mayfly.dev/allow-hosts]: Invalid value: \"a:0\": `a:0` must \
                  have a port from 1 to 65535 after the colon";
        assert_eq!(
            said("a:0"),
            [
                format!("Pod \"a\" is invalid: {at}"),
                format!("Job.batch \"a\" is invalid: spec.template.{at}"),
                format!("CronJob.batch \"a\" is invalid: spec.jobTemplate.spec.template.{at}"),
            ]
        );
    }
}
