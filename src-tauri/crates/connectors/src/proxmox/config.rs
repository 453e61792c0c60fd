//! What a connection to a Proxmox API needs to know.

use reqwest::Url;
use wakehub_domain::Secret;

/// pveproxy listens there on every member.
const DEFAULT_PORT: u16 = 8006;

/// One Proxmox VE API, seen from one machine.
#[derive(Clone, Debug)]
pub struct ProxmoxEndpoint {
    /// `https://10.77.0.2:8006`; without a scheme, https and port 8006 are meant.
    pub url: String,
    /// The name of this machine within Proxmox: `pve2`.
    pub member: String,
    pub auth: ProxmoxAuth,
    /// The accepted certificate: SHA-256 of its DER in hexadecimal, with or without colons.
    pub pinned: Option<String>,
}

#[derive(Clone, Debug)]
pub enum ProxmoxAuth {
    Token {
        /// `root@pam!wakehub`
        id: String,
        secret: Secret,
    },
    Password {
        /// `root@pam`
        user: String,
        password: Secret,
    },
}

impl ProxmoxEndpoint {
    /// `10.77.0.2:8006`, as a presented certificate names its endpoint; `None` for an address that is none.
    pub fn authority(&self) -> Option<String> {
        let url = base_url(&self.url).ok()?;
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        Some(format!("{host}:{port}"))
    }
}

impl ProxmoxAuth {
    /// Who logs in, as Proxmox names it.
    pub(super) fn name(&self) -> &str {
        match self {
            ProxmoxAuth::Token { id, .. } => id,
            ProxmoxAuth::Password { user, .. } => user,
        }
    }

    pub(super) fn secret(&self) -> &Secret {
        match self {
            ProxmoxAuth::Token { secret, .. } => secret,
            ProxmoxAuth::Password { password, .. } => password,
        }
    }
}

/// Reads the address as people write it: with or without a scheme, or copied from the browser with the web interface's
/// fragment.
pub(super) fn base_url(written: &str) -> Result<Url, String> {
    let written = written.trim();
    let mut url = match written.split_once("://") {
        Some(("https", _)) => Url::parse(written).map_err(|error| error.to_string())?,
        Some((scheme, _)) => {
            return Err(format!("a Proxmox API is reached by https, not {scheme}"));
        }
        None => {
            let mut url =
                Url::parse(&format!("https://{written}")).map_err(|error| error.to_string())?;
            if url.port().is_none() && !written.contains(":443") {
                // Cannot fail: an https URL has a host.
                let _ = url.set_port(Some(DEFAULT_PORT));
            }
            url
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address must not contain a login".to_owned());
    }
    url.set_fragment(None);
    url.set_query(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(path.strip_suffix("/api2/json").unwrap_or(&path));
    Ok(url)
}

/// `10.77.0.2:8006`, as it is connected to.
pub(super) fn host_port(url: &Url) -> String {
    format!(
        "{}:{}",
        url.host_str().unwrap_or_default(),
        url.port_or_known_default().unwrap_or(DEFAULT_PORT)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_as_people_write_them() {
        for (written, expected) in [
            ("https://10.77.0.2:8006", "https://10.77.0.2:8006/"),
            ("10.77.0.2", "https://10.77.0.2:8006/"),
            ("pve2.lan:8006", "https://pve2.lan:8006/"),
            ("pve2.lan:443", "https://pve2.lan/"),
            ("https://pve.example.org", "https://pve.example.org/"),
            (" https://pve2:8006/#v1:0:18:4::::: ", "https://pve2:8006/"),
            ("https://pve2:8006/api2/json/", "https://pve2:8006/"),
            ("https://[fd00::2]:8006", "https://[fd00::2]:8006/"),
        ] {
            assert_eq!(
                base_url(written).map(|url| url.to_string()),
                Ok(expected.to_owned()),
                "{written}"
            );
        }
    }

    #[test]
    fn refuses_what_is_not_protected_or_holds_a_login() {
        for written in [
            "http://10.77.0.2:8006",
            "https://root:secret@pve2:8006",
            "",
            "https://",
        ] {
            assert!(base_url(written).is_err(), "{written}");
        }
    }

    #[test]
    fn names_host_and_port() {
        for (url, expected) in [
            ("https://10.77.0.2:8006/", "10.77.0.2:8006"),
            ("https://pve.example.org/", "pve.example.org:443"),
            ("https://[fd00::2]:8006/", "[fd00::2]:8006"),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(host_port(&url), expected);
        }
    }
}
