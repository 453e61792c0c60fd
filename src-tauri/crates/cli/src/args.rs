//! The command line as it is typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use wakehub_domain::savings::Period;
use wakehub_domain::{NodeId, Timestamp};
use wakehub_view::savings::SavingsAsk;
use wakehub_view::until;

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
    /// List the machines on this network: who was talked to lately, and who announces itself
    Scan {
        /// Also send an echo request to each address of this network
        #[arg(long)]
        sweep: bool,
    },
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
    /// Show what keeps a node on, and whether anybody uses it
    Why { node: String },
    /// Show or set the rule by which a node counts as used; without a node, the timeout of rules that set none
    Idle(IdleArgs),
    /// Show what was saved by keeping nodes off, compared with running them day and night: an estimate
    Savings {
        /// One node's; all nodes' unless named
        node: Option<String>,
        #[arg(long, value_enum, default_value_t = By::Day)]
        by: By,
        /// How many of them, the one that is not over included: 7 days, 4 weeks or 12 months unless set
        #[arg(long)]
        last: Option<u32>,
    },
    /// Show what an idle rule would have done with a trace of samples; needs no homelab
    Judge {
        /// The idle table of a node, as in homelab.toml
        #[arg(long, value_name = "RULE.toml")]
        rule: PathBuf,
        /// A sample a line: {"t": 60, "cpu_cores": 0.12, "rx_bytes": 1000, …}; `-` reads standard input
        #[arg(long, value_name = "TRACE.jsonl")]
        trace: PathBuf,
    },
    /// Start a node with everything it needs
    Start {
        node: String,
        /// Keep it on for so long: 2h, 90m, 1h30m, 1d. Then it is stopped, with a question or notice, by a WakeHub that runs
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        keep_on: Option<Duration>,
        /// Wait for a running cascade that is in the way
        #[arg(long)]
        queue: bool,
    },
    /// Keep a node on until a time, or release it: 2h, tonight, 23:30, off. For ever is `always_on`
    Hold {
        node: String,
        #[arg(value_name = "TIME", value_parser = when)]
        until: When,
    },
    /// Stop nothing automatically until a time, or allow it again: 2h, tomorrow, 23:30, off. What you stop yourself is stopped
    Pause {
        #[arg(value_name = "TIME", value_parser = when)]
        until: When,
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
    Journal(JournalArgs),
    /// Keep a secret in the keyring
    Secret {
        #[command(subcommand)]
        action: SecretCommand,
    },
    /// Run without a window until interrupted
    Run(RunArgs),
    /// Reach WakeHub from a browser or another program: the local API over TCP
    Api {
        #[command(subcommand)]
        action: ApiCommand,
    },
    /// Tokens for the API over TCP
    Token {
        #[command(subcommand)]
        action: TokenCommand,
    },
}

#[derive(Args, Debug)]
pub struct RunArgs {
    /// Run a simulated homelab instead, which touches no network, no keyring and nothing of yours; `empty` has no node yet.
    /// It keeps its database in the folder demo of --data-dir where that is given, else in a temporary one
    #[arg(long, value_name = "HOMELAB", num_args = 0..=1, default_missing_value = "reference", require_equals = true)]
    pub demo: Option<DemoHomelab>,
    /// How many times as fast as in life everything happens in the demo
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = speed, requires = "demo")]
    pub speed: f64,
    /// Which mishaps the demo has; 0 has none
    #[arg(long, value_name = "NUMBER", requires = "demo")]
    pub seed: Option<u64>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum DemoHomelab {
    Reference,
    Empty,
}

fn speed(written: &str) -> Result<f64, String> {
    let speed: f64 = written.parse().map_err(|_| "it is no number".to_owned())?;
    if (0.1..=10_000.0).contains(&speed) {
        Ok(speed)
    } else {
        Err("from 0.1 to 10000".to_owned())
    }
}

/// Until when, as people say it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    Off,
    For(Duration),
    /// Six in the morning.
    Tonight,
    /// Eight in the morning.
    Tomorrow,
    /// The next time that the clock on the wall shows this.
    At(jiff::civil::Time),
}

impl When {
    pub fn after(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            When::Off => None,
            When::For(length) => Some(now.plus(length)),
            When::Tonight => Some(until::end_of_night(now)),
            When::Tomorrow => Some(until::next_morning(now)),
            When::At(time) => Some(until::next(now, time)),
        }
    }
}

