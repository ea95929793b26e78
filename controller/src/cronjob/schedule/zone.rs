//! Time zones by name, from the database that is compiled in.
//!
//! Never from the host's own, so that a schedule means the same everywhere.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// There is no time zone of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone {0}")]
pub struct UnknownTimeZone(pub String);

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The time zone called `name`; case matters. The empty name is UTC, as is `Local`, since nothing
/// here depends on where it runs.
pub fn time_zone(name: &str) -> Result<TimeZone, UnknownTimeZone> {
    if matches!(name, "" | "UTC" | "Local") {
        return Ok(TimeZone::UTC);
    }
    let zone = DATABASE.get(name).ok().filter(|zone| zone.iana_name() == Some(name));
    zone.ok_or_else(|| UnknownTimeZone(name.to_owned()))
}
