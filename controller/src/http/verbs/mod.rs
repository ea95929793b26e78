//! What can be done with objects, one file a verb.

mod attempts;
mod create;
mod delete;
mod delete_collection;
mod deletion;
mod get;
mod list;
mod list_options;
mod patch;
mod update;
mod watch;

pub(super) use self::create::create;
pub(super) use self::delete::delete;
pub(super) use self::delete_collection::delete_collection;
pub(super) use self::deletion::Wish;
pub(super) use self::get::get;
pub(super) use self::list::list;
pub(super) use self::patch::patch;
pub(super) use self::update::update;
pub(super) use self::watch::watch;
