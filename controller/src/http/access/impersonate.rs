//! Acting as somebody else, as `kubectl --as` asks for.
//!
//! Source: Kubernetes' documentation, "User impersonation". Only who may do everything may.

use axum::http::request::Parts;

use super::attributes::Attributes;
use super::policy::Policy;
use super::user::User;
use crate::http::refusal::Refusal;
use crate::http::status::Status;

/// Who is meant to act, if `user` may act as them: `user`, unless the headers name another.
pub(super) fn act_as(policy: &Policy, parts: &Parts, user: User) -> Result<User, Refusal> {
    let values = |name: &str| {
        let all = parts.headers.get_all(format!("impersonate-{name}"));
        all.iter().filter_map(|value| value.to_str().ok().map(str::to_owned)).collect::<Vec<_>>()
    };
    let (names, groups, uids) = (values("user"), values("group"), values("uid"));
    let Some(name) = names.first() else {
        if groups.is_empty() && uids.is_empty() {
            return Ok(user);
        }
        let why = "requested [groups or uid] without impersonating a user";
        return Err(Status::internal(why).into());
    };
    let asked = [("", "users", &names), ("", "groups", &groups)];
    for (group, resource, names) in
        asked.into_iter().chain([("authentication.k8s.io", "uids", &uids)])
    {
        for name in names {
            let asked = Attributes {
                verb: "impersonate".to_owned(),
                group: group.to_owned(),
                resource: resource.to_owned(),
                name: name.clone(),
                ..Attributes::default()
            };
            if !policy.allows(&user, &asked) {
                return Err(Status::denied(&user, &asked).into());
            }
        }
    }
    Ok(User::authenticated(name, uids.first().map_or("", String::as_str), &groups))
}
