//! The Proxmox API of a machine.

/// The API token that homelab.toml names.
pub const TOKEN_ID: &str = "root@pam!wakehub";
/// Its secret part.
pub const TOKEN: &str = "5b1f0c3a-9d0e-4a57-8c55-0d1e7a3b2c11";
/// A user that logs in with a password.
pub const USER: &str = "root@pam";
pub const PASSWORD: &str = "lab-proxmox-c40d2b";
