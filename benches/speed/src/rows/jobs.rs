//! Jobs to measure with, and waiting for their ends.

use std::io;

use serde_json::{Value, json};

use crate::client::Client;

/// Where Jobs are made.
pub(super) const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";

/// A Job whose pods run the guest `image` with `arguments`, counted with little memory, so that as
/// many run at once as are meant to.
pub(super) fn job(
    name: &str,
    (completions, parallelism): (usize, usize),
    image: &str,
    arguments: &[&str],
) -> Value {
    let resources = json!({"requests": {"memory": "64Ki"}, "limits": {"memory": "4Mi"}});
    let container = json!({
        "name": "main", "image": image, "args": arguments, "resources": resources,
    });
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {
            "completions": completions, "parallelism": parallelism,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    })
}

/// A watch of Jobs, from now on, on a connection of its own.
pub(super) struct Ends {
    client: Client,
}

impl Ends {
    /// Of all Jobs, or of the one called `name`.
    pub(super) fn watch(mut client: Client, name: Option<&str>) -> io::Result<Self> {
        let field = name.map(|name| format!("&fieldSelector=metadata.name%3D{name}"));
        client.watch(&format!("{JOBS}?watch=1{}", field.unwrap_or_default()))?;
        Ok(Self { client })
    }

    /// The line that says first of a Job that it is Complete.
    ///
    /// A Job that is complete changes no more, so each is told of once.
    pub(super) fn next(&mut self) -> io::Result<Vec<u8>> {
        self.until(b"\"type\":\"Complete\"")
    }

    /// Waits until `pods` of a Job are ready at once.
    pub(super) fn ready(&mut self, pods: usize) -> io::Result<()> {
        self.until(format!("\"ready\":{pods},").as_bytes()).map(drop)
    }

    fn until(&mut self, said: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            let line = self.client.line()?;
            if contains(&line, said) {
                return Ok(line);
            }
            for bad in [&b"\"type\":\"ERROR\""[..], b"\"type\":\"Failed\""] {
                if contains(&line, bad) {
                    let text = String::from_utf8_lossy(&line);
                    return Err(io::Error::other(format!("no Job should end so: {text}")));
                }
            }
        }
    }
}

/// Makes `job` and waits until it is complete.
pub(super) fn run(client: &mut Client, mut ends: Ends, job: &Value) -> io::Result<()> {
    client.post(JOBS, job)?;
    ends.next().map(drop)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
