//! Starting and stopping guests and the machine, and what Proxmox says when it does not do so.

#[path = "proxmox_fake/fake.rs"]
mod fake;

use fake::{Proxy, TOKEN, TOKEN_SECRET, fake, lxc, machine1, vm};
use serde_json::{Value, json};
use std::time::Duration;
use wakehub_connectors::proxmox::{ProxmoxConnector, ProxmoxEndpoint};
use wakehub_connectors::{Connector, StopOptions, Target};
use wakehub_domain::{ErrorKind, PowerOff, PowerState, Retry};

fn within(seconds: u64) -> StopOptions {
    StopOptions {
        timeout: Duration::from_secs(seconds),
        force: false,
        power_off: PowerOff::ShutDown,
        command: None,
    }
}

fn by_force(seconds: u64) -> StopOptions {
    StopOptions {
        force: true,
        ..within(seconds)
    }
}

async fn state(connector: &ProxmoxConnector, vmid: &str) -> PowerState {
    let report = connector.observe().await.expect("an answer");
    let guest = report.guests.into_iter().find(|g| g.platform_id == vmid);
    guest.expect("the guest").state
}

/// Two members and a guest on the first.
fn cluster() -> Value {
    json!({
        "members": ["pve1", "pve2"],
        "guests": [
            {"kind": "qemu", "vmid": 100, "name": "vm-ubuntu", "status": "stopped", "member": "pve1"},
            {"kind": "lxc", "vmid": 101, "name": "lxc-cloudflared", "status": "running", "member": "pve2"},
        ],
    })
}

#[tokio::test]
async fn guests_start_and_stop() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    pve.set(100, json!({"start_secs": 30, "shutdown_secs": 30}))
        .await;
    let connector = pve.connector();

    connector.start(&vm(100)).await.unwrap();
    assert_eq!(pve.status(100).await, "running");
    assert_eq!(state(&connector, "100").await, PowerState::On);
    connector.stop(&vm(100), &within(60)).await.unwrap();
    assert_eq!(pve.status(100).await, "stopped");

    connector.stop(&lxc(101), &within(60)).await.unwrap();
    assert_eq!(pve.status(101).await, "stopped");
    connector.start(&lxc(101)).await.unwrap();
    assert_eq!(pve.status(101).await, "running");
}

#[tokio::test]
async fn what_is_so_already_is_a_success() {
    let mut spec = machine1();
    spec["guests"][0]["status"] = json!("running");
    let Some(mut pve) = fake(spec).await else {
        return;
    };
    let connector = pve.connector();
    connector.start(&vm(100)).await.unwrap();
    connector.start(&lxc(101)).await.unwrap();
    for target in [vm(100), lxc(101)] {
        connector.stop(&target, &within(60)).await.unwrap();
        connector.stop(&target, &within(60)).await.unwrap();
    }
    assert_eq!(pve.status(100).await, "stopped");
    assert_eq!(pve.status(101).await, "stopped");
}

#[tokio::test]
async fn a_slow_task_is_followed_to_its_end() {
    let mut spec = machine1();
    spec["time_scale"] = json!(0.1);
    let Some(mut pve) = fake(spec).await else {
        return;
    };
    pve.set(100, json!({"start_secs": 20})).await;
    let connector = pve.connector();
    connector.start(&vm(100)).await.unwrap();
    assert_eq!(pve.status(100).await, "running");
}

#[tokio::test]
async fn a_failed_task_tells_its_exit_status_and_its_last_words() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let said = "start failed: QEMU exited with code 1";
    pve.set(100, json!({"start_error": said})).await;
    let before = "kvm: -drive file=/dev/zvol/tank/vm-100-disk-0: No such file or directory";
    let log = json!({"task_log": ["generating cloud-init ISO", before]});
    pve.order(json!({"do": "set", "values": log})).await;
    let error = pve.connector().start(&vm(100)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(error.retry, Retry::Never);
    assert_eq!(
        error.to_string(),
        format!("start vm 100: {said} (log: generating cloud-init ISO; {before})")
    );
}

#[tokio::test]
async fn a_locked_guest_is_said_in_proxmox_words() {
    let mut spec = machine1();
    spec["guests"][0]["status"] = json!("running");
    let Some(mut pve) = fake(spec).await else {
        return;
    };
    pve.call("snapshot_lock", json!([100, "backup"])).await;
    pve.call("snapshot_lock", json!([101, "snapshot"])).await;
    let connector = pve.connector();
    for (target, expected) in [
        (vm(100), "VM is locked (backup)"),
        (lxc(101), "CT is locked (snapshot)"),
    ] {
        let error = connector.stop(&target, &by_force(60)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Rejected);
        assert_eq!(error.retry, Retry::Later, "a lock passes");
        assert_eq!(error.message, expected);
    }
    let posts = pve
        .requests()
        .await
        .iter()
        .filter(|r| r.contains("shutdown"))
        .count();
    assert_eq!(posts, 0, "a locked guest is not even asked");
    let locks: Vec<_> = connector
        .observe()
        .await
        .unwrap()
        .guests
        .into_iter()
        .map(|g| g.lock)
        .collect();
    assert_eq!(
        locks,
        [Some("backup".to_owned()), Some("snapshot".to_owned())]
    );

    // Starting is decided by Proxmox itself, within the task.
    pve.set(100, json!({"status": "stopped"})).await;
    let error = connector.start(&vm(100)).await.unwrap_err();
    assert_eq!(error.message, "VM is locked (backup)");
    assert_eq!(error.retry, Retry::Later);
}

