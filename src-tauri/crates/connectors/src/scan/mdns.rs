//! Who announces itself on the network (RFC 6762, RFC 6763).

use futures_util::StreamExt;
use futures_util::stream::select_all;
use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent};
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::neighbours::normal;

/// Responders wait up to 120 ms, and questions are asked again after one and two seconds (RFC 6762, section 5.2).
const LISTEN: Duration = Duration::from_millis(4500);

/// What machines of a homelab announce.
const SERVICES: [&str; 10] = [
    "_workstation._tcp.local.",
    "_ssh._tcp.local.",
    "_sftp-ssh._tcp.local.",
    "_smb._tcp.local.",
    "_nfs._tcp.local.",
    "_afpovertcp._tcp.local.",
    "_http._tcp.local.",
    "_https._tcp.local.",
    "_device-info._tcp.local.",
    "_home-assistant._tcp.local.",
];

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Announcement {
    pub addresses: Vec<IpAddr>,
    pub name: Option<String>,
    pub mac: Option<String>,
}

/// The daemon has a thread of its own, which must end with the scan, however that ends.
struct Daemon(ServiceDaemon);

impl Drop for Daemon {
    fn drop(&mut self) {
        // it fails only when the thread has ended already
        let _ = self.0.shutdown();
    }
}

/// For as long as answers may come.
pub(super) async fn listen(announced: mpsc::Sender<Announcement>) {
    let daemon = match ServiceDaemon::new() {
        Ok(daemon) => Daemon(daemon),
        Err(error) => {
            tracing::debug!(%error, "mDNS cannot be asked");
            return;
        }
    };
    let browsed = SERVICES
        .iter()
        .filter_map(|service| daemon.0.browse(service).ok());
    let mut events = select_all(browsed.map(|events| events.into_stream().boxed()));
    let hear = async {
        while let Some(event) = events.next().await {
            if let ServiceEvent::ServiceResolved(service) = event
                && announced.send(read(&service)).await.is_err()
            {
                return;
            }
        }
    };
    // the end of the time is the usual end
    let _ = timeout(LISTEN, hear).await;
}

fn read(service: &ResolvedService) -> Announcement {
    let all = || service.addresses.iter().map(|scoped| scoped.to_ip_addr());
    let has_v4 = all().any(|address| address.is_ipv4());
    let addresses = all().filter(|address| match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
        // one address is enough to know a machine by, and this one reads better
        IpAddr::V6(address) => {
            !has_v4 && !address.is_loopback() && !address.is_unicast_link_local()
        }
    });
    Announcement {
        addresses: addresses.collect(),
        name: host(&service.host),
        mac: mac(&service.fullname),
    }
}

/// `nas.local.` is `nas`.
fn host(name: &str) -> Option<String> {
    let bare = name.trim_end_matches('.');
    let bare = bare.strip_suffix(".local").unwrap_or(bare);
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// Workstations are announced as `nas [52:54:00:00:00:03]._workstation._tcp.local.`.
fn mac(fullname: &str) -> Option<String> {
    let (_, rest) = fullname.split_once('[')?;
    normal(rest.split_once(']')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_macs_of_announcements() {
        assert_eq!(host("nas.local.").as_deref(), Some("nas"));
        assert_eq!(host("nas.home.arpa.").as_deref(), Some("nas.home.arpa"));
        assert_eq!(host("."), None);
        let workstation = "nas [52:54:00:00:00:03]._workstation._tcp.local.";
        assert_eq!(mac(workstation).as_deref(), Some("52:54:00:00:00:03"));
        assert_eq!(mac("Printer [office]._http._tcp.local."), None);
        assert_eq!(mac("nas._ssh._tcp.local."), None);
    }
}
