//! The rule as homelab.toml and the database write it, and what is refused.

use std::time::Duration;

use wakehub_domain::NodeKind;
use wakehub_domain::Timestamp;
use wakehub_domain::idle::{
    Cpu, Criteria, Disk, IdleRule, LastAccess, NetworkConnections, NetworkTraffic, Ram, Sample,
    Verdict, Window,
};

fn rule(text: &str) -> IdleRule {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn criteria(text: &str) -> Criteria {
    rule(text).criteria.unwrap()
}

#[test]
fn an_empty_rule_has_the_defaults() {
    for rule in [rule(""), serde_json::from_str("{}").unwrap()] {
        assert_eq!(rule, IdleRule::default());
        assert!(rule.enabled);
        assert_eq!(rule.timeout(), Duration::from_secs(30 * 60));
        assert_eq!(rule.criteria, None);
        assert_eq!(rule.check(), []);
    }
    let usual = Criteria::usual();
    assert_eq!(usual.cpu, Some(Cpu { cores: 0.5 }));
    assert_eq!(usual.network_traffic.unwrap().bytes(), Some(1024));
    assert_eq!(usual.last_access, Some(LastAccess::default()));
    assert_eq!(
        usual.network_connections,
        Some(NetworkConnections { more_than: 0 })
    );
    assert_eq!((usual.ram, usual.disk), (None, None));
}

#[test]
fn the_usual_criteria_are_those_that_the_node_can_answer() {
    let usual = Criteria::usual();
    for kind in [NodeKind::Machine, NodeKind::Vm, NodeKind::Lxc] {
        assert_eq!(Criteria::usual_of(kind, true), usual);
    }
    let without_ssh = Criteria {
        network_connections: None,
        last_access: None,
        ..usual
    };
    for kind in [
        NodeKind::Machine,
        NodeKind::Vm,
        NodeKind::Lxc,
        NodeKind::Container,
    ] {
        assert_eq!(Criteria::usual_of(kind, false), without_ssh);
    }
    assert_eq!(Criteria::usual_of(NodeKind::Container, true), without_ssh);
}

#[test]
fn an_empty_table_takes_the_defaults_of_its_criterion_and_an_absent_one_is_off() {
    assert_eq!(
        criteria("[criteria.cpu]\n[criteria.ram]\n[criteria.network_traffic]"),
        Criteria {
            cpu: Some(Cpu { cores: 0.5 }),
            ram: Some(Ram { fraction: 0.5 }),
            network_traffic: Some(NetworkTraffic::default()),
            ..Criteria::default()
        }
    );
    assert_eq!(
        criteria("[criteria.network_connections]\n[criteria.disk]\n[criteria.last_access]"),
        Criteria {
            network_connections: Some(NetworkConnections { more_than: 0 }),
            disk: Some(Disk {
                bytes_per_tick: 1024 * 1024
            }),
            last_access: Some(LastAccess::default()),
            ..Criteria::default()
        }
    );
    assert!(criteria("[criteria]").is_empty());
}

#[test]
fn traffic_counts_bytes_unless_it_counts_packets() {
    let traffic = |text| criteria(text).network_traffic.unwrap();
    let both = |traffic: NetworkTraffic| (traffic.bytes(), traffic.packets_per_tick);
    assert_eq!(
        both(traffic("criteria.network_traffic = {}")),
        (Some(1024), None)
    );
    assert_eq!(
        both(traffic("criteria.network_traffic = { bytes_per_tick = 5 }")),
        (Some(5), None)
    );
    assert_eq!(
        both(traffic(
            "criteria.network_traffic = { packets_per_tick = 7 }"
        )),
        (None, Some(7))
    );
    assert_eq!(
        both(traffic(
            "criteria.network_traffic = { packets_per_tick = 7, bytes_per_tick = 5 }"
        )),
        (Some(5), Some(7))
    );
}

#[test]
fn the_line_of_the_documentation_is_read() {
    let rule = rule(
        "timeout_minutes = 30\ncriteria = { network_traffic = { bytes_per_tick = 1024 }, cpu = { cores = 0.5 } }",
    );
    let criteria = rule.criteria.as_ref().unwrap();
    assert_eq!(criteria.cpu, Some(Cpu { cores: 0.5 }));
    assert_eq!(
        criteria.network_traffic.as_ref().unwrap().bytes_per_tick,
        Some(1024)
    );
    assert_eq!(rule.timeout_minutes, Some(30));
    // whole cores without a point
    let whole = "criteria = { cpu = { cores = 2 }, ram = { fraction = 0 } }";
    assert_eq!(self::criteria(whole).cpu, Some(Cpu { cores: 2.0 }));
}

#[test]
fn what_nobody_knows_is_refused() {
    for text in [
        "timeout = 30",
        "[criteria.gpu]",
        "[criteria.cpu]\ncore = 1.0",
        "[criteria.ram]\ncores = 1.0",
        "[criteria.network_traffic]\nbytes = 1",
        "[criteria.network_connections]\nless_than = 1",
        "[criteria.disk]\nbytes = 1",
        "[criteria.last_access]\nports = [22]",
        "timeout_minutes = -1",
        "timeout_minutes = 1.5",
        "timeout_minutes = 4294967296",
        "[criteria.network_traffic]\nbytes_per_tick = -1",
        "[criteria.network_traffic]\nbytes_per_tick = 0.5",
        "[criteria.network_connections]\nmore_than = -1",
        "[criteria.cpu]\ncores = \"half\"",
        "enabled = \"yes\"",
    ] {
        assert!(toml::from_str::<IdleRule>(text).is_err(), "{text}");
    }
}

/// Rules as they were written by every version so far. Each keeps its meaning when a criterion is added: what was not there is off.
#[test]
fn old_rules_keep_their_meaning() {
    let written = [
        (
            r#"{"enabled":true,"timeout_minutes":45,"criteria":{"cpu":{"cores":1.5}}}"#,
            IdleRule {
                timeout_minutes: Some(45),
                criteria: Some(Criteria {
                    cpu: Some(Cpu { cores: 1.5 }),
                    ..Criteria::default()
                }),
                ..IdleRule::default()
            },
        ),
        (
            r#"{"enabled":false,"criteria":{"network_traffic":{"packets_per_tick":10},"last_access":{}}}"#,
            IdleRule {
                enabled: false,
                timeout_minutes: None,
                criteria: Some(Criteria {
                    network_traffic: Some(NetworkTraffic {
                        bytes_per_tick: None,
                        packets_per_tick: Some(10),
                    }),
                    last_access: Some(LastAccess::default()),
                    ..Criteria::default()
                }),
            },
        ),
        (r#"{"enabled":true}"#, IdleRule::default()),
    ];
    for (text, rule) in written {
        assert_eq!(serde_json::from_str::<IdleRule>(text).unwrap(), rule);
        // and it is written as it was
        assert_eq!(serde_json::to_string(&rule).unwrap(), text);
    }
}

#[test]
fn what_is_written_is_read_again() {
    let all = criteria(
        "[criteria.cpu]\n[criteria.ram]\n[criteria.network_traffic]\n[criteria.network_connections]\n[criteria.disk]\n[criteria.last_access]",
    );
    for criteria in [
        None,
        Some(all),
        Some(Criteria::usual()),
        Some(Criteria::default()),
    ] {
        let rule = IdleRule {
            criteria,
            ..IdleRule::default()
        };
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<IdleRule>(&json).unwrap(), rule);
        let text = toml::to_string(&rule).unwrap();
        assert_eq!(self::rule(&text), rule);
    }
}

fn fields(text: &str) -> Vec<&'static str> {
    rule(text)
        .check()
        .into_iter()
        .map(|(field, _)| field)
        .collect()
}

