//! Figures that stand still, and what must not be interrupted.

use serde_json::{Value, json};

use super::*;
use crate::CpuUse;

fn guest(vmid: u32, uptime: u64) -> Value {
    json!({
        "type": "qemu", "vmid": vmid, "node": "pve1", "status": "running", "uptime": uptime,
        "cpu": 0.25, "maxcpu": 4, "mem": 1024, "maxmem": 4096,
        "netin": 1, "netout": 2, "diskread": 3, "diskwrite": 4, "lock": "backup",
    })
}

fn look(figures: &mut Figures, begin: Instant, seconds: u64, rows: Value) -> Vec<Usage> {
    let now = begin + Duration::from_secs(seconds);
    figures.take(now, "pve1", &parse::resources(&rows));
    figures.usages.clone()
}

/// pvestatd hangs: the list goes on for 5 minutes and says the same.
#[test]
fn figures_that_stand_still_are_not_known() {
    let (mut figures, begin) = (Figures::default(), Instant::now());
    let known = |usages: &[Usage]| -> Vec<bool> {
        let any = |u: &Usage| u.cpu.is_some() && u.memory.is_some() && u.rx_bytes.is_some();
        usages.iter().map(any).collect()
    };
    let mut seen = |seconds, one, two| {
        let rows = json!([guest(100, one), guest(101, two)]);
        look(&mut figures, begin, seconds, rows)
    };
    assert_eq!(known(&seen(0, 50, 70)), [true, true]);
    assert_eq!(
        known(&seen(10, 50, 80)),
        [true, true],
        "as old as pvestatd's round"
    );
    assert_eq!(known(&seen(29, 50, 98)), [true, true]);
    let stale = seen(61, 50, 130);
    assert_eq!(known(&stale), [false, true]);
    assert_eq!(
        stale[0].inhibitors,
        ["a backup runs"],
        "locks are not pvestatd's"
    );
    let missing: Vec<Signal> = stale[0].missing.iter().map(|m| m.what).collect();
    assert_eq!(
        missing,
        [Signal::Cpu, Signal::Memory, Signal::Network, Signal::Disk]
    );
    assert_eq!(
        stale[0].missing[0].why,
        "Proxmox has measured nothing for 61 s: its pvestatd may hang"
    );
    assert_eq!(known(&seen(70, 120, 130)), [true, true], "it goes on");
    assert_eq!(known(&seen(80, 5, 140)), [true, true], "restarted");
}

/// A value that did not change between two ticks is real when the uptime beside it did.
#[test]
fn a_quiet_guest_is_known_to_be_quiet() {
    let (mut figures, begin) = (Figures::default(), Instant::now());
    for minute in 0..10 {
        let rows = json!([guest(100, 1000 + 60 * minute)]);
        let seen = look(&mut figures, begin, 60 * minute, rows);
        assert_eq!(seen[0].rx_bytes, Some(1));
        assert_eq!(seen[0].cpu, Some(CpuUse::Cores(1.0)));
        assert_eq!(seen[0].missing, []);
    }
}

#[test]
fn an_answer_of_just_now_serves_again() {
    let (mut figures, begin) = (Figures::default(), Instant::now());
    assert_eq!(figures.fresh(begin), None, "nothing was seen yet");
    look(&mut figures, begin, 0, json!([guest(100, 50)]));
    let after = |seconds| figures.fresh(begin + Duration::from_secs(seconds));
    assert_eq!(after(10).map(|usages| usages.len()), Some(1));
    assert_eq!(after(15), None);
}

#[test]
fn a_guest_that_was_off_begins_anew() {
    let (mut figures, begin) = (Figures::default(), Instant::now());
    look(&mut figures, begin, 0, json!([guest(100, 50)]));
    assert_eq!(look(&mut figures, begin, 60, json!([])), []);
    let back = look(&mut figures, begin, 120, json!([guest(100, 50)]));
    assert_eq!(back[0].missing, []);
}

#[test]
fn tasks_inhibit_what_they_work_on() {
    let tasks = parse::tasks_at_work(&json!([
        {"node": "pve1", "type": "vzdump", "id": "", "starttime": 1},
        {"node": "pve1", "type": "qmigrate", "id": "100", "starttime": 1},
        {"node": "pve2", "type": "vzdump", "id": "101", "starttime": 1},
        {"node": "pve1", "type": "vncproxy", "id": 102, "starttime": 1},
        {"node": "pve1", "type": "imgcopy", "id": "local", "starttime": 1, "status": "RUNNING"},
        {"node": "pve1", "type": "qmshutdown", "id": "100", "starttime": 1},
        {"node": "pve1", "type": "vzdump", "id": "102", "starttime": 1, "endtime": 2, "status": "OK"},
        {"node": "pve1", "type": "vzdump", "id": "102", "starttime": 1, "status": "job errors"},
        {"type": "vzdump", "id": "102"}, 7, null,
    ]));
    let of = |target: Target| -> Vec<String> {
        let all = tasks.iter();
        all.filter_map(|task| inhibitor(task, &target, "pve1"))
            .collect()
    };
    let vm = |vmid: u32| Target::Guest {
        kind: NodeKind::Vm,
        platform_id: vmid.to_string(),
    };
    assert_eq!(of(vm(100)), ["it is being migrated"]);
    assert_eq!(of(vm(101)), ["a backup runs"]);
    assert_eq!(of(vm(102)), ["its console is open in Proxmox"]);
    assert_eq!(of(vm(103)), [""; 0]);
    assert_eq!(
        of(Target::Itself),
        [
            "a task of Proxmox runs on the machine: vzdump",
            "a task of Proxmox runs on guest 100: qmigrate",
            "a console of guest 102 is open in Proxmox",
            "a task of Proxmox runs on the machine: imgcopy",
            "a task of Proxmox runs on guest 100: qmshutdown",
        ]
    );
}
