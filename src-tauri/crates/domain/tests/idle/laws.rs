//! The laws of the verdict, on random traces and rules.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use wakehub_domain::Timestamp;
use wakehub_domain::idle::{
    Cpu, Criteria, Disk, IdleRule, Interruption, Judgement, LastAccess, NetworkConnections,
    NetworkTraffic, ProbeAnswer, Ram, Sample, SshProbe, Use, UseProbe, Value, Verdict, Window,
    judge,
};

use crate::oracle::Seen;

fn run(all: &[Seen]) -> Vec<Judgement> {
    let mut window = Window::default();
    all.iter()
        .map(|seen| {
            if seen.is_interrupted {
                window.interrupt(Interruption::Suspended);
            }
            window.take(&seen.rule, &seen.sample)
        })
        .collect()
}

fn criteria() -> impl Strategy<Value = Option<Criteria>> {
    let traffic = (
        proptest::option::of(select(vec![0, 1024, 10_240])),
        proptest::option::weighted(0.3, select(vec![0, 20])),
    )
        .prop_map(|(bytes_per_tick, packets_per_tick)| NetworkTraffic {
            bytes_per_tick,
            packets_per_tick,
        });
    let criteria = (
        proptest::option::of(select(vec![0.0, 0.5]).prop_map(|cores| Cpu { cores })),
        proptest::option::weighted(
            0.3,
            select(vec![0.0, 0.5]).prop_map(|fraction| Ram { fraction }),
        ),
        proptest::option::of(traffic),
        proptest::option::of(
            select(vec![0, 2]).prop_map(|more_than| NetworkConnections { more_than }),
        ),
        proptest::option::weighted(
            0.3,
            select(vec![0, 1 << 20]).prop_map(|bytes_per_tick| Disk { bytes_per_tick }),
        ),
        proptest::option::weighted(0.3, Just(UseProbe::Ssh(SshProbe::default()))),
        proptest::option::of(
            select(vec![
                (true, None),
                (true, None),
                (true, Some(22)),
                (false, Some(22)),
            ])
            .prop_map(|(logins, port)| LastAccess { logins, port }),
        ),
    )
        .prop_map(
            |(cpu, ram, network_traffic, network_connections, disk, probe, last_access)| Criteria {
                cpu,
                ram,
                network_traffic,
                network_connections,
                disk,
                probe,
                last_access,
            },
        );
    proptest::option::weighted(0.9, criteria)
}

fn rule() -> impl Strategy<Value = IdleRule> {
    (
        proptest::bool::weighted(0.95),
        proptest::option::weighted(0.9, select(vec![1, 2, 3, 5, 10])),
        criteria(),
    )
        .prop_map(|(enabled, timeout_minutes, criteria)| IdleRule {
            enabled,
            timeout_minutes,
            criteria,
        })
}

/// What happens in one tick. Mostly nothing, or there would be no idle to judge.
#[derive(Clone, Debug)]
struct Step {
    milliseconds: i64,
    is_interrupted: bool,
    /// Now another rule of the two.
    is_other_rule: bool,
    cpu: Option<f64>,
    ram: Option<f64>,
    grows: [u64; 6],
    /// Counters that are not told.
    missing: [bool; 6],
    /// A counter that begins anew.
    reset: Option<usize>,
    connections: Option<u32>,
    users: Option<u32>,
    is_used: Option<bool>,
    port_accepts: Option<bool>,
    is_inhibited: bool,
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): a strategy for each value of each
/// step would take most of the time of a law.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn mostly<T: Copy>(&mut self, usual: &[T], rare: &[T]) -> T {
        let from = if self.one_in(60) { rare } else { usual };
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

