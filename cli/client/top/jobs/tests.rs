//! What is seen of what is known, and what keys do to it.

use expect_test::{Expect, expect};
use mayfly_controller::quantity::Amount;
use serde_json::{Value, json};

use super::draw::{Size, Troubles, rows_height, screen};
use super::known::{About, Job, Nodes, Pod, place};
use super::rows::{Row, rows};
use super::view::{Key, Then};
use super::*;
use crate::client::top::used::Used;

const NOW: &str = "2026-01-01T00:10:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn used(millis: i64, mebibytes: i64) -> Used {
    let amount = |text: String| Amount::parse(&text).unwrap();
    Used { cpu: amount(format!("{millis}m")), memory: amount(format!("{mebibytes}Mi")) }
}

fn job(namespace: &str, name: &str, minute: u32, status: &Value) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": name, "uid": format!("u-{name}"),
            "creationTimestamp": format!("2026-01-01T00:0{minute}:00Z")},
        "spec": {"completions": 3}, "status": status,
    })
}

/// Three Jobs in two namespaces: one is busy, one waits for an image, one has ended.
fn known() -> Known {
    let mut known = Known::default();
    let ended = json!({"succeeded": 3, "conditions": [{"type": "Complete", "status": "True"}]});
    for job in [
        job("default", "busy", 2, &json!({"active": 2, "succeeded": 1, "failed": 1})),
        job("default", "idle", 5, &json!({"active": 1})),
        job("team", "over", 1, &ended),
    ] {
        known.jobs.insert(place(&job), Job::of(&job));
    }
    let mut pod = |name: &str, job: &str, state: Value, annotations: Value| {
        let owner = json!({"kind": "Job", "controller": true, "uid": format!("u-{job}")});
        let pod = json!({
            "metadata": {"namespace": "default", "name": name, "ownerReferences": [owner],
                "creationTimestamp": "2026-01-01T00:09:00Z", "annotations": annotations},
            "status": {"phase": "Running", "containerStatuses": [{"restartCount": 1, "state": state}]},
        });
        known.pods.insert(place(&pod), Pod::of(&pod));
    };
    let counted = json!({"mayfly.dev/fuel": "5G", "mayfly.dev/usage-fuel": "1200000"});
    pod("busy-a", "busy", json!({"running": {}}), counted);
    pod("busy-b", "busy", json!({"running": {}}), json!({}));
    pod("idle-a", "idle", json!({"waiting": {"reason": "ImagePullBackOff"}}), json!({}));
    for (name, it) in [("busy-a", used(250, 10)), ("busy-b", used(1250, 20))] {
        known.used.insert(("default".to_owned(), name.to_owned()), it);
    }
    known.nodes = Some(Nodes { has: used(4000, 3072), used: used(1500, 30) });
    known
}

fn view(namespace: Option<&str>) -> View {
    View::new(namespace.map(str::to_owned), "default".to_owned(), Sort::Cpu)
}

fn shown(known: &Known, view: &View, troubles: &Troubles, size: Size) -> String {
    let rows = rows(known, view, now());
    let lines = screen(known, &rows, view, troubles, size);
    assert_eq!(lines.len(), size.height);
    assert!(lines.iter().all(|line| line.text.chars().count() <= size.width));
    lines.iter().map(|line| line.text.trim_end().to_owned() + "\n").collect()
}

fn check(view: &View, width: usize, expect: &Expect) {
    let size = Size { width, height: 11 };
    expect.assert_eq(&shown(&known(), view, &Troubles::new(), size));
}

/// Presses `keys` while all that is known is shown.
fn press(view: &mut View, keys: &[Key]) -> Then {
    let mut then = Then::Nothing;
    for key in keys {
        let rows = rows(&known(), view, now());
        then = view.press(*key, &rows, 4);
        view.settle(&rows, 4);
    }
    then
}