#[tokio::test]
async fn a_running_backup_without_a_lock_forbids_the_stop() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    pve.order(json!({"do": "task", "kind": "vzdump", "vmid": 101, "secs": 100_000}))
        .await;
    let error = pve
        .connector()
        .stop(&lxc(101), &by_force(60))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(error.message, "a task of Proxmox works on it: vzdump");
    assert_eq!(pve.status(101).await, "running");
}

#[tokio::test]
async fn a_backup_that_has_ended_does_not() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    pve.call("backup", json!([101, 0])).await;
    let connector = pve.connector();
    // The task ends on its own, at once.
    loop {
        match connector.stop(&lxc(101), &within(60)).await {
            Ok(()) => break,
            Err(error) => assert_eq!(error.retry, Retry::Later, "{error}"),
        }
    }
    assert_eq!(pve.status(101).await, "stopped");
}

#[tokio::test]
async fn a_guest_that_ignores_the_shutdown_times_out_and_stays_on() {
    let mut spec = machine1();
    spec["guests"][0]["status"] = json!("running");
    let Some(mut pve) = fake(spec).await else {
        return;
    };
    pve.set(100, json!({"acpi": false})).await;
    pve.set(101, json!({"shutdown_secs": 100_000})).await;
    let connector = pve.connector();
    for (target, words) in [
        (vm(100), "VM quit/powerdown failed - got timeout"),
        (lxc(101), "container did not stop"),
    ] {
        let error = connector.stop(&target, &within(20)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut);
        assert!(error.message.starts_with(words), "{error}");
        assert!(error.message.contains("within 20 s"), "{error}");
        assert!(error.message.contains("allow a forced stop"), "{error}");
    }
    assert_eq!(pve.status(100).await, "running");
    assert_eq!(pve.status(101).await, "running");
}

#[tokio::test]
async fn force_cuts_the_power_after_the_graceful_try() {
    let mut spec = machine1();
    spec["guests"][0]["status"] = json!("running");
    let Some(mut pve) = fake(spec).await else {
        return;
    };
    pve.set(100, json!({"acpi": false})).await;
    pve.connector().stop(&vm(100), &by_force(20)).await.unwrap();
    assert_eq!(pve.status(100).await, "stopped");
    let bodies = pve.order(json!({"do": "bodies"})).await;
    let sent = bodies
        .as_array()
        .unwrap()
        .iter()
        .find(|b| b[1].as_str().unwrap().ends_with("shutdown"))
        .unwrap();
    assert_eq!(sent[2], "timeout=20&forceStop=1");
}

#[tokio::test]
async fn a_guest_under_high_availability_is_awaited() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    pve.set(100, json!({"ha_state": "stopped"})).await;
    let connector = pve.connector();
    connector.start(&vm(100)).await.unwrap();
    assert_eq!(pve.status(100).await, "running");
    connector.stop(&vm(100), &within(60)).await.unwrap();
    assert_eq!(pve.status(100).await, "stopped");
}

#[tokio::test]
async fn a_token_without_powermgmt_is_told_which_privilege() {
    let mut spec = machine1();
    spec["grants"] = json!([[TOKEN, "/", ["VM.Audit", "Sys.Audit"]]]);
    let Some(mut pve) = fake(spec).await else {
        return;
    };
    let connector = ProxmoxConnector::new(pve.with_token());
    assert_eq!(state(&connector, "101").await, PowerState::On);
    let start = connector.start(&vm(100)).await.unwrap_err();
    assert_eq!(start.kind, ErrorKind::Unauthorised);
    assert_eq!(
        start.message,
        "Permission check failed (/vms/100, VM.PowerMgmt)"
    );
    let stop = connector.stop(&lxc(101), &within(60)).await.unwrap_err();
    assert_eq!(
        stop.message,
        "Permission check failed (/vms/101, VM.PowerMgmt)"
    );
    let itself = connector
        .stop(&Target::Itself, &within(60))
        .await
        .unwrap_err();
    assert_eq!(
        itself.message,
        "Permission check failed (/nodes/pve1, Sys.PowerMgmt)"
    );
    assert!(!format!("{start:?}{stop:?}{itself:?}").contains(TOKEN_SECRET));
    assert_eq!(pve.status(101).await, "running");
}

