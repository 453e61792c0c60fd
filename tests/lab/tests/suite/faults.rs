//! Faults, as a client meets them.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use wakehub_lab::{Fault, Lab, Options};

use crate::support::{host_key, ssh, wake};

const SOON: Duration = Duration::from_secs(60);

fn connect(lab: &Lab, limit: Duration) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from((lab.address("nas"), 22)), limit)?;
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    Ok(stream)
}

#[tokio::test]
async fn each_fault_shows_as_itself_and_heals() {
    let options = Options {
        boot_delay: Duration::from_millis(200),
        off_delay: Duration::from_millis(100),
        ..Options::single()
    };
    let Some(lab) = Lab::for_test(options.on(&["nas"])).await else {
        return;
    };
    let works = |lab: &Lab| assert!(ssh(lab, "nas", "root", "true").status.success());
    let fine = Duration::from_secs(5);

    lab.inject("nas", Fault::PortRefuses(22)).unwrap();
    let refused = connect(&lab, fine).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    lab.heal("nas").unwrap();
    works(&lab);

    lab.inject("nas", Fault::PortResets(22)).unwrap();
    let mut stream = connect(&lab, fine).unwrap();
    let mut banner = [0; 256];
    assert!(stream.read(&mut banner).unwrap() > 0);
    stream.write_all(b"SSH-2.0-test\r\n").unwrap();
    let reset = stream.read(&mut banner).unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    lab.heal("nas").unwrap();

    lab.inject("nas", Fault::DropsAll).unwrap();
    let dropped = connect(&lab, Duration::from_millis(500)).unwrap_err();
    assert_eq!(dropped.kind(), ErrorKind::TimedOut);
    lab.heal("nas").unwrap();

    lab.inject("nas", Fault::SshHangs).unwrap();
    let mut stream = connect(&lab, fine).unwrap();
    let hung = stream.read(&mut banner).unwrap_err();
    assert_eq!(hung.kind(), ErrorKind::WouldBlock);
    lab.heal("nas").unwrap();
    works(&lab);

    let before = host_key(&lab, "nas");
    lab.change_host_key("nas").unwrap();
    assert_ne!(host_key(&lab, "nas"), before);

    lab.inject("nas", Fault::RefusesShutdown).unwrap();
    let refused = ssh(&lab, "nas", "root", "poweroff");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("inhibited"));
    lab.heal("nas").unwrap();

    lab.shut_down("nas").await.unwrap();
    lab.inject("nas", Fault::NeverWakes).unwrap();
    wake(&lab, lab.broadcast(), 9, &lab.mac("nas"), &[]);
    lab.wait_until(SOON, "the packet arrived", |lab| {
        lab.packets("nas").len() == 1
    })
    .await
    .unwrap();
    assert!(lab.is_off("nas"));
    lab.inject("nas", Fault::Unplugged).unwrap();
    wake(&lab, lab.broadcast(), 9, &lab.mac("nas"), &[]);
    lab.heal("nas").unwrap();
    wake(&lab, lab.broadcast(), 9, &lab.mac("nas"), &[]);
    lab.wait_until(SOON, "nas is on", |lab| lab.is_on("nas"))
        .await
        .unwrap();
    assert_eq!(
        lab.packets("nas").len(),
        2,
        "a packet came through a cable that was out"
    );
}
