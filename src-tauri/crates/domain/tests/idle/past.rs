//! What a platform remembers, against minutes of which it is known what was used.

use proptest::prelude::*;
use std::time::Duration;

use wakehub_domain::Timestamp;
use wakehub_domain::idle::{
    Cpu, Criteria, Disk, IdleRule, LastAccess, NetworkConnections, NetworkTraffic, PastUse, Ram,
    SKEW, Sample, Verdict, Window, quiet_before,
};

const MINUTE: i64 = 60_000;
/// When the first quiet look was, and the platform was asked.
const BEGAN: Timestamp = Timestamp(1_000 * MINUTE);
const ASKED: Timestamp = Timestamp(1_003 * MINUTE);

fn rule(criteria: Criteria) -> IdleRule {
    IdleRule {
        criteria: Some(criteria),
        ..IdleRule::default()
    }
}

/// Those of a guest without SSH.
fn usual() -> Criteria {
    Criteria {
        network_connections: None,
        last_access: None,
        ..Criteria::usual()
    }
}

/// One minute with a few bytes.
fn quiet(minute: i64) -> PastUse {
    PastUse {
        at: Timestamp(minute * MINUTE),
        over: Duration::from_secs(60),
        cpu_cores: Some(0.02),
        ram_fraction: Some(0.1),
        rx_rate: Some(5.0),
        tx_rate: Some(0.0),
        read_rate: Some(0.0),
        written_rate: Some(0.0),
    }
}

fn hole(minute: i64) -> PastUse {
    PastUse {
        cpu_cores: None,
        ram_fraction: None,
        rx_rate: None,
        tx_rate: None,
        read_rate: None,
        written_rate: None,
        ..quiet(minute)
    }
}

/// Until a minute before it was asked, as it is with Proxmox; the last row has nothing yet.
fn hours() -> Vec<PastUse> {
    let mut rows: Vec<PastUse> = (900..=1_002).map(quiet).collect();
    rows.push(hole(1_003));
    rows
}

fn since(rule: &IdleRule, past: &[PastUse]) -> Option<i64> {
    let since = quiet_before(rule, past, BEGAN, ASKED)?;
    assert_eq!(since.0 % MINUTE, 0);
    Some(since.0 / MINUTE)
}

#[test]
fn quiet_minutes_are_remembered_as_quiet() {
    let rule = rule(usual());
    assert_eq!(since(&rule, &hours()), Some(901), "to within a minute");
    assert_eq!(since(&rule, &[]), None);
    assert_eq!(since(&rule, &[hole(1_002)]), None);
    assert_eq!(since(&rule, &[quiet(1_002)]), None, "nothing before BEGAN");
}

#[test]
fn whatever_was_used_or_is_not_known_ends_it() {
    let rule = rule(Criteria {
        disk: Some(Disk::default()),
        ram: Some(Ram::default()),
        ..usual()
    });
    let with = |change: fn(&mut PastUse)| {
        let mut rows = hours();
        change(&mut rows[50]);
        since(&rule, &rows)
    };
    assert_eq!(with(|_| {}), Some(901));
    let changes: [fn(&mut PastUse); 11] = [
        |row| row.cpu_cores = Some(0.51),
        |row| row.cpu_cores = None,
        |row| row.cpu_cores = Some(f64::NAN),
        |row| row.ram_fraction = Some(0.6),
        |row| row.rx_rate = Some(18.0),
        |row| row.tx_rate = Some(18.0),
        |row| row.tx_rate = None,
        |row| row.rx_rate = Some(f64::INFINITY),
        |row| row.rx_rate = Some(-1.0),
        |row| row.written_rate = Some(20_000.0),
        |row| *row = hole(950),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        assert_eq!(with(change), Some(952), "{at}");
    }
}

#[test]
fn a_row_that_is_not_there_is_a_hole() {
    let mut rows = hours();
    rows.remove(50);
    assert_eq!(since(&rule(usual()), &rows), Some(952));
}

#[test]
fn the_thresholds_are_those_of_a_tick() {
    let rule = rule(usual());
    let received = |rate: f64| {
        let mut rows = hours();
        rows[50].rx_rate = Some(rate);
        since(&rule, &rows)
    };
    assert_eq!(received(1024.0 / 60.0), Some(901));
    assert_eq!(received(1025.0 / 60.0), Some(952));
}

/// The film of one minute is in the average of half an hour.
#[test]
fn of_half_an_hour_one_minute_may_have_been_all() {
    let of = |cpu: f64, rate: f64| {
        let mut rows: Vec<PastUse> = (960..=1_002).map(quiet).collect();
        let half = |minute| PastUse {
            over: Duration::from_secs(1_800),
            cpu_cores: Some(cpu),
            rx_rate: Some(rate),
            ..quiet(minute)
        };
        rows.insert(0, half(930));
        rows.insert(0, half(900));
        since(&rule(usual()), &rows)
    };
    assert_eq!(of(0.01, 0.5), Some(930));
    assert_eq!(of(0.02, 0.5), Some(961), "0.6 cores in one of 30 minutes");
    assert_eq!(of(0.01, 0.6), Some(961), "1080 bytes");
    let ram = rule(Criteria {
        ram: Some(Ram::default()),
        ..Criteria::default()
    });
    let mut rows = hours();
    rows[50].over = Duration::from_secs(1_800);
    assert_eq!(since(&ram, &rows), Some(952), "at any moment of it");
}