#[tokio::test]
async fn a_guest_that_has_migrated_is_found_again() {
    let Some(mut pve) = fake(cluster()).await else {
        return;
    };
    let connector = pve.connector();
    connector.observe().await.unwrap();
    // Moved behind our back: what we remember is wrong now.
    pve.set(100, json!({"node": "pve2"})).await;
    connector.start(&vm(100)).await.unwrap();
    assert_eq!(pve.status(100).await, "running");

    connector.observe().await.unwrap();
    pve.set(101, json!({"node": "pve1"})).await;
    connector.stop(&lxc(101), &within(60)).await.unwrap();
    assert_eq!(pve.status(101).await, "stopped");
    pve.set(101, json!({"node": "pve2"})).await;
    connector.start(&lxc(101)).await.unwrap();
    assert_eq!(pve.status(101).await, "running");

    let report = connector.observe().await.unwrap();
    let places: Vec<_> = report
        .guests
        .iter()
        .map(|g| (g.platform_id.as_str(), g.member.as_deref()))
        .collect();
    assert_eq!(places, [("100", Some("pve2")), ("101", Some("pve2"))]);
}

#[tokio::test]
async fn a_guest_that_is_gone_is_said_to_be() {
    let Some(pve) = fake(machine1()).await else {
        return;
    };
    let error = pve.connector().start(&vm(999)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(error.message, "there is no vm 999 that root@pam may see");
    let error = pve.connector().start(&vm(101)).await.unwrap_err();
    assert_eq!(error.message, "101 is not a vm");
    let target = Target::Guest {
        kind: wakehub_domain::NodeKind::Vm,
        platform_id: "../100".to_owned(),
    };
    assert_eq!(
        pve.connector().start(&target).await.unwrap_err().kind,
        ErrorKind::Rejected
    );
}

#[tokio::test]
async fn a_member_that_is_off_leaves_its_guests_unknown() {
    let Some(mut pve) = fake(cluster()).await else {
        return;
    };
    pve.call("set_node_offline", json!(["pve2"])).await;
    let connector = ProxmoxConnector::new(ProxmoxEndpoint {
        member: "pve2".to_owned(),
        ..pve.endpoint()
    });
    let report = connector.observe().await.unwrap();
    assert_eq!(
        report.itself, None,
        "off, or cut off: the others cannot tell"
    );
    let ct = report
        .guests
        .iter()
        .find(|g| g.platform_id == "101")
        .unwrap();
    assert_eq!(ct.state, PowerState::Unknown);
    assert_eq!(ct.note.as_deref(), Some("pve2 is offline"));
    let error = connector.stop(&lxc(101), &within(60)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(error.message.starts_with("No route to host"), "{error}");
}

#[tokio::test]
async fn the_machine_shuts_down_and_takes_its_api_with_it() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let proxy = Proxy::to(pve.port).await;
    let connector = ProxmoxConnector::new(ProxmoxEndpoint {
        url: format!("https://127.0.0.1:{}", proxy.port),
        ..pve.endpoint()
    });
    connector.stop(&Target::Itself, &within(60)).await.unwrap();
    proxy.cut_answers(&[false, true]);
    connector.stop(&Target::Itself, &within(60)).await.unwrap();
    let posts = pve.requests().await;
    let posts = posts
        .iter()
        .filter(|r| *r == "POST /nodes/pve1/status")
        .count();
    assert_eq!(posts, 2, "a command is never sent twice");
}

#[tokio::test]
async fn what_the_api_cannot_do_is_said() {
    let Some(pve) = fake(machine1()).await else {
        return;
    };
    let connector = pve.connector();
    let start = connector.start(&Target::Itself).await.unwrap_err();
    assert_eq!(start.kind, ErrorKind::Unsupported);
    let how = StopOptions {
        power_off: PowerOff::Suspend,
        ..within(60)
    };
    let suspend = connector.stop(&Target::Itself, &how).await.unwrap_err();
    assert_eq!(suspend.kind, ErrorKind::Unsupported);
}

#[tokio::test]
async fn lost_quorum_passes() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    pve.call("lose_quorum", json!([])).await;
    let error = pve.connector().start(&vm(100)).await.unwrap_err();
    assert_eq!(
        (error.kind, error.retry),
        (ErrorKind::Rejected, Retry::Later)
    );
    assert!(error.message.contains("no quorum"), "{error}");
}

/// pvestatd shows in `/cluster/resources` what was true up to 10 s ago; fakepve does not, so it is made to.
#[tokio::test]
async fn a_lagging_list_does_not_hide_what_we_did() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let connector = pve.connector();
    connector.observe().await.unwrap();
    pve.call("freeze_resources", json!([])).await;
    connector.start(&vm(100)).await.unwrap();
    connector.stop(&lxc(101), &within(60)).await.unwrap();
    assert_eq!(state(&connector, "100").await, PowerState::On);
    assert_eq!(state(&connector, "101").await, PowerState::Off);
    let fresh = ProxmoxConnector::new(pve.endpoint());
    assert_eq!(
        state(&fresh, "100").await,
        PowerState::Off,
        "the list does lag"
    );
}
