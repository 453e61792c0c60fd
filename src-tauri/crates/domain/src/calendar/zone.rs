//! Between the time of a wall clock and moments.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::Timestamp;

/// `None` when there is no zone of that IANA name; the computer's when none is named.
pub fn zone(name: Option<&str>, system: &TimeZone) -> Option<TimeZone> {
    match name {
        None => Some(system.clone()),
        Some(name) => TimeZone::get(name).ok(),
    }
}

/// What a clock in the zone shows; `None` outside the years that jiff knows.
pub(super) fn civil(at: Timestamp, zone: &TimeZone) -> Option<DateTime> {
    let at = jiff::Timestamp::from_millisecond(at.0).ok()?;
    Some(zone.to_datetime(at))
}

/// The moment at which a clock in the zone shows this time; see [`calendar`](super) for those that come twice or never. Never
/// earlier for a later time.
pub(super) fn moment(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    let moment = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
            ambiguous.earlier().ok()?
        }
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?;
            let change = zone.following(before).next()?;
            change.timestamp()
        }
    };
    Some(Timestamp(moment.as_millisecond()))
}
