//! What nothing that runs here can have, and why: said once for each, in words for people.

use crate::http::status::Status;

/// `kubectl exec` and `kubectl cp`.
pub(super) fn exec() -> Status {
    Status::impossible(
        "exec and cp are not possible: a container here is one WebAssembly guest, which has no \
         second process",
    )
}

/// `kubectl port-forward`.
pub(super) fn port_forward() -> Status {
    Status::impossible(
        "port-forward is not possible: a container here is one WebAssembly guest, which has no \
         network and no second process to forward to",
    )
}

/// `kubectl debug`.
pub(super) fn ephemeral_containers() -> Status {
    Status::impossible(
        "ephemeral containers are not possible: a container here is one WebAssembly guest, which \
         has no second process beside it",
    )
}
