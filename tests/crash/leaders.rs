//! Two servers on one etcd, and two nodes that work for them: the server that leads is killed again and
//! again. Nothing is lost, nothing is counted twice, and no run is made twice, since no node is killed.

use std::fs;
use std::time::{Duration, Instant};

use super::chance::Chance;
use super::journal::Journal;
use super::round::{is_killed, observe, settle};
use super::user::User;
use super::{Shared, summary, verdict};
use crate::etcd::kit::{Site, client, until};
use crate::harness::{Server, say};

/// Says how many leaders are killed.
const KILLS: &str = "MAYFLY_LEADER_KILLS";

/// What nobody says otherwise: half a minute's worth.
const KILLS_USUAL: usize = 8;

/// The longest time until a leader is killed, since it has begun to answer.
const MOMENT_MAX: Duration = Duration::from_secs(2);

/// One leader of so many is killed before it is seen to answer: while it reads the state.
const READINGS_CUT: u32 = 4;

/// What the servers are called; each has the node of the same place.
const SERVERS: [&str; 2] = ["one", "two"];
const NODES: [&str; 2] = ["left", "right"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_counted_twice_when_the_leader_is_killed() {
    let kills = std::env::var(KILLS).map_or(KILLS_USUAL, |text| {
        text.parse().unwrap_or_else(|_| panic!("{KILLS} must be a number: {text}"))
    });
    let mut chance = Chance::new();
    let Some(site) = Site::new() else { return };
    say!("crash: {kills} leaders; {KILLS}={kills} {} makes them again", chance.replay());
    let shared = site.home.path("shared");
    let path = shared.to_str().expect("the folder must be UTF-8");
    let journal = Shared::default();
    let mut user = User::of_many(path, &journal);
    let mut servers = SERVERS.map(|name| site.server(name));
    let nodes = [0, 1].map(|index| site.node(NODES[index], servers[index].kubeconfig()));
    let mut last = String::new();
    for kill in 1..=kills {
        let (leading, id) = leading(&site, &servers, &last).await;
        last = id;
        if !chance.one_in(READINGS_CUT) {
            act_until_a_moment(&servers, &mut user, &mut chance, &journal).await;
        }
        let address = servers[leading].address().to_owned();
        let [one, two] = servers;
        let (killed, stays) = if leading == 0 { (one, two) } else { (two, one) };
        is_killed(&tokio::task::block_in_place(|| killed.kill()));
        journal.note(Journal::killed);
        let again = site.server_again(SERVERS[leading], &address);
        servers = if leading == 0 { [again, stays] } else { [stays, again] };
        let ended: Vec<String> = journal.lock().ended.iter().cloned().collect();
        journal.is_right(&ended, &format!("after kill {kill} of {}", chance.replay()), &shared);
    }
    leading(&site, &servers, &last).await;
    let last = client(&servers[chance.below(2)]).await;
    answers(&last).await;
    settle(&last, &user, &journal).await;
    let all: Vec<String> = journal.lock().jobs.keys().cloned().collect();
    journal.note(|journal| journal.complaints.extend(verdict::missed(journal)));
    journal.is_right(&all, &format!("after all kills of {}", chance.replay()), &shared);
    let lost = summary(&journal.lock(), &shared);
    assert_eq!(lost, 0, "no node was killed, so no run may be lost");
    assert!(fs::read_dir(&shared).is_ok_and(|mut jobs| jobs.next().is_some()), "nothing has run");
    tokio::task::block_in_place(|| nodes.into_iter().for_each(|node| drop(node.stop())));
    servers.into_iter().for_each(|server| drop(server.stop().exits(0)));
}

/// Which of `servers` leads, as soon as one does that is not `last`, which was killed; and who that is.
async fn leading(site: &Site, servers: &[Server; 2], last: &str) -> (usize, String) {
    until("a leader", || async {
        let leader = site.etcd.elected().await.filter(|leader| leader.id != last)?;
        let leading = servers.iter().position(|server| server.url() == leader.url)?;
        Some((leading, leader.id))
    })
    .await
}

/// Makes and changes Jobs through one server, watches through the other, and is through at some moment
/// after it was answered.
async fn act_until_a_moment(
    servers: &[Server; 2],
    user: &mut User<'_>,
    chance: &mut Chance,
    journal: &Shared,
) {
    let at = chance.below(2);
    let (using, watching) = (client(&servers[at]).await, client(&servers[1 - at]).await);
    answers(&using).await;
    let moment = chance.moment(MOMENT_MAX);
    let begun = Instant::now();
    let acting = async {
        while begun.elapsed() < moment {
            user.act(using.clone(), chance).await;
        }
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(acting, observe(watching, journal)) } => {}
        // Nothing is waited for: the moment is what is tried.
        () = tokio::time::sleep(moment) => {}
    }
}

/// Waits until somebody answers `client`.
async fn answers(client: &kube::Client) {
    until("an answer", || async { client.apiserver_version().await.ok().map(drop) }).await;
}
