//! The whole state, over HTTP.

use axum::http::StatusCode;
use tokio::sync::mpsc;

use super::*;
use crate::api::{ConfigMap, Kind, Object};
use crate::backup::{Depth, Reader};
use crate::http::Restore;
use crate::limits::{BACKUP_STALL_SECONDS, BACKUPS_AT_ONCE_MAX};

async fn ask(router: &Router, method: &str, path: &str, body: Vec<u8>) -> (StatusCode, Vec<u8>) {
    let request = Request::builder().method(method).uri(path).body(Body::from(body)).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let code = response.status();
    (code, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
}

async fn api_with_a_config_map() -> Api {
    let api = Api::new().await;
    let metadata = ObjectMeta {
        namespace: Some("default".to_owned()),
        name: Some("kept".to_owned()),
        ..ObjectMeta::default()
    };
    let config_map = ConfigMap { metadata, ..ConfigMap::default() };
    api.store.commit(Transaction::new().create(config_map)).await.unwrap();
    api
}

#[tokio::test]
async fn a_backup_is_of_one_state() {
    let api = api_with_a_config_map().await;
    let (code, bytes) = ask(&api.router, "GET", "/mayfly/backup", Vec::new()).await;
    assert_eq!(code, 200);
    let mut reader = Reader::new(Depth::Objects);
    reader.feed(&bytes).unwrap();
    let read = reader.finish().unwrap();
    assert_eq!(read.snapshot.resource_version, api.store.resource_version());
    let json = |objects: &[Object]| objects.iter().map(Object::to_json).collect::<Vec<_>>();
    assert_eq!(json(&read.snapshot.objects), json(&api.store.list_kinds(Kind::ALL).0));
    let (code, _) = ask(&api.router, "PUT", "/mayfly/backup", Vec::new()).await;
    assert_eq!(code, 405);
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_nobody_reads_is_broken_off() {
    let api = Api::new().await;
    let data = Some([("key".to_owned(), "x".repeat(900_000))].into());
    for name in ["a", "b", "c", "d"] {
        let metadata = ObjectMeta {
            namespace: Some("default".to_owned()),
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        };
        let config_map = ConfigMap { metadata, data: data.clone(), ..ConfigMap::default() };
        api.store.commit(Transaction::new().create(config_map)).await.unwrap();
    }
    let begin = || async {
        let request = Request::get("/mayfly/backup").body(Body::empty()).unwrap();
        api.router.clone().oneshot(request).await.unwrap()
    };
    let mut unread = Vec::new();
    for _ in 0..BACKUPS_AT_ONCE_MAX {
        unread.push(begin().await);
    }
    assert_eq!(begin().await.status(), 429);
    tokio::time::sleep(Duration::from_secs(BACKUP_STALL_SECONDS + 1)).await;
    let read = begin().await;
    assert_eq!(read.status(), 200, "nobody waits for those any more");
    to_bytes(read.into_body(), usize::MAX).await.expect("it must be whole");
    for response in unread {
        to_bytes(response.into_body(), usize::MAX).await.expect_err("it must not look whole");
    }
    // Nor for one whose client has gone.
    drop(begin().await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(api.served.backups.available_permits(), BACKUPS_AT_ONCE_MAX);
}

#[tokio::test]
async fn a_restore_is_asked_of_who_serves_when_all_of_it_is_there() {
    let api = api_with_a_config_map().await;
    let (_, backup) = ask(&api.router, "GET", "/mayfly/backup", Vec::new()).await;
    let (code, _) = ask(&api.router, "POST", "/mayfly/restore", backup.clone()).await;
    assert_eq!(code, 501, "nobody serves");

    let (asked, mut asked_for) = mpsc::channel::<Restore>(1);
    let router = router(api.served.clone().with_restores(asked));
    for (bad, why) in [
        (&b"apiVersion: v1"[..], "this is no backup of mayfly"),
        (&backup[..backup.len() / 2], "this backup is cut off"),
        (&backup[..backup.len() - 10], "this backup is cut off"),
    ] {
        let (code, answer) = ask(&router, "POST", "/mayfly/restore", bad.to_vec()).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(code == 400 && answer.contains(why), "{code} {answer}");
    }
    assert!(asked_for.try_recv().is_err(), "nobody was asked to restore what is not whole");

    for (result, expect) in [(Ok(9), 200), (Err("the disk is full".to_owned()), 500)] {
        let answered = ask(&router, "POST", "/mayfly/restore", backup.clone());
        let serving = async {
            let restore = asked_for.recv().await.unwrap();
            assert_eq!(restore.snapshot.objects.len(), 2);
            restore.answer.send(result).unwrap();
        };
        let ((code, answer), ()) = tokio::join!(answered, serving);
        assert_eq!(code, expect, "{}", String::from_utf8_lossy(&answer));
    }

    // Who serves goes away, with the backup and before that.
    let answered = ask(&router, "POST", "/mayfly/restore", backup.clone());
    let ((code, answer), ()) = tokio::join!(answered, async { drop(asked_for.recv().await) });
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        code == 504 && answer.contains("all of the backup was restored or nothing"),
        "{answer}"
    );
    drop(asked_for);
    let (code, answer) = ask(&router, "POST", "/mayfly/restore", backup).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(code == 503 && answer.contains("nothing of the backup was restored"), "{answer}");
}
