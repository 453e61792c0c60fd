//! Statistics as engines have told them, and as no engine should.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Target;

macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!(
            "../../tests/recorded/docker/stats-",
            $name,
            ".json"
        ))
    };
}

fn read(body: &[u8]) -> Stats {
    Stats::read(body).unwrap().unwrap()
}

fn filled(stats: &Stats, network: Network) -> Usage {
    let mut usage = Usage::new(Target::Itself);
    stats.fill(&mut usage, network);
    usage
}

fn missing(usage: &Usage) -> Vec<Signal> {
    usage.missing.iter().map(|one| one.what).collect()
}

/// With this in the place of what stands there.
fn with(change: impl FnOnce(&mut Value)) -> Stats {
    let mut told: Value = serde_json::from_slice(recorded!("v2")).unwrap();
    change(&mut told);
    read(told.to_string().as_bytes())
}

#[test]
fn docker_20_10() {
    let stats = read(recorded!("web-20.10"));
    assert_eq!(stats.cpu(), Some(53_485_334));
    let web = filled(&stats, Network::Own);
    let memory = Memory {
        used: 647_168,
        total: 25_276_514_304,
    };
    assert_eq!(web.memory, Some(memory));
    assert_eq!((web.rx_bytes, web.tx_bytes), (Some(1042), Some(0)));
    assert_eq!((web.rx_packets, web.tx_packets), (Some(11), Some(0)));
    assert_eq!(missing(&web), [Signal::Disk], "an empty list");
    let on_host = filled(&read(recorded!("onhost-20.10")), Network::OfHost);
    assert_eq!(missing(&on_host), [Signal::Network, Signal::Disk]);
    // What is counted for it is the other's.
    let guest = read(recorded!("vpnuser-20.10"));
    assert_eq!(filled(&guest, Network::Own).rx_bytes, Some(1112));
    assert_eq!(filled(&guest, Network::OfAnother).rx_bytes, None);
    let alone = filled(&read(recorded!("alone-20.10")), Network::None);
    assert_eq!(
        (alone.rx_bytes, missing(&alone)),
        (Some(0), vec![Signal::Disk])
    );
}

/// The example of the API's documentation, for a host with cgroup v2.
#[test]
fn cgroup_v2() {
    let stats = read(recorded!("v2"));
    assert_eq!(stats.cpu(), Some(100_215_355));
    let web = filled(&stats, Network::Own);
    let memory = Memory {
        used: 6_537_216 - 3_108_864,
        total: 64 << 20,
    };
    assert_eq!(web.memory, Some(memory));
    assert_eq!((web.rx_bytes, web.tx_bytes), (Some(9979), Some(1338)));
    assert_eq!((web.rx_packets, web.tx_packets), (Some(62), Some(17)));
    assert_eq!(
        (web.read_bytes, web.written_bytes),
        (Some(7_593_984), Some(100))
    );
    assert_eq!(missing(&web), []);
}

/// It tells zeros of the host's network, which must not look like silence, and never counts packets.
#[test]
fn podman_4_3() {
    let stats = read(recorded!("web-podman-4.3"));
    assert_eq!(stats.cpu(), Some(44_634_731));
    let on_host = filled(&stats, Network::Unsaid);
    assert_eq!(on_host.memory.unwrap().used, 835_584);
    assert_eq!((on_host.rx_bytes, on_host.tx_bytes), (None, None));
    assert_eq!(missing(&on_host), [Signal::Network, Signal::Disk]);
    let bridged = filled(&read(recorded!("bridged-podman-4.3")), Network::Unsaid);
    assert_eq!(
        (bridged.rx_bytes, bridged.tx_bytes),
        (Some(426), Some(1056))
    );
    assert_eq!((bridged.rx_packets, bridged.tx_packets), (None, None));
    assert_eq!(missing(&bridged), [Signal::Disk]);
}

#[test]
fn memory_is_without_what_can_be_given_back() {
    let memory = |stats: Value| {
        let stats = with(|told| {
            told["memory_stats"] = json!({"usage": 1000, "limit": 4000, "stats": stats});
        });
        filled(&stats, Network::Own).memory.unwrap().used
    };
    assert_eq!(
        memory(json!({"total_inactive_file": 300, "cache": 700})),
        700,
        "v1"
    );
    assert_eq!(
        memory(json!({"inactive_file": 300, "file": 700})),
        700,
        "v2"
    );
    assert_eq!(memory(json!({"cache": 300})), 700);
    assert_eq!(
        memory(json!({"inactive_file": 2000})),
        1000,
        "more than there is"
    );
    assert_eq!(memory(json!({})), 1000);
    assert_eq!(memory(json!(null)), 1000);
    // Without a memory cgroup, as on a Raspberry Pi whose kernel was not told to have one.
    for none in [
        json!({}),
        json!(null),
        json!({"usage": 0, "limit": 0}),
        json!({"usage": 5}),
    ] {
        let stats = with(|told| told["memory_stats"] = none);
        let usage = filled(&stats, Network::Own);
        assert_eq!(
            (usage.memory, missing(&usage)),
            (None, vec![Signal::Memory])
        );
    }
}

