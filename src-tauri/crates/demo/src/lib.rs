//! A homelab to try WakeHub on, without any hardware: the real engine over a simulated house.
//!
//! Nothing here opens a socket or reads a keyring. The house has the reference homelab in it, a few guests that nobody
//! has configured yet, and one machine that is not part of the homelab, so that adding, testing, accepting a fingerprint,
//! discovering and configuring can be tried. Things take their time, now and then something goes wrong (always the same
//! for the same seed), and somebody else uses the homelab, too.

mod check;
mod connector;
mod furniture;
mod habits;
mod house;
mod life;
mod mishap;
mod place;
mod pocket;
mod world;

pub use mishap::{CALM, USUAL};
pub use place::REFUSED;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use wakehub_domain::idle::{Login, UseProbe};
use wakehub_domain::{Action, Presented, SecretName, SshAuth};
use wakehub_engine::{Handle, Secrets, StartError, SystemClock};
use wakehub_view::homelab::NodeEntry;
use wakehub_view::wire::{Ask, CommandError};

use crate::house::House;
use crate::pocket::Pocket;
use crate::world::DemoWorld;

/// The homelab that the demo begins with, as homelab.toml.
pub const HOMELAB: &str = include_str!("homelab.toml");

/// Stands in every folder of a demo: the real engine must not take its machines for real ones.
const MARK: &str = "demo-homelab";

/// Whether the folder is that of a demo.
pub fn is_demo(folder: &Path) -> bool {
    folder.join(MARK).exists()
}

#[derive(Clone, Debug)]
pub struct Options {
    /// Where the demo keeps its database; a temporary folder that goes with it unless set. What is there already stays.
    pub folder: Option<PathBuf>,
    /// How many times as fast as in life everything happens.
    pub speed: f64,
    /// Of the mishaps; [`CALM`] has none.
    pub seed: u64,
    /// Begin with no node at all, as a newcomer does.
    pub empty: bool,
    /// Whether somebody else uses the homelab, too.
    pub lived_in: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            folder: None,
            speed: 1.0,
            seed: USUAL,
            empty: false,
            lived_in: true,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("failed to make a folder for the demo: {0}")]
    Folder(#[from] std::io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{0} holds a homelab that is no demo; name another folder")]
    NotADemo(String),
    #[error("failed to furnish the demo: {0}")]
    Furnish(String),
}

/// A running demo. Its temporary folder goes when it is dropped; shut the engine down first.
pub struct Demo {
    pub handle: Handle,
    folder: PathBuf,
    pocket: Arc<Pocket>,
    life: Option<tokio::task::AbortHandle>,
    _temporary: Option<TempDir>,
}

impl Demo {
    /// Where its database is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it keeps its secrets.
    pub fn secrets(&self) -> Arc<dyn Secrets> {
        self.pocket.clone()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(life) = &self.life {
            life.abort();
        }
    }
}

/// Starts the engine over the simulated house.
pub async fn start(options: Options) -> Result<Demo, DemoError> {
    let (folder, temporary) = match options.folder {
        Some(folder) => (folder, None),
        None => {
            let folder = tempfile::Builder::new().prefix("wakehub-demo-").tempdir()?;
            (folder.path().to_owned(), Some(folder))
        }
    };
    mark(&folder)?;
    let house = Arc::new(House::new(options.speed, options.seed));
    let pocket = Arc::new(Pocket::furnishing(&folder));
    let handle = wakehub_engine::start(wakehub_engine::Options {
        data_dir: folder.clone(),
        secrets: pocket.clone(),
        world: Arc::new(DemoWorld::new(house.clone())),
        clock: Arc::new(SystemClock),
    })
    .await?;
    if let Err(error) = furnish(&handle, &pocket, options.empty).await {
        handle.shut_down().await;
        return Err(DemoError::Furnish(error));
    }
    let life = options
        .lived_in
        .then(|| tokio::spawn(life::goes_on(Arc::downgrade(&house))).abort_handle());
    Ok(Demo {
        handle,
        folder,
        pocket,
        life,
        _temporary: temporary,
    })
}

/// A folder that holds a real homelab is nobody's demo.
fn mark(folder: &Path) -> Result<(), DemoError> {
    if folder.join("wakehub.db").exists() && !is_demo(folder) {
        let place = folder.display();
        return Err(DemoError::NotADemo(place.to_string()));
    }
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(MARK), "Nothing in this folder is real.\n")?;
    Ok(())
}

/// The homelab of the demo with its secrets and fingerprints, where nothing is yet.
async fn furnish(handle: &Handle, pocket: &Pocket, empty: bool) -> Result<(), String> {
    let mut snapshots = handle.snapshots();
    let first = snapshots
        .wait_for(|snapshot| snapshot.revision > 0)
        .await
        .map_err(|error| error.to_string())?
        .clone();
    if first.nodes.is_empty() && !empty {
        for presented in doors() {
            handle.accept(presented).await.map_err(sentence)?;
        }
        handle.import(HOMELAB.to_owned()).await.map_err(sentence)?;
    }
    let nodes: Vec<_> = handle.snapshot().nodes.iter().map(|node| node.id).collect();
    let mut secrets = Vec::new();
    for node in nodes {
        let entry = handle.node_entry(node).await.map_err(sentence)?;
        secrets.extend(wanted(&entry).into_iter().map(|name| (node, name)));
    }
    pocket.furnished(&secrets).await;
    // a plan looks twice at what it concerns, so that nobody waits for the second poll to see what is off
    let machines = handle.snapshot();
    let machines = machines.nodes.iter().filter(|node| node.host.is_none());
    for machine in machines {
        let ask = Ask {
            action: Action::Stop,
            node: machine.id,
            with_dependants: true,
            automatic: false,
            queue: false,
        };
        handle.plan(ask).await.map_err(sentence)?;
    }
    Ok(())
}

/// The fingerprints that the owner of the demo has accepted: all but that of vm-ubuntu, whose first start asks for it,
/// and those of what is not configured.
fn doors() -> Vec<Presented> {
    let mut known = Vec::new();
    for name in ["machine1", "machine2", "nas", "raspberry", "100"] {
        let Some((thing, address)) =
            furniture::find(name).and_then(|thing| Some((thing, thing.address?)))
        else {
            continue;
        };
        known.push(place::host_key(thing, format!("{address}:22")));
        if thing.member.is_some() {
            known.push(place::certificate(thing, format!("{address}:8006")));
        }
    }
    known
}

fn wanted(entry: &NodeEntry) -> Vec<SecretName> {
    let mut wanted = Vec::new();
    if entry
        .ssh
        .as_ref()
        .is_some_and(|ssh| ssh.auth == SshAuth::Password)
    {
        wanted.push(SecretName::SshPassword);
    }
    match &entry.proxmox_api {
        Some(api) if api.token_id.is_some() => wanted.push(SecretName::ProxmoxToken),
        Some(_) => wanted.push(SecretName::ProxmoxPassword),
        None => {}
    }
    let criteria = entry.idle.as_ref().and_then(|rule| rule.criteria.as_ref());
    let login = criteria.and_then(|criteria| criteria.probe.as_ref().map(UseProbe::login));
    match login {
        Some(Login::Required) => wanted.push(SecretName::Probe),
        Some(Login::Optional | Login::None) | None => {}
    }
    wanted
}

fn sentence(error: CommandError) -> String {
    match error {
        CommandError::Entry { errors } => errors
            .into_iter()
            .map(|error| error.message)
            .collect::<Vec<_>>()
            .join("; "),
        CommandError::Failure { failure } => format!("{}: {}", failure.operation, failure.message),
        CommandError::Other { message } => message,
    }
}
