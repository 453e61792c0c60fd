//! The privileges of a login.

use serde_json::Value;
use std::collections::BTreeMap;

use super::flag;

/// `GET /access/permissions`: the effective privileges by path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::proxmox) struct Permissions(BTreeMap<String, BTreeMap<String, bool>>);

pub(in crate::proxmox) fn permissions(data: &Value) -> Permissions {
    let mut permissions = Permissions::default();
    for (path, privileges) in data.as_object().into_iter().flatten() {
        let given = permissions.0.entry(path.clone()).or_default();
        for (privilege, _) in privileges.as_object().into_iter().flatten() {
            given.insert(privilege.clone(), flag(privileges, privilege));
        }
    }
    permissions
}

impl Permissions {
    /// Whether the privilege holds on the path. Proxmox lists what is in force, so the nearest listed path decides; from
    /// above only what propagates counts.
    pub fn has(&self, path: &str, privilege: &str) -> bool {
        if let Some(here) = self.0.get(path) {
            return here.contains_key(privilege);
        }
        let mut above = path;
        while above != "/" {
            above = match above.rfind('/') {
                Some(0) | None => "/",
                Some(slash) => &above[..slash],
            };
            if let Some(privileges) = self.0.get(above) {
                return privileges.get(privilege) == Some(&true);
            }
        }
        false
    }

    /// The paths below `prefix` on which all of the privileges hold: single guests, or pools.
    pub fn paths_below(&self, prefix: &str, privileges: &[&str]) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(path, given)| {
                path.starts_with(prefix) && privileges.iter().all(|p| given.contains_key(*p))
            })
            .map(|(path, _)| path.as_str())
            .collect()
    }
}
