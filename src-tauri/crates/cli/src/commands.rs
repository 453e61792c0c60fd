//! One function per command.

use anyhow::{Context, anyhow};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wakehub_domain::{Action, NodeId, SecretName, Timestamp};
use wakehub_engine::{Clock, Handle, Secrets, SystemClock};
use wakehub_store::Store;
use wakehub_view::plan::{plan_view, refusal_view};
use wakehub_view::wire::{
    Ask, CheckOutcomeView, FoundAddress, JournalFormat, JournalQuery, NodeView, PlanAnswer,
    RefusalView, RunAnswer, SecretEntry, Snapshot,
};

use crate::args::{
    self, Cli, Command, DemoHomelab, JournalArgs, PlanCommand, RunArgs, SecretCommand, When,
};
use crate::outcome::Failure;
use crate::wakehub::{self, Wakehub};
use crate::{follow, idle, input, judge as judging, print, reach, savings, states};

pub async fn run(cli: Cli) -> Result<(), Failure> {
    let given = cli.data_dir.clone();
    let data_dir = match cli.data_dir {
        Some(folder) => folder,
        None => default_data_dir()?,
    };
    let json = cli.json;
    // planning from given states needs no engine, no keyring and no lock
    if let Command::Plan { action } = &cli.command
        && let Some(file) = &action.args().states
    {
        return plan_from_states(&data_dir, action, file, json).await;
    }
    if let Command::Judge { rule, trace } = &cli.command {
        return judge(rule, trace, json).await;
    }
    if let Command::Run(args) = &cli.command {
        return match start_demo(args, given).await? {
            Some(demo) => {
                let folder = demo.folder().to_owned();
                forever(&demo.handle, folder, demo.secrets(), json).await
            }
            None => {
                let (handle, secrets) = wakehub::start(data_dir.clone()).await?;
                forever(&handle, data_dir, secrets, json).await
            }
        };
    }
    let wakehub = wakehub::open(data_dir).await?;
    let interrupted = match &wakehub {
        // a cascade that runs is left as it is, and offered for resumption
        Wakehub::Here { .. } => "interrupted; what was begun can be resumed",
        Wakehub::There(_) => "interrupted; what was begun goes on in the running WakeHub",
    };
    let ended = tokio::select! {
        biased;
        () = told_to_end() => Err(anyhow!(interrupted).into()),
        ended = obey(&wakehub, cli.command, json) => ended,
    };
    wakehub.close().await;
    ended
}

/// `wakehub run`: the engine and its API, until somebody ends it.
async fn forever(
    handle: &Handle,
    data_dir: PathBuf,
    secrets: Arc<dyn Secrets>,
    json: bool,
) -> Result<(), Failure> {
    let options = wakehub_api::Options {
        secrets,
        version: env!("CARGO_PKG_VERSION"),
        demo: wakehub_demo::is_demo(&data_dir),
        data_dir,
    };
    let server = match wakehub_api::serve(handle.clone(), options).await {
        Ok(server) => Some(server),
        // the homelab is looked after all the same
        Err(error) => {
            eprintln!("wakehub: {error}");
            None
        }
    };
    tokio::select! {
        // listens before the command says that it runs
        biased;
        () = told_to_end() => {}
        () = follow::forever(handle, json) => {}
    }
    if let Some(server) = server {
        server.end().await;
    }
    handle.shut_down().await;
    Ok(())
}

/// Ctrl-C, or what a service manager sends.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

