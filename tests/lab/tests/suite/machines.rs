//! Machines as a network sees them: woken by magic packets, logged in to over SSH, switched off, silent when off.

use crate::support::{answers_arp, ssh, wake, wake_ethernet};
use std::io::Read;
use std::time::Duration;
use wakehub_lab::{ADMIN, Carrier, Lab, Options, Power, VISITOR, What};

const SOON: Duration = Duration::from_secs(60);

fn quick() -> Options {
    Options {
        boot_delay: Duration::from_millis(200),
        off_delay: Duration::from_millis(100),
        resume_delay: Duration::from_millis(100),
        ..Options::single()
    }
}

#[tokio::test]
async fn a_magic_packet_wakes_it_and_poweroff_over_ssh_silences_it() {
    let Some(lab) = Lab::for_test(quick()).await else {
        return;
    };
    assert!(lab.is_off("nas"));
    assert!(!answers_arp(&lab, "nas"), "it answers while it is off");

    wake(&lab, lab.broadcast(), 9, &lab.mac("nas"), &[]);
    lab.wait_until(SOON, "nas is on", |lab| lab.is_on("nas"))
        .await
        .unwrap();
    assert!(lab.was_woken("nas"));
    let packet = lab.packets("nas").remove(0);
    let Carrier::Udp {
        source,
        destination,
        port,
    } = packet.carried_by
    else {
        panic!("{packet:?}");
    };
    assert_eq!((destination, port), (lab.broadcast(), 9));
    assert_eq!(source.octets()[3], 1);
    assert_eq!(packet.destination_mac, [0xff; 6]);
    assert!(answers_arp(&lab, "nas"));

    let hostname = ssh(
        &lab,
        "nas",
        "root",
        "hostname; id -un; ls /var/run/docker.sock 2>&1; ps ax | grep -c sshd",
    );
    assert!(hostname.status.success(), "{hostname:?}");
    let text = String::from_utf8_lossy(&hostname.stdout).into_owned();
    assert!(text.starts_with("nas\nroot\n"), "{text}");

    let off = ssh(&lab, "nas", "root", "systemctl poweroff");
    assert!(off.status.success(), "{off:?}");
    lab.wait_until(SOON, "nas is off", |lab| lab.is_off("nas"))
        .await
        .unwrap();
    assert!(!answers_arp(&lab, "nas"), "it answers after poweroff");
    let what: Vec<What> = lab.events().into_iter().map(|event| event.what).collect();
    let asked = What::ShutdownAsked("poweroff".to_owned());
    assert_eq!(what, [What::Woken, What::Booted, asked, What::Off]);
}

#[tokio::test]
async fn it_keeps_its_host_key_over_a_reboot_and_knows_its_accounts() {
    let Some(lab) = Lab::for_test(quick().on(&["nas"])).await else {
        return;
    };
    let key = crate::support::host_key(&lab, "nas");
    let refused = ssh(&lab, "nas", VISITOR.user, "sudo -n systemctl poweroff");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("a password is required"));
    let refused = ssh(&lab, "nas", ADMIN.user, "shutdown -h now");
    assert!(!refused.status.success());
    assert!(lab.is_on("nas"));
    let accepted = ssh(&lab, "nas", ADMIN.user, "sudo -n shutdown -r now");
    assert!(accepted.status.success(), "{accepted:?}");
    let booted = |lab: &Lab| {
        let events = lab.events();
        events
            .iter()
            .filter(|event| event.what == What::Booted)
            .count()
            == 2
    };
    lab.wait_until(SOON, "nas has booted again", booted)
        .await
        .unwrap();
    assert_eq!(crate::support::host_key(&lab, "nas"), key);
}

#[tokio::test]
async fn only_its_own_mac_and_its_own_password_wake_it() {
    let mut options = quick();
    options.homelab.machine_mut("nas").secure_on = Some([1, 2, 3, 4, 5, 6]);
    let Some(lab) = Lab::for_test(options).await else {
        return;
    };
    wake(&lab, lab.broadcast(), 9, "52:54:00:00:00:99", &[]);
    wake(
        &lab,
        lab.broadcast(),
        10,
        &lab.mac("nas"),
        &[1, 2, 3, 4, 5, 6],
    );
    wake(
        &lab,
        lab.broadcast(),
        7,
        &lab.mac("nas"),
        &[6, 5, 4, 3, 2, 1],
    );
    wake(&lab, lab.broadcast(), 7, &lab.mac("nas"), &[]);
    lab.wait_until(SOON, "two packets arrived", |lab| {
        lab.packets("nas").len() == 2
    })
    .await
    .unwrap();
    assert_eq!(lab.power("nas"), Power::Off);
    wake_ethernet(&lab, &lab.mac("nas"), &[1, 2, 3, 4, 5, 6]);
    lab.wait_until(SOON, "nas is on", |lab| lab.is_on("nas"))
        .await
        .unwrap();
    let packets = lab.packets("nas");
    let woke: Vec<bool> = packets.iter().map(|packet| packet.woke).collect();
    assert_eq!(woke, [false, false, true]);
    assert_eq!(packets[2].carried_by, Carrier::Ethernet);
}