#[test]
fn jobs_are_shown_the_busiest_first() {
    check(
        &view(Some("default")),
        80,
        &expect![[r#"
        mayfly top  namespace default  3 Jobs: 1 complete, 2 running
        CPU [|||||||||                 ] 1.50 of 4.00 cores, 37%
        Mem [                          ] 30Mi of 3.0Gi, 0.9%
        NAME  STATE     DONE  ACTIVE  FAILED  AGE  CPU▼  CPU%  MEMORY  FUEL
        busy  Running    1/3       2       1   8m  1.50   37%    30Mi  1.2M
        idle  Running    0/3       1       0   5m     -     -       -     -
        over  Complete   3/3       0       0   9m     -     -       -     -



        q quit  h help  c m t n sort  / filter  Enter pods  p pause  N A namespace
    "#]],
    );
}

#[test]
fn of_all_namespaces_with_pods() {
    let mut view = view(None);
    press(&mut view, &[Key::Char('n'), Key::Char('u')]);
    check(
        &view,
        104,
        &expect![[r#"
        mayfly top  all namespaces  3 Jobs: 1 complete, 2 running
        CPU [||||||||||||                      ] 1.50 of 4.00 cores, 37%
        Mem [                                  ] 30Mi of 3.0Gi, 0.9%
        NAMESPACE  NAME▼     STATE                  DONE  ACTIVE  FAILED  AGE   CPU  CPU%  MEMORY       FUEL
        default    busy      Running                 1/3       2       1   8m  1.50   37%    30Mi       1.2M
                     busy-b  Running           1 restart                  60s  1.25   31%    20Mi          -
                     busy-a  Running           1 restart                  60s  0.25  6.2%    10Mi  1.2M/5.0G
        default    idle      Running                 0/3       1       0   5m     -     -       -          -
                     idle-a  ImagePullBackOff  1 restart                  60s     -     -       -          -
        team       over      Complete                3/3       0       0   9m     -     -       -          -
        q quit  h help  c m t n sort  / filter  Enter pods  p pause  N A namespace
    "#]],
    );
}

#[test]
fn one_table_has_the_same() {
    let table = table(&known(), &view(None), true, now());
    expect![[r#"
        NAMESPACE   NAME   STATE      DONE   ACTIVE   FAILED   AGE   CPU    CPU%   MEMORY   FUEL
        default     busy   Running    1/3    2        1        8m    1.50   37%    30Mi     1.2M
        default     idle   Running    0/3    1        0        5m    -      -      -        -
        team        over   Complete   3/3    0        0        9m    -      -      -        -
    "#]]
    .assert_eq(&table);
    assert_eq!(super::table(&Known::default(), &view(None), false, now()), "");
}

#[test]
fn who_may_not_see_nodes_sees_what_is_used() {
    let known = Known { nodes: None, ..known() };
    let mut troubles = Troubles::new();
    troubles.insert(About::Use, "what pods use can't be had: Forbidden".to_owned());
    let size = Size { width: 60, height: 7 };
    expect![[r#"
        mayfly top  namespace default  3 Jobs: 1 complete, 2 running
        CPU 1.50 cores
        Mem 30Mi
        NAME  STATE     DONE  ACTIVE  FAILED  AGE  CPU▼  CPU%  MEMOR
        busy  Running    1/3       2       1   8m  1.50     -    30M
        idle  Running    0/3       1       0   5m     -     -
        what pods use can't be had: Forbidden
    "#]]
    .assert_eq(&shown(&known, &view(Some("default")), &troubles, size));
}

#[test]
fn nothing_breaks_however_small_it_is() {
    for (width, height) in [(1, 1), (3, 2), (10, 4), (300, 100)] {
        let mut view = view(None);
        for key in ["u", "h", "/"].map(|key| Key::Char(key.chars().next().unwrap())) {
            shown(&known(), &view, &Troubles::new(), Size { width, height });
            press(&mut view, &[key]);
        }
    }
    assert_eq!(rows_height(Size { width: 0, height: 0 }), 1);
}

fn names(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.cells[1].trim()).collect()
}

#[test]
fn keys_change_the_order_and_what_is_there() {
    let check = |keys: &str, expect: &[&str]| {
        let mut view = view(None);
        let keys: Vec<Key> =
            keys.chars().map(|it| if it == '\n' { Key::Enter } else { Key::Char(it) }).collect();
        assert_eq!(press(&mut view, &keys), Then::Nothing);
        assert_eq!(names(&rows(&known(), &view, now())), expect, "{keys:?}");
    };
    check("", &["busy", "idle", "over"]);
    check("r", &["over", "idle", "busy"]);
    check("t", &["idle", "busy", "over"]);
    check("n", &["busy", "idle", "over"]);
    check("nr", &["over", "idle", "busy"]);
    check("nrn", &["busy", "idle", "over"]);
    check("e", &["busy", "idle"]);
    check("ee", &["busy", "idle", "over"]);
    check("/team\n", &["over"]);
    check("/BUS", &["busy"]);
    check("j\n", &["busy", "busy-b", "busy-a", "idle", "over"]);
    check("jj\n", &["busy", "idle", "idle-a", "over"]);
    check("j\n\n", &["busy", "idle", "over"]);
    check("uu", &["busy", "idle", "over"]);
}

#[test]
fn what_is_typed_can_be_mended_and_given_up() {
    let mut view = view(None);
    press(&mut view, &[Key::Char('/'), Key::Char('x'), Key::Char('q'), Key::Backspace, Key::Enter]);
    assert_eq!(view.filter, "x");
    press(&mut view, &[Key::Char('/'), Key::Char('y'), Key::Escape]);
    assert_eq!(view.filter, "x", "it is what it was");
    press(&mut view, &[Key::Escape]);
    assert_eq!(view.filter, "");
    for _ in 0..1000 {
        press(&mut view, &[Key::Char('/'), Key::Char('a'), Key::Enter]);
    }
    assert_eq!(view.filter.len(), 253);
}

#[test]
fn another_namespace_is_another_question() {
    let mut view = view(Some("default"));
    let ask = |name: &str| -> Vec<Key> {
        let keys = name.chars().map(Key::Char);
        [Key::Char('N')].into_iter().chain(keys).chain([Key::Enter]).collect()
    };
    assert_eq!(press(&mut view, &ask("team")), Then::LookElsewhere);
    assert_eq!(view.namespace.as_deref(), Some("team"));
    assert_eq!(press(&mut view, &[Key::Char('A')]), Then::LookElsewhere);
    assert_eq!(view.namespace, None);
    assert_eq!(press(&mut view, &[Key::Char('A')]), Then::LookElsewhere);
    assert_eq!(view.namespace.as_deref(), Some("team"), "back to where it was");
    assert_eq!(press(&mut view, &ask("")), Then::Nothing);
}

#[test]
fn it_ends_by_q_and_by_ctrl_c_whatever_is_typed() {
    assert_eq!(press(&mut view(None), &[Key::Char('q')]), Then::Quit);
    let mut typing = view(None);
    assert_eq!(press(&mut typing, &[Key::Char('/'), Key::Char('q')]), Then::Nothing);
    assert_eq!(press(&mut typing, &[Key::Interrupt]), Then::Quit);
    let mut helped = view(None);
    assert_eq!(
        press(&mut helped, &[Key::Char('h'), Key::Char('q')]),
        Then::Nothing,
        "it goes back"
    );
    assert_eq!(press(&mut helped, &[Key::Char('q')]), Then::Quit);
}

#[test]
fn what_is_selected_stays_in_sight_and_the_top_does_until_then() {
    let mut view = view(None);
    press(&mut view, &[Key::Char('u')]);
    assert_eq!((view.selected.clone(), view.above), (None, 0));
    press(&mut view, &[Key::End]);
    assert_eq!(view.above, 2, "six lines, of which four are seen");
    press(&mut view, &[Key::Home]);
    assert_eq!(view.above, 0);
    press(&mut view, &[Key::Down, Key::Down, Key::Down, Key::Down]);
    assert_eq!(view.above, 1);
    press(&mut view, &[Key::PageDown, Key::PageDown, Key::Up]);
    let rows = rows(&known(), &view, now());
    assert_eq!(view.selected, Some(rows[4].of.clone()));
    view.settle(&rows[..2], 4);
    assert_eq!((view.selected.clone(), view.above), (None, 0), "what is gone is not selected");
}
