//! What the lab's tests do from outside, with the system's own tools.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Output};
use wakehub_lab::{Lab, proxmox};

pub fn magic(mac: &str, password: &[u8]) -> Vec<u8> {
    let mac: Vec<u8> = mac
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    [&[0xff; 6], mac.repeat(16).as_slice(), password].concat()
}

pub fn wake(lab: &Lab, to: Ipv4Addr, port: u16, mac: &str, password: &[u8]) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_broadcast(true).unwrap();
    socket.send_to(&magic(mac, password), (to, port)).unwrap();
    let _ = lab;
}

/// Sends an Ethernet frame of type 0x0842 from the bridge, without IP.
pub fn wake_ethernet(lab: &Lab, mac: &str, password: &[u8]) {
    let script = "import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
s.send(b'\\xff' * 6 + bytes.fromhex('020000000001') + b'\\x08\\x42' + bytes.fromhex(sys.argv[2]))";
    let payload: String = magic(mac, password)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let sent = Command::new("python3")
        .args(["-c", script, &lab.interface(), &payload])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Whether anybody says "that address is mine", asked anew.
pub fn answers_arp(lab: &Lab, name: &str) -> bool {
    let address = lab.address(name).to_string();
    let interface = lab.interface();
    // Failing is fine: there may be no entry yet.
    let _ = Command::new("ip")
        .args(["neigh", "del", &address, "dev", &interface])
        .output();
    let ping = Command::new("ping")
        .args(["-c", "1", "-W", "1", "-I", &interface, &address])
        .output()
        .unwrap();
    let neighbours = Command::new("ip")
        .args(["neigh", "show", &address, "dev", &interface])
        .output()
        .unwrap();
    let known = String::from_utf8_lossy(&neighbours.stdout).contains("lladdr");
    assert_eq!(known, ping.status.success(), "{ping:?} {neighbours:?}");
    known
}

pub fn ssh_command(lab: &Lab, name: &str, user: &str) -> Command {
    let mut command = Command::new("ssh");
    command
        .args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=10",
        ])
        .args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ])
        .args(["-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes", "-i"])
        .arg(lab.key_file())
        .arg(format!("{user}@{}", lab.address(name)));
    command
}

pub fn ssh(lab: &Lab, name: &str, user: &str, command: &str) -> Output {
    ssh_command(lab, name, user).arg(command).output().unwrap()
}

pub fn host_key(lab: &Lab, name: &str) -> String {
    let scanned = Command::new("ssh-keyscan")
        .args(["-t", "ed25519", &lab.address(name).to_string()])
        .output()
        .unwrap();
    let key = String::from_utf8(scanned.stdout).unwrap();
    assert!(key.contains("ssh-ed25519"), "{key}");
    key
}

/// One request to a machine's Proxmox API with the lab's token: status and body.
pub fn pve(lab: &Lab, machine: &str, method: &str, path: &str) -> (u16, String) {
    let script = "import ssl, sys, urllib.error, urllib.request
url, method, token = sys.argv[1:]
request = urllib.request.Request(url, method=method, headers={'Authorization': 'PVEAPIToken=' + token})
try:
    answer = urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=30)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.reason)
sys.stdout.write(answer.read().decode())";
    let url = format!("https://{}:8006/api2/json{path}", lab.address(machine));
    let token = format!("{}={}", proxmox::TOKEN_ID, proxmox::TOKEN);
    let output = Command::new("python3")
        .args(["-c", script, &url, method, &token])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (status, body) = text.split_once('\n').unwrap();
    (
        status.split_once(' ').unwrap().0.parse().unwrap(),
        format!("{status} {body}"),
    )
}