#[test]
fn another_clock_is_not_believed() {
    let rule = rule(usual());
    let shifted = |minutes: i64| {
        let mut rows = hours();
        for row in &mut rows {
            row.at = Timestamp(row.at.0 + minutes * MINUTE);
        }
        since(&rule, &rows)
    };
    assert_eq!(shifted(0), Some(901));
    assert_eq!(shifted(-1), Some(900), "it reaches beyond the first look");
    assert_eq!(shifted(-2), None, "it does not");
    assert_eq!(shifted(2), Some(903), "to within a minute");
    assert_eq!(shifted(3), None, "of a time that is yet to come");
    assert_eq!(SKEW, Duration::from_secs(60));
}

#[test]
fn what_nobody_remembers_is_not_known() {
    let more: [fn(&mut Criteria); 4] = [
        |all| all.network_connections = Some(NetworkConnections::default()),
        |all| all.last_access = Some(LastAccess::default()),
        |all| {
            all.network_traffic = Some(NetworkTraffic {
                bytes_per_tick: None,
                packets_per_tick: Some(20),
            });
        },
        |all| *all = Criteria::default(),
    ];
    for (at, change) in more.into_iter().enumerate() {
        let mut criteria = usual();
        change(&mut criteria);
        assert!(!criteria.are_remembered(), "{at}");
        assert_eq!(since(&rule(criteria), &hours()), None, "{at}");
    }
    assert!(usual().are_remembered());
    let mut off = rule(usual());
    off.enabled = false;
    assert_eq!(since(&off, &hours()), None);
}

#[test]
fn the_window_reaches_back_and_stops_once() {
    let rule = rule(usual());
    let sample = |minute: i64| Sample {
        at: Timestamp(minute * MINUTE),
        cpu_cores: Some(0.0),
        rx_bytes: Some(0),
        tx_bytes: Some(0),
        ..Sample::default()
    };
    let mut window = Window::default();
    window.was_quiet_since(Timestamp(0));
    assert_eq!(window.since(), None, "a window that has not begun");
    window.take(&rule, &sample(1_000));
    window.was_quiet_since(Timestamp(0));
    assert_eq!(window.since(), None, "used until now is not quiet");
    window.take(&rule, &sample(1_001));
    assert_eq!(window.since(), Some(BEGAN));
    window.was_quiet_since(Timestamp(1_001 * MINUTE));
    assert_eq!(window.since(), Some(BEGAN), "never later");
    let long_ago = Timestamp(950 * MINUTE);
    window.was_quiet_since(long_ago);
    let judged = window.take(&rule, &sample(1_002));
    assert_eq!(judged.verdict, Verdict::Idle { since: long_ago });
    assert!(judged.stop, "it is quiet for longer than its timeout");
    window.was_quiet_since(Timestamp(0));
    assert_eq!(window.since(), Some(long_ago), "its stop was begun");
    assert!(!window.take(&rule, &sample(1_003)).stop);
}

/// What was used in each minute: cores, and bytes.
fn minutes() -> impl Strategy<Value = Vec<Option<(f64, u16)>>> {
    let minute = prop_oneof![
        20 => Just(Some((0.0, 100))),
        4 => Just(Some((0.4, 1_024))),
        1 => Just(Some((0.6, 100))),
        1 => Just(Some((0.0, 1_025))),
        1 => Just(None),
    ];
    prop::collection::vec(minute, 1..180)
}

/// The rows of these minutes, `long` of them in each of the rows before the last hour.
fn rows(minutes: &[Option<(f64, u16)>], long: usize) -> Vec<PastUse> {
    let begin = 1_002 - i64::try_from(minutes.len()).expect("a few");
    let mut rows = Vec::new();
    let mut at = 0;
    while at < minutes.len() {
        let left = minutes.len() - at;
        let count = if left > 60 { long.min(left - 60) } else { 1 };
        let of: Option<Vec<(f64, u16)>> = minutes[at..at + count].iter().copied().collect();
        let minute = begin + i64::try_from(at).expect("a few");
        let seconds = f64::from(u16::try_from(60 * count).expect("a few"));
        rows.push(match of {
            None => hole(minute),
            Some(of) => PastUse {
                over: Duration::from_secs_f64(seconds),
                cpu_cores: Some(of.iter().map(|(cores, _)| cores * 60.0).sum::<f64>() / seconds),
                rx_rate: Some(of.iter().map(|(_, bytes)| f64::from(*bytes)).sum::<f64>() / seconds),
                ..quiet(minute)
            },
        });
        at += count;
    }
    rows
}

proptest! {
    /// Nothing that was used or not seen lies after what is answered; and in the last hour nothing quiet is forgotten.
    #[test]
    fn no_use_is_forgotten(minutes in minutes(), long in 1_usize..30) {
        let rule = rule(Criteria { cpu: Some(Cpu::default()), ..usual() });
        let begin = 1_002 - i64::try_from(minutes.len()).expect("a few");
        let is_quiet = |minute: &Option<(f64, u16)>| {
            minute.is_some_and(|(cores, bytes)| cores <= 0.5 && bytes <= 1_024)
        };
        let last_use = minutes.iter().rposition(|minute| !is_quiet(minute));
        let last_use = last_use.map(|at| begin + i64::try_from(at).expect("a few"));
        let found = quiet_before(&rule, &rows(&minutes, long), BEGAN, ASKED);
        if let (Some(found), Some(last_use)) = (found, last_use) {
            prop_assert!(found.0 > last_use * MINUTE, "{} {last_use}", found.0 / MINUTE);
        }
        let known = last_use.unwrap_or(begin).max(1_002 - 60);
        // a hole at the end is the minute that is not over
        let ends_whole = minutes.last().is_some_and(Option::is_some);
        if known < 995 && ends_whole {
            let found = found.expect("quiet minutes");
            prop_assert!(found.0 <= (known + 2) * MINUTE, "{} {known}", found.0 / MINUTE);
        }
    }
}
