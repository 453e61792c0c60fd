//! One lab among several on this computer: its number, from which its subnet and all its names follow, and how nothing of
//! it is left behind.

use anyhow::Context;
use rustix::process::Signal;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{self, Process, run, wait_for};

/// Short, because the path of a Unix socket may have 107 bytes only.
const ROOT: &str = "/run/wakehub-lab";

/// Held by its owner through a lock that ends with the owner's process, however that ends.
pub(crate) struct Instance {
    number: u8,
    _lock: File,
}

impl Instance {
    /// Sweeps up what labs left whose owner is gone, then takes the first free number.
    pub(crate) fn claim() -> anyhow::Result<Instance> {
        fs::create_dir_all(ROOT).with_context(|| format!("create {ROOT}"))?;
        let mut claimed = None;
        for number in 0..=254 {
            let used_before = Path::new(&lock_file(number)).exists();
            if claimed.is_some() && !used_before {
                continue;
            }
            let lock = File::create(lock_file(number)).context("create the lab's lock file")?;
            if lock.try_lock().is_err() {
                continue;
            }
            let instance = Instance {
                number,
                _lock: lock,
            };
            if used_before {
                instance.sweep();
            }
            if claimed.is_none() && !instance.subnet_in_use() {
                claimed = Some(instance);
            }
        }
        claimed.context("all 255 subnets 10.77.0.0/24 to 10.77.254.0/24 are in use")
    }

    pub(crate) fn directory(&self) -> PathBuf {
        PathBuf::from(format!("{ROOT}/{}", self.number))
    }

    pub(crate) fn bridge(&self) -> String {
        format!("wh-lab{}", self.number)
    }

    /// The name of a machine's network namespace.
    pub(crate) fn namespace(&self, machine: &str) -> String {
        format!("lab{}-{machine}", self.number)
    }

    /// The bridge's side of a machine's cable. At most 15 characters, as for every interface.
    pub(crate) fn cable(&self, last_byte: u8) -> String {
        format!("wh{}-{last_byte}", self.number)
    }

    pub(crate) fn address(&self, last_byte: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, self.number, last_byte)
    }

    pub(crate) fn mac(&self, last_byte: u8) -> [u8; 6] {
        [0x52, 0x54, 0x00, 0x00, self.number, last_byte]
    }

    /// The parent cgroup of all containers of the lab.
    pub(crate) fn cgroup(&self) -> String {
        format!("wakehub-lab-{}", self.number)
    }

    fn subnet_in_use(&self) -> bool {
        let bridge = self.address(1).to_string();
        run("ip", &["-o", "-4", "addr", "show"], "").is_ok_and(|addresses| {
            let subnet = bridge.trim_end_matches('1');
            addresses.contains(&format!(" {subnet}"))
        })
    }

    /// Ends every process of this lab and takes away its namespaces, interfaces, cgroups and files. Best effort: what
    /// cannot be taken away now is tried again by the next lab.
    pub(crate) fn sweep(&self) {
        let namespaces = self.namespaces();
        for machine in fs::read_dir(self.directory())
            .into_iter()
            .flatten()
            .flatten()
        {
            if let Some(process) = Process::read(&machine.path().join("pid")) {
                process.signal(Signal::KILL);
            }
        }
        wait_for(Duration::from_secs(5), || {
            let left: Vec<Process> = namespaces
                .iter()
                .flat_map(|name| process::in_network_namespace(name))
                .collect();
            for process in &left {
                process.signal(Signal::KILL);
            }
            left.is_empty()
        });
        let mut undo: String = namespaces
            .iter()
            .map(|name| format!("netns del {name}\n"))
            .collect();
        for name in self.interfaces() {
            undo += &format!("link del {name}\n");
        }
        if !undo.is_empty() {
            // With a namespace the kernel takes its cables away by itself, sooner or later; then `link del` finds nothing.
            let _ = run("ip", &["-force", "-batch", "-"], &undo);
        }
        self.remove_cgroups(None);
        let _ = fs::remove_dir_all(self.directory());
    }

    fn namespaces(&self) -> Vec<String> {
        names_in("/run/netns", &self.namespace(""))
    }

    fn interfaces(&self) -> Vec<String> {
        let mut names = names_in("/sys/class/net", &format!("wh{}-", self.number));
        let bridge = self.bridge();
        if Path::new("/sys/class/net").join(&bridge).exists() {
            names.push(bridge);
        }
        names
    }

    /// Those of one machine's containers, or all. Nothing may run in them any more.
    pub(crate) fn remove_cgroups(&self, machine: Option<&str>) {
        // Version 1 has a hierarchy per controller, version 2 one for all.
        let mut hierarchies = vec![PathBuf::from("/sys/fs/cgroup")];
        hierarchies.extend(
            fs::read_dir("/sys/fs/cgroup")
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path()),
        );
        for hierarchy in hierarchies {
            let all = hierarchy.join(self.cgroup());
            remove_cgroup(&machine.map_or(all.clone(), |machine| all.join(machine)));
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.directory().exists() {
            self.sweep();
        }
    }
}

fn lock_file(number: u8) -> String {
    format!("{ROOT}/{number}.lock")
}

fn names_in(directory: &str, prefix: &str) -> Vec<String> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .collect()
}

/// Innermost first; the files of a cgroup go with its folder.
fn remove_cgroup(path: &Path) {
    if !path.is_dir() {
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_cgroup(&entry.path());
        }
    }
    // A process that was just killed may still be counted in it for a moment.
    wait_for(Duration::from_secs(1), || {
        fs::remove_dir(path).is_ok() || !path.exists()
    });
}