async fn obey(handle: &Wakehub, command: Command, json: bool) -> Result<(), Failure> {
    match command {
        Command::Import { file } => import(handle, &file, json).await,
        Command::Export => export(handle, json).await,
        Command::Nodes => nodes(handle, json).await,
        Command::Why { node } => why(handle, &node, json).await,
        Command::Idle(args) => idle::idle(handle, args, json).await,
        Command::Savings { node, by, last } => {
            savings::savings(handle, node, (by, last), json).await
        }
        Command::Discover { node } => discover(handle, &node, json).await,
        Command::Scan { sweep } => scan(handle, sweep, json).await,
        Command::Test { node, accept } => test(handle, &node, accept, json).await,
        Command::Plan { action } => plan(handle, &action, json).await,
        Command::Start {
            node,
            keep_on,
            queue,
        } => {
            let ask = ask(handle, &node, Action::Start, false, queue)?;
            let id = ask.node;
            go(handle, ask, json).await?;
            match keep_on {
                Some(length) => hold(handle, id, &node, (length, true), json).await,
                None => Ok(()),
            }
        }
        Command::Hold { node, until } => {
            let id = find(handle, &node)?.id;
            match until {
                When::For(length) => hold(handle, id, &node, (length, false), json).await,
                When::Off | When::Tonight | When::Tomorrow | When::At(_) => {
                    hold_until(handle, id, &node, until.after(SystemClock.now()), json).await
                }
            }
        }
        Command::Pause { until } => pause(handle, until.after(SystemClock.now()), json).await,
        Command::Stop { node, yes, queue } => {
            let ask = ask(handle, &node, Action::Stop, yes, queue)?;
            go(handle, ask, json).await
        }
        Command::Journal(args) => journal(handle, args, json).await,
        Command::Secret {
            action: SecretCommand::Set { node, name },
        } => set_secret(handle, &node, &name, json).await,
        Command::Api { action } => reach::api(handle, action, json).await,
        Command::Token { action } => reach::token(handle, action, json).await,
        // taken before it comes here
        Command::Run(_) | Command::Judge { .. } => Ok(()),
    }
}

/// Where it was asked for: the simulated homelab in the place of the user's own.
async fn start_demo(
    args: &RunArgs,
    data_dir: Option<PathBuf>,
) -> anyhow::Result<Option<wakehub_demo::Demo>> {
    let Some(homelab) = args.demo else {
        return Ok(None);
    };
    let options = wakehub_demo::Options {
        folder: data_dir.map(|folder| folder.join("demo")),
        speed: args.speed,
        seed: args.seed.unwrap_or(wakehub_demo::USUAL),
        empty: homelab == DemoHomelab::Empty,
        ..wakehub_demo::Options::default()
    };
    let demo = wakehub_demo::start(options).await?;
    eprintln!(
        "wakehub: this is the demo homelab; nothing of it is real. It is kept in {}",
        demo.folder().display()
    );
    Ok(Some(demo))
}

fn default_data_dir() -> anyhow::Result<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "wakehub")
        .context("this user has no home folder; name one with --data-dir")?;
    Ok(folders.data_dir().to_path_buf())
}

async fn plan_from_states(
    data_dir: &Path,
    command: &PlanCommand,
    file: &Path,
    json: bool,
) -> Result<(), Failure> {
    if !data_dir.join("wakehub.db").exists() {
        return Err(anyhow!(
            "there is no homelab in {}; `wakehub import` makes one",
            data_dir.display()
        )
        .into());
    }
    let graph = Store::read_graph(data_dir)
        .with_context(|| format!("failed to read the homelab in {}", data_dir.display()))?;
    let text = input::file(file).await?;
    let observations = states::read(&text, file, &graph).map_err(Failure::Usage)?;
    let answer = states::answer(&graph, &observations, command).map_err(Failure::Usage)?;
    match answer {
        Ok(plan) => {
            print::plan(&plan_view(&graph, &plan), json);
            Ok(())
        }
        Err(refusal) => Err(Failure::Refused(refusal_view(&graph, &refusal))),
    }
}

async fn import(handle: &Wakehub, file: &Path, json: bool) -> Result<(), Failure> {
    let text = input::file(file).await?;
    let report = handle.import(text).await?;
    if json {
        print::json(&json!(report));
        return Ok(());
    }
    print::line(&format!(
        "{} added, {} changed",
        report.added.len(),
        report.changed.len()
    ));
    for (node, secret) in report.missing_secrets {
        print::line(&format!("needed: wakehub secret set {node} {secret}"));
    }
    Ok(())
}

