//! Jobs whose images come from a registry.

use super::debian::{Registry, log_in};
use crate::harness::{Home, job};

/// Options that let images come from `registry`.
fn run<'a>(registry: &'a Registry, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "--registry", registry.host.as_str()], more].concat()
}

#[test]
fn a_job_runs_an_image_of_a_registry_that_the_operator_names() {
    let home = Home::new();
    let Some(registry) = Registry::start(&home) else { return };
    let image = registry.push_guest(&home, "job_echo");
    let container = format!("image: {image}\nargs: [hi]");
    home.write("job.yaml", job("a", "", &container));
    let mayfly = |arguments: &[&str], offline: bool| {
        let mut command = home.mayfly();
        if !offline {
            command.env_remove("MAYFLY_OFFLINE");
        }
        crate::harness::Running::start(command.args(arguments)).wait()
    };
    let refused = mayfly(&["run", "job.yaml"], false).exits(2);
    let said = format!(
        "which is loopback: only the operator can allow that, with --registry {}",
        registry.host
    );
    refused.says(&said);
    mayfly(&run(&registry, &["job.yaml"]), true).exits(2).says("because of --offline");

    let ran = mayfly(&run(&registry, &["-o", "json", "job.yaml"]), false).exits(0);
    assert!(ran.stderr.contains("arg 1: hi"), "{ran:?}");
    // It is here now.
    let ran = mayfly(&run(&registry, &["job.yaml"]), true).exits(0);
    assert!(ran.stdout.contains("arg 1: hi\n"), "{ran:?}");
    home.write("never.yaml", job("b", "", &format!("{container}\nimagePullPolicy: Never")));
    mayfly(&["run", "never.yaml"], true).exits(0);
}

#[test]
fn the_status_names_the_digest() {
    let home = Home::new();
    let Some(registry) = Registry::start(&home) else { return };
    let image = registry.push_guest(&home, "job_echo");
    let digest = home.run(&["image", "pull", &image]).exits(0).stdout;
    let digest = digest.trim().rsplit(' ').next().expect("a digest").to_owned();
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  restartPolicy: Never\n  \
         containers: [{{name: main, image: '{image}', imagePullPolicy: IfNotPresent}}]\n"
    );
    home.write("pod.yaml", pod);
    let pod = home.run(&["run", "-o", "json", "pod.yaml"]).exits(0).json();
    let id = &pod["status"]["containerStatuses"][0]["imageID"];
    assert_eq!(*id, format!("{}@{digest}", image.trim_end_matches(":1")));
}

#[test]
fn an_image_with_files_reads_them_and_can_be_told_otherwise() {
    let home = Home::new();
    let Some(registry) = Registry::start(&home) else { return };
    home.write("lib/deep/motd", "from the image\n");
    let image = registry.name("me/cat:1");
    let cat = crate::harness::guest("job_cat");
    home.run(&["image", "build", &cat, "-t", &image, "--file", "lib:/usr/lib"]).exits(0);
    home.run(&["image", "push", &image]).exits(0);
    let other = Home::new();
    other.run(&["image", "pull", &image]).exits(0);
    let container =
        format!("image: {image}\nimagePullPolicy: IfNotPresent\nargs: [/usr/lib/deep/motd]");
    other.write("job.yaml", job("a", "", &container));
    let ran = other.run(&["run", "job.yaml"]).exits(0);
    assert!(ran.stdout.contains("from the image"), "{ran:?}");
}

#[test]
fn a_private_image_needs_the_login_of_whoever_runs_it() {
    let home = Home::new();
    let Some(registry) = Registry::private(&home) else { return };
    log_in(&home, &registry);
    let image = registry.push_guest(&home, "job_echo");
    let other = Home::new();
    other.write("job.yaml", job("a", "", &format!("image: {image}\nargs: [hi]")));
    let mut command = other.mayfly();
    command.env_remove("MAYFLY_OFFLINE").args(run(&registry, &["job.yaml"]));
    crate::harness::Running::start(&mut command).wait().exits(2).says("needs a login");

    // A secret that the manifest brings along is as good as one's own.
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: login}}\ntype: kubernetes.io/dockerconfigjson\n\
         stringData:\n  .dockerconfigjson: '{{\"auths\": {{\"{}\": {{\"username\": \"me\", \"password\": \"pw\"}}}}}}'\n",
        registry.host
    );
    let with_secret = job("a", "", &format!("image: {image}\nargs: [hi]")).replace(
        "      restartPolicy:",
        "      imagePullSecrets: [{name: login}]\n      restartPolicy:",
    );
    other.write("both.yaml", format!("{secret}---\n{with_secret}"));
    let mut command = other.mayfly();
    command.env_remove("MAYFLY_OFFLINE").args(run(&registry, &["both.yaml"]));
    let ran = crate::harness::Running::start(&mut command).wait().exits(0);
    assert!(ran.stdout.contains("arg 1: hi"), "{ran:?}");
    // What one secret has brought is not for a pod without it.
    other.write("again.yaml", job("b", "", &format!("image: {image}\nimagePullPolicy: Never")));
    other.run(&["run", "again.yaml"]).exits(2).says("does not have the proper credentials");
}

#[test]
fn an_image_policy_is_kept() {
    let home = Home::new();
    let Some(registry) = Registry::start(&home) else { return };
    let image = registry.push_guest(&home, "job_echo");
    home.run(&["image", "pull", &image]).exits(0);
    home.write("job.yaml", job("a", "", &format!("image: {image}\nimagePullPolicy: IfNotPresent")));
    let policy = |text: &str| {
        home.write("policy.yaml", text);
        home.run(&["run", "--image-policy", "policy.yaml", "job.yaml"])
    };
    policy("otherwise: allow\n").exits(0);
    policy("otherwise: deny\n").exits(2).says("the image policy does not allow");
    let key = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    home.write("key.pub", key);
    let signed = "rules:\n- images: ['127.0.0.1:*/**']\n  action: signed\n  keys: [{file: key.pub}]\notherwise: allow\n";
    policy(signed).exits(2);
    policy("otherwise: maybe\n").exits(2).says("policy.yaml is no image policy");
    let wrong = "rules:\n- images: [perl]\n  action: signed\notherwise: deny\n";
    policy(wrong).exits(2).says("must begin with a registry").says("signed by whom?");
    let pull = ["image", "pull", &image, "--image-policy", "policy.yaml"];
    home.write("policy.yaml", signed);
    home.run(&pull).exits(2).says("wants a signature of sha256:").says("there is none");
}
