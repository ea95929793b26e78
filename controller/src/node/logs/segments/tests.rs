use super::*;
use crate::node::runtime::PodIdentity;

fn run(uid: usize, restart: u32) -> Run {
    let pod = PodIdentity { namespace: "ns".into(), name: "p".into(), uid: format!("u{uid}") };
    Run { pod, container: "main".into(), restart }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("logs");
    (root, folder)
}

fn text(segments: &Segments, run: &Run) -> Option<String> {
    segments.read(run).unwrap().map(|bytes| String::from_utf8(bytes).unwrap())
}

fn lost(segments: &Segments, run: &Run) -> Option<String> {
    segments.read_lost(run).unwrap().map(|bytes| String::from_utf8(bytes).unwrap())
}

/// The sizes of the segments that are there.
fn sizes(folder: &Path) -> Vec<u64> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().metadata().unwrap().len()).collect()
}

/// Prints `bytes` and a newline for each of these pods.
fn fill(segments: &Segments, pods: std::ops::Range<usize>, bytes: usize) {
    for uid in pods {
        segments.append(&run(uid, 0), 0, 0, format!("{uid:0bytes$}\n").as_bytes()).unwrap();
    }
}

#[test]
fn what_is_added_is_found_by_the_next_process() {
    let (_root, folder) = folder();
    let segments = Segments::open(folder.clone());
    assert_eq!(segments.begin(&run(1, 0)).unwrap(), 0);
    assert_eq!(text(&segments, &run(1, 0)), None);
    segments.append(&run(1, 0), 0, 0, b"one\n").unwrap();
    segments.append(&run(2, 0), 0, 0, b"other\n").unwrap();
    segments.append(&run(1, 0), 0, 4, b"two\n").unwrap();
    segments.append(&run(3, 0), 0, 0, b"").unwrap();
    for segments in [&segments, &Segments::open(folder)] {
        assert_eq!(text(segments, &run(1, 0)).as_deref(), Some("one\ntwo\n"));
        assert_eq!(text(segments, &run(2, 0)).as_deref(), Some("other\n"));
        assert_eq!(text(segments, &run(3, 0)).as_deref(), Some(""));
        assert_eq!(text(segments, &run(4, 0)), None);
        assert_eq!(lost(segments, &run(1, 0)), None);
    }
}

#[test]
fn a_torn_tail_takes_nothing_else_with_it() {
    let (_root, folder) = folder();
    let segments = Segments::open(folder.clone());
    segments.append(&run(1, 0), 0, 0, b"whole\n").unwrap();
    segments.append(&run(2, 0), 0, 0, b"torn\n").unwrap();
    let torn = File::options().write(true).open(path(&folder, 0)).unwrap();
    torn.set_len(torn.metadata().unwrap().len() - 1).unwrap();
    let segments = Segments::open(folder.clone());
    assert_eq!(text(&segments, &run(1, 0)).as_deref(), Some("whole\n"));
    assert_eq!(text(&segments, &run(2, 0)), None);
    segments.append(&run(2, 0), 0, 0, b"again\n").unwrap();
    let segments = Segments::open(folder);
    assert_eq!(text(&segments, &run(1, 0)).as_deref(), Some("whole\n"));
    assert_eq!(text(&segments, &run(2, 0)).as_deref(), Some("again\n"));
}

#[test]
fn the_last_lost_attempt_is_kept() {
    let (_root, folder) = folder();
    for attempt in 0..4 {
        let segments = Segments::open(folder.clone());
        assert_eq!(segments.begin(&run(1, 0)).unwrap(), attempt);
        let before = attempt.checked_sub(1).map(|before| format!("attempt {before}\n"));
        assert_eq!(lost(&segments, &run(1, 0)), before);
        let bytes = format!("attempt {attempt}\n");
        segments.append(&run(1, 0), attempt, 0, bytes.as_bytes()).unwrap();
        assert_eq!(text(&segments, &run(1, 0)), Some(bytes));
        assert_eq!(lost(&segments, &run(1, 0)), before);
    }
    // One that was lost before it had printed anything has an empty log.
    for expect in ["attempt 3\n", ""] {
        let segments = Segments::open(folder.clone());
        segments.begin(&run(1, 0)).unwrap();
        assert_eq!(lost(&segments, &run(1, 0)).as_deref(), Some(expect));
        assert_eq!(text(&segments, &run(1, 0)).as_deref(), Some(""));
    }
}

