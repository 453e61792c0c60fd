//! Reads answers that were recorded from a server, and anything else without a panic.

use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use wakehub_domain::{NodeKind, PowerState};

use super::*;
use crate::{CpuUse, Memory, Signal, Target, Usage};

macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/recorded/proxmox/",
            $name,
            ".json"
        ))
        .as_slice()
    };
}

fn recorded_data(body: &[u8]) -> Value {
    data(body).unwrap()
}

#[test]
fn a_cluster_is_read_in_one_answer() {
    let resources = resources(&recorded_data(recorded!("resources")));
    let members: Vec<_> = resources
        .members
        .iter()
        .map(|(name, on)| (name.as_str(), *on))
        .collect();
    assert_eq!(members, [("pve1", true), ("pve2", true), ("pve3", false)]);
    let guests: Vec<_> = resources
        .guests
        .iter()
        .map(|g| {
            let r = &g.report;
            (
                r.kind,
                r.platform_id.as_str(),
                r.name.as_str(),
                r.state.clone(),
                r.member.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        guests,
        [
            (
                NodeKind::Vm,
                "100",
                "vm-docker",
                PowerState::On,
                Some("pve1")
            ),
            (
                NodeKind::Lxc,
                "101",
                "lxc-jellyfin",
                PowerState::On,
                Some("pve2")
            ),
            (
                NodeKind::Vm,
                "102",
                "vm-ubuntu",
                PowerState::Off,
                Some("pve1")
            ),
            (
                NodeKind::Lxc,
                "103",
                "lxc-cloudflared",
                PowerState::Unknown,
                Some("pve3")
            ),
        ],
        "the template 900 is no guest"
    );
    assert_eq!(
        resources.find(102).unwrap().report.lock.as_deref(),
        Some("backup")
    );
    let offline = &resources.find(103).unwrap().report;
    assert_eq!(offline.note.as_deref(), Some("pve3 is offline"));
    let docker = resources.find(100).unwrap();
    assert_eq!(
        (docker.max_cores, docker.max_memory),
        (Some(4.0), Some(4 << 30))
    );
    assert_eq!(resources.machine("pve1"), Some(PowerState::On));
    assert_eq!(resources.machine("pve3"), None);
    assert_eq!(resources.machine("elsewhere"), None);
}

/// The words of pvestatd, which writes QEMU's run state into the list.
#[test]
fn every_status_word_has_a_meaning() {
    for (word, state, note) in [
        (json!("running"), PowerState::On, None),
        (json!("stopped"), PowerState::Off, None),
        (json!("paused"), PowerState::On, Some("paused")),
        (json!("io-error"), PowerState::On, Some("io-error")),
        (json!("prelaunch"), PowerState::On, Some("prelaunch")),
        (json!("shutdown"), PowerState::Stopping, None),
        (json!("unknown"), PowerState::Unknown, None),
        (json!("brand-new"), PowerState::Unknown, Some("brand-new")),
        (json!(null), PowerState::Unknown, None),
    ] {
        let row = json!([{"type": "qemu", "vmid": 100, "node": "pve1", "status": word}]);
        let read = resources(&row);
        let report = &read.guests[0].report;
        assert_eq!(
            (&report.state, report.note.as_deref()),
            (&state, note),
            "{word}"
        );
        assert_eq!(report.name, "vm 100");
    }
}

#[test]
fn a_guest_suspended_to_disk_is_off_and_can_be_started() {
    let row = json!([{"type": "qemu", "vmid": 100, "status": "stopped", "lock": "suspended"}]);
    let report = resources(&row).guests.remove(0).report;
    assert_eq!(report.state, PowerState::Off);
    assert_eq!(report.lock, None);
    assert_eq!(report.note.as_deref(), Some("suspended to disk"));
}

/// A single machine whose pvestatd hangs says `unknown` of itself, and yet it answers.
#[test]
fn the_only_member_is_on_because_it_answers() {
    let row = json!([{"type": "node", "node": "pve1", "status": "unknown"}]);
    assert_eq!(resources(&row).machine("pve1"), Some(PowerState::On));
}

#[test]
fn perl_sends_numbers_as_strings() {
    let row = json!([{"type": "lxc", "vmid": "101", "template": "", "maxmem": "1024", "maxcpu": "2"},
                     {"type": "qemu", "vmid": "900", "template": "1"}]);
    let resources = resources(&row);
    assert_eq!(resources.guests.len(), 1);
    assert_eq!(resources.guests[0].max_cores, Some(2.0));
    assert_eq!(resources.guests[0].max_memory, Some(1024));
}

#[test]
fn a_paused_guest_is_on_with_a_note() {
    let paused = current(&recorded_data(recorded!("qemu_current_paused")));
    assert_eq!(paused.state, PowerState::On);
    assert_eq!(paused.note.as_deref(), Some("paused"));
    let locked = current(&recorded_data(recorded!("qemu_current_locked")));
    assert_eq!(locked.state, PowerState::Off);
    assert_eq!(locked.lock.as_deref(), Some("backup"));
}

#[test]
fn tasks_end_well_or_with_a_reason() {
    let id = upid(&recorded_data(recorded!("upid"))).unwrap();
    assert_eq!((id.member.as_str(), id.kind.as_str()), ("pve1", "qmstart"));
    assert_eq!(
        task_state(&recorded_data(recorded!("task_running"))),
        TaskState::Running
    );
    let failed = task_state(&recorded_data(recorded!("task_failed")));
    let exit_status = "VM is locked (backup)".to_owned();
    assert_eq!(failed, TaskState::Failed { exit_status });
    for (exit, ends_well) in [
        ("OK", true),
        ("WARNINGS: 2", true),
        ("unexpected status", false),
        ("", false),
    ] {
        let state = task_state(&json!({"status": "stopped", "exitstatus": exit}));
        assert_eq!(state == TaskState::Succeeded, ends_well, "{exit}");
    }
    for not_a_task in [json!(null), json!("OK"), json!("UPID:"), json!({"upid": 1})] {
        assert_eq!(upid(&not_a_task), None);
    }
}

#[test]
fn a_log_adds_only_what_the_exit_status_does_not_say() {
    let log = recorded_data(recorded!("task_log"));
    assert_eq!(last_words(&log, "VM is locked (backup)", 3), [""; 0]);
    let log = json!([
        {"n": 1, "t": "first"}, {"n": 2, "t": "second\u{1b}[0m"}, {"n": 3, "t": "third"},
        {"n": 4, "t": "fourth"}, {"n": 5, "t": "TASK ERROR: start failed"},
    ]);
    assert_eq!(
        last_words(&log, "start failed", 3),
        ["second [0m", "third", "fourth"]
    );
    assert_eq!(
        last_words(&json!([{"n": 1, "t": "no content"}]), "x", 3),
        [""; 0]
    );
}

#[test]
fn only_tasks_without_an_end_run() {
    assert_eq!(
        running_tasks(&recorded_data(recorded!("tasks"))),
        ["vzdump"]
    );
    let listed =
        json!([{"type": "vzdump", "status": "RUNNING"}, {"type": "qmstart", "status": "OK"}]);
    assert_eq!(running_tasks(&listed), ["vzdump"]);
}

#[test]
fn running_guests_and_machines_tell_what_they_use() {
    let seen = resources(&recorded_data(recorded!("resources")));
    let usage = |vmid| seen.find(vmid).unwrap().usage.as_ref();
    let docker = usage(100).unwrap();
    assert_eq!(docker.cpu, Some(CpuUse::Cores(0.08)), "0.02 of 4 cores");
    let memory = Memory {
        used: 64 << 20,
        total: 4 << 30,
    };
    assert_eq!(docker.memory, Some(memory));
    assert_eq!((docker.rx_bytes, docker.tx_bytes), (Some(0), Some(0)));
    assert_eq!(
        (docker.read_bytes, docker.written_bytes),
        (Some(0), Some(0))
    );
    assert_eq!((docker.rx_packets, docker.connections), (None, None));
    assert_eq!(docker.missing, []);
    assert_eq!(usage(101).unwrap().cpu, Some(CpuUse::Cores(0.0)));
    assert_eq!(usage(102), None, "stopped, whatever its row says");
    assert_eq!(usage(103), None, "unknown");
    let machines: Vec<&str> = seen.machines.keys().map(String::as_str).collect();
    assert_eq!(machines, ["pve1", "pve2"], "pve3 is offline");
    let pve1 = &seen.machines["pve1"];
    assert_eq!(pve1.target, Target::Itself);
    assert_eq!(pve1.up, Some(Duration::from_secs(3600)));
    assert_eq!(pve1.cpu, Some(CpuUse::Cores(0.08)));
    assert_eq!((pve1.rx_bytes, pve1.read_bytes), (None, None));
}

/// What is no figure is missing, and never nothing.
#[test]
fn odd_figures_are_missing() {
    let with = |key: &str, value: Value| {
        let mut row = json!({"type": "lxc", "vmid": 101, "node": "pve1", "status": "running",
            "cpu": "0.5", "maxcpu": "2", "mem": "1", "maxmem": "2",
            "netin": "18446744073709551615", "netout": 1.5e15, "diskread": "0", "diskwrite": 4.9});
        row[key] = value;
        let mut usage = resources(&json!([row])).guests.remove(0).usage.unwrap();
        let missing = std::mem::take(&mut usage.missing);
        (
            usage,
            missing.into_iter().map(|one| one.what).collect::<Vec<_>>(),
        )
    };
    let (usage, missing) = with("name", json!("as it is"));
    assert_eq!(missing, []);
    assert_eq!(usage.cpu, Some(CpuUse::Cores(1.0)));
    assert_eq!(usage.rx_bytes, Some(u64::MAX), "Perl's numbers are text");
    assert_eq!(usage.tx_bytes, Some(1_500_000_000_000_000));
    assert_eq!(usage.written_bytes, Some(4));
    for (key, what) in [
        ("cpu", Signal::Cpu),
        ("maxcpu", Signal::Cpu),
        ("mem", Signal::Memory),
        ("maxmem", Signal::Memory),
        ("netin", Signal::Network),
        ("netout", Signal::Network),
        ("diskread", Signal::Disk),
        ("diskwrite", Signal::Disk),
    ] {
        for odd in [
            json!(null),
            json!(-1),
            json!("NaN"),
            json!("inf"),
            json!("U"),
            json!([1]),
            json!(""),
        ] {
            assert_eq!(with(key, odd.clone()).1, [what], "{key}: {odd}");
        }
    }
    assert_eq!(with("maxcpu", json!(0)).1, [Signal::Cpu]);
    assert_eq!(with("maxmem", json!(0)).1, [Signal::Memory]);
    assert_eq!(with("uptime", json!(0)).0.up, None);
    assert_eq!(
        with("uptime", json!("61")).0.up,
        Some(Duration::from_secs(61))
    );
}

#[test]
fn locks_are_told_in_words() {
    let of = |lock: &str| {
        let row = json!([{"type": "qemu", "vmid": 100, "status": "running", "lock": lock}]);
        resources(&row).guests.remove(0).usage.unwrap().inhibitors
    };
    assert_eq!(of("backup"), ["a backup runs"]);
    assert_eq!(of("migrate"), ["it is being migrated"]);
    assert_eq!(of("brand\nnew"), ["Proxmox has locked it: brand new"]);
    assert_eq!(of(""), [""; 0]);
    assert_eq!(of("suspended"), [""; 0], "forbids nothing");
}

/// As the documentation shows them: rates, with holes where nothing was measured.
#[test]
fn the_past_is_told_in_rates_with_holes() {
    let lxc = past(&recorded_data(recorded!("rrddata_lxc")));
    let times: Vec<i64> = lxc
        .iter()
        .map(|row| row.at.0 / 1000 - 1_795_240_800)
        .collect();
    assert_eq!(times, [0, 60, 120, 180, 240]);
    assert!(lxc.iter().all(|row| row.over == Duration::from_secs(60)));
    assert_eq!(lxc[1].cpu_cores, Some(1.820846233230134));
    assert_eq!(lxc[1].ram_fraction, Some(210_513_152.0 / 2_147_483_648.0));
    assert_eq!(
        (lxc[1].rx_rate, lxc[1].tx_rate),
        (Some(2.5e6), Some(31250.25))
    );
    assert_eq!(lxc[0].written_rate, Some(546.133333333333));
    for hole in [&lxc[2], &lxc[3]] {
        let rates = [
            hole.cpu_cores,
            hole.rx_rate,
            hole.tx_rate,
            hole.read_rate,
            hole.written_rate,
        ];
        assert_eq!((rates, hole.ram_fraction), ([None; 5], None));
    }
    let odd = &lxc[4];
    assert_eq!((odd.cpu_cores, odd.rx_rate), (Some(0.04), Some(139.6)));
    assert_eq!(
        (odd.tx_rate, odd.read_rate, odd.written_rate),
        (None, None, None)
    );

    let node = past(&recorded_data(recorded!("rrddata_node")));
    assert_eq!(
        node[0].ram_fraction,
        Some(2_146_435_072.0 / 8_232_869_888.0)
    );
    assert_eq!((node[0].rx_rate, node[0].read_rate), (Some(1843.4), None));

    // Half hours of before the upgrade, then minutes.
    let mixed = json!([{"time": 5400}, {"time": 1800}, {"time": 3600}, {"time": 5460}, {"time": 5460},
        {"time": -60}, {"time": 9e18}, {"time": null}, 7]);
    let spans = |data: &Value| -> Vec<(i64, u64)> {
        let rows = past(data);
        let spans = rows.iter();
        spans
            .map(|row| (row.at.0 / 1000, row.over.as_secs()))
            .collect()
    };
    assert_eq!(
        spans(&mixed),
        [(1800, 1800), (3600, 1800), (5400, 1800), (5460, 60)]
    );
    // Of the missing minute the row before it says nothing.
    let hole = json!([{"time": 60}, {"time": 120}, {"time": 240}, {"time": 300}]);
    assert_eq!(spans(&hole), [(60, 60), (120, 60), (240, 60), (300, 60)]);
    assert_eq!(
        past(&json!([{"time": 60}]))[0].over,
        Duration::from_secs(60)
    );
}

#[test]
fn configurations_tell_size_addresses_and_order() {
    let vm = guest_config(&recorded_data(recorded!("qemu_config")), NodeKind::Vm);
    assert_eq!(vm.cores, Some(4.0), "two sockets of two cores");
    assert_eq!(vm.memory, Some(4 << 30));
    assert_eq!(vm.addresses, ["10.77.0.11"]);
    assert!(vm.agent);
    assert_eq!(vm.order, Some(1));
    let ct = guest_config(&recorded_data(recorded!("lxc_config")), NodeKind::Lxc);
    assert_eq!(ct.cores, Some(2.0));
    assert_eq!(ct.memory, Some(2 << 30));
    assert_eq!(ct.addresses, ["10.77.0.21", "fd00:77::21"]);
    assert_eq!(ct.order, Some(2));
    let dhcp = json!({"net0": "name=eth0,ip=dhcp,ip6=auto", "memory": "current=512", "agent": "enabled=0", "startup": "up=5"});
    let dhcp = guest_config(&dhcp, NodeKind::Vm);
    assert_eq!(dhcp.addresses, [""; 0]);
    assert_eq!(
        (dhcp.memory, dhcp.agent, dhcp.order),
        (Some(512 << 20), false, None)
    );
}

#[test]
fn addresses_that_lead_nowhere_are_left_out() {
    assert_eq!(
        interfaces(&recorded_data(recorded!("agent_interfaces"))),
        ["10.77.0.11", "fd00:77::11"],
        "no loopback, no link-local, no docker0; IPv4 first"
    );
    assert_eq!(
        interfaces(&recorded_data(recorded!("lxc_interfaces"))),
        ["10.77.0.21", "fd00:77::21"]
    );
}

#[test]
fn refusals_keep_proxmox_words() {
    let nine = refusal(recorded!("refused_parameters"), "ignored");
    assert_eq!(
        nine.to_string(),
        "Parameter verification failed. timeout: type check ('integer') failed - got 'soon'"
    );
    // Version 8: the sentence stands in the status line only.
    let eight = refusal(br#"{"data":null}"#, "VM 100 already running");
    assert_eq!(eight.to_string(), "VM 100 already running");
    let page = refusal(b"<html>Bad Gateway</html>", "Bad Gateway");
    assert_eq!(page.to_string(), "Bad Gateway");
}

#[test]
fn versions_and_privileges() {
    let (major, text) = version(&recorded_data(recorded!("version"))).unwrap();
    assert_eq!((major, text.as_str()), (9, "9.0.10"));
    assert_eq!(version(&json!({"version": "8.4.1"})).unwrap().0, 8);
    assert_eq!(version(&json!({"version": "7.4-3"})).unwrap().0, 7);
    assert_eq!(version(&json!({"release": "x"})), None);
    let permissions = permissions(&recorded_data(recorded!("permissions")));
    assert!(permissions.has("/vms", "VM.PowerMgmt"));
    assert!(permissions.has("/vms/100", "VM.PowerMgmt"));
    assert!(permissions.has("/nodes/pve1", "Sys.Audit"));
    assert!(!permissions.has("/nodes/pve1", "Sys.PowerMgmt"));
    assert!(
        !permissions.has("/vms", "Sys.Audit"),
        "the nearest path decides"
    );
}

#[test]
fn what_is_not_the_api_is_noticed() {
    assert_eq!(data(b"<html></html>"), Err(NotTheApi::NotJson));
    assert_eq!(data(b""), Err(NotTheApi::NotJson));
    assert_eq!(data(b"{}"), Err(NotTheApi::NoData));
    assert_eq!(data(b"[1]"), Err(NotTheApi::NoData));
    let deep = "[".repeat(100_000);
    assert_eq!(data(deep.as_bytes()), Err(NotTheApi::NotJson));
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "data",
        "type",
        "qemu",
        "lxc",
        "node",
        "vmid",
        "status",
        "running",
        "stopped",
        "template",
        "lock",
        "maxmem",
        "maxcpu",
        "message",
        "errors",
        "ticket",
        "NeedTFA",
        "result",
        "name",
        "ip-addresses",
        "ip-address",
        "inet",
        "10.0.0.1/8",
        "startup",
        "order=9",
        "net0",
        "ip=1.1.1.1",
        "memory",
        "agent",
        "exitstatus",
        "t",
        "version",
        "9.0",
        "UPID:a:b:c:d:e:f:",
        "endtime",
        "VM.Audit",
        "/vms",
        "cpu",
        "mem",
        "netin",
        "uptime",
        "time",
        "-1e999",
        "NaN",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((words.clone().prop_map(str::to_owned), inner), 0..8)
                .prop_map(|pairs| pairs.into_iter().collect::<Value>()),
        ]
    })
}

