//! Expressions and windows in plain words.
//!
//! In English; `ui/src/lib/i18n/fr-engine.json` has the French of every template. `{rest}` holds another of these
//! sentences, `{clock}`, `{day}` and `{month}` one such word, `{clocks}`, `{days}` and `{months}` a list of them.

use croner::Cron;
use std::fmt;

use super::window::{Day, StopWindow};

macro_rules! sentences {
    ($($name:ident $({ $($field:ident),+ })? $text:literal;)+) => {
        enum Words<'a> {
            $($name $({ $($field: &'a str),+ })?,)+
        }

        impl fmt::Display for Words<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Words::$name $({ $($field),+ })? => write!(f, $text),)+
                }
            }
        }

        /// All of them, with the names of their gaps in braces.
        pub const TEMPLATES: &[&str] = &[$($text),+];
    };
}

sentences! {
    At { clock } "at {clock}";
    AtAll { clocks } "at {clocks}";
    EveryMinute "every minute";
    EveryMinutes { n } "every {n} minutes";
    EveryHour "every hour";
    EveryHourAt { n } "every hour at minute {n}";
    EveryHours { n } "every {n} hours";
    EveryDay { rest } "every day {rest}";
    Weekdays { rest } "every weekday {rest}";
    OnDays { days, rest } "every {days} {rest}";
    DateOfMonth { day, rest } "on the {day} of each month {rest}";
    DatesOfMonth { days, rest } "on the {days} of each month {rest}";
    LastOfMonth { rest } "on the last day of each month {rest}";
    EveryDayIn { months, rest } "every day in {months} {rest}";
    WeekdaysIn { months, rest } "every weekday in {months} {rest}";
    OnDaysIn { days, months, rest } "every {days} in {months} {rest}";
    DateIn { day, months, rest } "on the {day} of {months} {rest}";
    DatesIn { days, months, rest } "on the {days} of {months} {rest}";
    LastIn { months, rest } "on the last day of {months} {rest}";
    Fields { minute, hour, date, month, weekday } "minute {minute}, hour {hour}, day of the month {date}, month {month}, day of the week {weekday}";
    InZone { rest, zone } "{rest} (time of {zone})";

    Allowed { rest } "automatic stops are allowed {rest}";
    AllDay "all day";
    FromTo { from, to } "from {from} to {to}";
    OnDaysFromTo { days, rest } "on {days} {rest}";
    AndAlso { rest, operation } "{rest}; also {operation}";
    NeverAllowed "automatic stops are never allowed";
}

/// The most times of day, days and months that are named one by one.
const MOST_NAMED: usize = 8;

const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) fn of(cron: &Cron) -> String {
    plain(cron).unwrap_or_else(|| fields(cron))
}

pub(super) fn in_zone(rest: &str, zone: &str) -> String {
    Words::InZone { rest, zone }.to_string()
}

fn plain(cron: &Cron) -> Option<String> {
    let time = time(cron)?;
    let rest = &time.text;
    let (dates, weekdays) = (&cron.pattern.days, &cron.pattern.days_of_week);
    let all_dates =
        cron.pattern.is_dom_wildcard() || !dates.has_modifiers() && dates.values().len() == 31;
    let all_weekdays =
        cron.pattern.is_dow_wildcard() || !weekdays.has_modifiers() && weekdays.values().len() == 7;
    // one of two restrictions that a day meets is enough, or it must meet both: no plain sentence says which
    if !(cron.pattern.is_dom_wildcard() || cron.pattern.is_dow_wildcard())
        || weekdays.has_modifiers()
    {
        return None;
    }
    let months = cron.pattern.months.values();
    let months = match months.len() {
        12 => None,
        0..=MOST_NAMED => {
            Some(listed(months.iter().filter_map(|m| {
                MONTHS.get(usize::from(*m).checked_sub(1)?).copied()
            })))
        }
        _ => return None,
    };
    let months = months.as_deref();
    let words = if all_dates && all_weekdays {
        match months {
            None if time.is_interval => return Some(time.text),
            None => Words::EveryDay { rest },
            Some(months) => Words::EveryDayIn { months, rest },
        }
        .to_string()
    } else if all_dates {
        let days = weekdays.values();
        let named = listed(monday_first(&days));
        let days_named = named.as_str();
        match (days == [1, 2, 3, 4, 5], months) {
            (true, None) => Words::Weekdays { rest }.to_string(),
            (true, Some(months)) => Words::WeekdaysIn { months, rest }.to_string(),
            (false, None) => Words::OnDays {
                days: days_named,
                rest,
            }
            .to_string(),
            (false, Some(months)) => Words::OnDaysIn {
                days: days_named,
                months,
                rest,
            }
            .to_string(),
        }
    } else if dates.has_modifiers() {
        // of the modifiers only a lone "last" has plain words
        if pattern_field(cron, 2) != "L" {
            return None;
        }
        match months {
            None => Words::LastOfMonth { rest }.to_string(),
            Some(months) => Words::LastIn { months, rest }.to_string(),
        }
    } else {
        let dates: Vec<String> = dates.values().into_iter().map(ordinal).collect();
        if dates.len() > MOST_NAMED {
            return None;
        }
        let named = listed(dates.iter().map(String::as_str));
        let days = named.as_str();
        match (dates.len(), months) {
            (1, None) => Words::DateOfMonth { day: days, rest }.to_string(),
            (_, None) => Words::DatesOfMonth { days, rest }.to_string(),
            (1, Some(months)) => Words::DateIn {
                day: days,
                months,
                rest,
            }
            .to_string(),
            (_, Some(months)) => Words::DatesIn { days, months, rest }.to_string(),
        }
    };
    Some(words)
}