#[test]
fn runs_long_before_are_not_found_again() {
    let (_root, folder) = folder();
    let segments = Segments::open(folder.clone());
    for restart in 0..4 {
        segments.append(&run(1, restart), 0, 0, b"x\n").unwrap();
    }
    assert_eq!(segments.forget(&run(1, 3)), 2);
    let found = |segments: &Segments| [0, 1, 2, 3].map(|it| text(segments, &run(1, it)).is_some());
    assert_eq!(found(&segments), [true, true, true, false]);
    assert_eq!(found(&Segments::open(folder)), [false, false, true, true]);
}

#[test]
fn segments_go_with_the_last_pod_in_them() {
    let (_root, folder) = folder();
    let segments = Segments::open(folder.clone());
    let full = LOG_SEGMENT_BYTES_MAX as usize / 4000;
    fill(&segments, 0..3 * full, 3999);
    assert_eq!(sizes(&folder).len(), 4);
    assert!(sizes(&folder).iter().all(|size| *size < LOG_SEGMENT_BYTES_MAX + 5000));
    for uid in 0..3 * full {
        segments.forget_pod(&format!("u{uid}"));
    }
    assert_eq!(sizes(&folder).len(), 1, "the one that grows");
    fill(&segments, 0..1, 10);
    let segments = Segments::open(folder.clone());
    segments.forget_others(&HashSet::from(["u0".to_owned()]));
    assert_eq!(sizes(&folder).len(), 1);
    segments.forget_others(&HashSet::new());
    assert_eq!(sizes(&folder).len(), 0);
}

#[test]
fn few_that_live_are_copied_out_of_many_segments() {
    let (_root, folder) = folder();
    let segments = Segments::open(folder.clone());
    let full = LOG_SEGMENT_BYTES_MAX as usize / 4000;
    // One pod of each hundred stays.
    for round in 0..20 {
        let pods = round * full..(round + 1) * full;
        fill(&segments, pods.clone(), 3999);
        pods.filter(|uid| uid % 100 != 0).for_each(|uid| segments.forget_pod(&format!("u{uid}")));
    }
    let count = sizes(&folder).len() as u64;
    assert!(count <= SPARE_SEGMENTS + SPARSE_MAX + 2, "{count} segments");
    let next = Segments::open(folder);
    for uid in 0..20 * full {
        let expect = (uid % 100 == 0).then(|| format!("{uid:03999}\n"));
        assert!(text(&segments, &run(uid, 0)) == expect, "{uid}");
        if expect.is_some() {
            assert!(text(&next, &run(uid, 0)) == expect, "{uid} after a restart");
        }
    }
}

