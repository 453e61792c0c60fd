use bollard::models::{ContainerInspectResponse, ContainerSummary, Network};

use super::*;

macro_rules! recorded {
    ($name:literal) => {
        serde_json::from_slice(include_bytes!(concat!(
            "../../tests/recorded/docker/",
            $name
        )))
        .unwrap()
    };
}

fn of(name: &str, inspected: ContainerInspectResponse, host: Option<&str>) -> Discovered {
    let containers: Vec<ContainerSummary> = recorded!("list-20.10.json");
    let containers = containers.into_iter().map(Listed::try_from);
    let containers: Vec<Listed> = containers.collect::<Result<_, _>>().unwrap();
    let inspected = Inspected::try_from(inspected).unwrap();
    let networks: Vec<Network> = recorded!("networks-20.10.json");
    let networks = networks
        .into_iter()
        .filter_map(|network| Some((network.name?, network.driver?)))
        .collect();
    let around = Surroundings {
        host,
        containers: &containers,
        networks: &networks,
    };
    let listed = containers.iter().find(|one| one.name() == name).unwrap();
    discovered(listed, &inspected, &around)
}

#[test]
fn a_compose_service_with_ports_and_limits() {
    let web = of(
        "web",
        recorded!("inspect-web-20.10.json"),
        Some("10.77.0.11"),
    );
    assert_eq!(web.ports, [8080], "8443 is bound to the engine's loopback");
    assert_eq!(web.addresses, ["10.77.0.11"]);
    assert_eq!(web.image.as_deref(), Some("lab:1"));
    assert_eq!(web.compose_project.as_deref(), Some("shop"));
    assert_eq!(web.compose_service.as_deref(), Some("web"));
    assert_eq!(web.cores, Some(1.5));
    assert_eq!(web.memory, Some(64 * 1024 * 1024));
    // redis is in the label too, but there is no such container.
    assert_eq!(web.suggested_dependencies, ["shop_db_1"]);
}

#[test]
fn on_this_computer_loopback_counts() {
    let web = of("web", recorded!("inspect-web-20.10.json"), None);
    assert_eq!(web.ports, [8080, 8443]);
    assert_eq!(web.addresses, ["127.0.0.1"]);
}

#[test]
fn the_network_of_another_container_and_links_are_dependencies() {
    let user = of("vpnuser", recorded!("inspect-vpnuser-20.10.json"), None);
    assert_eq!(user.suggested_dependencies, ["web"]);
    let linked = of("cafe", recorded!("inspect-cafe-20.10.json"), None);
    assert_eq!(linked.suggested_dependencies, ["web"]);
}

#[test]
fn of_what_is_stopped_the_ports_that_it_will_have() {
    let port2 = of("port2", recorded!("inspect-port2-20.10.json"), Some("h"));
    assert_eq!(port2.ports, [8080]);
    assert_eq!(port2.cores, None);
    assert_eq!(port2.memory, None);
    assert!(port2.suggested_dependencies.is_empty());
}

fn made_up(inspected: serde_json::Value) -> Discovered {
    let listed: ContainerSummary =
        serde_json::from_value(serde_json::json!({"Id": "a1", "Names": ["/made"]})).unwrap();
    let listed = Listed::try_from(listed).unwrap();
    let networks = HashMap::from([
        ("lan".to_owned(), "macvlan".to_owned()),
        ("bridge".to_owned(), "bridge".to_owned()),
    ]);
    let around = Surroundings {
        host: Some("10.0.0.2"),
        containers: &[],
        networks: &networks,
    };
    let inspected: ContainerInspectResponse = serde_json::from_value(inspected).unwrap();
    let inspected = Inspected::try_from(inspected).unwrap();
    discovered(&listed, &inspected, &around)
}

#[test]
fn a_container_with_an_address_of_its_own() {
    let made = made_up(serde_json::json!({
        "Id": "a1", "Name": "/made", "State": {"Running": true},
        "Config": {"ExposedPorts": {"53/tcp": {}, "53/udp": {}, "80/tcp": {}}},
        "NetworkSettings": {"Networks": {
            "lan": {"IPAddress": "192.168.1.50"}, "bridge": {"IPAddress": "172.17.0.2"}
        }},
    }));
    assert_eq!(made.addresses, ["192.168.1.50"]);
    assert_eq!(made.ports, [53, 80]);
}

#[test]
fn a_container_in_the_hosts_network() {
    let made = made_up(serde_json::json!({
        "Id": "a1", "Name": "/made", "State": {},
        "Config": {"ExposedPorts": {"8123/tcp": {}}},
        "HostConfig": {"NetworkMode": "host", "CpuQuota": 50_000, "CpuPeriod": 100_000},
    }));
    assert_eq!(made.addresses, ["10.0.0.2"]);
    assert_eq!(made.ports, [8123]);
    assert_eq!(made.cores, Some(0.5));
}

#[test]
fn a_port_bound_to_one_address() {
    let made = made_up(serde_json::json!({
        "Id": "a1", "Name": "/made", "State": {},
        "HostConfig": {"PortBindings": {
            "80/tcp": [{"HostIp": "10.0.0.9", "HostPort": "8080"}],
            "81/tcp": [{"HostIp": "", "HostPort": ""}],
            "82/udp": [{"HostIp": "", "HostPort": "82"}],
            "83/tcp": null
        }},
    }));
    assert_eq!(made.addresses, ["10.0.0.9"]);
    assert_eq!(made.ports, [8080], "neither random nor UDP");
}
