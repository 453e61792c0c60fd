//! What the user reads.

use wakehub_domain::Timestamp;
use wakehub_domain::idle::{
    Criterion, Interruption, Missing, ProbeAnswer, Reading, Use, Value, Verdict,
};

fn reading(criterion: Criterion, value: Value, threshold: Value) -> String {
    Reading {
        criterion,
        value,
        threshold,
    }
    .to_string()
}

#[test]
fn a_reading_says_value_and_threshold() {
    let said = [
        (
            reading(Criterion::Cpu, Value::Cores(1.234), Value::Cores(0.5)),
            "1.23 cores of the processor in use, more than 0.50 cores",
        ),
        (
            reading(Criterion::Cpu, Value::Cores(0.5), Value::Cores(0.5)),
            "0.50 cores of the processor in use, not more than 0.50 cores",
        ),
        (
            reading(Criterion::Ram, Value::Fraction(0.73), Value::Fraction(0.5)),
            "73 % of the memory in use, more than 50 %",
        ),
        (
            reading(
                Criterion::NetworkTraffic,
                Value::Bytes(8340),
                Value::Bytes(1024),
            ),
            "8.1 KiB sent and received in a minute, more than 1.0 KiB",
        ),
        (
            reading(
                Criterion::NetworkTraffic,
                Value::Packets(1),
                Value::Packets(20),
            ),
            "1 packet sent and received in a minute, not more than 20 packets",
        ),
        (
            reading(
                Criterion::NetworkTraffic,
                Value::Packets(21),
                Value::Packets(1),
            ),
            "21 packets sent and received in a minute, more than 1 packet",
        ),
        (
            reading(Criterion::Disk, Value::Bytes(0), Value::Bytes(1 << 20)),
            "0 B read and written in a minute, not more than 1.0 MiB",
        ),
        (
            reading(
                Criterion::NetworkConnections,
                Value::Connections(1),
                Value::Connections(0),
            ),
            "1 connection to it, more than 0 connections",
        ),
        (
            reading(
                Criterion::NetworkConnections,
                Value::Connections(3),
                Value::Connections(1),
            ),
            "3 connections to it, more than 1 connection",
        ),
        (
            reading(Criterion::LastAccess, Value::Users(1), Value::Users(0)),
            "1 user logged in",
        ),
        (
            reading(Criterion::LastAccess, Value::Users(2), Value::Users(0)),
            "2 users logged in",
        ),
        (
            reading(Criterion::LastAccess, Value::Users(0), Value::Users(0)),
            "nobody logged in",
        ),
        (
            reading(
                Criterion::Probe,
                Value::Answer(ProbeAnswer::used("Jellyfin plays 2 titles")),
                Value::Answer(ProbeAnswer::not_used("no use")),
            ),
            "Jellyfin plays 2 titles",
        ),
        (
            reading(
                Criterion::LastAccess,
                Value::Port {
                    port: 22,
                    accepts: false,
                },
                Value::Port {
                    port: 22,
                    accepts: false,
                },
            ),
            "port 22 accepts no connection",
        ),
    ];
    for (said, expected) in said {
        assert_eq!(said, expected);
    }
}

#[test]
fn a_value_just_over_its_threshold_does_not_read_like_it() {
    let said = [
        (
            reading(
                Criterion::NetworkTraffic,
                Value::Bytes(1025),
                Value::Bytes(1024),
            ),
            "1025 B sent and received in a minute, more than 1024 B",
        ),
        (
            reading(Criterion::Cpu, Value::Cores(0.501), Value::Cores(0.5)),
            "0.501 cores of the processor in use, more than 0.5 cores",
        ),
        (
            reading(Criterion::Ram, Value::Fraction(0.503), Value::Fraction(0.5)),
            "50.3 % of the memory in use, more than 50 %",
        ),
    ];
    for (said, expected) in said {
        assert_eq!(said, expected);
    }
}

#[test]
fn bytes_have_the_largest_unit_that_fits() {
    let units = [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (1024 * 1024, "1.0 MiB"),
        (3_650_722_202, "3.4 GiB"),
        (1 << 40, "1.0 TiB"),
        (u64::MAX, "16777216.0 TiB"),
    ];
    for (bytes, expected) in units {
        assert_eq!(Value::Bytes(bytes).to_string(), expected);
    }
}