/// What an idle rule would have done, without any homelab.
async fn judge(rule: &Path, trace: &Path, json: bool) -> Result<(), Failure> {
    let read = judging::rule(&input::file(rule).await?, rule)?;
    let samples = input::trace(trace).await?;
    let ended = judging::judge(&read, &samples, trace, |told| {
        if json {
            print::json(told);
        } else {
            print::line(&judging::readable(told));
        }
    });
    Ok(ended?)
}

async fn export(handle: &Wakehub, json: bool) -> Result<(), Failure> {
    let text = handle.export().await?;
    if json {
        print::json(&json!({ "homelab": text }));
    } else {
        print::raw(&text);
    }
    Ok(())
}

async fn nodes(handle: &Wakehub, json: bool) -> Result<(), Failure> {
    follow::until_seen(handle).await;
    let snapshot = handle.snapshot();
    if json {
        print::json(&json!(snapshot.nodes));
    } else {
        print::nodes(&snapshot);
    }
    Ok(())
}

async fn why(handle: &Wakehub, name: &str, json: bool) -> Result<(), Failure> {
    follow::until_seen(handle).await;
    let node = find(handle, name)?;
    let why = handle.why(node.id).await?;
    if json {
        print::json(&json!(why));
    } else {
        print::why(&why);
    }
    Ok(())
}

async fn discover(handle: &Wakehub, name: &str, json: bool) -> Result<(), Failure> {
    let node = find(handle, name)?;
    let waiting = handle.discover(node.id).await?;
    let mut snapshots = handle.snapshots();
    let snapshot = snapshots
        .wait_for(|snapshot| {
            snapshot
                .nodes
                .iter()
                .any(|n| n.id == node.id && n.to_configure == waiting)
        })
        .await
        .map_err(|_| anyhow!("the engine has ended"))?
        .clone();
    let found: Vec<_> = snapshot
        .discovered
        .iter()
        .filter(|guest| guest.host == node.id)
        .collect();
    if json {
        print::json(&json!(found));
    } else {
        print::line(&format!("{waiting} to configure"));
        for guest in found {
            print::line(&format!(
                "{}  {}  {}",
                guest.kind.as_str(),
                guest.platform_id,
                guest.name
            ));
        }
    }
    Ok(())
}

async fn scan(handle: &Wakehub, sweep: bool, json: bool) -> Result<(), Failure> {
    let (sender, mut found) = tokio::sync::mpsc::channel::<FoundAddress>(16);
    let collect = async {
        let mut all = std::collections::BTreeMap::new();
        while let Some(one) = found.recv().await {
            all.insert(one.address.clone(), one);
        }
        all
    };
    let (ended, all) = tokio::join!(handle.scan(sweep, sender), collect);
    ended?;
    let mut all: Vec<_> = all.into_values().collect();
    // as addresses are counted: .9 before .10
    all.sort_by_key(|one| one.address.parse::<std::net::IpAddr>().ok());
    if json {
        print::json(&json!(all));
        return Ok(());
    }
    let snapshot = handle.snapshot();
    for one in &all {
        let mut nodes = snapshot.nodes.iter();
        let node = nodes.find(|node| Some(node.id) == one.node);
        let columns = [
            Some(one.address.as_str()),
            one.mac.as_deref(),
            one.name.as_deref(),
            one.vendor.as_deref(),
            node.map(|node| node.name.as_str()),
        ];
        print::line(&columns.map(|column| column.unwrap_or("-")).join("  "));
    }
    Ok(())
}