#[test]
fn networks_are_added_up() {
    let one = |rx: Value| json!({"rx_bytes": rx, "tx_bytes": 10, "rx_packets": 1, "tx_packets": 2});
    let networks = |networks: Value| {
        let stats = with(|told| told["networks"] = networks);
        filled(&stats, Network::Own)
    };
    let two = networks(json!({"eth0": one(json!(100)), "eth1": one(json!(11))}));
    assert_eq!((two.rx_bytes, two.tx_bytes), (Some(111), Some(20)));
    assert_eq!((two.rx_packets, two.tx_packets), (Some(2), Some(4)));
    assert_eq!(missing(&two), []);
    for odd in [
        json!(null),
        json!({}),
        json!([1]),
        json!({"eth0": one(json!(100)), "eth1": one(json!(-1))}),
        json!({"eth0": one(json!(100)), "eth1": {}}),
    ] {
        let usage = networks(odd.clone());
        assert_eq!(
            (usage.rx_bytes, missing(&usage)),
            (None, vec![Signal::Network]),
            "{odd}"
        );
    }
}

#[test]
fn the_network_of_others_is_not_counted() {
    let stats = read(recorded!("v2"));
    for network in [Network::OfHost, Network::OfAnother] {
        let usage = filled(&stats, network);
        assert_eq!((usage.rx_bytes, usage.tx_packets), (None, None));
        assert_eq!(missing(&usage), [Signal::Network]);
    }
    let none = with(|told| told["networks"] = Value::Null);
    let usage = filled(&none, Network::None);
    assert_eq!((usage.rx_bytes, usage.tx_packets), (Some(0), Some(0)));
    assert_eq!(missing(&usage), []);
}

#[test]
fn disks_are_added_up() {
    let disk = |entries: Value| {
        let stats = with(|told| told["blkio_stats"]["io_service_bytes_recursive"] = entries);
        let usage = filled(&stats, Network::Own);
        (usage.read_bytes, usage.written_bytes)
    };
    let entry = |op: &str, value: u64| json!({"major": 8, "minor": 0, "op": op, "value": value});
    let v1 = json!([
        entry("Read", 1),
        entry("Write", 2),
        entry("Sync", 3),
        entry("Total", 3),
        entry("Read", 10)
    ]);
    assert_eq!(disk(v1), (Some(11), Some(2)));
    let v2 = json!([
        entry("read", 1),
        entry("write", 2),
        entry("read", 10),
        entry("write", 20)
    ]);
    assert_eq!(disk(v2), (Some(11), Some(22)));
    assert_eq!(disk(json!([entry("read", 5)])), (Some(5), Some(0)));
    for none in [json!(null), json!([]), json!({})] {
        assert_eq!(
            disk(none),
            (None, None),
            "nothing was done, or it is not counted"
        );
    }
    let windows = with(|told| {
        told["blkio_stats"] = Value::Null;
        told["storage_stats"] = json!({"read_size_bytes": 7, "write_size_bytes": 8});
    });
    let usage = filled(&windows, Network::Own);
    assert_eq!((usage.read_bytes, usage.written_bytes), (Some(7), Some(8)));
}

#[test]
fn processor_times_are_nanoseconds() {
    let cpu = |total: Value, processors: Value| {
        let stats = with(|told| {
            told["cpu_stats"]["cpu_usage"]["total_usage"] = total;
            told["num_procs"] = processors;
        });
        stats.cpu()
    };
    assert_eq!(cpu(json!(5), json!(0)), Some(5));
    assert_eq!(cpu(json!(5), json!(null)), Some(5));
    assert_eq!(cpu(json!(5), json!(8)), Some(500), "Windows");
    assert_eq!(cpu(json!("5"), json!(0)), Some(5));
    assert_eq!(cpu(json!(5.9), json!(0)), Some(5));
    for odd in [
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(null),
        json!("NaN"),
        json!(1e300),
        json!({}),
    ] {
        assert_eq!(cpu(odd.clone(), json!(0)), None, "{odd}");
    }
    assert_eq!(cpu(json!(i64::MAX), json!(8)), None);
}

#[test]
fn of_what_does_not_run_nothing_is_read() {
    let stopped = read_any(recorded!("stopped-20.10"));
    assert!(stopped.unwrap().is_none());
    assert!(
        read_any(br#"{"read":"0001-01-01T00:00:00Z"}"#)
            .unwrap()
            .is_none()
    );
    assert!(read_any(b"\n").unwrap().is_none(), "Podman's");
    for garbage in [&b"{"[..], b"null", b"[]", b"7", &[0xff]] {
        assert!(read_any(garbage).is_err());
    }
}

fn read_any(body: &[u8]) -> Result<Option<Stats>, serde_json::Error> {
    Stats::read(body)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9.eE+-]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key = prop::sample::select(vec!["op", "value", "usage", "limit", "rx_bytes", "stats"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.prop_map(str::to_owned), inner), 0..4)
                .prop_map(|pairs| pairs.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// One broken field costs at most its own signal.
    #[test]
    fn garbage_is_missing(junk in any_json(), place in 0_usize..6) {
        let path = ["/cpu_stats", "/cpu_stats/cpu_usage", "/memory_stats", "/networks", "/blkio_stats", "/num_procs"][place];
        let mut told: Value = serde_json::from_slice(recorded!("v2")).unwrap();
        *told.pointer_mut(path).unwrap() = junk;
        let stats = read(told.to_string().as_bytes());
        let usage = filled(&stats, Network::Own);
        prop_assert!(place < 2 || place == 5 || stats.cpu().is_some());
        let missing = missing(&usage);
        prop_assert!(missing.len() <= 1, "{:?}", missing);
        prop_assert_eq!(usage.memory.is_none(), missing.contains(&Signal::Memory));
        prop_assert!(usage.memory.is_none_or(|memory| memory.total > 0));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = read_any(&bytes);
    }
}