/// From 0, which everything is shrunk to, a tick of a minute in which nothing happens.
fn step() -> impl Strategy<Value = Step> {
    any::<u64>().prop_map(|seed| {
        let mut dice = Dice(seed);
        if seed == 0 {
            return Step {
                milliseconds: 60_000,
                is_interrupted: false,
                is_other_rule: false,
                cpu: Some(0.0),
                ram: Some(0.0),
                grows: [0; 6],
                missing: [false; 6],
                reset: None,
                connections: Some(0),
                users: Some(0),
                is_used: Some(false),
                port_accepts: Some(false),
                is_inhibited: false,
            };
        }
        Step {
            milliseconds: dice.mostly(
                &[60_000, 60_000, 60_000, 55_000, 75_000, 10_000, 90_000],
                &[
                    0, -1, 1, 90_001, 120_000, 10_800_000, -3_600_000, 3_600_000, -20_000,
                ],
            ),
            is_interrupted: dice.one_in(100),
            is_other_rule: dice.one_in(100),
            cpu: dice.mostly(
                &[Some(0.0), Some(0.1), Some(0.5)],
                &[
                    None,
                    Some(0.51),
                    Some(3.0),
                    Some(f64::NAN),
                    Some(-0.1),
                    Some(f64::INFINITY),
                ],
            ),
            ram: dice.mostly(
                &[Some(0.0), Some(0.3), Some(0.5)],
                &[
                    None,
                    Some(0.51),
                    Some(1.0),
                    Some(1.01),
                    Some(f64::NAN),
                    Some(-1.0),
                ],
            ),
            grows: std::array::from_fn(|_| {
                dice.mostly(&[0, 0, 0, 1, 3], &[700, 20_000, 1 << 21, u64::MAX])
            }),
            missing: std::array::from_fn(|_| dice.one_in(250)),
            reset: dice
                .one_in(100)
                .then(|| usize::try_from(dice.below(6)).unwrap()),
            connections: dice.mostly(&[Some(0)], &[None, Some(1), Some(3), Some(u32::MAX)]),
            users: dice.mostly(&[Some(0)], &[None, Some(1)]),
            is_used: dice.mostly(&[Some(false)], &[None, Some(true)]),
            port_accepts: dice.mostly(&[Some(false)], &[None, Some(true)]),
            is_inhibited: dice.one_in(50),
        }
    })
}

fn seen(rules: &[IdleRule; 2], steps: &[Step]) -> Vec<Seen> {
    let mut at = 1_790_000_000_000;
    let mut counters = [500_u64; 6];
    let mut which = 0;
    let mut all = Vec::new();
    for step in steps {
        at += step.milliseconds;
        for (counter, grows) in counters.iter_mut().zip(step.grows) {
            *counter = counter.saturating_add(grows);
        }
        if let Some(reset) = step.reset {
            counters[reset] = 0;
        }
        which = (which + usize::from(step.is_other_rule)) % 2;
        let counter = |at: usize| (!step.missing[at]).then_some(counters[at]);
        all.push(Seen {
            rule: rules[which].clone(),
            is_interrupted: step.is_interrupted,
            sample: Sample {
                at: Timestamp(at),
                cpu_cores: step.cpu,
                ram_fraction: step.ram,
                rx_bytes: counter(0),
                tx_bytes: counter(1),
                rx_packets: counter(2),
                tx_packets: counter(3),
                read_bytes: counter(4),
                written_bytes: counter(5),
                connections: step.connections,
                users: step.users,
                probe: step.is_used.map(|is_used| ProbeAnswer {
                    is_used,
                    why: "so it says".to_owned(),
                }),
                port_accepts: step.port_accepts,
                inhibitors: step
                    .is_inhibited
                    .then(|| "a scrub runs".to_owned())
                    .into_iter()
                    .collect(),
            },
        });
    }
    all
}

fn traces() -> impl Strategy<Value = Vec<Seen>> {
    ([rule(), rule()], proptest::collection::vec(step(), 1..80))
        .prop_map(|(rules, steps)| seen(&rules, &steps))
}

/// Under one rule, without a word beside the samples: what `judge` is given.
fn plain_traces() -> impl Strategy<Value = (IdleRule, Vec<Seen>)> {
    (rule(), proptest::collection::vec(step(), 1..80)).prop_map(|(rule, mut steps)| {
        for step in &mut steps {
            step.is_interrupted = false;
        }
        let seen = seen(&[rule.clone(), rule.clone()], &steps);
        (rule, seen)
    })
}

