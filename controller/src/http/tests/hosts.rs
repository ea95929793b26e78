//! Hosts that pods ask for, over HTTP: what the operator does not allow is not made.

use super::*;
use crate::network::AllowedHosts;

/// An API whose operator allows these hosts.
async fn allows(hosts: &[&str]) -> Api {
    let mut allowed = AllowedHosts::default();
    for text in hosts {
        allowed.allow(text).expect("they must be good");
    }
    Api::of(Api::new().await.served.with_allowed_hosts(allowed))
}

/// A pod, a Job and a CronJob whose pods ask for `hosts`, with the path of their kind.
fn asking(hosts: &str) -> [(&'static str, Value); 3] {
    let annotations = json!({"mayfly.dev/allow-hosts": hosts});
    let container = json!({"name": "main", "image": "i"});
    let spec = json!({"restartPolicy": "Never", "containers": [container]});
    let template = json!({"metadata": {"annotations": annotations}, "spec": spec});
    let job = json!({"template": template});
    let cron_job = json!({"schedule": "* * * * *", "jobTemplate": {"spec": job}});
    let pod = json!({"metadata": {"name": "a", "annotations": annotations}, "spec": spec});
    [
        ("/api/v1/namespaces/default/pods", pod),
        (JOBS, json!({"metadata": {"name": "a"}, "spec": job})),
        (
            "/apis/batch/v1/namespaces/default/cronjobs",
            json!({"metadata": {"name": "a"}, "spec": cron_job}),
        ),
    ]
}

#[tokio::test]
async fn what_asks_for_hosts_that_are_not_allowed_is_refused() {
    for (allowed, expect) in [
        (&[][..], "Forbidden: no host is allowed in namespace \"default\": the operator"),
        (&["team-a=example.org"], "Forbidden: no host is allowed in namespace \"default\""),
        (&["example.org:80"], "Forbidden: example.org:443 is not allowed in namespace \"default\""),
        (&["*.example.org", "a"], "Forbidden: example.org:443 is not allowed in namespace"),
    ] {
        let api = allows(allowed).await;
        for (path, object) in asking("example.org:443") {
            let refused = api.post(path, &object).await;
            let said = refused.body["message"].as_str().unwrap_or_default();
            assert_eq!(refused.code, 422, "{said}");
            let at = "metadata.annotations[mayfly.dev/allow-hosts]: ";
            assert!(said.contains(&format!("{at}{expect}")), "{said}");
            assert!(said.contains("--allow-hosts"), "{said}");
        }
    }
}

#[tokio::test]
async fn what_asks_for_hosts_that_are_allowed_is_made() {
    let api = allows(&["*.net", "default=example.org"]).await;
    for (path, object) in asking("example.org:443/tcp, a.net") {
        let made = api.post(path, &object).await;
        assert_eq!(made.code, 201, "{}", made.body);
    }
}
