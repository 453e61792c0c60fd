//! Proxmox: its guests are machines of their own, which are there exactly while the API says that they run.

use std::time::Duration;
use wakehub_lab::{Lab, Options, What};

use crate::support::{answers_arp, pve, ssh};

const SOON: Duration = Duration::from_secs(60);

fn quick() -> Options {
    Options {
        boot_delay: Duration::from_millis(200),
        off_delay: Duration::from_secs(1),
        guest_start: Duration::from_millis(300),
        guest_shutdown: Duration::from_millis(300),
        ..Options::only(&["lxc-jellyfin", "vm-homeassistant"]).on(&["machine2"])
    }
}

async fn status(lab: &Lab, vmid: u32, wanted: &str) {
    let told = |lab: &Lab| {
        let events = lab.events();
        let last = events.into_iter().rev().find_map(|event| {
            if let What::GuestStatus { vmid: of, status } = event.what
                && of == vmid
            {
                return Some(status);
            }
            None
        });
        last.is_some_and(|status| status == wanted)
    };
    let what = format!("guest {vmid} is {wanted}");
    lab.wait_until(SOON, &what, told).await.unwrap();
    assert_eq!(lab.guest_status(vmid).await.unwrap(), wanted);
}

#[tokio::test]
async fn guests_come_up_and_go_down_with_what_the_api_says() {
    let Some(lab) = Lab::for_test(quick()).await else {
        return;
    };
    assert_eq!(lab.guest_status(101).await.unwrap(), "stopped");
    assert!(!answers_arp(&lab, "lxc-jellyfin"));
    let (code, body) = pve(&lab, "machine2", "POST", "/nodes/pve2/lxc/101/status/start");
    assert_eq!(code, 200, "{body}");
    assert!(body.contains("UPID:pve2:"), "{body}");
    lab.wait_until(SOON, "101 is on", |lab| lab.is_on("lxc-jellyfin"))
        .await
        .unwrap();
    status(&lab, 101, "running").await;
    assert!(answers_arp(&lab, "lxc-jellyfin"));
    let page = ssh(
        &lab,
        "machine2",
        "root",
        &format!(
            "busybox wget -qO- http://{}:8096",
            lab.address("lxc-jellyfin")
        ),
    );
    assert!(
        String::from_utf8_lossy(&page.stdout).contains("lxc-jellyfin is on"),
        "{page:?}"
    );

    // A guest that shuts itself down is stopped for the API as well.
    assert!(
        ssh(&lab, "lxc-jellyfin", "root", "poweroff")
            .status
            .success()
    );
    status(&lab, 101, "stopped").await;
    assert!(!answers_arp(&lab, "lxc-jellyfin"));

    // Its host takes all guests with it, and the guests are stopped when it comes back.
    pve(
        &lab,
        "machine2",
        "POST",
        "/nodes/pve2/qemu/200/status/start",
    );
    lab.wait_until(SOON, "200 is on", |lab| lab.is_on("vm-homeassistant"))
        .await
        .unwrap();
    let (code, body) = pve(
        &lab,
        "machine2",
        "POST",
        "/nodes/pve2/status?command=shutdown",
    );
    assert_eq!(code, 200, "{body}");
    lab.wait_until(SOON, "machine2 is off", |lab| lab.is_off("machine2"))
        .await
        .unwrap();
    assert!(lab.is_off("vm-homeassistant"));
    assert_eq!(lab.guest_status(200).await.unwrap(), "off");
    let certificate = lab.directory().join("machine2/lab/pve/pve.crt");
    let before = std::fs::read(&certificate).unwrap();
    lab.power_on("machine2").await.unwrap();
    assert_eq!(lab.guest_status(200).await.unwrap(), "stopped");
    assert_eq!(std::fs::read(&certificate).unwrap(), before);
}

#[tokio::test]
async fn its_faults_show_in_the_api() {
    let Some(lab) = Lab::for_test(quick()).await else {
        return;
    };
    let api = lab.proxmox("machine2");
    let start = "/nodes/pve2/lxc/101/status/start";
    api.lock(101, Some("backup")).await.unwrap();
    assert_eq!(
        api.guest(101).await.unwrap().lock.as_deref(),
        Some("backup")
    );
    let (_, body) = pve(
        &lab,
        "machine2",
        "GET",
        "/nodes/pve2/lxc/101/status/current",
    );
    assert!(body.contains("\"lock\": \"backup\""), "{body}");
    api.lock(101, None).await.unwrap();

    api.limit_token(&["VM.Audit"]).await.unwrap();
    let (code, body) = pve(&lab, "machine2", "POST", start);
    assert_eq!(code, 403, "{body}");
    assert!(body.contains("VM.PowerMgmt"), "{body}");
    api.heal().await.unwrap();

    api.replace_token("another").await.unwrap();
    assert_eq!(pve(&lab, "machine2", "GET", "/version").0, 401);
    api.replace_token(wakehub_lab::proxmox::TOKEN)
        .await
        .unwrap();

    let before = api.fingerprint().await.unwrap();
    let after = api.change_certificate().await.unwrap();
    assert_ne!(before, after);
    assert_eq!(pve(&lab, "machine2", "GET", "/version").0, 200);
    assert!(
        api.requests()
            .await
            .unwrap()
            .contains(&("GET".to_owned(), "/api2/json/version".to_owned()))
    );

    api.fail_start(101, Some("no such disk")).await.unwrap();
    let (_, body) = pve(&lab, "machine2", "POST", start);
    let upid = body
        .split('"')
        .find(|part| part.starts_with("UPID:"))
        .unwrap()
        .to_owned();
    let mut ended = String::new();
    while !ended.contains("\"stopped\"") {
        ended = pve(
            &lab,
            "machine2",
            "GET",
            &format!("/nodes/pve2/tasks/{upid}/status"),
        )
        .1;
    }
    assert!(ended.contains("no such disk"), "{ended}");
    assert!(lab.is_off("lxc-jellyfin"));
}