/// Quiet by any rule, at this tick and until the next look.
fn is_nothing(all: &[Seen], at: usize) -> bool {
    Seen::verdict(all, at) == "idle"
}

/// Laws over traces that never come to a stop would say nothing.
#[test]
fn random_traces_have_it_all() {
    let mut runner = TestRunner::deterministic();
    let (mut stops, mut second, mut verdicts) = (0, 0, BTreeMap::new());
    for _ in 0..500 {
        let all = traces().new_tree(&mut runner).unwrap().current();
        let judged = run(&all);
        let of_trace = judged.iter().filter(|one| one.stop).count();
        stops += usize::from(of_trace > 0);
        second += usize::from(of_trace > 1);
        for one in judged {
            *verdicts.entry(one.verdict.as_str()).or_insert(0) += 1;
        }
    }
    let seen = format!("{stops} with a stop, {second} with a second one, {verdicts:?}");
    assert!(stops > 150 && second > 75, "{seen}");
    assert!(
        verdicts.len() == 4 && verdicts.values().all(|ticks| *ticks > 100),
        "{seen}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn as_the_oracle_judges(all in traces()) {
        for (at, judged) in run(&all).iter().enumerate() {
            prop_assert_eq!(judged.verdict.as_str(), Seen::verdict(&all, at), "tick {}", at);
            prop_assert_eq!(judged.verdict.since(), Seen::since(&all, at), "tick {}", at);
            prop_assert_eq!(judged.stop, Seen::stops(&all, at), "tick {}", at);
        }
    }

    /// What a counter grew by over a hole is nobody's use of this tick, and is not shown as that.
    #[test]
    fn no_counter_is_read_over_a_hole(all in traces()) {
        for (at, judged) in run(&all).iter().enumerate() {
            let is_whole = at > 0
                && !all[at].is_interrupted
                && (1..=90_000).contains(&(all[at].sample.at.0 - all[at - 1].sample.at.0));
            let of_counters = judged
                .readings
                .iter()
                .filter(|reading| matches!(reading.value, Value::Bytes(_) | Value::Packets(_)));
            prop_assert!(is_whole || of_counters.count() == 0, "tick {}", at);
        }
    }

    /// Every tick within the timeout before a stop was measured whole, quiet and uninhibited, with no hole between them.
    #[test]
    fn no_stop_without_a_whole_quiet_timeout(all in traces()) {
        for (at, judged) in run(&all).iter().enumerate().filter(|(_, judged)| judged.stop) {
            let now = all[at].sample.at;
            let timeout = i64::try_from(all[at].rule.timeout().as_millis()).unwrap();
            let mut covered = 0;
            let mut tick = at;
            while covered < timeout {
                prop_assert!(tick > 0 && is_nothing(&all, tick), "tick {tick} before the stop at {at}");
                prop_assert_eq!(&all[tick].rule, &all[at].rule);
                prop_assert!(!all[tick].is_interrupted);
                let length = now.0 - covered - all[tick - 1].sample.at.0;
                prop_assert!(length > 0 && all[tick].sample.at.0 - all[tick - 1].sample.at.0 <= 90_000);
                covered += length;
                tick -= 1;
            }
            prop_assert!(judged.verdict.since().is_some());
        }
    }

    /// A node that is quiet for longer than the timeout and a tick is stopped meanwhile, and only once.
    #[test]
    fn no_stop_is_missed_and_none_comes_twice(all in traces()) {
        let judged = run(&all);
        for (at, one) in judged.iter().enumerate() {
            let Verdict::Idle { since } = one.verdict else {
                prop_assert!(!one.stop);
                continue;
            };
            let stops = judged[..=at]
                .iter()
                .rev()
                .take_while(|tick| tick.verdict.since() == Some(since))
                .filter(|tick| tick.stop)
                .count();
            let is_due = all[at].sample.at.since(since) >= all[at].rule.timeout();
            prop_assert_eq!(stops, usize::from(is_due), "tick {}", at);
        }
    }

    /// What the rule does not look at may be anything.
    #[test]
    fn what_the_rule_does_not_look_at_changes_nothing(all in traces(), noise in proptest::collection::vec(step(), 80)) {
        let mut other = all.clone();
        let noise = seen(&[IdleRule::default(), IdleRule::default()], &noise);
        for (one, noise) in other.iter_mut().zip(noise) {
            // of every rule of the trace, so that no tick of one looks at what was changed under the other
            let looks = |at: fn(&Criteria) -> bool| {
                all.iter().any(|seen| at(&seen.rule.criteria.clone().unwrap_or_else(Criteria::usual)))
            };
            let (sample, noise) = (&mut one.sample, noise.sample);
            if !looks(|c| c.cpu.is_some()) {
                sample.cpu_cores = noise.cpu_cores;
            }
            if !looks(|c| c.ram.is_some()) {
                sample.ram_fraction = noise.ram_fraction;
            }
            if !looks(|c| c.network_traffic.as_ref().is_some_and(|t| t.bytes().is_some())) {
                sample.rx_bytes = noise.rx_bytes;
                sample.tx_bytes = noise.tx_bytes;
            }
            if !looks(|c| c.network_traffic.as_ref().is_some_and(|t| t.packets_per_tick.is_some())) {
                sample.rx_packets = noise.rx_packets;
                sample.tx_packets = noise.tx_packets;
            }
            if !looks(|c| c.network_connections.is_some()) {
                sample.connections = noise.connections;
            }
            if !looks(|c| c.disk.is_some()) {
                sample.read_bytes = noise.read_bytes;
                sample.written_bytes = noise.written_bytes;
            }
            if !looks(|c| c.probe.is_some()) {
                sample.probe = noise.probe;
            }
            if !looks(|c| c.last_access.as_ref().is_some_and(|access| access.logins)) {
                sample.users = noise.users;
            }
            if !looks(|c| c.last_access.as_ref().is_some_and(|access| access.port.is_some())) {
                sample.port_accepts = noise.port_accepts;
            }
        }
        prop_assert_eq!(run(&other), run(&all));
    }

    /// Higher thresholds: whatever was idle is, for at least as long.
    #[test]
    fn a_higher_threshold_makes_no_idle_tick_active((rule, all) in plain_traces(), more in 1..5_u32) {
        let mut higher = rule.clone();
        let mut criteria = rule.criteria.clone().unwrap_or_else(Criteria::usual);
        if let Some(cpu) = &mut criteria.cpu {
            cpu.cores += f64::from(more) / 4.0;
        }
        if let Some(ram) = &mut criteria.ram {
            ram.fraction = (ram.fraction + f64::from(more) / 10.0).min(0.99);
        }
        if let Some(traffic) = &mut criteria.network_traffic {
            let bytes = traffic.bytes();
            traffic.bytes_per_tick = bytes.map(|most| most + u64::from(more) * 1000);
            traffic.packets_per_tick = traffic.packets_per_tick.map(|most| most + u64::from(more));
        }
        if let Some(connections) = &mut criteria.network_connections {
            connections.more_than += more;
        }
        if let Some(disk) = &mut criteria.disk {
            disk.bytes_per_tick += u64::from(more);
        }
        higher.criteria = Some(criteria);
        let mut under = all.clone();
        under.iter_mut().for_each(|seen| seen.rule = higher.clone());
        for (lower, higher) in run(&all).iter().zip(run(&under)) {
            if let Some(since) = lower.verdict.since() {
                prop_assert!(higher.verdict.since().is_some_and(|other| other <= since));
            }
        }
    }

    /// A criterion more can only keep a node on.
    #[test]
    fn one_more_criterion_makes_no_active_tick_idle((rule, all) in plain_traces()) {
        let less = rule.criteria.clone().unwrap_or_else(Criteria::usual);
        prop_assume!(!less.is_empty());
        let mut more = less.clone();
        more.cpu.get_or_insert_with(Cpu::default);
        more.ram.get_or_insert_with(Ram::default);
        more.network_connections.get_or_insert_with(NetworkConnections::default);
        more.disk.get_or_insert_with(Disk::default);
        more.probe.get_or_insert_with(|| UseProbe::Ssh(SshProbe::default()));
        more.last_access.get_or_insert_with(LastAccess::default);
        more.network_traffic.get_or_insert_with(NetworkTraffic::default);
        let mut under = all.clone();
        for seen in &mut under {
            seen.rule.criteria = Some(more.clone());
        }
        for (less, more) in run(&all).iter().zip(run(&under)) {
            if let Some(since) = more.verdict.since() {
                prop_assert!(less.verdict.since().is_some_and(|other| other <= since));
            }
        }
    }

    /// With the same use in other words: later by any time, whichever counter, from whichever value.
    #[test]
    fn only_differences_count(all in traces(), later in 0..10_000_000_000_i64, offset in 0..1_000_000_u64) {
        let mut other = all.clone();
        for seen in &mut other {
            let sample = &mut seen.sample;
            sample.at.0 += later;
            // each the other way about, which is the same sum
            std::mem::swap(&mut sample.rx_bytes, &mut sample.tx_bytes);
            std::mem::swap(&mut sample.rx_packets, &mut sample.tx_packets);
            std::mem::swap(&mut sample.read_bytes, &mut sample.written_bytes);
        }
        let is_far_from_the_end = all.iter().all(|seen| {
            let sample = &seen.sample;
            let counters = [sample.rx_bytes, sample.tx_bytes, sample.rx_packets, sample.tx_packets, sample.read_bytes, sample.written_bytes];
            counters.iter().flatten().all(|counter| *counter < u64::MAX - offset)
        });
        if is_far_from_the_end {
            for seen in &mut other {
                let sample = &mut seen.sample;
                for counter in [&mut sample.rx_bytes, &mut sample.tx_bytes, &mut sample.rx_packets, &mut sample.tx_packets, &mut sample.read_bytes, &mut sample.written_bytes] {
                    *counter = counter.map(|counter| counter + offset);
                }
            }
        }
        for (one, moved) in run(&all).iter().zip(run(&other)) {
            prop_assert_eq!(one.verdict.as_str(), moved.verdict.as_str());
            prop_assert_eq!(one.verdict.since().map(|since| since.0 + later), moved.verdict.since().map(|since| since.0));
            prop_assert_eq!(one.stop, moved.stop);
            prop_assert_eq!(&one.readings, &moved.readings);
        }
    }

    /// Whatever was before a hole counts for nothing after it.
    #[test]
    fn a_hole_forgets(before in traces(), after in traces()) {
        let end = before.iter().map(|seen| seen.sample.at.0).max().unwrap_or_default();
        let shift = end + 3_600_000 - after[0].sample.at.0;
        let mut after = after;
        for seen in &mut after {
            seen.sample.at.0 += shift;
        }
        let alone = run(&after);
        let all: Vec<Seen> = before.iter().cloned().chain(after.iter().cloned()).collect();
        for (joined, alone) in run(&all)[before.len()..].iter().zip(alone) {
            prop_assert_eq!(joined.verdict.as_str(), alone.verdict.as_str());
            prop_assert_eq!(joined.verdict.since(), alone.verdict.since());
            prop_assert_eq!(joined.stop, alone.stop);
        }
    }
}

proptest! {
    // every slice of every trace
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_slice_is_judged_as_its_last_tick((rule, all) in plain_traces()) {
        let samples: Vec<Sample> = all.iter().map(|seen| seen.sample.clone()).collect();
        for (at, judged) in run(&all).into_iter().enumerate() {
            let now = samples[at].at;
            prop_assert_eq!(judge(&rule, &samples[..=at], now), judged.verdict.clone());
            let soon = Timestamp(now.0 + 90_000);
            prop_assert_eq!(judge(&rule, &samples[..=at], soon), judged.verdict);
            let late = judge(&rule, &samples[..=at], Timestamp(now.0 + 90_001));
            prop_assert_eq!(late.as_str(), "unknown");
            let back = judge(&rule, &samples[..=at], Timestamp(now.0 - 1));
            prop_assert_eq!(back, Verdict::Active { because: vec![Use::ClockWentBack] });
        }
    }
}
