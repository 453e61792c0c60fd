//! What tests do with any engine: name a container, look at it.

use std::time::{Duration, Instant};
use wakehub_connectors::docker::DockerConnector;
use wakehub_connectors::{Connector, GuestReport, StopOptions, Target};
use wakehub_domain::{NodeKind, PowerOff};

/// The one container of this name.
pub fn container(name: &str) -> Target {
    Target::Guest {
        kind: NodeKind::Container,
        platform_id: name.into(),
    }
}

/// What a cascade passes: 30 s, the default of containers.
pub fn gently() -> StopOptions {
    StopOptions {
        timeout: NodeKind::Container.stop_timeout(),
        force: false,
        power_off: PowerOff::ShutDown,
        command: None,
    }
}

/// One look at one container.
pub async fn seen(connector: &DockerConnector, name: &str) -> Option<GuestReport> {
    let report = connector.observe().await.unwrap();
    assert!(report.complete);
    report
        .guests
        .into_iter()
        .find(|guest| guest.platform_id == name)
}

/// Looks again until what is seen is as wanted.
pub async fn seen_to_be(
    connector: &DockerConnector,
    name: &str,
    wanted: impl Fn(&GuestReport) -> bool,
) -> GuestReport {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let last = seen(connector, name).await;
        if let Some(report) = &last
            && wanted(report)
        {
            return report.clone();
        }
        assert!(Instant::now() < until, "last seen of {name}: {last:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
