//! A real machine of the lab appears in a scan when it has been switched on and asked for.
#![cfg(target_os = "linux")]

use tokio::sync::mpsc;
use wakehub_connectors::reach::look;
use wakehub_connectors::scan::{Found, scan};
use wakehub_lab::{Lab, Options};

async fn found(address: &str) -> Option<Found> {
    let (sender, mut found) = mpsc::channel::<Found>(4);
    let collect = async {
        let mut last = None;
        while let Some(one) = found.recv().await {
            if one.address.to_string() == address {
                last = Some(one);
            }
        }
        last
    };
    let look = async move { scan(false, &sender).await };
    tokio::join!(look, collect).1
}

#[tokio::test]
async fn a_machine_that_is_on_is_found_with_its_mac_address() {
    let Some(lab) = Lab::for_test(Options::single()).await else {
        return;
    };
    let address = lab.address("nas").to_string();
    look(&address, 22).await;
    assert_eq!(found(&address).await, None);
    lab.power_on("nas").await.unwrap();
    look(&address, 22).await;
    let nas = found(&address).await.expect("found");
    assert_eq!(nas.mac, Some(lab.mac("nas")));
}
