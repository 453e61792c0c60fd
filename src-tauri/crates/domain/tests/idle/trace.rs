//! A trace as text.
//!
//! ```text
//! ## What this trace shows
//! rule: 30 min, cpu 0.5, traffic 10 KiB, users    # or `usual`; also off, ram, packets, connections, disk, probe, port
//! tick: 55-75 s                                   # 60 s unless it says so
//! base: net 8-9 KiB                               # what later phases start from
//! 25 min: net 30-60 MiB, users 1 -> active        # ranges are noise, the same in every run
//! 45 min -> active 1 (more than), idle, stop at 30
//! 3 times
//!   5 min: cpu ? -> unknown (processor use)
//!   asleep 3 h
//! ```
//!
//! A phase is so many `min`, `h`, `d` or `ticks` (whatever their length) and ends with what is expected at each of them: a
//! verdict, for how many ticks (the last one takes the rest), a part of its reason in brackets; and where the automatic stop
//! begins, `stop at 30` or `stop at 28-33`, counted in ticks of the phase. A stop that is not written is a failure.
//!
//! Values: `cpu` cores, `ram` fraction, `connections`, `users` as they are; `net`, `rx`, `tx`, `packets`, `disk` what the
//! counters grow by in a minute; `probe` what the service says, which is use unless it begins with `nothing`; `port` `open` or
//! `closed`; `inhibitor` and its text. `?` is missing.
//!
//! Between phases: `suspend`, `resume`, `restart` (what WakeHub is told), `asleep 3 h` (nothing is measured, nothing
//! happens), `miss 2: net 5 MiB` (nothing is measured, but it happens), `clock +1 h`, `clock -10 min`, `counters from 0`,
//! `counters of 32 bits`, `now: 1761436800` (seconds since 1970), and `rule:`, `tick:` and `base:` again.

use std::collections::BTreeMap;

use wakehub_domain::Timestamp;
use wakehub_domain::idle::{
    Cpu, Criteria, Disk, IdleRule, Interruption, JellyfinProbe, LastAccess, NetworkConnections,
    NetworkTraffic, ProbeAnswer, Ram, Sample, UseProbe,
};

pub struct Trace {
    pub title: String,
    pub ticks: Vec<Tick>,
}

pub struct Tick {
    pub line: usize,
    /// In its phase, from 1.
    pub number: usize,
    pub rule: IdleRule,
    /// Told since the tick before.
    pub interruptions: Vec<Interruption>,
    pub sample: Sample,
    pub verdict: String,
    pub reason: Option<String>,
    /// The automatic stop begins at one of these ticks of the phase.
    pub stop: Option<(usize, usize)>,
}

pub fn parse(text: &str) -> Vec<Trace> {
    let mut traces = Vec::new();
    let lines: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.split("  #").next().unwrap().trim_end()))
        .filter(|(_, line)| !line.is_empty() && (!line.starts_with('#') || line.starts_with("##")))
        .collect();
    let mut rest = lines.as_slice();
    while let Some(((_, first), after)) = rest.split_first() {
        let title = first
            .strip_prefix("## ")
            .unwrap_or_else(|| panic!("{first:?} before a title"));
        let end = after
            .iter()
            .position(|(_, line)| line.starts_with("## "))
            .unwrap_or(after.len());
        let mut world = World::new(title);
        world.run(&after[..end]);
        traces.push(Trace {
            title: title.to_owned(),
            ticks: world.ticks,
        });
        rest = &after[end..];
    }
    traces
}

/// What is true of the node while the trace goes on.
struct World {
    dice: u64,
    now: i64,
    rule: IdleRule,
    /// Seconds.
    tick: (f64, f64),
    base: BTreeMap<String, String>,
    /// Received, sent; the same in packets; read, written.
    counters: [u64; 6],
    bits: u32,
    told: Vec<Interruption>,
    ticks: Vec<Tick>,
}

