//! When: the times of a schedule, and the windows of the day in which automatic stops are allowed.
//!
//! Nothing here reads a clock. The time zone of the computer is passed in; a named one is looked up in the time zone
//! database of the process.
//!
//! # A day on which the clock is changed
//!
//! A time that does not exist on that day comes at the first moment after the gap, and all times of the gap come there
//! together, once. A time that exists twice comes once, the first time. Both hold for every expression: "every 15 minutes"
//! pauses while the hour is repeated. What is started or stopped needs no doing twice.
//!
//! # What was missed
//!
//! A schedule whose time passed while WakeHub was off or the computer slept is made up for when it is at most
//! [`Schedule::catch_up`] late: starts an hour, stops not at all, unless set. Of all that a node has missed only the last
//! counts, be it a start or a stop: whoever wakes up at 23:00 does not do what 22:00 has undone.

mod expression;
mod reading;
mod schedule;
mod window;
mod zone;

pub use expression::{Expression, Mistake};
pub use reading::TEMPLATES;
pub use schedule::{MOST_SCHEDULES, Schedule, last_due};
pub use window::{Day, MOST_WINDOWS, StopWindow, allows, next_allowed, outside};
pub use zone::zone;