async fn test(handle: &Wakehub, name: &str, accept: bool, json: bool) -> Result<(), Failure> {
    let node = find(handle, name)?;
    let entry = handle.node_entry(node.id).await?;
    let mut all = Vec::new();
    // each accepted key or certificate lets the next test get further: through a jump host to its target, at most
    for _ in 0..4 {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(16);
        let shown = tokio::spawn(async move {
            while let Some(check) = receiver.recv().await {
                if !json {
                    print::check(&check);
                }
            }
        });
        all = handle
            .test_connection(node.id, entry.clone(), sender)
            .await?;
        let _ = shown.await;
        let presented: Vec<_> = all
            .iter()
            .filter_map(|check| check.presented.clone())
            .filter(|presented| presented.accepted.is_none())
            .collect();
        if !accept || presented.is_empty() {
            break;
        }
        for presented in presented {
            if !json {
                print::line(&format!(
                    "accepted {} of {}",
                    presented.fingerprint, presented.endpoint
                ));
            }
            handle.accept(presented).await?;
        }
    }
    if json {
        print::json(&json!(all));
    }
    if all
        .iter()
        .any(|check| check.outcome == CheckOutcomeView::Failed)
    {
        return Err(Failure::Told);
    }
    Ok(())
}

async fn plan(handle: &Wakehub, command: &PlanCommand, json: bool) -> Result<(), Failure> {
    let args = command.args();
    let action = match command {
        PlanCommand::Start(_) => Action::Start,
        PlanCommand::Stop(_) => Action::Stop,
    };
    let ask = Ask {
        automatic: args.automatic,
        ..ask(handle, &args.node, action, args.with_dependants, false)?
    };
    match handle.plan(ask).await? {
        PlanAnswer::Plan { plan } => {
            print::plan(&plan, json);
            Ok(())
        }
        PlanAnswer::Refused { refusal } => Err(Failure::Refused(refusal)),
    }
}

async fn go(handle: &Wakehub, ask: Ask, json: bool) -> Result<(), Failure> {
    let snapshots = handle.snapshots();
    let asked = ask.node;
    match handle.run(ask).await? {
        RunAnswer::Started { cascade } => follow::cascade(handle, snapshots, cascade, json).await,
        RunAnswer::NothingToDo => {
            if json {
                print::json(&json!({ "status": "nothing_to_do" }));
            } else {
                print::line("nothing to do");
            }
            Ok(())
        }
        RunAnswer::Queued { behind } => follow::queued(handle, snapshots, behind, json).await,
        RunAnswer::Refused { refusal } => Err(Failure::Refused(refusal)),
        RunAnswer::Busy {
            node_name, title, ..
        } => Err(Failure::Refused(RefusalView {
            node: asked,
            message: format!("{node_name} is busy with {title}; add --queue to wait for it"),
            node_name,
            kind: "busy".to_owned(),
            by: Vec::new(),
        })),
    }
}

async fn hold_until(
    handle: &Wakehub,
    node: NodeId,
    name: &str,
    until: Option<Timestamp>,
    json: bool,
) -> Result<(), Failure> {
    handle.hold(node, until).await?;
    if json {
        print::json(&json!({ "node": name, "held_until": until }));
    } else {
        print::line(&until.map_or_else(
            || format!("{name} is no longer kept on"),
            |at| format!("{name} is kept on until {}", print::local(at.0)),
        ));
    }
    Ok(())
}

async fn pause(handle: &Wakehub, until: Option<Timestamp>, json: bool) -> Result<(), Failure> {
    handle.pause_stops(until).await?;
    if json {
        print::json(&json!({ "stops_paused_until": until }));
    } else {
        print::line(&until.map_or_else(
            || "automatic stops are allowed again".to_owned(),
            |at| {
                format!(
                    "nothing is stopped automatically until {}",
                    print::local(at.0)
                )
            },
        ));
    }
    Ok(())
}

