//! What is good Kubernetes and can't be honoured here: refused, or told.
use super::Invalid;
use crate::api::{Job, Pod};

pub(super) fn job(_job: &Job, _warnings: &mut Vec<String>) -> Result<(), Invalid> {
    Ok(())
}
pub(super) fn pod(_pod: &Pod, _warnings: &mut Vec<String>) -> Result<(), Invalid> {
    Ok(())
}
