//! Proxmox VE 8 and 9.
