use axum::body::Body;
use axum::http::Request;
use tower::ServiceExt as _;

use super::*;
use crate::clock::Clock;
use crate::http::router;
use crate::http::target::Target;
use crate::store::{Names, Store};

/// The tokens are their users' names.
fn policy() -> Policy {
    let user = |name: &str, rest: &str| {
        format!("- name: {name}\n  tokens: [{{sha256: \"{}\"}}]\n  {rest}\n", TokenHash::of(name))
    };
    let users = [
        user("reader", "roles: [{role: view}]"),
        user("jane", "roles: [{role: edit, namespaces: [a, b]}]"),
        user("local", "roles: [{role: admin, namespaces: [a]}]"),
        user("root", "roles: [{role: admin}]"),
        user("nobody", "groups: [x]"),
    ];
    Policy::parse(&format!("users:\n{}", users.concat())).expect("must be a policy")
}

fn store() -> Store {
    Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1))
}

fn send(policy: &Policy, user: &str, request: &str) -> Result<Arc<User>, Refusal> {
    let (method, uri) = request.split_once(' ').expect("a request must have a method");
    let mut built = Request::builder().method(method).uri(uri);
    if !user.is_empty() {
        built = built.header("authorization", format!("Bearer {user}"));
    }
    let (parts, ()) = built.body(()).expect("must be a request").into_parts();
    admit_by(policy, &store(), &parts, Timestamp::UNIX_EPOCH)
}

#[test]
fn roles_let_do_what_kubernetes_roles_of_these_names_let_do() {
    let policy = policy();
    let check = |request: &str, expect: &str| {
        let users = ["reader", "jane", "local", "root", "nobody"];
        let may = users.into_iter().filter(|user| send(&policy, user, request).is_ok());
        assert_eq!(may.collect::<Vec<_>>().join(" "), expect, "{request}");
    };
    check("GET /api/v1/namespaces/a/pods", "reader jane local root");
    check("GET /api/v1/namespaces/c/pods", "reader root");
    check("GET /apis/batch/v1/jobs", "reader root");
    check("GET /api/v1/pods?watch=1", "reader root");
    check("GET /api/v1/namespaces/b", "reader jane root");
    check("GET /api/v1/namespaces", "reader root");
    check("GET /api/v1/namespaces/a/secrets/s", "jane local root");
    check("GET /api/v1/namespaces/a/pods/p/log?follow=true", "reader jane local root");
    check("GET /api/v1/namespaces/a/pods/p/attach", "jane local root");
    check("POST /apis/batch/v1/namespaces/a/jobs", "jane local root");
    check("PATCH /apis/batch/v1/namespaces/b/cronjobs/c", "jane root");
    check("PATCH /apis/batch/v1/namespaces/a/jobs/j/status", "root");
    check("DELETE /api/v1/namespaces/a/configmaps", "jane local root");
    check("POST /api/v1/namespaces/a/pods/p/eviction", "jane local root");
    check("DELETE /api/v1/namespaces/a", "root");
    check("POST /api/v1/namespaces", "root");
    check("GET /api/v1/nodes", "root");
    check("GET /metrics", "root");
    check("GET /version", "reader jane local root nobody");
    check("GET /apis/batch/v1", "reader jane local root nobody");
    check(
        "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "reader jane local root nobody",
    );
    check(
        "POST /apis/authorization.k8s.io/v1/namespaces/a/localsubjectaccessreviews",
        "local root",
    );
}

