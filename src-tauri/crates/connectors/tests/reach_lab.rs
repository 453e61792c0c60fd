//! Presence of real machines: in network namespaces that are off, on, unplugged or behind a firewall.
#![cfg(target_os = "linux")]

use std::time::Duration;
use wakehub_connectors::reach::{Sighting, look};
use wakehub_lab::{Fault, Lab, Options};

#[tokio::test]
async fn off_is_silent_on_answers_and_a_firewall_is_neither() {
    let Some(lab) = Lab::for_test(Options::single()).await else {
        return;
    };
    let address = lab.address("nas").to_string();
    // Looks that overlap: the system gives the address up while some of them wait for their echo, and tells them so. That
    // is no answer of the machine's.
    let looks: Vec<_> = (0..6)
        .map(|turn| {
            let address = address.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(500) * turn).await;
                look(&address, 22).await
            })
        })
        .collect();
    for look in looks {
        let sighting = look.await.unwrap();
        assert!(matches!(sighting, Sighting::Silent { .. }), "{sighting:?}");
    }
    lab.power_on("nas").await.unwrap();
    let sighting = look(&address, 22).await;
    let Sighting::Answers { port_open, .. } = sighting else {
        panic!("{sighting:?}");
    };
    assert!(port_open);
    lab.inject("nas", Fault::DropsAll).unwrap();
    let sighting = look(&address, 22).await;
    assert!(matches!(sighting, Sighting::Mute { .. }), "{sighting:?}");
}
