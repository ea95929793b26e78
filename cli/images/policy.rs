//! Reads the file of `--image-policy`.

use std::path::Path;

use anyhow::{Context, bail};
use mayfly_images::{Policy, PolicyDocument};

/// The policy in the file at `path`; without one, everything is let in.
pub(crate) fn policy(path: Option<&Path>) -> anyhow::Result<Policy> {
    let Some(path) = path else { return Ok(Policy::default()) };
    let shown = path.display();
    let text = std::fs::read(path).with_context(|| format!("can't read --image-policy {shown}"))?;
    let document: PolicyDocument = serde_yaml::from_slice(&text)
        .with_context(|| format!("--image-policy {shown} is no image policy"))?;
    // Files of keys lie beside it.
    let folder = path.parent().unwrap_or(Path::new(""));
    match Policy::of(document, |key| std::fs::read(folder.join(key))) {
        Ok(policy) => Ok(policy),
        Err(complaints) => bail!("--image-policy {shown}: {}", complaints.join("; ")),
    }
}