#[test]
fn a_verdict_gives_its_reasons() {
    let over = Use::Over(Reading {
        criterion: Criterion::LastAccess,
        value: Value::Users(1),
        threshold: Value::Users(0),
    });
    let said = [
        (
            Verdict::Active {
                because: vec![Use::CounterReset(Criterion::NetworkTraffic), over],
            },
            "active",
            "the counters of its network traffic began anew; 1 user logged in",
        ),
        (
            Verdict::Idle {
                since: Timestamp(60_000),
            },
            "idle",
            "nothing uses it",
        ),
        (
            Verdict::Inhibited {
                by: vec!["a backup runs".to_owned(), "a scrub runs".to_owned()],
            },
            "inhibited",
            "a backup runs; a scrub runs",
        ),
        (
            Verdict::Unknown {
                missing: vec![
                    Missing::Criterion(Criterion::Cpu),
                    Missing::Criterion(Criterion::LastAccess),
                ],
            },
            "unknown",
            "its processor use is not known; its number of users is not known",
        ),
    ];
    for (verdict, word, reasons) in said {
        assert_eq!(
            (verdict.as_str(), verdict.to_string().as_str()),
            (word, reasons)
        );
        let since = (word == "idle").then_some(Timestamp(60_000));
        assert_eq!(verdict.since(), since);
    }
}

#[test]
fn every_use_and_everything_missing_has_its_words() {
    let uses = [
        (
            Use::First,
            "the first look: there is nothing to compare with yet",
        ),
        (
            Use::CounterReset(Criterion::Disk),
            "the counters of its disk use began anew",
        ),
        (
            Use::Gap { seconds: 91 },
            "nothing was seen of it for 1 min 31 s",
        ),
        (
            Use::Gap { seconds: 3 * 3600 },
            "nothing was seen of it for 3 h",
        ),
        (
            Use::ClockWentBack,
            "the clock of this computer was set back",
        ),
        (
            Use::Interrupted(Interruption::Suspended),
            "this computer went to sleep",
        ),
        (
            Use::Interrupted(Interruption::Resumed),
            "this computer slept",
        ),
        (
            Use::Interrupted(Interruption::Restarted),
            "it, its platform or WakeHub was started anew",
        ),
    ];
    for (one, expected) in uses {
        assert_eq!(one.to_string(), expected);
    }
    let late = |seconds| Missing::Late { seconds };
    let missing = [
        (
            Missing::Criterion(Criterion::Ram),
            "its memory use is not known",
        ),
        (
            Missing::Criterion(Criterion::NetworkTraffic),
            "its network traffic is not known",
        ),
        (
            Missing::Criterion(Criterion::NetworkConnections),
            "its number of connections is not known",
        ),
        (
            Missing::Criterion(Criterion::Disk),
            "its disk use is not known",
        ),
        (
            Missing::Criterion(Criterion::Probe),
            "its service’s answer is not known",
        ),
        (
            Missing::Port(22),
            "whether its port 22 accepts is not known",
        ),
        (late(120), "nothing was seen of it for 2 min"),
        (late(5400), "nothing was seen of it for 1 h 30 min"),
        (
            late(86_400 + 3600 + 59),
            "nothing was seen of it for 1 d 1 h",
        ),
        (late(2 * 86_400 + 59), "nothing was seen of it for 2 d"),
        (Missing::Everything, "nothing was measured yet"),
        (Missing::Criteria, "its rule has no criterion"),
        (Missing::Rule, "its rule is switched off"),
    ];
    for (one, expected) in missing {
        assert_eq!(one.to_string(), expected);
    }
}

/// Two that cannot be compared, and a threshold that is no number, never say "quiet".
#[test]
fn what_cannot_be_compared_is_not_quiet() {
    let is_over = |value, threshold| {
        Reading {
            criterion: Criterion::Cpu,
            value,
            threshold,
        }
        .is_over()
    };
    assert!(is_over(Value::Cores(0.0), Value::Cores(f64::NAN)));
    assert!(is_over(Value::Cores(0.0), Value::Cores(f64::INFINITY)));
    assert!(is_over(Value::Cores(f64::NAN), Value::Cores(0.5)));
    assert!(is_over(Value::Fraction(0.0), Value::Fraction(f64::NAN)));
    assert!(is_over(Value::Bytes(0), Value::Packets(1)));
    assert!(!is_over(Value::Cores(0.0), Value::Cores(0.0)));
    assert!(!is_over(Value::Packets(1), Value::Packets(1)));
    assert!(is_over(Value::Packets(2), Value::Packets(1)));
}
