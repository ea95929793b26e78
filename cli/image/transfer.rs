//! `mayfly image pull` and `push`.

use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use mayfly_images::{ImageName, Named, Policy, Progress, Puller};

use super::bars::Bars;
use super::{parse, print, shelf};
use crate::args::{ImageFolder, LoginOptions};
use crate::exit::Exit;
use crate::images::{logins, policy};
use crate::threads;

/// Fetches the image `name`.
pub(super) fn pull(
    name: &str,
    login: &LoginOptions,
    rules: Option<&Path>,
    folder: &ImageFolder,
) -> anyhow::Result<Exit> {
    let name = parse(name)?;
    let keyring = logins::given_or_own(login, name.registry())?;
    let puller = puller(&name, policy(rules)?, folder)?;
    let bars = Bars::new();
    let show = |progress: Progress<'_>| bars.show(progress);
    let pulled = threads::start_for(1)?.block_on(puller.pull(&name, &keyring, &show));
    bars.clear();
    let image = pulled.with_context(|| format!("can't pull {name}"))?;
    // The operator has it here for whoever may run it.
    puller.share(&name)?;
    print(&format!("{name} {}\n", image.digest))
}

/// Sends the image `name`, as `destination`.
pub(super) fn push(
    name: &str,
    destination: Option<&str>,
    login: &LoginOptions,
    folder: &ImageFolder,
) -> anyhow::Result<Exit> {
    let name = parse(name)?;
    let destination = destination.map_or(Ok(name.clone()), parse)?;
    ensure!(
        destination.tag().is_some() || destination.digest() == name.digest(),
        "{destination} is a digest, which only the image that has it can be pushed as"
    );
    let keyring = logins::given_or_own(login, destination.registry())?;
    let puller = puller(&destination, Policy::default(), folder)?;
    let bars = Bars::new();
    let show = |progress: Progress<'_>| bars.show(progress);
    let pushed = threads::start_for(1)?.block_on(puller.push(&name, &destination, &keyring, &show));
    bars.clear();
    let digest = pushed.with_context(|| format!("can't push {name} to {destination}"))?;
    print(&format!("{destination} {digest}\n"))
}

/// Asks the registry of `name` wherever it is: who names it is the operator.
fn puller(name: &ImageName, policy: Policy, folder: &ImageFolder) -> anyhow::Result<Puller> {
    let host = name.registry().parse().map_err(|why: String| anyhow!(why))?;
    Ok(Puller::new(shelf(folder)?, Named::default().and(host), policy))
}