/// What is not missing is a figure.
fn makes_sense(usage: &Usage) {
    if let Some(CpuUse::Cores(cores)) = usage.cpu {
        assert!(cores.is_finite() && cores >= 0.0, "{cores}");
    }
    assert!(usage.memory.is_none_or(|memory| memory.total > 0));
    let missing = |what| usage.missing.iter().any(|one| one.what == what);
    assert_eq!(usage.cpu.is_none(), missing(Signal::Cpu));
    assert_eq!(usage.memory.is_none(), missing(Signal::Memory));
}

/// Everything that reads, on one value; a panic fails the test.
fn read_all(value: &Value) {
    let body = value.to_string();
    let _ = data(body.as_bytes());
    let _ = ticket(body.as_bytes());
    let _ = refusal(body.as_bytes(), "").to_string();
    let _ = permissions(value).has("/vms/100", "VM.Audit");
    let _ = permissions(value).paths_below("/vms/", &["VM.Audit"]);
    let _ = (
        version(value),
        upid(value),
        task_state(value),
        running_tasks(value),
    );
    let _ = (last_words(value, "x", 3), interfaces(value), current(value));
    let _ = (
        guest_config(value, NodeKind::Vm),
        guest_config(value, NodeKind::Lxc),
    );
    for row in past(value) {
        let rates = [
            row.cpu_cores,
            row.rx_rate,
            row.tx_rate,
            row.read_rate,
            row.written_rate,
        ];
        assert!(
            rates
                .iter()
                .flatten()
                .all(|rate| *rate >= 0.0 && rate.is_finite())
        );
    }
    for task in tasks_at_work(value) {
        let _ = (task.of_machine(), task.of_guest());
    }
    let seen = resources(value);
    let usages = seen.guests.iter().filter_map(|guest| guest.usage.as_ref());
    usages.chain(seen.machines.values()).for_each(makes_sense);
    let mut ids: Vec<u32> = seen.guests.iter().map(|guest| guest.vmid).collect();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "a guest is listed once");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_json_makes_it_panic(value in any_json()) {
        read_all(&value);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = data(&bytes);
        let _ = ticket(&bytes);
        let _ = refusal(&bytes, &String::from_utf8_lossy(&bytes)).to_string();
    }

    /// One broken field of a real answer costs at most its own row.
    #[test]
    fn a_broken_field_does_not_take_the_rest(row in 0_usize..5, junk in any_json(), key in prop::sample::select(
        vec!["type", "vmid", "status", "node", "name", "template", "lock", "maxmem"])) {
        let mut answer = recorded_data(recorded!("resources"));
        answer[row][key] = junk;
        let seen = resources(&answer).guests.len();
        prop_assert!((3..=5).contains(&seen), "{seen} guests");
    }
}
