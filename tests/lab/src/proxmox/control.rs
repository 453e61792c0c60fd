//! The hidden side of a machine's Proxmox API.

use anyhow::Context;
use serde_json::{Value, json};
use std::time::Duration;

use super::TOKEN_ID;
use crate::lab::Lab;

/// What the Proxmox API of a machine believes of a guest.
#[derive(Clone, PartialEq, Eq, Debug, serde::Deserialize)]
pub struct GuestStatus {
    pub name: String,
    pub node: String,
    /// `running` or `stopped`.
    pub status: String,
    pub lock: Option<String>,
}

/// The hidden side of a machine's Proxmox API: to look at what it believes and to break it. It must be on.
pub struct Proxmox<'lab> {
    lab: &'lab Lab,
    machine: String,
}

impl Lab {
    /// # Panics
    /// When this machine has no Proxmox API.
    pub fn proxmox(&self, machine: &str) -> Proxmox<'_> {
        let has = self.machine(machine).proxmox.is_some();
        assert!(has, "{machine} has no Proxmox API");
        let machine = machine.to_owned();
        Proxmox { lab: self, machine }
    }

    /// What the Proxmox API that hosts this guest believes: `running` or `stopped`; `off` while the host is off.
    ///
    /// # Errors
    /// When no machine hosts such a guest, or its API does not answer.
    pub async fn guest_status(&self, vmid: u32) -> anyhow::Result<String> {
        let mut machines = self.homelab().machines.iter();
        let host = machines.find_map(|machine| match &machine.host {
            Some((host, number)) if *number == vmid => Some(host),
            Some(_) | None => None,
        });
        let host = host.with_context(|| format!("no guest {vmid} in the lab"))?;
        if !self.is_on(host) {
            return Ok("off".to_owned());
        }
        Ok(self.proxmox(host).guest(vmid).await?.status)
    }
}

impl Proxmox<'_> {
    /// # Errors
    /// As all methods: when the machine is off, or the API program refuses.
    pub async fn guest(&self, vmid: u32) -> anyhow::Result<GuestStatus> {
        let answer = self.ask(json!({ "do": "guest", "vmid": vmid })).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Locks the guest as a running backup does (`Some("backup")`), or unlocks it.
    pub async fn lock(&self, vmid: u32, lock: Option<&str>) -> anyhow::Result<()> {
        self.set(vmid, json!({ "lock": lock })).await
    }

    /// The guest does not react to a shutdown: the task waits for its timeout and fails.
    pub async fn ignore_shutdown(&self, vmid: u32, ignore: bool) -> anyhow::Result<()> {
        // A container's clean shutdown has no such switch: it takes longer than any timeout.
        let seconds = if ignore {
            1e6
        } else {
            self.lab.inner.options.guest_shutdown.as_secs_f64()
        };
        self.set(vmid, json!({ "acpi": !ignore, "shutdown_secs": seconds }))
            .await
    }

    /// How long the guest's start and shutdown tasks take from now on.
    pub async fn take(&self, vmid: u32, start: Duration, shutdown: Duration) -> anyhow::Result<()> {
        let values =
            json!({ "start_secs": start.as_secs_f64(), "shutdown_secs": shutdown.as_secs_f64() });
        self.set(vmid, values).await
    }

    /// The guest's start task ends with `TASK ERROR: message`; `None` heals it.
    pub async fn fail_start(&self, vmid: u32, message: Option<&str>) -> anyhow::Result<()> {
        self.set(vmid, json!({ "start_error": message })).await
    }

    /// Extra fields of `status/current` and `/cluster/resources`, for example `{"netin": 123456}`.
    pub async fn stats(&self, vmid: u32, values: Value) -> anyhow::Result<()> {
        let request = json!({ "do": "stats", "vmid": vmid, "values": values });
        self.ask(request).await.map(drop)
    }

    /// What it remembers by the minute (`rrddata`) is of this time from now on, which goes so many times as fast: seconds since
    /// 1970. Until then it is the computer's.
    pub async fn clock(&self, now: f64, speed: u32) -> anyhow::Result<()> {
        let request = json!({ "do": "clock", "now": now, "speed": speed });
        self.ask(request).await.map(drop)
    }

    /// Requests whose path ends so are answered with this status and message, until [`Proxmox::heal`].
    pub async fn fail(
        &self,
        method: &str,
        path: &str,
        status: u16,
        message: &str,
    ) -> anyhow::Result<()> {
        let arguments = json!([method, path, status, message]);
        self.call("fail", arguments).await.map(drop)
    }

    /// Every login ticket is forgotten: the next request with one gets 401.
    pub async fn revoke_tickets(&self) -> anyhow::Result<()> {
        self.call("revoke_tickets", json!([])).await.map(drop)
    }

    /// The token has only these privileges, on `/`; see [`PRIVILEGES`] for what WakeHub needs.
    pub async fn limit_token(&self, privileges: &[&str]) -> anyhow::Result<()> {
        let request = json!({ "do": "limit", "token": TOKEN_ID, "privileges": privileges });
        self.ask(request).await.map(drop)
    }

    /// The token's secret part becomes another one.
    pub async fn replace_token(&self, secret: &str) -> anyhow::Result<()> {
        let value = json!({ TOKEN_ID: secret });
        let request = json!({ "do": "attribute", "name": "apitokens", "value": value });
        self.ask(request).await.map(drop)
    }

    /// A share of the requests (0 to 1) is reset, another hangs.
    pub async fn flaky(&self, dropped: f64, hung: f64) -> anyhow::Result<()> {
        self.call("flaky_network", json!([dropped, hung]))
            .await
            .map(drop)
    }

    /// Every answer is late by this.
    pub async fn slow(&self, latency: Duration) -> anyhow::Result<()> {
        let arguments = json!([latency.as_secs_f64()]);
        self.call("slow_network", arguments).await.map(drop)
    }

    /// Undoes `fail`, `limit_token`, `flaky` and `slow`.
    pub async fn heal(&self) -> anyhow::Result<()> {
        self.ask(json!({ "do": "heal" })).await.map(drop)
    }

    /// The SHA-256 of the certificate, in lower-case hexadecimal without separators.
    pub async fn fingerprint(&self) -> anyhow::Result<String> {
        let answer = self.ask(json!({ "do": "fingerprint" })).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// The API comes back with another certificate; gives its fingerprint.
    pub async fn change_certificate(&self) -> anyhow::Result<String> {
        let answer = self.ask(json!({ "do": "new_certificate" })).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Method and path of every request so far, oldest first.
    pub async fn requests(&self) -> anyhow::Result<Vec<(String, String)>> {
        let answer = self.ask(json!({ "do": "requests" })).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Calls any method of fakepve's `FakePve` by name.
    pub async fn call(&self, name: &str, arguments: Value) -> anyhow::Result<Value> {
        let request = json!({ "do": "call", "name": name, "arguments": arguments });
        self.ask(request).await
    }

    async fn set(&self, vmid: u32, values: Value) -> anyhow::Result<()> {
        let request = json!({ "do": "set", "vmid": vmid, "values": values });
        self.ask(request).await.map(drop)
    }

    async fn ask(&self, request: Value) -> anyhow::Result<Value> {
        let line = self.lab.look(&self.machine, |view| view.proxmox.clone());
        let line = line.with_context(|| format!("the Proxmox API of {} is off", self.machine))?;
        line.ask(request).await
    }
}