impl World {
    fn new(title: &str) -> World {
        // FNV-1a of the title, so that a new trace changes no other's noise
        let seed = title.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut world = World {
            dice: seed,
            now: 1_790_000_000_000,
            rule: IdleRule::default(),
            tick: (60.0, 60.0),
            base: BTreeMap::new(),
            counters: [1_000_000, 2_000_000, 10_000, 20_000, 3_000_000, 4_000_000],
            bits: 64,
            told: Vec::new(),
            ticks: Vec::new(),
        };
        world.base.extend(values(
            "cpu 0.01-0.05, ram 0.2-0.25, net 0-600 B, packets 0-8, disk 0-200 KiB, connections 0, users 0, probe nothing, port closed",
        ));
        world
    }

    fn run(&mut self, lines: &[(usize, &str)]) {
        let mut at = 0;
        while at < lines.len() {
            let (number, line) = lines[at];
            at += 1;
            if let Some(times) = line.strip_suffix(" times") {
                let body: Vec<_> = lines[at..]
                    .iter()
                    .map_while(|(number, line)| Some((*number, line.strip_prefix("  ")?)))
                    .collect();
                at += body.len();
                for _ in 0..times.parse::<usize>().unwrap() {
                    self.run(&body);
                }
            } else {
                self.line(number, line);
            }
        }
    }

    fn line(&mut self, number: usize, line: &str) {
        if let Some((phase, expected)) = line.split_once(" -> ") {
            self.phase(number, phase, expected);
        } else if let Some(text) = line.strip_prefix("rule: ") {
            self.rule = rule(text);
        } else if let Some(text) = line.strip_prefix("tick: ") {
            self.tick = range(text.strip_suffix(" s").unwrap());
        } else if let Some(text) = line.strip_prefix("base: ") {
            self.base.extend(values(text));
        } else if let Some(text) = line.strip_prefix("now: ") {
            self.now = text.parse::<i64>().unwrap() * 1000;
        } else if let Some(text) = line.strip_prefix("asleep ") {
            self.now += seconds(text) * 1000;
        } else if let Some(text) = line.strip_prefix("clock ") {
            let (sign, length) = text.split_at(1);
            let seconds = seconds(length);
            self.now += if sign == "-" { -seconds } else { seconds } * 1000;
        } else if let Some(text) = line.strip_prefix("miss ") {
            let (count, with) = text.split_once(": ").unwrap_or((text, ""));
            for _ in 0..count.parse::<usize>().unwrap() {
                self.sample(&values(with));
            }
        } else if let Some(text) = line.strip_prefix("counters from ") {
            self.counters = [text.parse().unwrap(); 6];
        } else if let Some(text) = line.strip_prefix("counters of ") {
            self.bits = text.strip_suffix(" bits").unwrap().parse().unwrap();
        } else {
            self.told.push(match line {
                "suspend" => Interruption::Suspended,
                "resume" => Interruption::Resumed,
                "restart" => Interruption::Restarted,
                _ => panic!("line {number}: {line:?}"),
            });
        }
    }

    fn phase(&mut self, line: usize, phase: &str, expected: &str) {
        let (length, with) = phase.split_once(": ").unwrap_or((phase, ""));
        let count = match length.strip_suffix(" ticks") {
            Some(count) => count.parse().unwrap(),
            None => {
                assert_eq!(self.tick, (60.0, 60.0), "line {line}: count in ticks");
                usize::try_from(seconds(length) / 60).unwrap()
            }
        };
        let with = values(with);
        let mut expected = Expected::parse(expected);
        for number in 1..=count {
            let sample = self.sample(&with);
            let (verdict, reason) = expected.next(number);
            self.ticks.push(Tick {
                line,
                number,
                rule: self.rule.clone(),
                interruptions: std::mem::take(&mut self.told),
                sample,
                verdict,
                reason,
                stop: expected.stop,
            });
        }
        expected.assert_used(line, count);
    }

