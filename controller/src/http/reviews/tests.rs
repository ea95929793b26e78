use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::api::Timestamp;
use crate::clock::Clock;
use crate::http::access::{Access, Policy, TokenHash};
use crate::http::{Api, router};
use crate::store::{Names, Store};

const SELF_ACCESS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

fn api() -> Router {
    let text = format!(
        "users:\n\
         - {{name: jane, uid: j1, groups: [dev], roles: [{{role: edit, namespaces: [a]}}], tokens: [{{sha256: \"{}\"}}]}}\n\
         - {{name: root, roles: [{{role: admin}}], tokens: [{{sha256: \"{}\"}}]}}\n",
        TokenHash::of("jane"),
        TokenHash::of("root"),
    );
    let access = Access::new(Policy::parse(&text).expect("must be a policy"));
    let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
    router(Api::new(store).with_access(Arc::new(access)))
}

async fn ask(user: &str, path: &str, headers: &[(&str, &str)], review: Value) -> (u16, Value) {
    let mut request = Request::builder().method("POST").uri(path);
    request = request.header("authorization", format!("Bearer {user}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(review.to_string())).expect("must be a request");
    let response = api().oneshot(request).await.expect("the router must answer");
    let code = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("must have a body");
    (code, serde_json::from_slice(&bytes).expect("must be JSON"))
}

fn may(verb: &str, group: &str, resource: &str, namespace: &str) -> Value {
    json!({"spec": {"resourceAttributes": {
        "verb": verb, "group": group, "resource": resource, "namespace": namespace,
    }}})
}

#[tokio::test]
async fn everyone_may_ask_what_they_may_do() {
    let (code, answer) = ask("jane", SELF_ACCESS, &[], may("create", "batch", "jobs", "a")).await;
    assert_eq!((code, &answer["status"]), (201, &json!({"allowed": true})));
    assert_eq!(answer["spec"]["resourceAttributes"]["resource"], "jobs");
    let (_, answer) = ask("jane", SELF_ACCESS, &[], may("create", "batch", "jobs", "b")).await;
    assert_eq!(answer["status"], json!({"allowed": false}));
    let path = json!({"spec": {"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}});
    let (_, answer) = ask("root", SELF_ACCESS, &[], path).await;
    assert_eq!(answer["status"], json!({"allowed": true}));
    let (code, answer) = ask("jane", SELF_ACCESS, &[], json!({})).await;
    assert_eq!(code, 422);
    assert_eq!(
        answer["message"],
        r#".authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"#
    );
}

#[tokio::test]
async fn rules_are_those_of_the_namespace() {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let rules = async |user: &str, namespace: &str| {
        let (code, answer) = ask(user, path, &[], json!({"spec": {"namespace": namespace}})).await;
        assert_eq!(code, 201, "{answer}");
        answer["status"].clone()
    };
    let rule = |verbs: &[&str], group: &str, resources: &[&str]| json!({"verbs": verbs, "apiGroups": [group], "resources": resources});
    let all = rules("root", "a").await;
    assert_eq!(all["resourceRules"][0], rule(&["*"], "*", &["*"]));
    assert_eq!(all["nonResourceRules"][0], json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
    let jobs = rule(
        &["create", "delete", "deletecollection", "patch", "update"],
        "batch",
        &["cronjobs", "jobs"],
    );
    let has = |status: &Value| {
        status["resourceRules"].as_array().is_some_and(|rules| rules.contains(&jobs))
    };
    assert!(has(&rules("jane", "a").await));
    assert!(!has(&rules("jane", "b").await));
    let (code, answer) = ask("jane", path, &[], json!({})).await;
    assert_eq!((code, &answer["message"]), (400, &json!("no namespace on request")));
}

#[tokio::test]
async fn everyone_may_ask_who_they_are() {
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let (code, answer) = ask("jane", path, &[], json!({})).await;
    assert_eq!(code, 201);
    assert_eq!(
        answer["status"]["userInfo"],
        json!({"username": "jane", "uid": "j1", "groups": ["dev", "system:authenticated"]})
    );
    let other = json!({"kind": "Job", "apiVersion": "batch/v1"});
    let (code, answer) = ask("jane", path, &[], other).await;
    let message = answer["message"].as_str().unwrap_or_default();
    assert!(
        code == 400 && message.contains("cannot be handled as a SelfSubjectReview"),
        "{answer}"
    );
}

#[tokio::test]
async fn only_an_admin_may_ask_about_others_or_act_as_them() {
    let others = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let mut review = may("list", "", "pods", "a");
    review["spec"]["user"] = json!("jane");
    assert_eq!(ask("jane", others, &[], review.clone()).await.0, 403);
    let (code, answer) = ask("root", others, &[], review.clone()).await;
    assert_eq!((code, &answer["status"]["allowed"]), (201, &json!(true)));
    let local = "/apis/authorization.k8s.io/v1/namespaces/b/localsubjectaccessreviews";
    let (code, answer) = ask("root", local, &[], review).await;
    assert_eq!((code, &answer["reason"]), (422, &json!("Invalid")), "{answer}");

    let tokens = "/apis/authentication.k8s.io/v1/tokenreviews";
    let token = |token: &str| json!({"spec": {"token": token}});
    let (_, answer) = ask("root", tokens, &[], token("jane")).await;
    assert_eq!(answer["status"]["user"]["username"], "jane");
    let (_, answer) = ask("root", tokens, &[], token("stranger")).await;
    assert_eq!(answer["status"]["authenticated"], false);

    let whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let to_act = [("impersonate-user", "joe"), ("impersonate-group", "g")];
    let (_, answer) = ask("root", whoami, &to_act, json!({})).await;
    assert_eq!(
        answer["status"]["userInfo"],
        json!({"username": "joe", "groups": ["g", "system:authenticated"]})
    );
    let (code, answer) = ask("jane", whoami, &to_act, json!({})).await;
    assert_eq!(code, 403);
    assert_eq!(
        answer["message"],
        r#"users "joe" is forbidden: User "jane" cannot impersonate resource "users" in API group "" at the cluster scope"#
    );
}
