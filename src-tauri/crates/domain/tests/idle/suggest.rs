//! Thresholds from a node's own quiet hours.

use std::time::Duration;

use proptest::prelude::*;
use wakehub_domain::Timestamp;
use wakehub_domain::idle::{
    Criteria, IdleRule, NetworkTraffic, Sample, Suggestion, Window, suggest,
};

use crate::trace::parse;

const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

/// The phases of a trace without what is expected of them.
fn samples(phases: &str) -> Vec<Sample> {
    let phases: Vec<String> = phases
        .lines()
        .map(|line| match line.trim() {
            phase
                if phase.ends_with(" times")
                    || !phase.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                line.trim_start_matches("        ").to_owned()
            }
            _ => format!("{} -> unknown", line.trim_start_matches("        ")),
        })
        .collect();
    let trace = parse(&format!("## A day\nrule: usual\n{}", phases.join("\n"))).remove(0);
    trace.ticks.into_iter().map(|tick| tick.sample).collect()
}

fn of(phases: &str) -> Suggestion {
    suggest(&samples(phases), HALF_AN_HOUR)
}

const KIB: u64 = 1024;

#[test]
fn an_idle_debian() {
    let suggestion = of("24 h: net 8200-8500 B, packets 40-60, disk 100-400 KiB, cpu 0.01-0.03");
    assert_eq!(
        suggestion,
        Suggestion {
            cpu_cores: Some(0.05),
            ram_fraction: Some(0.35),
            bytes_per_tick: Some(15 * KIB),
            packets_per_tick: Some(100),
            connections: Some(0),
            disk_bytes_per_tick: Some(600 * KIB),
        }
    );
}