fn when(written: &str) -> Result<When, String> {
    match written {
        "off" => return Ok(When::Off),
        "tonight" => return Ok(When::Tonight),
        "tomorrow" => return Ok(When::Tomorrow),
        _ => {}
    }
    if written.contains(':') {
        let time = jiff::civil::Time::strptime("%H:%M", written);
        return time
            .map(When::At)
            .map_err(|_| "a time of day is written 23:30".to_owned());
    }
    duration(written).map(When::For)
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

#[derive(Args, Debug)]
pub struct JournalArgs {
    /// Only of this node
    #[arg(long)]
    pub node: Option<String>,
    /// Only what contains this
    #[arg(long)]
    pub text: Option<String>,
    /// Only of this kind: start, stop, step, state, decision, schedule, question, hold, edit, error; may be given again
    #[arg(long)]
    pub kind: Vec<String>,
    /// Not older than this: 2h, 7d, 2026-11-21, 2026-11-21T18:30
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Older than this
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// So many of the newest; 50 unless set, and all in a file
    #[arg(long, short = 'n')]
    pub lines: Option<u32>,
    /// As a file for spreadsheets
    #[arg(long, conflicts_with_all = ["json", "json_lines"])]
    pub csv: bool,
    /// As a file with a JSON object on each line
    #[arg(long, conflicts_with = "json")]
    pub json_lines: bool,
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

#[derive(Subcommand, Debug)]
pub enum ApiCommand {
    /// Whether it is on, and where
    Status,
    /// Switch it on
    On {
        /// Address and port; only this computer unless set
        #[arg(long, value_name = "ADDRESS:PORT", default_value_t = wakehub_view::access::DEFAULT_LISTEN)]
        listen: SocketAddr,
        /// From where plain HTTP is accepted, knowing that the tokens can be read on the way
        #[arg(long, value_enum, default_value_t = PlainFrom::ThisComputer)]
        plain_http: PlainFrom,
        /// A name under which a browser may ask, that of a proxy for example; may be repeated
        #[arg(long, value_name = "NAME")]
        host: Vec<String>,
    },
    /// Switch it off
    Off,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum PlainFrom {
    ThisComputer,
    PrivateNetworks,
    Anywhere,
}

#[derive(Subcommand, Debug)]
pub enum TokenCommand {
    /// Make a token and show it, this once
    Add {
        /// What it is for: phone
        name: String,
        #[arg(long, value_enum, default_value_t = TokenScope::Read)]
        scope: TokenScope,
    },
    /// List the tokens, without their secrets
    List,
    /// Remove a token, by name or id
    Remove { token: String },
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum TokenScope {
    /// Look
    Read,
    /// Also start, stop, answer and change
    Control,
}

/// `2h`, `90m`, `1h30m`, `1d`: a day is 24 hours.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "say it like 2h, 90m, 1h30m or 1d".to_owned();
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let length = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    match Duration::try_from(length) {
        Ok(length) if !length.is_zero() => Ok(length),
        Ok(_) | Err(_) => Err("it must be longer than nothing".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        let minutes = |text| duration(text).map(|d| d.as_secs() / 60);
        assert_eq!(minutes("2h"), Ok(120));
        assert_eq!(minutes("90m"), Ok(90));
        assert_eq!(minutes("1h30m"), Ok(90));
        assert_eq!(minutes("1d"), Ok(24 * 60));
        assert_eq!(minutes("1d 2h"), Ok(26 * 60));
        assert_eq!(minutes("2 hours"), Ok(120));
        for wrong in [
            "",
            "2",
            "h",
            "0h",
            "-2h",
            "2 h ago",
            "1 month",
            "soon",
            "9999999999999d",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}

#[derive(Args, Debug)]
pub struct IdleArgs {
    pub node: Option<String>,
    /// Take this rule: an idle table as in homelab.toml; `-` reads standard input
    #[arg(long, value_name = "RULE.toml")]
    pub rule: Option<PathBuf>,
    /// Unused for so long, it is stopped or asked about: 30m, 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Switch the rule on
    #[arg(long, conflicts_with = "off")]
    pub on: bool,
    /// Switch the rule off, and keep what it says
    #[arg(long)]
    pub off: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum By {
    Day,
    Week,
    Month,
}

impl By {
    pub fn ask(self, node: Option<NodeId>, last: Option<u32>) -> SavingsAsk {
        let (by, usual) = match self {
            By::Day => (Period::Day, 7),
            By::Week => (Period::Week, 4),
            By::Month => (Period::Month, 12),
        };
        let count = last.unwrap_or(usual);
        SavingsAsk { by, count, node }
    }
}
