//! Random transactions against a model that is too simple to be wrong.

use std::collections::BTreeMap;

use super::*;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What the store should hold: each ConfigMap's label and resource version.
#[derive(Clone, Default, PartialEq, Debug)]
struct Model {
    objects: BTreeMap<&'static str, (u8, u64)>,
    resource_version: u64,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Create(&'static str, u8),
    Modify(&'static str, u8),
    Delete(&'static str),
    Guard(&'static str, u64),
}

impl Model {
    /// The model after `steps`, or `None` where the store must refuse them.
    fn after(&self, steps: &[Step]) -> Option<Self> {
        let mut model = self.clone();
        for step in steps {
            let next = model.resource_version + 1;
            match *step {
                Step::Create(name, _) if model.objects.contains_key(name) => return None,
                Step::Create(name, label) => {
                    model.objects.insert(name, (label, next));
                    model.resource_version = next;
                }
                Step::Modify(name, label) => {
                    let Some(found) = model.objects.get_mut(name) else { continue };
                    if found.0 != label {
                        *found = (label, next);
                        model.resource_version = next;
                    }
                }
                Step::Delete(name) => {
                    if model.objects.remove(name).is_some() {
                        model.resource_version = next;
                    }
                }
                Step::Guard(name, version) => {
                    if model.objects.get(name).is_none_or(|found| found.1 != version) {
                        return None;
                    }
                }
            }
        }
        Some(model)
    }

    fn random_step(&self, random: &mut fastrand::Rng) -> Step {
        let name = NAMES[random.usize(..NAMES.len())];
        match random.u8(..8) {
            0..3 => Step::Create(name, random.u8(..3)),
            3..6 => Step::Modify(name, random.u8(..3)),
            6 => Step::Delete(name),
            // Mostly the right version, so that transactions also get past it.
            _ => {
                let right = self.objects.get(name).map_or(0, |found| found.1);
                Step::Guard(name, right + u64::from(random.u8(..4) == 0))
            }
        }
    }
}

fn labels(label: u8) -> Option<BTreeMap<String, String>> {
    Some([("label".to_owned(), label.to_string())].into())
}

fn transaction(steps: &[Step]) -> Transaction {
    steps.iter().fold(Transaction::new(), |all, step| match *step {
        Step::Create(name, label) => {
            let metadata = ObjectMeta { labels: labels(label), ..named(name) };
            all.create(ConfigMap { metadata, ..ConfigMap::default() })
        }
        Step::Modify(name, label) => {
            all.modify::<ConfigMap>(key(name), None, move |it| it.metadata.labels = labels(label))
        }
        Step::Delete(name) => all.delete(Kind::ConfigMap, key(name), DeleteOptions::default()),
        Step::Guard(name, version) => all.guard(Kind::ConfigMap, key(name), version.to_string()),
    })
}

/// What a reader sees, in the model's words.
fn view(objects: impl Iterator<Item = Object>) -> BTreeMap<String, (u8, u64)> {
    let one = |object: Object| {
        let metadata = object.metadata();
        let label = metadata.labels.as_ref().unwrap()["label"].parse().unwrap();
        let version = metadata.resource_version.as_ref().unwrap().parse().unwrap();
        (metadata.name.clone().unwrap(), (label, version))
    };
    objects.map(one).collect()
}

async fn run(store: &Store, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut model = Model::default();
    let mut watch = store.watch(Kind::ALL, 0).unwrap();
    let mut watched: BTreeMap<Key, Object> = BTreeMap::new();
    for _ in 0..50 {
        let steps: Vec<_> =
            (0..random.usize(1..6)).map(|_| model.random_step(&mut random)).collect();
        let after = model.after(&steps);
        let committed = store.commit(transaction(&steps)).await;
        assert_eq!(committed.is_ok(), after.is_some(), "seed {seed}: {steps:?} on {model:?}");
        model = after.unwrap_or(model);

        let expected: BTreeMap<_, _> =
            model.objects.iter().map(|(name, it)| ((*name).to_owned(), *it)).collect();
        let (listed, version) = store.list_objects(Kind::ConfigMap, None);
        assert_eq!(view(listed.into_iter()), expected, "seed {seed}: {steps:?}");
        assert_eq!(version, model.resource_version, "seed {seed}: {steps:?}");
        while let Some(change) = watch.try_next() {
            let (key, object) = (change.key.clone(), change.object.clone());
            match change.what {
                ChangeKind::Added => assert!(watched.insert(key, object).is_none()),
                ChangeKind::Modified => assert!(watched.insert(key, object).is_some()),
                ChangeKind::Deleted => assert!(watched.remove(&change.key).is_some()),
            }
        }
        assert_eq!(view(watched.values().cloned()), expected, "seed {seed}: what a watcher saw");
    }
}

#[tokio::test]
async fn the_store_is_as_simple_as_its_model() {
    for seed in 0..200 {
        run(&store(), seed).await;
    }
}

#[tokio::test]
async fn the_store_on_disk_is_as_simple_as_its_model() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Store::open(folder.path(), Clock::system(), Names::seeded(1)).unwrap();
    let store = open();
    run(&store, 1000).await;
    let (before, version) = store.list_objects(Kind::ConfigMap, None);
    drop(store);
    let (after, same_version) = open().list_objects(Kind::ConfigMap, None);
    assert_eq!((view(after.into_iter()), same_version), (view(before.into_iter()), version));
}