#[test]
fn what_is_out_of_range_is_refused() {
    let refused = [
        ("timeout_minutes = 0", "idle.timeout_minutes"),
        ("timeout_minutes = 10081", "idle.timeout_minutes"),
        ("timeout_minutes = 4294967295", "idle.timeout_minutes"),
        ("criteria.cpu.cores = -0.1", "idle.criteria.cpu.cores"),
        ("criteria.cpu.cores = 4097", "idle.criteria.cpu.cores"),
        ("criteria.cpu.cores = nan", "idle.criteria.cpu.cores"),
        ("criteria.cpu.cores = -nan", "idle.criteria.cpu.cores"),
        ("criteria.cpu.cores = inf", "idle.criteria.cpu.cores"),
        ("criteria.cpu.cores = -inf", "idle.criteria.cpu.cores"),
        (
            "criteria.ram.fraction = -0.01",
            "idle.criteria.ram.fraction",
        ),
        ("criteria.ram.fraction = 1.0", "idle.criteria.ram.fraction"),
        ("criteria.ram.fraction = 80", "idle.criteria.ram.fraction"),
        ("criteria.ram.fraction = nan", "idle.criteria.ram.fraction"),
        ("criteria.ram.fraction = inf", "idle.criteria.ram.fraction"),
        (
            "criteria.network_traffic.bytes_per_tick = 1099511627777",
            "idle.criteria.network_traffic.bytes_per_tick",
        ),
        (
            "criteria.network_traffic.packets_per_tick = 10000000001",
            "idle.criteria.network_traffic.packets_per_tick",
        ),
        (
            "criteria.network_connections.more_than = 100001",
            "idle.criteria.network_connections.more_than",
        ),
        (
            "criteria.disk.bytes_per_tick = 9223372036854775807",
            "idle.criteria.disk.bytes_per_tick",
        ),
    ];
    for (text, field) in refused {
        assert_eq!(fields(text), [field], "{text}");
    }
    let all: Vec<_> =
        fields("timeout_minutes = 0\ncriteria.cpu.cores = nan\ncriteria.ram.fraction = 2.0");
    assert_eq!(all.len(), 3);
}

