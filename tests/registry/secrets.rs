//! Pods of a server whose images are private.

use std::process::Command;

use super::debian::{Registry, log_in};
use crate::harness::{Ended, Home, PATIENTLY, Running, Server, kubectl};

struct Kubectl<'a>(String, &'a Server);

impl Kubectl<'_> {
    fn run(&self, words: &[&str]) -> Ended {
        let mut command = Command::new(&self.0);
        Running::start(self.1.client(command.args(words))).wait()
    }
}

fn pod(name: &str, image: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: Never\n{more}  \
         containers: [{{name: main, image: '{image}', args: [hi]}}]\n"
    )
}

#[test]
fn a_pod_has_the_images_that_its_secrets_open() {
    let Some(program) = kubectl::any() else { return };
    let home = Home::new();
    let Some(registry) = Registry::private(&home) else { return };
    log_in(&home, &registry);
    let image = registry.push_guest(&home, "job_echo");
    // Without the operator's logins, which are not for users of the API anyway.
    let other = Home::new();
    let mut command = other.mayfly();
    command.env_remove("MAYFLY_OFFLINE").args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--registry",
        &registry.host,
    ]);
    let server = Server::started(Running::start(&mut command));
    let kubectl = Kubectl(program, &server);
    let server_option = format!("--docker-server={}", registry.host);
    kubectl
        .run(&[
            "create",
            "secret",
            "docker-registry",
            "login",
            &server_option,
            "--docker-username=me",
            "--docker-password=pw",
        ])
        .exits(0);

    let apply = |text: &str| {
        let file = other.write("pod.yaml", text);
        kubectl.run(&["apply", "-f", file.to_str().expect("a path")]).exits(0)
    };
    let secrets = |names: &str| format!("  imagePullSecrets: [{names}]\n");
    apply(&pod("mine", &image, &secrets("{name: login}")));
    kubectl
        .run(&["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/mine", PATIENTLY])
        .exits(0);
    assert!(kubectl.run(&["logs", "mine"]).exits(0).stdout.contains("arg 1: hi"));
    let events = kubectl
        .run(&["get", "events", "--field-selector=involvedObject.name=mine"])
        .exits(0)
        .stdout;
    assert!(events.contains("Pulling image") && events.contains("Image size: "), "{events}");
    let id = "jsonpath={.status.containerStatuses[0].imageID}";
    let id = kubectl.run(&["get", "pod", "mine", "-o", id]).exits(0).stdout;
    assert!(id.starts_with(&format!("{}@sha256:", image.trim_end_matches(":1"))), "{id}");

    // It is here, and IfNotPresent; yet it is not for whoever can't log in.
    apply(&pod("theirs", &image, &secrets("{name: gone}")));
    let waiting = "jsonpath={.status.containerStatuses[0].state.waiting.reason}";
    let wait = format!("--for={waiting}=ErrImagePull");
    let waited = kubectl.run(&["wait", &wait, "pod/theirs", PATIENTLY]);
    let reason = kubectl.run(&["get", "pod", "theirs", "-o", waiting]).exits(0).stdout;
    assert!(waited.status.success() || reason == "ImagePullBackOff", "{waited:?} {reason}");
    let events = kubectl
        .run(&["get", "events", "--field-selector=involvedObject.name=theirs"])
        .exits(0)
        .stdout;
    assert!(
        events.contains("Unable to retrieve some image pull secrets (gone)")
            && events.contains("FailedToRetrieveImagePullSecret"),
        "{events}"
    );
    assert!(events.contains("401 Unauthorized"), "{events}");
    // With the secret it is, and nothing has to be fetched again.
    apply(&pod("again", &image, &secrets("{name: login}")));
    kubectl
        .run(&["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/again", PATIENTLY])
        .exits(0);
    let events = kubectl
        .run(&["get", "events", "--field-selector=involvedObject.name=again"])
        .exits(0)
        .stdout;
    assert!(
        events.contains("already present on machine and can be accessed by the pod"),
        "{events}"
    );
    server.stop();
}
