//! The whole reference homelab, and the homelab.toml that goes with it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use wakehub_lab::{Lab, Options};

use crate::support::{pve, wake};

const SOON: Duration = Duration::from_secs(120);

#[tokio::test]
async fn it_is_what_its_homelab_toml_says() {
    let options = Options {
        boot_delay: Duration::from_millis(100),
        guest_start: Duration::from_millis(100),
        ..Options::default()
    };
    let begun = Instant::now();
    let Some(lab) = Lab::for_test(options).await else {
        return;
    };
    println!("the reference lab was made in {:?}", begun.elapsed());
    let folder = tempfile::tempdir().unwrap();
    let file = lab.write_homelab_toml(folder.path()).unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let parsed: toml::Table = text.parse().unwrap();
    let nodes: BTreeMap<&str, &toml::Value> = parsed["node"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["name"].as_str().unwrap(), node))
        .collect();
    assert_eq!(nodes.len(), 14, "{text}");
    assert_eq!(nodes["lxc-jellyfin"]["host"].as_str(), Some("machine2"));
    assert_eq!(nodes["lxc-jellyfin"]["platform_id"].as_str(), Some("101"));
    assert_eq!(
        nodes["sandbox"]["depends_on"][0].as_str(),
        Some("lxc-jellyfin")
    );
    let certificates = nodes["raspberry"]["docker_api"]["cert_path"]
        .as_str()
        .unwrap();
    assert!(std::path::Path::new(certificates).join("key.pem").exists());
    for (_, _, secret) in lab.secrets() {
        assert!(!text.contains(&secret), "a secret stands in homelab.toml");
    }

    // What WakeHub would do for lxc-jellyfin, by hand.
    for name in ["nas", "machine2"] {
        let mac = nodes[name]["mac"].as_str().unwrap();
        wake(&lab, lab.broadcast(), 9, mac, &[]);
        lab.wait_until(SOON, &format!("{name} is ready"), |lab| lab.is_ready(name))
            .await
            .unwrap();
    }
    assert!(lab.is_off("machine1") && lab.is_off("raspberry"));
    pve(&lab, "machine2", "POST", "/nodes/pve2/lxc/101/status/start");
    lab.wait_until(SOON, "lxc-jellyfin is on", |lab| lab.is_on("lxc-jellyfin"))
        .await
        .unwrap();
    assert_eq!(lab.guest_status(101).await.unwrap(), "running");
    let woken: Vec<String> = lab
        .events()
        .into_iter()
        .filter(|event| event.what == wakehub_lab::What::Woken)
        .map(|event| event.node)
        .collect();
    assert_eq!(woken, ["nas", "machine2"]);
}
