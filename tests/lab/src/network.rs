//! The cables: a bridge on the host's side, and a namespace with one network card per machine.

use anyhow::Context;
use std::fs;

use crate::homelab::{Homelab, Machine};
use crate::instance::Instance;
use crate::process::{in_namespace, run};

/// Makes the bridge and all namespaces. No machine has an address yet.
pub(crate) fn build(instance: &Instance, homelab: &Homelab) -> anyhow::Result<()> {
    let bridge = instance.bridge();
    let gateway = instance.address(1);
    // Without a forwarding delay the bridge carries frames at once.
    let mut outside = format!(
        "link add {bridge} type bridge forward_delay 0 stp_state 0\n\
         link set {bridge} addrgenmode none\n\
         addr add {gateway}/24 brd + dev {bridge}\n\
         link set {bridge} up\n"
    );
    for machine in &homelab.machines {
        let namespace = instance.namespace(&machine.name);
        let cable = instance.cable(machine.last_byte);
        let mac = written(instance.mac(machine.last_byte));
        outside += &format!(
            "netns add {namespace}\n\
             link add {cable} type veth peer name eth0 address {mac} netns {namespace}\n\
             link set {cable} addrgenmode none\n\
             link set {cable} master {bridge} up\n"
        );
    }
    run("ip", &["-batch", "-"], &outside).context("build the lab's network")?;
    for machine in &homelab.machines {
        let namespace = instance.namespace(&machine.name);
        in_namespace(&namespace, || {
            // A machine that is off would answer over its link-local address. Some kernels have no IPv6 at all.
            for scope in ["all", "default"] {
                let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1");
            }
            Ok(())
        })?;
        run(
            "ip",
            &["-n", &namespace, "-batch", "-"],
            "link set lo up\nlink set eth0 up\n",
        )?;
    }
    Ok(())
}

/// Gives the machine its address and route.
pub(crate) fn plug_in(instance: &Instance, machine: &Machine) -> anyhow::Result<()> {
    let namespace = instance.namespace(&machine.name);
    let address = instance.address(machine.last_byte);
    let gateway = instance.address(1);
    let batch = format!(
        "addr replace {address}/24 brd + dev eth0\n\
         route replace default via {gateway}\n"
    );
    run("ip", &["-n", &namespace, "-batch", "-"], &batch).map(drop)
}

/// Takes the machine's address away. With `silently` nothing that still runs can say goodbye first: no FIN, no RST.
pub(crate) fn take_away(
    instance: &Instance,
    machine: &Machine,
    silently: impl FnOnce(),
) -> anyhow::Result<()> {
    let namespace = instance.namespace(&machine.name);
    run("ip", &["-n", &namespace, "link", "set", "eth0", "down"], "")?;
    silently();
    let batch = "addr flush dev eth0\nlink set eth0 up\n";
    run("ip", &["-n", &namespace, "-batch", "-"], batch).map(drop)
}

/// `52:54:00:00:00:03`
pub(crate) fn written(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
