//! Who made a network card, from the first half of its MAC address. Only what helps to tell the machines of a homelab
//! apart: virtual cards and the boards that stand in many of them. Prefixes as assigned in the IEEE registry
//! (MA-L, standards-oui.ieee.org) unless a source is named.

const KNOWN: [(&str, &str); 19] = [
    // locally administered; the default of QEMU and libvirt (QEMU's networking documentation)
    ("52:54:00", "QEMU/KVM"),
    ("bc:24:11", "Proxmox"),
    // locally administered; Docker makes them from the container's address (libnetwork, GenerateMACFromIP)
    ("02:42:", "Docker"),
    ("00:16:3e", "Xen"),
    ("00:15:5d", "Hyper-V"),
    ("00:0c:29", "VMware"),
    ("00:50:56", "VMware"),
    // assigned to PCS Systemtechnik; VirtualBox's default (VirtualBox manual, network settings)
    ("08:00:27", "VirtualBox"),
    ("b8:27:eb", "Raspberry Pi"),
    ("dc:a6:32", "Raspberry Pi"),
    ("e4:5f:01", "Raspberry Pi"),
    ("28:cd:c1", "Raspberry Pi"),
    ("d8:3a:dd", "Raspberry Pi"),
    ("2c:cf:67", "Raspberry Pi"),
    ("00:11:32", "Synology"),
    ("90:09:d0", "Synology"),
    ("24:5e:be", "QNAP"),
    ("00:08:9b", "QNAP"),
    ("ac:1f:6b", "Supermicro"),
];

pub(super) fn of(mac: &str) -> Option<&'static str> {
    KNOWN
        .iter()
        .find(|(prefix, _)| mac.starts_with(prefix))
        .map(|(_, vendor)| *vendor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_cards_and_boards_are_known() {
        assert_eq!(of("52:54:00:00:00:03"), Some("QEMU/KVM"));
        assert_eq!(of("bc:24:11:aa:bb:cc"), Some("Proxmox"));
        assert_eq!(of("02:42:ac:11:00:02"), Some("Docker"));
        assert_eq!(of("02:43:ac:11:00:02"), None);
        assert_eq!(of("f0:99:bf:12:34:56"), None);
    }
}
