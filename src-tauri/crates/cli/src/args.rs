//! The command line as it is typed.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Starts a service of the homelab with everything it needs, and shuts it down without touching what others use.
#[derive(Parser, Debug)]
#[command(name = "wakehub", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Where WakeHub keeps its database; its own folder in the user's data directory unless set
    #[arg(long, global = true, value_name = "FOLDER", env = "WAKEHUB_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Add and change nodes from a homelab.toml, all or nothing
    Import {
        /// `-` reads standard input
        file: PathBuf,
    },
    /// Write the homelab as homelab.toml, without secrets
    Export,
    /// List the nodes with their state
    Nodes,
    /// Ask a host for guests that are not configured yet
    Discover { node: String },
    /// Test every connection of a node, and show each thing that was tried
    Test {
        node: String,
        /// Accept the host keys and certificates that are shown for the first time
        #[arg(long)]
        accept: bool,
    },
    /// Show what a start or stop would do, and why, without doing it
    Plan {
        #[command(subcommand)]
        action: PlanCommand,
    },
    /// Start a node with everything it needs
    Start {
        node: String,
        /// Wait for a running cascade that is in the way
        #[arg(long)]
        queue: bool,
    },
    /// Stop a node with everything it hosts
    Stop {
        node: String,
        /// Stop the nodes that depend on it, too, without asking
        #[arg(long)]
        yes: bool,
        /// Wait for a running cascade that is in the way
        #[arg(long)]
        queue: bool,
    },
    /// What happened, and why; newest last
    Journal {
        /// Only of this node
        #[arg(long)]
        node: Option<String>,
        /// Only what contains this
        #[arg(long)]
        text: Option<String>,
        /// So many of the newest
        #[arg(long, short = 'n', default_value_t = 50)]
        lines: u32,
    },
    /// Keep a secret in the keyring
    Secret {
        #[command(subcommand)]
        action: SecretCommand,
    },
    /// Run without a window until interrupted
    Run,
}

#[derive(Subcommand, Debug)]
pub enum PlanCommand {
    Start(PlanArgs),
    Stop(PlanArgs),
}

#[derive(Args, Debug)]
pub struct PlanArgs {
    pub node: String,
    /// Take the active dependants into the set instead of refusing
    #[arg(long)]
    pub with_dependants: bool,
    /// Plan as WakeHub does when nobody asks
    #[arg(long)]
    pub automatic: bool,
    /// Plan from these states alone ({"nas": "on", …}: on, off or unknown; absent means off), without any network; `-` reads
    /// standard input
    #[arg(long, value_name = "FILE")]
    pub states: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub enum SecretCommand {
    /// Read the value from standard input; an empty one removes the secret
    Set {
        node: String,
        /// ssh-password, ssh-passphrase, jump-password, jump-passphrase, proxmox-token, proxmox-password, wol-password
        name: String,
    },
}