    /// A tick later.
    fn sample(&mut self, with: &BTreeMap<String, String>) -> Sample {
        let mut all = self.base.clone();
        all.extend(with.clone());
        let length = self.between(self.tick).round();
        self.now += whole(length) * 1000;
        let mut is_there = [true; 6];
        for (name, text) in &all {
            let at = match name.as_str() {
                "net" => &[0, 1][..],
                "rx" => &[0],
                "tx" => &[1],
                "packets" => &[2, 3],
                "disk" => &[4, 5],
                _ => &[],
            };
            if text == "?" {
                at.iter().for_each(|at| is_there[*at] = false);
            } else if !at.is_empty() {
                let grown = self.between(amount(text)) * length / 60.0;
                let grown = u64::try_from(whole(grown.round())).unwrap();
                // the more of it in the first: rx, read
                let first = grown - grown / 3 * u64::try_from(at.len() - 1).unwrap();
                for (share, at) in [first, grown - first].into_iter().zip(at) {
                    self.counters[*at] = self.counters[*at].saturating_add(share);
                }
            }
        }
        let counter = |at: usize| {
            let mask = u64::MAX >> (64 - self.bits);
            is_there[at].then_some(self.counters[at] & mask)
        };
        let counters: [Option<u64>; 6] = std::array::from_fn(counter);
        let [
            rx_bytes,
            tx_bytes,
            rx_packets,
            tx_packets,
            read_bytes,
            written_bytes,
        ] = counters;
        let mut gauge = |name: &str| match all[name].as_str() {
            "?" => None,
            text => Some(self.between(range(text))),
        };
        let (cpu_cores, ram_fraction) = (gauge("cpu"), gauge("ram"));
        let count = |value: Option<f64>| value.map(|v| u32::try_from(whole(v.round())).unwrap());
        let (connections, users) = (count(gauge("connections")), count(gauge("users")));
        Sample {
            at: Timestamp(self.now),
            cpu_cores,
            ram_fraction,
            rx_bytes,
            tx_bytes,
            rx_packets,
            tx_packets,
            read_bytes,
            written_bytes,
            connections,
            users,
            probe: answer(&all["probe"]),
            port_accepts: match all["port"].as_str() {
                "open" => Some(true),
                "closed" => Some(false),
                "?" => None,
                other => panic!("port {other:?}"),
            },
            inhibitors: all.get("inhibitor").cloned().into_iter().collect(),
        }
    }

    fn between(&mut self, (low, high): (f64, f64)) -> f64 {
        if low == high {
            return low;
        }
        // SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014)
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let part = f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap()) / f64::from(u32::MAX);
        low + (high - low) * part
    }
}

struct Expected {
    /// Verdict, part of the reason, and for how many ticks.
    segments: Vec<(String, Option<String>, Option<usize>)>,
    at: usize,
    taken: usize,
    stop: Option<(usize, usize)>,
}

impl Expected {
    fn parse(text: &str) -> Expected {
        let mut segments = Vec::new();
        let mut stop = None;
        for part in outside_brackets(text) {
            if let Some(ticks) = part.strip_prefix("stop at ") {
                let (first, last) = ticks.split_once('-').unwrap_or((ticks, ticks));
                stop = Some((first.parse().unwrap(), last.parse().unwrap()));
                continue;
            }
            let (part, reason) = match part.split_once(" (") {
                Some((part, reason)) => (part, Some(reason.strip_suffix(')').unwrap().to_owned())),
                None => (part, None),
            };
            let (verdict, count) = match part.split_once(' ') {
                Some((verdict, count)) => (verdict, Some(count.parse().unwrap())),
                None => (part, None),
            };
            assert!(
                ["active", "idle", "inhibited", "unknown"].contains(&verdict),
                "{text:?}"
            );
            segments.push((verdict.to_owned(), reason, count));
        }
        Expected {
            segments,
            at: 0,
            taken: 0,
            stop,
        }
    }

    fn next(&mut self, number: usize) -> (String, Option<String>) {
        let (.., count) = &self.segments[self.at];
        if count.is_some_and(|count| self.taken == count) {
            self.at += 1;
            self.taken = 0;
        }
        self.taken += 1;
        let segment = self.segments.get(self.at);
        let (verdict, reason, _) = segment.unwrap_or_else(|| panic!("nothing for tick {number}"));
        (verdict.clone(), reason.clone())
    }

