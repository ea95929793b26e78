//! Manners of a Unix program.

use std::process::Stdio;

use crate::harness::{Home, Stream, guest, job};

#[test]
fn help_has_examples() {
    let home = Home::new();
    let help = home.run(&["run", "--help"]).exits(0).stdout;
    for text in ["Examples:", "mayfly run examples/pi.yaml", "Exit codes:", "--state-dir"] {
        assert!(help.contains(text), "{help}");
    }
    assert!(home.run(&["--version"]).exits(0).stdout.starts_with("mayfly 0."));
}

#[test]
fn a_reader_that_goes_is_no_error() {
    let home = Home::new();
    home.write("job.yaml", job("a", "", &format!("image: {}", guest("hog_output"))));
    let mut command = home.mayfly();
    command.args(["run", "--quiet", "job.yaml"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("mayfly must start");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("mayfly must end");
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn ctrl_c_stops_and_cleans_up() {
    for (signal, code) in
        [(rustix::process::Signal::INT, 130), (rustix::process::Signal::TERM, 143)]
    {
        let home = Home::new();
        home.write("job.yaml", job("a", "", &format!("image: {}", guest("hog_cpu"))));
        let mut running = home.start(&["run", "job.yaml"]);
        running.line(|from, line| from == Stream::Stderr && line.contains("1 active"));
        running.signal(signal);
        running.wait().exits(code).says("stopped with");
        let left = std::fs::read_dir(home.path(".")).expect("the home must be there");
        let left = left.filter(|it| {
            it.as_ref().is_ok_and(|it| it.file_name().to_string_lossy().starts_with("mayfly-"))
        });
        assert_eq!(left.count(), 0, "the temporary folder is gone");
    }
}

#[test]
fn no_colours_where_nobody_sees_them() {
    let home = Home::new();
    home.write("job.yaml", job("a", "", &format!("image: {}", guest("job_echo"))));
    let ended = home.run(&["run", "-v", "job.yaml"]).exits(0);
    assert!(!ended.stderr.contains('\x1b') && !ended.stdout.contains('\x1b'), "{ended:?}");
}