#[tokio::test]
async fn suspended_it_is_silent_and_wakes_with_its_sessions() {
    let Some(lab) = Lab::for_test(quick().on(&["nas"])).await else {
        return;
    };
    let mut session = crate::support::ssh_command(&lab, "nas", "root")
        .arg("echo begun; read answer; echo $answer")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = std::io::BufReader::new(session.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert_eq!(line, "begun\n");

    assert!(
        ssh(&lab, "nas", "root", "systemctl suspend")
            .status
            .success()
    );
    let suspended = |lab: &Lab| lab.power("nas") == Power::Suspended;
    lab.wait_until(SOON, "nas is suspended", suspended)
        .await
        .unwrap();
    assert!(!lab.is_on("nas"));
    assert!(!answers_arp(&lab, "nas"));

    wake(&lab, lab.broadcast(), 9, &lab.mac("nas"), &[]);
    lab.wait_until(SOON, "nas is on", |lab| lab.is_on("nas"))
        .await
        .unwrap();
    std::io::Write::write_all(&mut session.stdin.take().unwrap(), b"still here\n").unwrap();
    line.clear();
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert_eq!(line, "still here\n");
    assert!(session.wait().unwrap().success());
}

#[tokio::test]
async fn a_cut_plug_says_no_goodbye_and_the_power_button_works() {
    let Some(lab) = Lab::for_test(quick().on(&["nas"])).await else {
        return;
    };
    let mut stream = std::net::TcpStream::connect((lab.address("nas"), 22)).unwrap();
    let mut banner = [0; 256];
    assert!(stream.read(&mut banner).unwrap() > 0);
    lab.cut_power("nas").await.unwrap();
    let silence = Some(Duration::from_millis(500));
    stream.set_read_timeout(silence).unwrap();
    let heard = stream.read(&mut banner).unwrap_err();
    assert_eq!(heard.kind(), std::io::ErrorKind::WouldBlock, "{heard}");
    assert!(!answers_arp(&lab, "nas"));
    lab.power_on("nas").await.unwrap();
    assert!(!lab.was_woken("nas"));
    assert!(ssh(&lab, "nas", "root", "true").status.success());
    lab.shut_down("nas").await.unwrap();
    assert!(!answers_arp(&lab, "nas"));
}

#[tokio::test]
async fn a_key_with_a_passphrase_opens_it_and_the_passwords_do() {
    let Some(lab) = Lab::for_test(quick().on(&["nas"])).await else {
        return;
    };
    let key = lab.make_key("ecdsa", "open sesame").unwrap();
    // ssh asks an ASKPASS program for what it would ask a person for.
    let folder = tempfile::tempdir().unwrap();
    let answer = |text: &str| {
        let program = folder.path().join("answer");
        std::fs::write(&program, format!("#!/bin/sh\necho '{text}'\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&program, mode).unwrap();
        program
    };
    let login = |with: &[&str], text: &str| {
        std::process::Command::new("ssh")
            .args(["-F", "none", "-o", "StrictHostKeyChecking=no"])
            .args([
                "-o",
                "UserKnownHostsFile=/dev/null",
                "-o",
                "NumberOfPasswordPrompts=1",
            ])
            .args(with)
            .arg(lab.address("nas").to_string())
            .arg("id -un")
            .env("SSH_ASKPASS", answer(text))
            .env("SSH_ASKPASS_REQUIRE", "force")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    };
    let key = key.display().to_string();
    let by_key = [
        "-i",
        &key,
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "PreferredAuthentications=publickey",
        "-l",
        "root",
    ];
    assert_eq!(login(&by_key, "open sesame").stdout, b"root\n");
    assert!(!login(&by_key, "wrong").status.success());
    let by_password = ["-o", "PreferredAuthentications=password", "-l", ADMIN.user];
    assert_eq!(login(&by_password, ADMIN.password).stdout, b"admin\n");
    assert!(!login(&by_password, "wrong").status.success());
}