    fn assert_used(&self, line: usize, count: usize) {
        let (.., of_last) = self.segments[self.at];
        assert!(
            self.at + 1 == self.segments.len() && of_last.is_none_or(|of| of == self.taken),
            "line {line}: the expectation is longer than the phase"
        );
        assert!(
            self.stop
                .is_none_or(|(first, last)| first <= last && last <= count),
            "line {line}: the stop is after the phase"
        );
    }
}

/// What commas separate, but those of a reason.
fn outside_brackets(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut begin) = (0, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[begin..].trim());
    parts
}

fn values(text: &str) -> BTreeMap<String, String> {
    text.split(", ")
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once(' ').unwrap_or_else(|| panic!("{part:?}")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn rule(text: &str) -> IdleRule {
    let mut rule = IdleRule {
        criteria: Some(Criteria::default()),
        ..IdleRule::default()
    };
    let criteria = rule.criteria.as_mut().unwrap();
    for part in text.split(", ") {
        let (name, value) = part.split_once(' ').unwrap_or((part, ""));
        let bytes = || u64::try_from(whole(amount(value).0)).unwrap();
        match name {
            "usual" => *criteria = Criteria::usual(),
            "nothing" => {}
            "off" => rule.enabled = false,
            "cpu" => {
                criteria.cpu = Some(Cpu {
                    cores: value.parse().unwrap(),
                })
            }
            "ram" => {
                criteria.ram = Some(Ram {
                    fraction: value.parse().unwrap(),
                })
            }
            "traffic" => {
                let traffic = criteria
                    .network_traffic
                    .get_or_insert_with(NetworkTraffic::default);
                traffic.bytes_per_tick = Some(bytes());
            }
            "packets" => {
                let traffic = criteria
                    .network_traffic
                    .get_or_insert_with(NetworkTraffic::default);
                traffic.packets_per_tick = Some(value.parse().unwrap());
            }
            "connections" => {
                let more_than = value.parse().unwrap();
                criteria.network_connections = Some(NetworkConnections { more_than });
            }
            "disk" => {
                criteria.disk = Some(Disk {
                    bytes_per_tick: bytes(),
                })
            }
            "users" => criteria.last_access = Some(LastAccess::default()),
            "probe" => {
                criteria.probe = Some(UseProbe::Jellyfin(JellyfinProbe {
                    url: "http://10.0.0.21:8096".to_owned(),
                    ..JellyfinProbe::default()
                }));
            }
            "port" => {
                criteria.last_access = Some(LastAccess {
                    logins: criteria.last_access.is_some(),
                    port: Some(value.parse().unwrap()),
                });
            }
            minutes => {
                assert_eq!(value, "min", "{part:?} in a rule");
                rule.timeout_minutes = Some(minutes.parse().unwrap());
            }
        }
    }
    rule
}

fn answer(text: &str) -> Option<ProbeAnswer> {
    (text != "?").then(|| ProbeAnswer {
        is_used: !text.starts_with("nothing"),
        why: text.to_owned(),
    })
}

/// `3 h`
fn seconds(text: &str) -> i64 {
    let (number, unit) = text.split_once(' ').unwrap_or_else(|| panic!("{text:?}"));
    let seconds = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => panic!("{text:?}"),
    };
    number.parse::<i64>().unwrap() * seconds
}

/// `3-4 MiB`, `1500 B`, `12`
fn amount(text: &str) -> (f64, f64) {
    let (number, unit) = text.split_once(' ').unwrap_or((text, "B"));
    let unit = match unit {
        "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => panic!("{text:?}"),
    };
    let (low, high) = range(number);
    (low * unit, high * unit)
}

/// `0.1-0.4`, `3`, `nan`, `-1`
fn range(text: &str) -> (f64, f64) {
    let one = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("{text:?}"));
    match text.split_once('-') {
        Some((low, high)) if !low.is_empty() => (one(low), one(high)),
        Some(_) | None => (one(text), one(text)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "small whole numbers of the traces"
)]
fn whole(value: f64) -> i64 {
    value as i64
}
