//! homelab.toml of a lab (the format of DESIGN section 11), and the secrets that it does not hold.

use anyhow::Context;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::homelab::{Docker, DockerAccess, Kind, Login, Machine};
use crate::lab::Lab;
use crate::prepare::ROOT;
use crate::proxmox;

/// A secret as WakeHub names it: node, name of the secret, value.
pub type NamedSecret = (String, &'static str, String);

impl Lab {
    /// Writes `homelab.toml`, the SSH key `id_ed25519` and, per engine with TLS, `NAME-docker/{ca,cert,key}.pem` into the
    /// folder, and gives the path of homelab.toml.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_homelab_toml(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        // The paths in the file hold wherever it is read from.
        let folder = &std::path::absolute(folder)?;
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let key = folder.join("id_ed25519");
        fs::copy(self.key_file(), &key)?;
        fs::set_permissions(&key, Permissions::from_mode(0o600))?;
        let mut text = String::new();
        for machine in &self.homelab().machines {
            self.machine_entry(&mut text, machine, folder)?;
            for container in machine.docker.iter().flat_map(|docker| &docker.containers) {
                writeln!(
                    text,
                    "[[node]]\nname = {:?}\nkind = \"container\"",
                    container.name
                )?;
                writeln!(text, "host = {:?}", machine.name)?;
                writeln!(text, "platform_id = {:?}", container.name)?;
                depends_on(&mut text, &container.depends_on)?;
                pinned(&mut text, container.pinned)?;
                text.push('\n');
            }
        }
        let file = folder.join("homelab.toml");
        fs::write(&file, text)?;
        Ok(file)
    }

    fn machine_entry(
        &self,
        text: &mut String,
        machine: &Machine,
        folder: &Path,
    ) -> anyhow::Result<()> {
        let name = &machine.name;
        let address = self.address(name);
        let kind = match machine.kind {
            Kind::Machine => "machine",
            Kind::Vm => "vm",
            Kind::Lxc => "lxc",
        };
        writeln!(text, "[[node]]\nname = {name:?}\nkind = {kind:?}")?;
        if let Some((host, vmid)) = &machine.host {
            writeln!(text, "host = {host:?}\nplatform_id = \"{vmid}\"")?;
        }
        writeln!(text, "address = \"{address}\"")?;
        match machine.kind {
            Kind::Machine => writeln!(text, "mac = {:?}", self.mac(name))?,
            Kind::Vm | Kind::Lxc => {}
        }
        match machine.login {
            Some(Login::Key) => {
                let key = folder.join("id_ed25519");
                writeln!(
                    text,
                    "ssh = {{ user = \"root\", auth = \"key\", key_file = {key:?} }}"
                )?;
            }
            Some(Login::Password) => {
                writeln!(text, "ssh = {{ user = \"root\", auth = \"password\" }}")?;
            }
            None => {}
        }
        if let Some(node) = &machine.proxmox {
            writeln!(
                text,
                "proxmox_api = {{ url = \"https://{address}:8006\", node = {node:?}, token_id = {:?} }}",
                proxmox::TOKEN_ID
            )?;
        }
        if let Some(docker) = &machine.docker {
            self.docker_entry(text, machine, docker, folder)?;
        }
        if let Some(port) = machine.http_port {
            let url = format!("http://{address}:{port}");
            writeln!(text, "url = {url:?}\nreadiness = {{ http = {url:?} }}")?;
        }
        depends_on(text, &machine.depends_on)?;
        pinned(text, machine.pinned)?;
        text.push('\n');
        Ok(())
    }

    fn docker_entry(
        &self,
        text: &mut String,
        machine: &Machine,
        docker: &Docker,
        folder: &Path,
    ) -> anyhow::Result<()> {
        let address = self.address(&machine.name);
        match docker.access {
            DockerAccess::Plain => {
                writeln!(text, "docker_api = {{ url = \"tcp://{address}:2375\" }}")?;
            }
            DockerAccess::Ssh => writeln!(text, "docker_api = {{ url = \"ssh\" }}")?,
            DockerAccess::Tls => {
                let own = folder.join(format!("{}-docker", machine.name));
                fs::create_dir_all(&own)?;
                for file in ["ca.pem", "cert.pem", "key.pem"] {
                    fs::copy(
                        self.docker_certificates(&machine.name).join(file),
                        own.join(file),
                    )?;
                }
                fs::set_permissions(own.join("key.pem"), Permissions::from_mode(0o600))?;
                writeln!(
                    text,
                    "docker_api = {{ url = \"tcp://{address}:2376\", cert_path = {own:?} }}"
                )?;
            }
        }
        Ok(())
    }

    /// `ca.pem`, `cert.pem` and `key.pem` of a client of this machine's Docker engine, if it speaks TLS.
    pub fn docker_certificates(&self, name: &str) -> PathBuf {
        self.directory().join(name).join("lab/tls")
    }

    /// What WakeHub must have in its keyring for this lab's homelab.toml.
    pub fn secrets(&self) -> Vec<NamedSecret> {
        let mut secrets = Vec::new();
        for machine in &self.homelab().machines {
            let name = &machine.name;
            if machine.proxmox.is_some() {
                secrets.push((name.clone(), "proxmox-token", proxmox::TOKEN.to_owned()));
            }
            match machine.login {
                Some(Login::Password) => {
                    secrets.push((name.clone(), "ssh-password", ROOT.password.to_owned()));
                }
                Some(Login::Key) | None => {}
            }
            if let Some(password) = machine.secure_on {
                let written = crate::network::written(password);
                secrets.push((name.clone(), "wol-password", written));
            }
        }
        secrets
    }
}

fn depends_on(text: &mut String, names: &[String]) -> std::fmt::Result {
    if names.is_empty() {
        return Ok(());
    }
    writeln!(text, "depends_on = {names:?}")
}

fn pinned(text: &mut String, pinned: bool) -> std::fmt::Result {
    if !pinned {
        return Ok(());
    }
    writeln!(text, "pinned = true")
}
