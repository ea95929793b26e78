//! The Job of Kubernetes' documentation, by the commands of Kubernetes' documentation.

use super::alike::alike;
use super::session::{Session, digits};
use crate::harness::{Running, Stream, repository};

#[test]
fn the_job_of_the_documentation() {
    // Whoever has made a Perl gets the real one.
    let perl = repository().join("examples/perl/perl.wasm");
    let perl = if perl.exists() { perl } else { "modules/pi.wasm".into() };
    let images = [("perl", perl.to_string_lossy().into_owned())];
    let Some(session) = Session::start("default", &images) else { return };
    let manifest = repository().join("examples/job.yml");
    let manifest = manifest.to_str().expect("the path must be UTF-8");
    let check = |words: &[&str], expect: &str| {
        let said = session.run(words).exits(0);
        assert_eq!(alike(&said.stdout, &["pi"]), alike(expect, &["pi"]), "{words:?}");
        assert_eq!(said.stderr, "", "{words:?}");
        said.stdout
    };
    check(&["create", "-f", manifest], "job.batch/pi created");
    let wait = ["wait", "--for=condition=complete", "job/pi", "--timeout=150s"];
    check(&wait, "job.batch/pi condition met");
    check(&["describe", "job", "pi"], DESCRIBED);
    check(
        &["get", "pods", "-l", "job-name=pi"],
        "NAME READY STATUS RESTARTS AGE\npi-xxxxx 0/1 Completed 0 1s",
    );
    let selector = "--selector=job-name=pi";
    let pods = ["get", "pods", selector, "--output=jsonpath={.items..metadata.name}"];
    let pods = check(&pods, "pi-xxxxx");
    check(&["logs", &pods], &digits());
    session.stop();
}

const DESCRIBED: &str = "\
Name:             pi
Namespace:        default
Selector:         batch.kubernetes.io/controller-uid=334d3d54-32f5-4531-ae57-c44df4003efb
Labels:           batch.kubernetes.io/controller-uid=334d3d54-32f5-4531-ae57-c44df4003efb
                  batch.kubernetes.io/job-name=pi
                  controller-uid=334d3d54-32f5-4531-ae57-c44df4003efb
                  job-name=pi
Annotations:      <none>
Parallelism:      1
Completions:      1
Completion Mode:  NonIndexed
Suspend:          false
Backoff Limit:    4
Start Time:       Mon, 23 Nov 2026 09:23:59 +0000
Completed At:     Mon, 23 Nov 2026 09:24:00 +0000
Duration:         1s
Pods Statuses:    0 Active (0 Ready) / 1 Succeeded / 0 Failed
Pod Template:
  Labels:  batch.kubernetes.io/controller-uid=334d3d54-32f5-4531-ae57-c44df4003efb
           batch.kubernetes.io/job-name=pi
           controller-uid=334d3d54-32f5-4531-ae57-c44df4003efb
           job-name=pi
  Containers:
   pi:
    Image:      perl
    Port:       <none>
    Host Port:  <none>
    Command:
      perl
      -Mbignum=bpi
      -wle
      print bpi(2000)
    Environment:   <none>
    Mounts:        <none>
  Volumes:         <none>
  Node-Selectors:  <none>
  Tolerations:     <none>
Events:
  Type    Reason            Age   From            Message
  ----    ------            ----  ----            -------
  Normal  SuccessfulCreate  11s   job-controller  Created pod: pi-fpm6t
  Normal  Completed         9s    job-controller  Job completed
";

#[test]
fn a_watch_that_shows_only_what_changes() {
    let images = [("perl", "modules/pi.wasm".to_owned())];
    let Some(session) = Session::start("default", &images) else { return };
    let create = ["create", "job", "quiet", "--image=perl", "--dry-run=client", "-o", "json"];
    let manifest = session.run(&create).exits(0).stdout.replace(
        "\"spec\": {\n        \"template\"",
        "\"spec\": {\n        \"suspend\": true,\n        \"template\"",
    );
    session.home.write("quiet.json", manifest);
    session.run(&["create", "-f", "quiet.json"]).exits(0);
    let mut watching = Running::start(&mut session.kubectl(&["get", "jobs", "--watch-only"]));
    let line = std::thread::spawn(move || {
        watching.line(|from, line| from == Stream::Stdout && line.starts_with("quiet"))
    });
    // When it begins to watch can't be seen, so there is something to see until it does.
    for number in (1..).take_while(|_| !line.is_finished()) {
        let label = format!("n={number}");
        session.run(&["label", "--overwrite", "job", "quiet", &label]).exits(0);
    }
    let line = line.join().expect("it must have been shown");
    assert_eq!(alike(&line, &[]), ["quiet Suspended 0/1 AGE"]);
    session.stop();
}
