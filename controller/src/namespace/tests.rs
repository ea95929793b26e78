//! Namespaces from their beginning to their end.

use std::time::Duration;

use k8s_openapi::api::core::v1::NamespaceSpec;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::api::{
    ConfigMap, Event, Job, Key, Kind, Namespace, Object, ObjectMeta, Pod, PodSpec, ServiceAccount,
    Timestamp,
};
use crate::clock::Clock;
use crate::limits::NAMESPACE_OBJECTS_MAX;
use crate::store::{DeleteOptions, Names, Store, Transaction};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

struct World {
    store: Store,
    cancel: CancellationToken,
}

impl World {
    async fn new() -> Self {
        let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
        let cancel = CancellationToken::new();
        let controller = NamespaceController::new(store.clone(), Some(CERTIFICATE.to_owned()));
        tokio::spawn(controller.run(cancel.clone()));
        let world = Self { store, cancel };
        world.settle().await;
        world
    }

    /// With paused time, sleeping means that everybody else has done what there is to do.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    async fn commit(&self, transaction: Transaction) {
        self.store.commit(transaction).await.expect("must be committed");
        self.settle().await;
    }

    async fn create_namespace(&self, name: &str) {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let admitted = crate::admission::admit_namespace(namespace, "u").expect("must be admitted");
        self.commit(Transaction::new().create(admitted.object)).await;
    }

    async fn delete(&self, kind: Kind, namespace: &str, name: &str) {
        let key = Key::new(namespace, name);
        self.commit(Transaction::new().delete(kind, key, DeleteOptions::default())).await;
    }

    fn namespace(&self, name: &str) -> Option<std::sync::Arc<Namespace>> {
        self.store.get(&Key::new("", name))
    }

    /// What is in the namespace, as `Kind name`, with `!` for what is on its way out.
    fn contents(&self, namespace: &str) -> Vec<String> {
        let (all, _) = self.store.list_kinds(Kind::ALL);
        let there = all.iter().filter(|object| *object.key().namespace == *namespace);
        there
            .map(|object| {
                let ends = object.metadata().deletion_timestamp.is_some();
                let mark = if ends { " !" } else { "" };
                format!("{} {}{mark}", object.kind().name(), object.key().name)
            })
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some("n".to_owned()),
        ..ObjectMeta::default()
    }
}

fn bound_pod(name: &str) -> Pod {
    let spec = PodSpec { node_name: Some("here".to_owned()), ..PodSpec::default() };
    Pod { metadata: named(name), spec: Some(spec.into()), ..Pod::default() }
}

