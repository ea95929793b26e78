//! What a client is called as the owner of what it writes.

use axum::http::header::{HeaderMap, USER_AGENT};

use crate::api::Kind;
use crate::http::options::Query;
use crate::http::refusal::Refusal;
use crate::http::target::{Subresource, Target};
use crate::limits::FIELD_MANAGER_BYTES_MAX;

/// Who writes, and to what.
#[derive(Clone, Debug)]
pub(in crate::http) struct Writer {
    /// What it is called; may be empty.
    pub(super) manager: String,
    /// The kind of the object.
    pub(super) kind: Kind,
    /// The part of it that is written, if not the whole.
    pub(super) subresource: Option<&'static str>,
}

impl Writer {
    /// Who sends a request about `target`: what its query says (`options` is Kubernetes' name for
    /// what that is parsed into), or else what its program is called.
    pub(in crate::http) fn of(
        target: &Target,
        query: &Query,
        headers: &HeaderMap,
        options: &str,
    ) -> Result<Self, Refusal> {
        let said = query.field_manager(options)?.map(str::to_owned);
        let agent = headers.get(USER_AGENT).and_then(|it| it.to_str().ok()).unwrap_or_default();
        Ok(Self {
            manager: said.unwrap_or_else(|| program(agent)),
            kind: target.kind,
            subresource: target.subresource.map(Subresource::name),
        })
    }
}

/// The program of a `User-Agent` such as `kubectl/v1.32.4 (linux/amd64)`.
fn program(agent: &str) -> String {
    let mut program = String::new();
    for character in agent.split('/').next().unwrap_or_default().chars() {
        if program.len() + character.len_utf8() > FIELD_MANAGER_BYTES_MAX {
            break;
        }
        if !character.is_control() {
            program.push(character);
        }
    }
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_called_by_its_first_word() {
        assert_eq!(program("kubectl/v1.32.4 (linux/amd64) kubernetes/abc"), "kubectl");
        assert_eq!(program("OpenAPI-Generator/32.0.1/python"), "OpenAPI-Generator");
        assert_eq!(program(""), "");
        assert_eq!(program(&"x".repeat(200)).len(), FIELD_MANAGER_BYTES_MAX);
    }
}
