//! What is deleted, and what is not.

use mayfly_images::{ImageName, Keyring, Prune};

use crate::fake::{Fake, pull};

#[tokio::test]
async fn what_nothing_names_and_nobody_runs_is_deleted() {
    let registry = Fake::start().await;
    let state = tempfile::tempdir().unwrap();
    let puller = registry.puller(state.path());
    let shelf = puller.shelf();
    shelf.add(ImageName::parse("added").unwrap(), b"added").unwrap();
    let first = registry.artifact("1", b"first");
    let running = pull(&puller, &registry.name(":1")).await.unwrap();
    registry.artifact("1", b"second");
    drop(pull(&puller, &registry.name(":1")).await.unwrap());
    assert_eq!(shelf.prune(Prune::default()).unwrap().files, [], "each has a name");

    // The digest was a name, too.
    assert!(shelf.remove(&registry.name(&format!("@{first}"))).unwrap());
    assert_eq!(shelf.prune(Prune::default()).unwrap().files, [], "one is still run");
    assert!(running.module.exists());
    drop(running);
    let cut = ["", "blobs/", "sha256/"].map(|it| shelf.folder().join(format!("{it}.writing-x")));
    for file in &cut {
        std::fs::write(file, b"somebody died").unwrap();
    }
    let would = shelf.prune(Prune { dry_run: true, ..Prune::default() }).unwrap();
    assert!(would.bytes() >= 5, "{would:?}");
    let freed = shelf.prune(Prune::default()).unwrap();
    assert_eq!(freed, would);
    assert!(cut.iter().all(|file| !file.exists()));
    assert!(freed.names.is_empty());
    let second = puller.kept(&registry.name(":1"), &Keyring::default()).await.unwrap().unwrap();
    assert_eq!(std::fs::read(&second.module).unwrap(), b"second");

    let all = Prune { all: true, ..Prune::default() };
    assert_eq!(shelf.prune(all).unwrap().names, [], "it is run");
    drop(second);
    assert_eq!(shelf.prune(all).unwrap().names.len(), 2, "its tag and its digest");
    assert_eq!(shelf.names().unwrap().len(), 1, "what the operator added stays");
    assert_eq!(shelf.prune(all).unwrap().files, []);
    pull(&puller, &registry.name(":1")).await.expect("it can be pulled again");
}
