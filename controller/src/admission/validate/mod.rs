//! Whether an object may be stored: every complaint, in Kubernetes' order and words.

pub(crate) mod format;
pub(crate) mod meta;
pub(crate) mod selector;