#[test]
fn many_segments_are_copied_out_a_few_at_a_time() {
    let (_root, folder) = folder();
    let segments = Segments::open(folder.clone());
    let full = LOG_SEGMENT_BYTES_MAX as usize / 4000;
    fill(&segments, 0..20 * full, 3999);
    let before = sizes(&folder).len();
    // One pod of ten stays, then none of those that come.
    let goes = |uid: &usize| !uid.is_multiple_of(10) || *uid >= 20 * full;
    (0..20 * full).filter(goes).for_each(|uid| segments.forget_pod(&format!("u{uid}")));
    for round in 20..32 {
        let pods = round * full..(round + 1) * full;
        fill(&segments, pods.clone(), 3999);
        let sizes = sizes(&folder);
        assert!(sizes.len() + THINNED_AT_ONCE * (round - 19) >= before, "{} segments", sizes.len());
        assert!(sizes.iter().all(|size| *size < LOG_SEGMENT_BYTES_MAX + 5000), "{sizes:?}");
        pods.for_each(|uid| segments.forget_pod(&format!("u{uid}")));
    }
    let live = (20 * full as u64).div_ceil(10) * 4200;
    let count = sizes(&folder).len() as u64;
    let allowed = SPARSE_MAX * live / LOG_SEGMENT_BYTES_MAX + SPARE_SEGMENTS;
    assert!(count <= allowed + 2, "{count} segments, not {allowed}");
    for segments in [&segments, &Segments::open(folder)] {
        for uid in (0..20 * full).filter(|uid| !goes(uid)) {
            assert!(text(segments, &run(uid, 0)) == Some(format!("{uid:03999}\n")), "{uid}");
        }
    }
}

#[test]
fn each_process_leaves_a_segment_and_they_do_not_add_up() {
    // In the second case the log has holes, as after a failure of power.
    for step in [2, 100] {
        let (_root, folder) = folder();
        for process in 0..20 {
            let segments = Segments::open(folder.clone());
            segments.append(&run(1, 0), 0, step * process, b"x\n").unwrap();
            let printed = "x\n".repeat(process as usize + 1);
            assert_eq!(text(&segments, &run(1, 0)), Some(printed), "{step}");
        }
        let count = sizes(&folder).len() as u64;
        assert!(count <= SPARE_SEGMENTS + 1, "{count} segments");
    }
}

#[test]
fn a_segment_that_can_not_be_read_takes_no_other_with_it() {
    let (_root, folder) = folder();
    for uid in [1, 2] {
        let segments = Segments::open(folder.clone());
        segments.append(&run(uid, 0), 0, 0, b"x\n").unwrap();
    }
    for unreadable in [0, 2, 3] {
        let _ = fs::remove_file(path(&folder, unreadable));
        fs::create_dir(path(&folder, unreadable)).unwrap();
    }
    let segments = Segments::open(folder.clone());
    segments.append(&run(3, 0), 0, 0, b"y\n").unwrap();
    for segments in [&segments, &Segments::open(folder)] {
        let found = [1, 2, 3].map(|uid| text(segments, &run(uid, 0)));
        assert_eq!(found, [None, Some("x\n".to_owned()), Some("y\n".to_owned())]);
    }
}

#[test]
fn nothing_is_added_to_a_segment_that_may_end_with_half_a_record() {
    let (_root, folder) = folder();
    let segments = Segments::open(folder.clone());
    segments.append(&run(1, 0), 0, 0, b"whole\n").unwrap();
    // It can neither be written to nor be cut.
    segments.lock().growing = Some((0, File::open(path(&folder, 0)).unwrap()));
    assert!(segments.append(&run(2, 0), 0, 0, b"x\n").is_err());
    segments.append(&run(2, 0), 0, 0, b"y\n").unwrap();
    for segments in [&segments, &Segments::open(folder)] {
        assert_eq!(text(segments, &run(1, 0)).as_deref(), Some("whole\n"));
        assert_eq!(text(segments, &run(2, 0)).as_deref(), Some("y\n"));
    }
}

#[test]
fn what_can_not_be_written_is_not_there() {
    let (root, folder) = folder();
    fs::write(&folder, "no folder").unwrap();
    let segments = Segments::open(folder.clone());
    assert!(segments.append(&run(1, 0), 0, 0, b"x\n").is_err());
    assert_eq!(text(&segments, &run(1, 0)), None);
    fs::remove_file(&folder).unwrap();
    segments.append(&run(1, 0), 0, 0, b"y\n").unwrap();
    assert_eq!(text(&segments, &run(1, 0)).as_deref(), Some("y\n"));
    drop(root);
}