#[tokio::test(start_paused = true)]
async fn every_namespace_has_what_it_begins_with() {
    let world = World::new().await;
    for name in ["default", "kube-system", "kube-node-lease"] {
        assert_eq!(world.contents(name), ["ConfigMap kube-root-ca.crt", "ServiceAccount default"]);
    }
    // What hosts that join are told.
    let public = ["ConfigMap cluster-info", "ConfigMap kube-root-ca.crt", "ServiceAccount default"];
    assert_eq!(world.contents("kube-public"), public);
    let info = Key::new("kube-public", "cluster-info");
    let told = || {
        let map = world.store.get::<ConfigMap>(&info).expect("must be there");
        map.data.as_ref().and_then(|data| data.get("kubeconfig").cloned())
    };
    let first = told();
    assert!(first.as_ref().is_some_and(|it| it.contains("certificate-authority-data")));
    let change = |map: &mut ConfigMap| map.data = None;
    world.commit(Transaction::new().modify(info.clone(), None, change)).await;
    assert_eq!(told(), first);
    world.create_namespace("n").await;
    let given = ["ConfigMap kube-root-ca.crt", "ServiceAccount default"];
    assert_eq!(world.contents("n"), given);
    // Whoever takes it away or changes it changes nothing.
    world.delete(Kind::ServiceAccount, "n", "default").await;
    let change = |map: &mut ConfigMap| map.data = None;
    world.commit(Transaction::new().modify(Key::new("n", ROOT_CA), None, change)).await;
    assert_eq!(world.contents("n"), given);
    let map = world.store.get::<ConfigMap>(&Key::new("n", ROOT_CA)).expect("must be there");
    assert_eq!(map.data.as_ref().expect("must have data")[ROOT_CA_KEY], CERTIFICATE);
    let before = world.store.resource_version();
    world
        .commit(
            Transaction::new()
                .create(ServiceAccount { metadata: named("mine"), ..ServiceAccount::default() }),
        )
        .await;
    assert_eq!(world.store.resource_version(), before + 1, "others' are not its business");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_ends_after_all_that_is_in_it() {
    let world = World::new().await;
    world.create_namespace("n").await;
    let things = Transaction::new()
        .create(Job { metadata: named("j"), ..Job::default() })
        .create(bound_pod("p"))
        .create(ConfigMap { metadata: named("c"), ..ConfigMap::default() });
    world.commit(things).await;
    world.delete(Kind::Namespace, "", "n").await;
    let terminating = world.namespace("n").expect("must wait for the pod");
    let status = terminating.status.as_ref().expect("must have a status");
    assert_eq!(status.phase.as_deref(), Some("Terminating"));
    let conditions = status.conditions.iter().flatten();
    let told: Vec<_> = conditions.filter(|it| it.status == "True").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].message.as_deref(),
        Some("Some resources are remaining: pods. has 1 resource instances")
    );
    assert_eq!(
        world.contents("n"),
        ["Pod p !", "ConfigMap c", "ConfigMap kube-root-ca.crt", "ServiceAccount default"],
        "what the pod may need stays as long as it"
    );
    // The node has ended it; and says so.
    let ended = DeleteOptions { uid: None, grace_period_seconds: Some(0) };
    let event = Event { metadata: named("late"), ..Event::default() };
    let ended = Transaction::new().delete(Kind::Pod, Key::new("n", "p"), ended).create(event);
    world.commit(ended).await;
    assert_eq!(world.namespace("n"), None);
    assert_eq!(world.contents("n"), [""; 0]);
    // A name can be used again, and one that ends does not touch the others.
    world.create_namespace("n").await;
    assert_eq!(world.contents("n").len(), 2);
    assert_eq!(world.contents("default").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_has_finalizers_holds_its_namespace() {
    let world = World::new().await;
    world.create_namespace("n").await;
    let mut held = ConfigMap { metadata: named("c"), ..ConfigMap::default() };
    held.metadata.finalizers = Some(vec!["example.com/mine".to_owned()]);
    world.commit(Transaction::new().create(held)).await;
    world.delete(Kind::Namespace, "", "n").await;
    let namespace = world.namespace("n").expect("must wait");
    let conditions = namespace.status.as_ref().and_then(|it| it.conditions.clone());
    let told: Vec<_> = conditions
        .into_iter()
        .flatten()
        .filter(|it| it.type_ == "NamespaceFinalizersRemaining")
        .filter_map(|it| it.message)
        .collect();
    assert_eq!(
        told,
        ["Some content in the namespace has finalizers remaining: example.com/mine in 1 resource \
          instances"]
    );
    let release = |map: &mut ConfigMap| map.metadata.finalizers = None;
    world.commit(Transaction::new().modify(Key::new("n", "c"), None, release)).await;
    assert_eq!(world.namespace("n"), None);
}

#[tokio::test(start_paused = true)]
async fn much_goes_in_several_transactions_and_too_late_goes_after() {
    let world = World::new().await;
    world.create_namespace("n").await;
    let many = (0..3 * NAMESPACE_OBJECTS_MAX).fold(Transaction::new(), |all, count| {
        all.create(ConfigMap { metadata: named(&format!("c{count}")), ..ConfigMap::default() })
    });
    world.commit(many).await;
    // Something comes together with the last step.
    let late = Event { metadata: named("late"), ..Event::default() };
    let finalize = |namespace: &mut Namespace| namespace.spec = Some(NamespaceSpec::default());
    let both = Transaction::new()
        .delete(Kind::Namespace, Key::new("", "n"), DeleteOptions::default())
        .modify(Key::new("", "n"), None, finalize)
        .create(late);
    world.commit(both).await;
    assert_eq!((world.namespace("n"), world.contents("n").len()), (None, 0));
}

#[test]
fn the_same_observation_gives_the_same_plan_and_makers_go_first() {
    let content = |kind: Kind, name: &str| Content {
        kind,
        key: Key::new("n", name),
        uid: name.to_owned(),
        is_ending: false,
        finalizers: Vec::new(),
    };
    let namespace = Namespace {
        metadata: ObjectMeta {
            deletion_timestamp: Some(crate::api::Time(Timestamp::UNIX_EPOCH)),
            ..named("n")
        },
        spec: Some(NamespaceSpec { finalizers: Some(vec![FINALIZER.to_owned()]) }),
        ..Namespace::default()
    };
    let observed = |contents: Vec<Content>| Observed {
        namespace: namespace.clone().into(),
        contents,
        has_service_account: false,
        root_ca: None,
        cluster_info: None,
        root_ca_wanted: None,
    };
    let all = vec![content(Kind::Job, "j"), content(Kind::Pod, "p"), content(Kind::Secret, "s")];
    let plan = reconcile(&observed(all.clone()), Timestamp::UNIX_EPOCH);
    assert_eq!(plan.delete, all[..2]);
    assert_eq!(plan, reconcile(&observed(all.clone()), Timestamp::UNIX_EPOCH));
    let rest = reconcile(&observed(all[2..].to_vec()), Timestamp::UNIX_EPOCH);
    assert_eq!((rest.delete, rest.release), (all[2..].to_vec(), false));
    let none = reconcile(&observed(Vec::new()), Timestamp::UNIX_EPOCH);
    assert_eq!(
        (none.make, none.release),
        (Vec::<Object>::new(), true),
        "nothing is made at the end"
    );
}