struct TimeOfDay {
    text: String,
    /// It needs no "every day" before it.
    is_interval: bool,
}

fn time(cron: &Cron) -> Option<TimeOfDay> {
    let (minutes, hours) = (cron.pattern.minutes.values(), cron.pattern.hours.values());
    let interval = |words: Words<'_>| {
        Some(TimeOfDay {
            text: words.to_string(),
            is_interval: true,
        })
    };
    if hours.len() == 24 {
        if minutes.len() == 60 {
            return interval(Words::EveryMinute);
        }
        if let [minute] = minutes.as_slice() {
            return match minute {
                0 => interval(Words::EveryHour),
                minute => interval(Words::EveryHourAt {
                    n: &minute.to_string(),
                }),
            };
        }
        return match step(&minutes, 60) {
            Some(n) => interval(Words::EveryMinutes { n: &n.to_string() }),
            None => None,
        };
    }
    if minutes == [0]
        && hours.len() > 2
        && let Some(n) = step(&hours, 24)
    {
        return interval(Words::EveryHours { n: &n.to_string() });
    }
    if minutes.len() * hours.len() > MOST_NAMED {
        return None;
    }
    let times: Vec<String> = hours
        .iter()
        .flat_map(|hour| {
            minutes
                .iter()
                .map(move |minute| format!("{hour:02}:{minute:02}"))
        })
        .collect();
    let named = listed(times.iter().map(String::as_str));
    let words = match times.len() {
        1 => Words::At { clock: &named },
        _ => Words::AtAll { clocks: &named },
    };
    Some(TimeOfDay {
        text: words.to_string(),
        is_interval: false,
    })
}

/// `0, 15, 30, 45` of 60 is every 15.
fn step(values: &[u16], of: u16) -> Option<u16> {
    let [0, step, ..] = values else {
        return None;
    };
    let stepped = (0..of).step_by(usize::from(*step));
    (of.is_multiple_of(*step) && stepped.eq(values.iter().copied())).then_some(*step)
}

fn monday_first(days: &[u16]) -> impl Iterator<Item = &'static str> {
    let sunday = days.contains(&0).then_some(0);
    let days: Vec<u16> = days
        .iter()
        .copied()
        .filter(|day| *day > 0)
        .chain(sunday)
        .collect();
    days.into_iter()
        .filter_map(|day| DAYS.get(usize::from(day)).copied())
}

fn ordinal(date: u16) -> String {
    let ending = match (date % 10, date / 10) {
        (_, 1) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{date}{ending}")
}

/// `a`, `a and b`, `a, b and c`
fn listed<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let items: Vec<&str> = items.collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn pattern_field(cron: &Cron, at: usize) -> &str {
    cron.pattern
        .as_str()
        .split_whitespace()
        .nth(at)
        .unwrap_or("*")
}

fn fields(cron: &Cron) -> String {
    let field = |at| pattern_field(cron, at);
    Words::Fields {
        minute: field(0),
        hour: field(1),
        date: field(2),
        month: field(3),
        weekday: field(4),
    }
    .to_string()
}

pub(super) fn of_windows(windows: &[StopWindow]) -> String {
    let each = windows.iter().map(of_window);
    let all = each.reduce(|rest, operation| {
        Words::AndAlso {
            rest: &rest,
            operation: &operation,
        }
        .to_string()
    });
    match all {
        None => Words::NeverAllowed.to_string(),
        Some(rest) => Words::Allowed { rest: &rest }.to_string(),
    }
}

fn of_window(window: &StopWindow) -> String {
    let (from, to) = (window.from.as_str(), window.to.as_str());
    let times = if from == to && from == "00:00" {
        Words::AllDay
    } else {
        Words::FromTo { from, to }
    }
    .to_string();
    let in_days = if window.days.is_empty() {
        times
    } else {
        let numbers: Vec<u16> = Day::ALL
            .into_iter()
            .zip([1, 2, 3, 4, 5, 6, 0])
            .filter(|(day, _)| window.days.contains(day))
            .map(|(_, number)| number)
            .collect();
        let days = listed(monday_first(&numbers));
        Words::OnDaysFromTo {
            days: &days,
            rest: &times,
        }
        .to_string()
    };
    match &window.time_zone {
        None => in_days,
        Some(zone) => in_zone(&in_days, zone),
    }
}
