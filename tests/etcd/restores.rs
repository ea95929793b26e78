//! A restore is wanted in the place of what there was when it was asked for, and of nothing later.

use std::fs;

use super::kit::Site;
use super::leaders::{make, names};
use crate::harness::Running;
use crate::serve::client::{Client, Shows};

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_ends_with_the_leader_that_was_asked() {
    let Some(site) = Site::new() else { return };
    let mut server = site.server("one");
    make(&server, "old").await;
    let mut command = site.home.mayfly();
    Running::start(server.client(command.args(["backup", "backup.file"]))).wait().exits(0);
    let backup = fs::read(site.home.path("backup.file")).expect("a backup");
    make(&server, "before").await;
    // All of it is on its way but its end.
    let (most, rest) = backup.split_at(backup.len() - 10);
    let mut client = Client::connect(&server, &Shows::Certificate);
    let head = format!(
        "POST /mayfly/restore HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\
         Content-Length: {}\r\n\r\n",
        backup.len()
    );
    client.send(head.as_bytes());
    // That is said when the first of it is asked for.
    assert_eq!(client.answer().expect("it must be wanted").code, 100);
    client.send(most);
    site.etcd.usurp(&mut server).await;
    server.running().line(|_, line| line.contains("does not lead any more"));
    let answer = client.answer().expect("it must be told that nobody restores");
    assert_eq!(answer.code, 504, "{answer:?}");
    client.send(rest);
    // It leads again, much later, and all is there that has been made since the backup.
    site.etcd.abdicate().await;
    make(&server, "after").await;
    assert_eq!(names(&server).await, ["after", "before", "old"]);
    server.stop().exits(0);
}
