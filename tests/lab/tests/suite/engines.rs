//! Docker engines: real containers, all four ways in, and engines that come and go with their machines.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;
use wakehub_lab::{Container, Fault, Lab, Options, Role, What};

use crate::support::{pve, ssh};

const SOON: Duration = Duration::from_secs(120);

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn until(lab: &Lab, host: &str, what: What) {
    let seen = |lab: &Lab| {
        let events = lab.events();
        events
            .iter()
            .any(|event| event.node == host && event.what == what)
    };
    lab.wait_until(SOON, &format!("{host}: {what}"), seen)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_plain_host_runs_containers_over_tls_and_over_ssh() {
    let options = Options {
        off_delay: Duration::from_secs(1),
        boot_delay: Duration::from_millis(100),
        ..Options::only(&["raspberry"]).on(&["raspberry"])
    };
    let Some(lab) = Lab::for_test(options).await else {
        return;
    };
    assert_eq!(
        lab.container_state("raspberry", "pihole").await.unwrap(),
        "created"
    );
    let host = format!("--host=tcp://{}:2376", lab.address("raspberry"));
    let certificates = lab.docker_certificates("raspberry");
    let file = |name: &str, file: &str| format!("--{name}={}", certificates.join(file).display());
    let tls = [
        host.as_str(),
        "--tlsverify",
        &file("tlscacert", "ca.pem"),
        &file("tlscert", "cert.pem"),
        &file("tlskey", "key.pem"),
    ];
    docker(&[&tls[..], &["start", "nextcloud", "pihole"]].concat());
    until(
        &lab,
        "raspberry",
        What::ContainerStarted("nextcloud".to_owned()),
    )
    .await;
    assert_eq!(
        lab.container_state("raspberry", "nextcloud").await.unwrap(),
        "running"
    );
    let script = "until busybox wget -qO- http://127.0.0.1:8080; do sleep 0.1; done";
    let page = ssh(&lab, "raspberry", "root", script);
    assert_eq!(String::from_utf8_lossy(&page.stdout), "nextcloud is on\n");
    let listed = docker(
        &[
            &tls[..],
            &[
                "ps",
                "--all",
                "--format",
                "{{.Names}} {{.Label \"com.docker.compose.service\"}}",
            ],
        ]
        .concat(),
    );
    assert!(listed.contains("pihole pihole"), "{listed}");
    let unprotected = Command::new("docker").args([&host, "ps"]).output().unwrap();
    assert!(!unprotected.status.success(), "{unprotected:?}");

    // Over SSH, where dockerd's socket is the machine's own.
    let ssh_docker = ssh(
        &lab,
        "raspberry",
        "admin",
        "docker -H unix:///var/run/docker.sock ps -q",
    );
    assert_eq!(
        String::from_utf8_lossy(&ssh_docker.stdout).lines().count(),
        2,
        "{ssh_docker:?}"
    );

    lab.create_container("raspberry", Container::new("broken", Role::Unhealthy))
        .await
        .unwrap();
    lab.create_container("raspberry", Container::new("short", Role::ExitsAtOnce(3)))
        .await
        .unwrap();
    lab.start_container("raspberry", "broken").await.unwrap();
    lab.start_container("raspberry", "short").await.unwrap();
    until(
        &lab,
        "raspberry",
        What::ContainerStopped("short".to_owned()),
    )
    .await;
    let short = lab.container("raspberry", "short").await.unwrap();
    assert_eq!(short["State"]["ExitCode"], 3);
    let health = async |name: &str| {
        lab.container("raspberry", name).await.unwrap()["State"]["Health"]["Status"].clone()
    };
    while health("broken").await != "unhealthy" || health("pihole").await != "healthy" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    lab.inject("raspberry", Fault::DockerHangs).unwrap();
    let mut hung = UnixStream::connect(lab.docker_socket("raspberry")).unwrap();
    hung.set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    hung.write_all(b"GET /_ping HTTP/1.0\r\n\r\n").unwrap();
    let nothing = hung.read(&mut [0]).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    lab.heal("raspberry").unwrap();
    hung.set_read_timeout(None).unwrap();
    assert_eq!(hung.read(&mut [0]).unwrap(), 1);

    lab.restart_docker("raspberry", false).await.unwrap();
    assert_eq!(
        lab.container_state("raspberry", "nextcloud").await.unwrap(),
        "exited"
    );

    lab.start_container("raspberry", "nextcloud").await.unwrap();
    assert!(ssh(&lab, "raspberry", "root", "poweroff").status.success());
    lab.wait_until(SOON, "raspberry is off", |lab| lab.is_off("raspberry"))
        .await
        .unwrap();
    assert_eq!(
        lab.container_state("raspberry", "nextcloud").await.unwrap(),
        "off"
    );
    lab.power_on("raspberry").await.unwrap();
    assert_eq!(
        lab.container_state("raspberry", "nextcloud").await.unwrap(),
        "exited"
    );
    assert_eq!(
        lab.container("raspberry", "nextcloud").await.unwrap()["State"]["ExitCode"],
        0
    );
}

#[tokio::test]
async fn a_guest_of_proxmox_brings_its_engine_up() {
    let options = Options {
        boot_delay: Duration::from_millis(100),
        guest_start: Duration::from_millis(100),
        ..Options::only(&["vm-docker"]).on(&["machine1"])
    };
    let Some(lab) = Lab::for_test(options).await else {
        return;
    };
    pve(
        &lab,
        "machine1",
        "POST",
        "/nodes/pve1/qemu/100/status/start",
    );
    lab.wait_until(SOON, "vm-docker is ready", |lab| lab.is_ready("vm-docker"))
        .await
        .unwrap();
    let host = format!("--host=tcp://{}:2375", lab.address("vm-docker"));
    let listed = docker(&[&host, "ps", "--all", "--format", "{{.Names}}"]);
    let mut names: Vec<&str> = listed.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["jellystat", "qbittorrent", "sandbox"]);
    docker(&[&host, "start", "sandbox"]);
    // A cut plug leaves nothing running, and the engine gets over it.
    lab.cut_power("machine1").await.unwrap();
    assert!(lab.is_off("vm-docker"));
    lab.power_on("machine1").await.unwrap();
    pve(
        &lab,
        "machine1",
        "POST",
        "/nodes/pve1/qemu/100/status/start",
    );
    lab.wait_until(SOON, "vm-docker is ready", |lab| lab.is_ready("vm-docker"))
        .await
        .unwrap();
    assert_eq!(
        lab.container_state("vm-docker", "sandbox").await.unwrap(),
        "exited"
    );
}