#[test]
fn what_is_not_allowed_is_told_in_kubernetes_words() {
    let policy = policy();
    let check = |user: &str, request: &str, expect: &str| {
        let refusal = send(&policy, user, request).expect_err("must be refused");
        assert_eq!(refusal.status.code, Some(403));
        assert_eq!(refusal.status.message, expect);
    };
    check(
        "reader",
        "POST /apis/batch/v1/namespaces/y/jobs",
        r#"jobs.batch is forbidden: User "reader" cannot create resource "jobs" in API group "batch" in the namespace "y""#,
    );
    check(
        "jane",
        "GET /api/v1/nodes",
        r#"nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope"#,
    );
    check(
        "jane",
        "GET /api/v1/namespaces/c/pods/p/log",
        r#"pods "p" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace "c""#,
    );
    check("jane", "GET /metrics", r#"forbidden: User "jane" cannot get path "/metrics""#);
}

#[test]
fn nobody_gets_past_the_health_checks_without_good_credentials() {
    let policy = policy();
    for request in ["GET /healthz", "GET /livez", "GET /readyz?verbose"] {
        let user = send(&policy, "", request).expect("must be let in");
        assert_eq!(user.name, "system:anonymous");
        assert!(send(&policy, "stranger", request).is_err(), "{request}");
    }
    for request in ["GET /version", "GET /", "GET /api/v1/pods", "POST /healthz", "GET /healthz/x"]
    {
        for user in ["", "stranger"] {
            let refusal = send(&policy, user, request).expect_err("must be refused");
            assert_eq!(refusal.status.message, "Unauthorized");
            assert_eq!(refusal.status.code, Some(401), "{request}");
        }
    }
}

#[test]
fn a_token_is_good_until_it_expires() {
    let text = format!(
        "users: [{{name: a, uid: u, groups: [g], tokens: [{{sha256: {}, expires: 2027-01-31T00:00:00Z}}]}}]",
        TokenHash::of("secret")
    );
    let policy = Policy::parse(&text).expect("must be a policy");
    let at = |time: &str| policy.user_of("secret", time.parse().expect("must be a time"));
    let user = at("2027-01-30T23:59:59Z").expect("must be good still");
    assert_eq!(user, User::authenticated("a", "u", &["g".to_owned()]));
    assert_eq!(at("2027-01-31T00:00:00Z"), None);
}

#[test]
fn a_certificate_says_who_its_owner_is() {
    let access = Access::new(policy());
    let admit = |name: &str, groups: &[&str]| {
        let organizations = groups.iter().map(|group| (*group).to_owned()).collect();
        let certificate = ClientCertificate { common_name: name.to_owned(), organizations };
        let request = Request::builder().uri("/api/v1/nodes").extension(certificate).body(());
        let (parts, ()) = request.expect("must be a request").into_parts();
        admit_by(&access.policy(), &store(), &parts, Timestamp::UNIX_EPOCH).is_ok()
    };
    assert!(admit("somebody", &[User::MASTERS]));
    assert!(admit("root", &[]), "roles of the file count for certificates, too");
    assert!(!admit("jane", &["developers"]));
    access.replace(Policy::default());
    assert!(!admit("root", &[]), "the newest policy counts");
}

/// Whether who shows a certificate of `name` and `groups` may do what is asked of `store`.
async fn may(store: &Store, (name, groups): (&str, &[&str]), request: &str) -> bool {
    let api = Api::new(store.clone()).with_access(Arc::new(Access::new(policy())));
    let organizations = groups.iter().map(|group| (*group).to_owned()).collect();
    let certificate = ClientCertificate { common_name: name.to_owned(), organizations };
    let (method, uri) = request.split_once(' ').expect("a request must have a method");
    let request = Request::builder().method(method).uri(uri).extension(certificate).body(());
    let (parts, ()) = request.expect("must be a request").into_parts();
    admit(&api, &parts).is_ok()
}

#[tokio::test]
async fn hosts_that_join_and_who_asks_nodes_may_do_that_and_nothing_else() {
    let store = store();
    let csr = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let joins = ("system:bootstrap:abcdef", &["system:bootstrappers"][..]);
    let asks = (User::KUBELET_CLIENT, &[][..]);
    let node = ("system:node:a", &["system:nodes"][..]);
    for (request, expect) in [
        (format!("POST {csr}"), [true, false, true]),
        (format!("GET {csr}/x"), [true, false, true]),
        (format!("GET {csr}?watch=1"), [true, false, true]),
        (format!("DELETE {csr}/x"), [false; 3]),
        (format!("PUT {csr}/x/approval"), [false; 3]),
        (format!("PUT {csr}/x/status"), [false; 3]),
        (format!("POST {csr}/x/nodeclient"), [true, false, false]),
        ("GET /api/v1/nodes/a".to_owned(), [true, false, true]),
        ("GET /api/v1/nodes/b".to_owned(), [true, false, false]),
        ("GET /api/v1/nodes".to_owned(), [false; 3]),
        ("POST /api/v1/nodes".to_owned(), [false, false, true]),
        ("GET /api/v1/nodes/a/proxy/pods".to_owned(), [false, true, false]),
        ("POST /api/v1/nodes/a/proxy/run".to_owned(), [false; 3]),
        ("GET /api/v1/namespaces/kube-system/secrets/x".to_owned(), [false; 3]),
        ("GET /api/v1/namespaces/default/pods/x/log".to_owned(), [false; 3]),
    ] {
        for (user, expect) in [joins, asks, node].into_iter().zip(expect) {
            assert_eq!(may(&store, user, &request).await, expect, "{}: {request}", user.0);
        }
    }
}

#[test]
fn by_which_authority_the_server_is_known_is_told_to_anybody() {
    let policy = policy();
    let info = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
    assert!(send(&policy, "", &format!("GET {info}")).is_ok());
    assert!(send(&policy, "stranger", &format!("GET {info}")).is_err());
    for request in [
        format!("PUT {info}"),
        format!("DELETE {info}"),
        "GET /api/v1/namespaces/kube-public/configmaps".to_owned(),
        "GET /api/v1/namespaces/kube-public/secrets/cluster-info".to_owned(),
        "GET /api/v1/namespaces/default/configmaps/cluster-info".to_owned(),
        "GET /api/v1/namespaces/kube-public/configmaps/kube-root-ca.crt".to_owned(),
    ] {
        assert!(send(&policy, "", &request).is_err(), "{request}");
    }
}

#[tokio::test]
async fn who_may_write_secrets_may_not_let_hosts_join() {
    let api = Api::new(store()).with_access(Arc::new(Access::new(policy())));
    let secret = |type_: &str| {
        let secret = serde_json::json!({"metadata": {"name": "s"}, "type": type_});
        Object::Secret(Arc::new(serde_json::from_value(secret).expect("a Secret")))
    };
    let user = |name: &str| User::authenticated(name, "", &[]);
    let check = |name: &str, type_: &str, expect: bool| {
        assert_eq!(restrict(&api, &user(name), None, &secret(type_)).is_ok(), expect, "{name}");
    };
    check("jane", "Opaque", true);
    check("jane", bootstrap::SECRET_TYPE, false);
    check("root", bootstrap::SECRET_TYPE, true);
}

#[test]
fn the_file_that_is_shown_to_people_is_one() {
    let shown = include_str!("../../../../SECURITY.md");
    let shown = shown.split("```yaml").nth(1).and_then(|rest| rest.split("```").next());
    let policy = Policy::parse(shown.expect("must be shown")).expect("must be a policy");
    let user = policy.user_of("foo", Timestamp::UNIX_EPOCH).expect("must be known by her token");
    assert_eq!(user.groups, ["developers", "system:authenticated"]);
}

#[test]
fn a_file_is_told_every_mistake_and_where() {
    let check = |text: &str, expect: &str| {
        let error = Policy::parse(text).expect_err("must be refused").to_string();
        assert_eq!(error, expect, "{text}");
    };
    let hash = TokenHash::of("x");
    check("users: [", "line 2: while parsing a node, did not find expected node content");
    check("user: []", r#"line 1: unknown field "user", did you mean "users"?"#);
    check(
        "users:\n- name: a\n  roles:\n  - role: root\n  - role: edit\n    namespaces: []\n",
        "line 4: users[0].roles[0].role: there is no role \"root\"; roles are view, edit, admin and node\n\
         line 6: users[0].roles[1].namespaces: no namespaces are named; name some, or leave the \
         field out to mean all",
    );
    check(
        "users:\n- name: a\n  tokens:\n  - sha256: abc\n",
        "line 4: users[0].tokens[0].sha256: expected the 64 hexadecimal digits of a SHA-256",
    );
    check(
        &format!("users:\n- name: a\n  tokens:\n  - sha256: \"{hash}\"\n    expires: tomorrow\n"),
        "line 5: users[0].tokens[0].expires: \"tomorrow\" is no time; write it as 2027-01-31T00:00:00Z",
    );
    check(
        "users:\n- name: a\n- name: a\n- name: ''\n",
        "users[1].name: a user of this name is there twice\nusers[2].name: a user must have a name",
    );
    assert!(Policy::parse("").is_ok(), "nobody is known");
}

#[tokio::test]
async fn what_follows_from_a_request_is_held_against_the_policy_as_well() {
    let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
    let api = Api::new(store).with_access(Arc::new(Access::new(policy())));
    let target = Target::parse("/apis/batch/v1/namespaces/a/jobs/j").expect("must be a target");
    let asked = Attributes::to_create(&target, "j");
    let user = |name: &str| User::authenticated(name, "", &[]);
    require(&api, &user("jane"), &asked).expect("must be allowed");
    let refused = require(&api, &user("reader"), &asked).expect_err("must be refused");
    assert_eq!(
        refused.status.message,
        r#"jobs.batch "j" is forbidden: User "reader" cannot create resource "jobs" in API group "batch" in the namespace "a""#
    );
    let request = Request::builder().uri("/api/v1/pods").body(Body::empty());
    let answer = router(api).oneshot(request.expect("must be a request")).await;
    let answer = answer.expect("must be answered");
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
}
