//! The whole state of a server, out and in.

use anyhow::Context;
use futures_util::StreamExt;

use super::complaint::Complaint;
use super::connect::Connection;
use super::request::root;
use crate::args::client::WhichServerArguments;
use crate::backup::Restored;

/// Gives the backup of a server to `write`, a piece at a time. If it breaks off, `loss` says what that
/// means for where it goes.
pub(crate) fn backup(
    server: &WhichServerArguments,
    loss: &str,
    write: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    started()?.block_on(async {
        let server = Connection::to(server).await?;
        let mut pieces = server.stream("/mayfly/backup", &Vec::new()).await?;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| {
                let why = root(&error);
                Complaint::failed(format!(
                    "the server's backup broke off on its way: {why}; {loss}"
                ))
            })?;
            write(&piece)?;
        }
        Ok(())
    })
}

/// Has a server put the backup in `bytes` in the place of all that it has.
pub(crate) fn restore(
    server: &WhichServerArguments,
    bytes: Vec<u8>,
    replace: bool,
) -> anyhow::Result<Restored> {
    if !replace {
        return Err(Complaint::usage(
            "what the server has would be gone, and its pods be ended; say --replace if that is meant",
        ));
    }
    started()?.block_on(async {
        let server = Connection::to(server).await?;
        let answer = server.upload("/mayfly/restore", bytes).await?;
        let version = answer["resourceVersion"].as_str().and_then(|it| it.parse().ok());
        let objects = answer["objects"].as_u64().and_then(|it| usize::try_from(it).ok());
        let restored = objects.zip(version);
        let (objects, resource_version) = restored
            .ok_or_else(|| Complaint::failed("the server does not say what it restored"))?;
        Ok(Restored { objects, resource_version })
    })
}

fn started() -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("can't start")
}
