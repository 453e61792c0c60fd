//! `plan --states FILE`: from a homelab and given states alone.

use anyhow::{Context, bail};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::collections::BTreeSet;
use std::path::Path;
use wakehub_domain::{Graph, Intent, Observations, Plan, PowerState, Refusal, StopScope, plan};

use crate::args::{PlanArgs, PlanCommand};

/// Reads `{"nas": "on", …}`. An unknown name or word is an error: a plan from a misread file would be a guess.
pub fn read(text: &str, path: &Path, graph: &Graph) -> anyhow::Result<Observations> {
    let given: Given = serde_json::from_str(text)
        .with_context(|| format!("{} is no object of names and states", path.display()))?;
    let mut observations = Observations::default();
    for node in graph.nodes() {
        observations.give(node.id, PowerState::Off);
    }
    let mut seen = BTreeSet::new();
    for (name, word) in given.0 {
        let Some(node) = graph.find(&name) else {
            bail!("{}: there is no node {name}", path.display());
        };
        if !seen.insert(node.id) {
            bail!("{}: {name} stands in it twice", path.display());
        }
        let state = match word.as_str() {
            "on" => PowerState::On,
            "off" => PowerState::Off,
            "unknown" => PowerState::Unknown,
            other => bail!(
                "{}: {name} is {other:?}; a state is on, off or unknown",
                path.display()
            ),
        };
        observations.give(node.id, state);
    }
    Ok(observations)
}

/// Every entry as it stands: a map would keep the last of two and say nothing.
struct Given(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Given, D::Error> {
        from.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Given;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("an object of names and states")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Given, A::Error> {
        let mut given = Vec::new();
        while let Some(entry) = map.next_entry()? {
            given.push(entry);
        }
        Ok(Given(given))
    }
}

pub fn intent(graph: &Graph, command: &PlanCommand) -> anyhow::Result<Intent> {
    let find = |args: &PlanArgs| {
        graph
            .find(&args.node)
            .map(|node| node.id)
            .with_context(|| format!("there is no node {}", args.node))
    };
    Ok(match command {
        PlanCommand::Start(args) => Intent::start(find(args)?),
        PlanCommand::Stop(args) => Intent::Stop {
            node: find(args)?,
            scope: if args.with_dependants {
                StopScope::WithDependants
            } else {
                StopScope::RefuseIfNeeded
            },
            automatic: args.automatic,
            stopped_before: BTreeSet::new(),
        },
    })
}

pub fn answer(
    graph: &Graph,
    observations: &Observations,
    command: &PlanCommand,
) -> anyhow::Result<Result<Plan, Refusal>> {
    Ok(plan(graph, observations, &intent(graph, command)?))
}

impl PlanCommand {
    pub fn args(&self) -> &PlanArgs {
        match self {
            PlanCommand::Start(args) | PlanCommand::Stop(args) => args,
        }
    }
}
