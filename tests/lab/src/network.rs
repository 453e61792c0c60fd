//! The cables: a bridge on the host's side, and a namespace with one network card per machine.

use anyhow::Context;
use std::fs;
use std::time::Duration;

use crate::homelab::{Homelab, Machine};
use crate::instance::Instance;
use crate::process::{in_namespace, run, wait_for};

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
    for machine in &homelab.machines {
        wait_forwarding(&instance.cable(machine.last_byte))?;
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

/// Takes the machine's address away, and with it its routes: what still runs there cannot say goodbye any more, neither by
/// FIN nor by RST. The link stays: a magic packet may come the next moment.
pub(crate) fn take_away(instance: &Instance, machine: &Machine) -> anyhow::Result<()> {
    let namespace = instance.namespace(&machine.name);
    run(
        "ip",
        &["-n", &namespace, "addr", "flush", "dev", "eth0"],
        "",
    )
    .map(drop)
}

/// Puts the machine's cable in or out. A bridge takes up to a second to notice that a link is back.
pub(crate) fn cable(instance: &Instance, machine: &Machine, plugged: bool) -> anyhow::Result<()> {
    let cable = instance.cable(machine.last_byte);
    let state = if plugged { "up" } else { "down" };
    run("ip", &["link", "set", &cable, state], "")?;
    if plugged {
        wait_forwarding(&cable)?;
    }
    Ok(())
}

fn wait_forwarding(cable: &str) -> anyhow::Result<()> {
    /// BR_STATE_FORWARDING of linux/if_bridge.h.
    const FORWARDING: &str = "3";
    let state = format!("/sys/class/net/{cable}/brport/state");
    let forwards = || fs::read_to_string(&state).is_ok_and(|state| state.trim() == FORWARDING);
    anyhow::ensure!(
        wait_for(Duration::from_secs(10), forwards),
        "the bridge does not carry the frames of {cable}"
    );
    Ok(())
}

/// `52:54:00:00:00:03`
pub(crate) fn written(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