/// Only what is on can be kept on: the start before it has succeeded, or had nothing to do.
async fn hold(
    handle: &Wakehub,
    node: NodeId,
    name: &str,
    (length, then_stop): (Duration, bool),
    json: bool,
) -> Result<(), Failure> {
    let mut snapshots = handle.snapshots();
    // It may be kept on already: that time is not the answer.
    let before = held_until(&snapshots.borrow_and_update(), node);
    handle.hold_for(node, length, then_stop).await?;
    let held = snapshots
        .wait_for(|snapshot| {
            let until = held_until(snapshot, node);
            until.is_some() && until != before
        })
        .await
        .map_err(|_| anyhow!("the engine has ended"))?;
    if let Some(until) = held_until(&held, node) {
        if json {
            print::json(&json!({ "node": name, "held_until": until }));
        } else {
            print::line(&format!(
                "{name} is kept on until {}",
                print::local(until.0)
            ));
        }
    }
    Ok(())
}

fn held_until(snapshot: &Snapshot, node: NodeId) -> Option<Timestamp> {
    let node = snapshot.nodes.iter().find(|known| known.id == node)?;
    node.held_until
}

async fn journal(handle: &Wakehub, args: JournalArgs, json: bool) -> Result<(), Failure> {
    let node = match &args.node {
        Some(name) => Some(find(handle, name)?.id),
        None => None,
    };
    // the loop made its snapshot just now
    let now = handle.snapshot().at;
    let time = |text: &Option<String>| {
        let time = text.as_deref().map(|text| moment(text, now));
        time.transpose()
    };
    let query = JournalQuery {
        node,
        text: args.text,
        kinds: Some(args.kind),
        from: time(&args.since)?,
        to: time(&args.until)?,
        limit: args.lines,
        ..JournalQuery::default()
    };
    let format = match (args.csv, args.json_lines) {
        (true, _) => Some(JournalFormat::Csv),
        (false, true) => Some(JournalFormat::JsonLines),
        (false, false) => None,
    };
    if let Some(format) = format {
        print::raw(&handle.export_journal(query, format).await?);
        return Ok(());
    }
    let mut entries = handle
        .journal(JournalQuery {
            limit: Some(args.lines.unwrap_or(50)),
            ..query
        })
        .await?;
    entries.reverse();
    if json {
        print::json(&json!(entries));
    } else {
        entries.iter().for_each(print::journal_line);
    }
    Ok(())
}

/// `2h` ago, or a date or time of this computer's time zone.
fn moment(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Ok(length) = args::duration(text) {
        let millis = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        return Ok(Timestamp(now.0.saturating_sub(millis)));
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp(at.as_millisecond()));
    }
    let local = text
        .parse::<jiff::civil::DateTime>()
        .ok()
        .and_then(|at| at.to_zoned(jiff::tz::TimeZone::system()).ok())
        .with_context(|| {
            format!("{text} is no time; say 2h, 7d, 2026-11-21 or 2026-11-21T18:30")
        })?;
    Ok(Timestamp(local.timestamp().as_millisecond()))
}

async fn set_secret(handle: &Wakehub, node: &str, name: &str, json: bool) -> Result<(), Failure> {
    let node = find(handle, node)?;
    let name = SecretName::parse(name).ok_or_else(|| {
        let known: Vec<_> = SecretName::ALL.iter().map(|known| known.as_str()).collect();
        let known = known.join(", ");
        Failure::Usage(anyhow!("there is no secret {name}; there are {known}"))
    })?;
    let value = input::secret().await?;
    let removed = value.is_empty();
    handle
        .set_secret(node.id, SecretEntry { name, value })
        .await?;
    if json {
        print::json(&json!({ "node": node.name, "secret": name, "removed": removed }));
    }
    Ok(())
}

fn ask(
    handle: &Wakehub,
    name: &str,
    action: Action,
    with_dependants: bool,
    queue: bool,
) -> Result<Ask, Failure> {
    Ok(Ask {
        action,
        node: find(handle, name)?.id,
        with_dependants,
        queue,
        automatic: false,
    })
}

pub fn find(handle: &Wakehub, name: &str) -> Result<NodeView, Failure> {
    handle
        .snapshot()
        .nodes
        .iter()
        .find(|node| node.name == name)
        .cloned()
        .ok_or_else(|| {
            Failure::Usage(anyhow!(
                "there is no node {name}; `wakehub nodes` lists them"
            ))
        })
}