#[test]
fn an_evening_of_use_changes_little() {
    let suggestion = of("16 h: net 8200-8500 B
        3 h: net 30-60 MiB, cpu 0.5-2.0, connections 2, disk 30-60 MiB
        5 h: net 8200-8500 B");
    assert_eq!(suggestion.bytes_per_tick, Some(15 * KIB));
    assert_eq!(suggestion.connections, Some(0));
    assert!(suggestion.cpu_cores.unwrap() <= 0.08);
}

#[test]
fn a_node_that_is_quiet_for_a_quarter_of_the_day() {
    let suggestion = of("18 h: net 30-60 MiB
        6 h: net 8200-8500 B");
    assert_eq!(suggestion.bytes_per_tick, Some(15 * KIB));
}

#[test]
fn what_comes_in_every_half_hour_is_tolerated() {
    for (every, quiet) in [("5 min", "4 min"), ("25 min", "24 min")] {
        let suggestion = of(&format!(
            "80 times
          {quiet}: net 0-500 B
          1 min: net 14-15 KiB"
        ));
        let bytes = suggestion.bytes_per_tick.unwrap();
        assert!(
            (21 * KIB..=25 * KIB).contains(&bytes),
            "every {every}: {bytes}"
        );
    }
}

/// It would hide whatever is less than it.
#[test]
fn what_comes_every_hour_is_not() {
    let suggestion = of("24 times
          59 min: net 8200-8500 B
          1 min: net 300-400 KiB");
    assert_eq!(suggestion.bytes_per_tick, Some(15 * KIB));
}

#[test]
fn nothing_at_all_has_the_least_that_makes_sense() {
    let suggestion = of("24 h: net 0, packets 0, cpu 0, disk 0, ram 0");
    assert_eq!(suggestion.bytes_per_tick, Some(KIB));
    assert_eq!(suggestion.packets_per_tick, Some(10));
    assert_eq!(suggestion.cpu_cores, Some(0.05));
    assert_eq!(suggestion.disk_bytes_per_tick, Some(100 * KIB));
    assert_eq!(suggestion.ram_fraction, Some(0.1));
    assert_eq!(suggestion.connections, Some(0));
}

#[test]
fn a_node_that_is_never_quiet_has_none() {
    let suggestion = of(
        "24 h: net 460-480 KiB, packets 510-1000, cpu 0.95-1.0, ram 0.9-0.95, disk 1-2 GiB, connections 50",
    );
    assert_eq!(suggestion, Suggestion::default());
}

/// The margin on a count would make the first visitor invisible.
#[test]
fn connections_that_are_always_there_are_counted_and_no_more() {
    let suggestion = of("24 h: connections 2");
    assert_eq!(suggestion.connections, Some(2));
}

#[test]
fn too_little_says_nothing() {
    assert_eq!(suggest(&[], HALF_AN_HOUR), Suggestion::default());
    assert_eq!(of("5 h: net 8200-8500 B"), Suggestion::default());
    assert_ne!(of("7 h: net 8200-8500 B"), Suggestion::default());
    // enough in all, but never a whole timeout
    let broken = of("50 times
          20 min: net 8200-8500 B
          miss 3");
    assert_eq!(broken, Suggestion::default());
}

#[test]
fn what_is_missing_has_none_and_the_others_have() {
    let suggestion = of("24 h: tx ?, cpu ?, connections ?");
    assert_eq!(
        (
            suggestion.bytes_per_tick,
            suggestion.cpu_cores,
            suggestion.connections
        ),
        (None, None, None)
    );
    assert!(suggestion.packets_per_tick.is_some() && suggestion.ram_fraction.is_some());
}

#[test]
fn holes_and_resets_are_no_traffic() {
    let suggestion = of("10 h: net 8200-8500 B
        asleep 3 h
        5 h: net 8200-8500 B
        miss 10: net 500 MiB
        5 h: net 8200-8500 B
        counters from 0
        4 h: net 8200-8500 B
        clock -1 h
        4 h: net 8200-8500 B");
    assert_eq!(suggestion.bytes_per_tick, Some(15 * KIB));
}

#[test]
fn a_longer_timeout_tolerates_what_comes_less_often() {
    let day = samples(
        "24 times
          59 min: net 8200-8500 B
          1 min: net 90-100 KiB",
    );
    let bytes = |minutes: u64| suggest(&day, Duration::from_secs(60 * minutes)).bytes_per_tick;
    assert_eq!(bytes(30), Some(15 * KIB));
    assert_eq!(bytes(120), Some(150 * KIB));
    assert_eq!(bytes(10_080), Some(150 * KIB));
    assert_eq!(bytes(0), bytes(1));
}

#[test]
fn ticks_of_ten_seconds_suggest_the_same() {
    let suggestion = of("tick: 10 s
        5000 ticks: net 8200-8500 B");
    assert_eq!(suggestion.bytes_per_tick, Some(15 * KIB));
}

#[test]
fn what_is_applied_is_what_is_on() {
    let suggestion = Suggestion {
        cpu_cores: Some(0.2),
        ram_fraction: Some(0.6),
        bytes_per_tick: Some(15 * KIB),
        packets_per_tick: Some(80),
        connections: Some(2),
        disk_bytes_per_tick: None,
    };
    let mut criteria = Criteria::usual();
    suggestion.apply(&mut criteria);
    assert_eq!(
        criteria.cpu.as_ref().unwrap().cores.to_bits(),
        0.2_f64.to_bits()
    );
    assert_eq!(
        criteria.network_traffic,
        Some(NetworkTraffic {
            bytes_per_tick: Some(15 * KIB),
            packets_per_tick: None
        })
    );
    assert_eq!(criteria.network_connections.as_ref().unwrap().more_than, 2);
    assert_eq!((criteria.ram, criteria.disk), (None, None));

    let mut packets = Criteria {
        network_traffic: Some(NetworkTraffic {
            bytes_per_tick: None,
            packets_per_tick: Some(1),
        }),
        ..Criteria::default()
    };
    suggestion.apply(&mut packets);
    let traffic = packets.network_traffic.unwrap();
    assert_eq!(
        (traffic.bytes_per_tick, traffic.packets_per_tick),
        (None, Some(80))
    );

    let mut untouched = Criteria::usual();
    Suggestion::default().apply(&mut untouched);
    assert_eq!(untouched, Criteria::usual());
}

fn verdicts(criteria: &Criteria, samples: &[Sample]) -> (usize, usize) {
    let rule = IdleRule {
        criteria: Some(criteria.clone()),
        ..IdleRule::default()
    };
    let mut window = Window::default();
    let judged: Vec<_> = samples
        .iter()
        .map(|sample| window.take(&rule, sample))
        .collect();
    let stops = judged.iter().filter(|one| one.stop).count();
    let idle = judged
        .iter()
        .filter(|one| one.verdict.since().is_some())
        .count();
    (stops, idle)
}

/// By the defaults an idle Debian is never idle; by the suggestion it is, and a film and a music stream are not.
#[test]
fn the_suggestion_makes_an_idle_debian_idle_and_no_film() {
    let day = samples("24 h: net 8200-8500 B, packets 40-60");
    let mut criteria = Criteria::usual();
    assert_eq!(verdicts(&criteria, &day).0, 0);
    suggest(&day, HALF_AN_HOUR).apply(&mut criteria);
    assert_eq!(verdicts(&criteria, &day).0, 1);
    let film = samples("3 h: net 30-60 MiB");
    assert_eq!(verdicts(&criteria, &film), (0, 0));
    let music = samples("3 h: net 465-475 KiB");
    assert_eq!(verdicts(&criteria, &music), (0, 0));
}

fn day() -> impl Strategy<Value = Vec<Sample>> {
    let noise = (
        0..40_000_u64,
        0..40_000_u64,
        0..200_u64,
        0.0..0.3_f64,
        0..3_u32,
    );
    let spike = (2..90_usize, 0..2_000_000_u64);
    (noise, spike, proptest::collection::vec(0..100_u64, 1440)).prop_map(
        |((low, width, packets, cpu, connections), (every, spike), dice)| {
            let mut sample = Sample {
                rx_bytes: Some(0),
                tx_bytes: Some(0),
                rx_packets: Some(0),
                tx_packets: Some(0),
                read_bytes: Some(0),
                written_bytes: Some(0),
                ..Sample::default()
            };
            let grow = |counter: &mut Option<u64>, by: u64| *counter = counter.map(|was| was + by);
            let mut all = Vec::new();
            for (at, dice) in dice.into_iter().enumerate() {
                sample.at = Timestamp(i64::try_from(at).unwrap() * 60_000);
                let burst = if at % every == 0 { spike } else { 0 };
                grow(&mut sample.rx_bytes, low + width * dice / 100 + burst);
                grow(&mut sample.tx_packets, packets * dice / 100);
                grow(&mut sample.written_bytes, burst * 10);
                sample.cpu_cores = Some(cpu * f64::from(u32::try_from(dice).unwrap()) / 100.0);
                sample.ram_fraction = Some(0.2);
                sample.connections = Some(connections);
                all.push(sample.clone());
            }
            all
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// What is suggested would have stopped the node that day, and is a rule that may be written.
    #[test]
    fn a_suggestion_would_have_worked(day in day()) {
        let suggestion = suggest(&day, HALF_AN_HOUR);
        let all = Criteria {
            cpu: Some(Default::default()),
            ram: Some(Default::default()),
            network_traffic: Some(NetworkTraffic { bytes_per_tick: Some(0), packets_per_tick: Some(0) }),
            network_connections: Some(Default::default()),
            disk: Some(Default::default()),
            probe: None,
            last_access: None,
        };
        let mut applied = all.clone();
        suggestion.apply(&mut applied);
        let rule = IdleRule { criteria: Some(applied.clone()), ..IdleRule::default() };
        prop_assert_eq!(rule.check(), []);
        prop_assert!(suggestion.bytes_per_tick.is_none_or(|bytes| (KIB..=400 * KIB).contains(&bytes)));
        let alone = [
            suggestion.cpu_cores.map(|_| Criteria { cpu: applied.cpu.clone(), ..Criteria::default() }),
            suggestion.ram_fraction.map(|_| Criteria { ram: applied.ram.clone(), ..Criteria::default() }),
            suggestion.bytes_per_tick.map(|bytes| Criteria {
                network_traffic: Some(NetworkTraffic { bytes_per_tick: Some(bytes), packets_per_tick: None }),
                ..Criteria::default()
            }),
            suggestion.packets_per_tick.map(|packets| Criteria {
                network_traffic: Some(NetworkTraffic { bytes_per_tick: None, packets_per_tick: Some(packets) }),
                ..Criteria::default()
            }),
            suggestion.connections.map(|_| Criteria {
                network_connections: applied.network_connections.clone(),
                ..Criteria::default()
            }),
            suggestion.disk_bytes_per_tick.map(|_| Criteria { disk: applied.disk.clone(), ..Criteria::default() }),
        ];
        for criteria in alone.into_iter().flatten() {
            let (stops, _) = verdicts(&criteria, &day);
            prop_assert!(stops > 0, "{criteria:?}");
        }
    }
}
