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

/// `object` with these `annotations` on its pods.
fn annotated(mut object: Value, annotations: &Value) -> Value {
    let at = ["/spec/jobTemplate/spec/template/metadata", "/spec/template/metadata", "/metadata"];
    let at = at.into_iter().find(|at| object.pointer(at).is_some()).expect("one must be there");
    object.pointer_mut(at).expect("it is there")["annotations"] = annotations.clone();
    object
}

#[tokio::test]
async fn what_is_changed_to_ask_for_more_is_refused_as_when_it_is_made() {
    let api = allows(&["example.org"]).await;
    for (path, mut object) in asking("example.org:443") {
        if path == JOBS {
            // Only of a Job that waits can this be changed at all.
            object["spec"]["suspend"] = json!(true);
        }
        let made = api.post(path, &object).await;
        assert_eq!(made.code, 201, "{}", made.body);
        let one = format!("{path}/a");
        let put = async |annotations: &Value| {
            let now = api.get(&one).await.body;
            api.put(&one, &annotated(now, annotations)).await
        };
        for (hosts, code, expect) in [
            ("example.net:443", 422, "example.net:443 is not allowed in namespace"),
            ("example.org:0", 422, "must have a port from 1 to 65535"),
            ("example.org:80", 200, ""),
        ] {
            let answer = put(&json!({"mayfly.dev/allow-hosts": hosts})).await;
            let said = answer.body["message"].as_str().unwrap_or_default();
            assert_eq!(answer.code, code, "{path} {hosts}: {said}");
            assert!(said.contains(expect), "{path} {hosts}: {said}");
        }
        for wrong in [json!({"mayfly.dev/fuel": "much"}), json!({"mayfly.dev/deterministic": ""})] {
            let answer = put(&wrong).await;
            assert_eq!(answer.code, 422, "{path} {wrong}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn what_asked_for_more_before_can_still_be_changed_otherwise() {
    let served = allows(&["example.org"]).await.served;
    let api = Api::of(served.clone());
    for (path, object) in asking("example.org:443") {
        assert_eq!(api.post(path, &object).await.code, 201);
    }
    let stricter = Api::of(served.with_allowed_hosts(AllowedHosts::default()));
    for (path, _) in asking("") {
        let one = format!("{path}/a");
        let mut now = stricter.get(&one).await.body;
        now["metadata"]["labels"]["team"] = json!("a");
        let answer = stricter.put(&one, &now).await;
        assert_eq!(answer.code, 200, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_pod_is_not_changed_to_have_more_than_the_operator_lets_it() {
    let fuel = crate::quota::Bound { default: None, max: Some(1000) };
    let operator = crate::quota::OperatorLimits { fuel, ..Default::default() };
    let api = Api::of(Api::new().await.served.with_operator_limits(operator));
    let [(path, pod), ..] = asking("");
    assert_eq!(api.post(path, &pod).await.code, 201);
    let one = format!("{path}/a");
    for (fuel, code) in [("1000", 200), ("1001", 403)] {
        let now = annotated(api.get(&one).await.body, &json!({"mayfly.dev/fuel": fuel}));
        let answer = api.put(&one, &now).await;
        assert_eq!(answer.code, code, "{fuel}: {}", answer.body);
    }
}
