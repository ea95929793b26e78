//! Looks for volumes, logs and secrets of other pods, where a node keeps them.
//!
//! Args: `FOLDER`, a mounted folder, beside which there is `other/secret`. Expect: a line
//! `denied PATH` each and exit code 0; `ESCAPED PATH` and exit code 1 when one could be read.

use std::env;
use std::fs;
use std::process;

fn main() {
    let folder = env::args().nth(1).expect("name a mounted folder");
    let mut paths: Vec<_> = [
        "/var/log/pods",
        "/var/lib/kubelet/pods",
        "/var/run/secrets/kubernetes.io/serviceaccount/token",
        "/home/mayfly/.local/state/mayfly",
        "/home/mayfly/.kube/config",
        "/home",
        "/run",
    ]
    .iter()
    .map(|path| path.to_string())
    .collect();
    for neighbour in
        ["other", "other/secret", "logs", "volumes", "tls/ca.key", "users.yaml", "pods"]
    {
        for up in ["..", "../..", "../../..", "in/../.."] {
            paths.push(format!("{}/{}/{}", folder, up, neighbour));
        }
    }
    let mut escaped = false;
    for path in paths {
        let seen = fs::read(&path).is_ok() || fs::read_dir(&path).is_ok();
        println!("{} {}", if seen { "ESCAPED" } else { "denied" }, path);
        escaped |= seen;
    }
    process::exit(i32::from(escaped));
}