#[test]
fn the_ends_of_the_ranges_are_not_refused() {
    for text in [
        "timeout_minutes = 1",
        "timeout_minutes = 10080",
        "criteria.cpu.cores = 0.0",
        "criteria.cpu.cores = 4096.0",
        "criteria.ram.fraction = 0.0",
        "criteria.ram.fraction = 0.99",
        "criteria.network_traffic.bytes_per_tick = 0",
        "criteria.network_traffic.bytes_per_tick = 1099511627776",
        "criteria.network_traffic.packets_per_tick = 10000000000",
        "criteria.network_connections.more_than = 100000",
        "criteria.disk.bytes_per_tick = 1099511627776",
    ] {
        assert!(fields(text).is_empty(), "{text}");
    }
}

/// A rule that came in unchecked keeps the node on.
#[test]
fn a_threshold_that_is_no_number_never_says_idle() {
    for text in [
        "criteria.cpu.cores = nan",
        "criteria.cpu.cores = inf",
        "criteria.cpu.cores = -1.0",
        "criteria.ram.fraction = nan",
        "criteria.ram.fraction = inf",
    ] {
        let rule = rule(text);
        let mut window = Window::default();
        for tick in 0..100 {
            let judged = window.take(
                &rule,
                &Sample {
                    at: Timestamp(tick * 60_000),
                    cpu_cores: Some(0.0),
                    ram_fraction: Some(0.0),
                    ..Sample::default()
                },
            );
            assert!(
                matches!(judged.verdict, Verdict::Active { .. }),
                "{text}: {judged:?}"
            );
            assert!(!judged.stop);
        }
    }
    assert_eq!(
        rule("timeout_minutes = 0").timeout(),
        Duration::from_secs(60)
    );
}
