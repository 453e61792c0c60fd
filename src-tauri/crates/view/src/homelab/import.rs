//! Reading homelab.toml: all of it or nothing, and what is wrong with its line.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;
use wakehub_domain::{Graph, GraphError, Node, NodeId};

use super::NodeEntry;
use crate::wire::EntryError;

/// A homelab of 1,000 nodes is a fifth of this.
pub const MAX_BYTES: usize = 2_000_000;
/// Ids from here on stand for nodes that are not in the database yet.
const PROVISIONAL: u32 = 1 << 31;

/// What an import would change, already checked against the graph as a whole.
#[derive(Clone, PartialEq, Debug)]
pub struct Import {
    /// With provisional ids, from 2³¹ up; they reference each other and existing nodes.
    pub added: Vec<Node>,
    pub changed: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    node: Vec<Spanned<NodeEntry>>,
}

/// Nodes of the same name are changed, the others added; nothing is removed.
pub fn import(text: &str, graph: &Graph) -> Result<Import, Vec<EntryError>> {
    if text.len() > MAX_BYTES {
        return Err(vec![EntryError {
            field: None,
            line: None,
            message: format!(
                "it has {} bytes; a homelab.toml has {MAX_BYTES} at most",
                text.len()
            ),
        }]);
    }
    let document: Document = toml::from_str(text).map_err(|error| {
        vec![EntryError {
            field: None,
            line: error.span().map(|span| line_at(text, span.start)),
            message: error.message().to_owned(),
        }]
    })?;
    let mut ids: BTreeMap<String, NodeId> = graph
        .nodes()
        .iter()
        .map(|node| (node.name.clone(), node.id))
        .collect();
    let mut lines: BTreeMap<String, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (at, entry) in document.node.iter().enumerate() {
        let (name, line) = (&entry.get_ref().name, line_at(text, entry.span().start));
        if let Some(first) = lines.insert(name.clone(), line) {
            wrong.push(EntryError {
                field: Some("name".to_owned()),
                line: Some(line),
                message: format!("{name} stands in line {first} already"),
            });
        }
        let offset = u32::try_from(at).unwrap_or(u32::MAX - PROVISIONAL);
        ids.entry(name.clone())
            .or_insert(NodeId(PROVISIONAL + offset));
    }
    let mut import = Import {
        added: Vec::new(),
        changed: Vec::new(),
    };
    for entry in document.node {
        let line = line_at(text, entry.span().start);
        let entry = entry.into_inner();
        let id = ids[&entry.name];
        match entry.into_node(id, |name| ids.get(name).copied()) {
            Ok(node) if id.0 >= PROVISIONAL => import.added.push(node),
            Ok(node) => import.changed.push(node),
            Err(errors) => wrong.extend(errors.into_iter().map(|error| EntryError {
                line: Some(line),
                ..error
            })),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    check_graph(graph, &import).map_err(|error| {
        vec![EntryError {
            field: None,
            line: blamed(&error)
                .iter()
                .find_map(|name| lines.get(name))
                .copied(),
            message: error.to_string(),
        }]
    })?;
    Ok(import)
}

fn check_graph(graph: &Graph, import: &Import) -> Result<(), GraphError> {
    let replaced: BTreeSet<NodeId> = import.changed.iter().map(|node| node.id).collect();
    let nodes = graph
        .nodes()
        .iter()
        .filter(|node| !replaced.contains(&node.id))
        .chain(&import.changed)
        .chain(&import.added)
        .cloned()
        .collect();
    Graph::new(nodes).map(drop)
}

/// The names whose lines are to blame, the likeliest first.
fn blamed(error: &GraphError) -> Vec<String> {
    match error {
        GraphError::Cycle(path) => path.clone(),
        GraphError::UnknownNode(name)
        | GraphError::MachineWithHost(name)
        | GraphError::ContainerWithCapability(name)
        | GraphError::DependsOnItself(name)
        | GraphError::NameTaken(name)
        | GraphError::BadName(name) => vec![name.clone()],
        GraphError::IdTaken { first: node, .. }
        | GraphError::SecondHost { node, .. }
        | GraphError::HostLacksCapability { node, .. }
        | GraphError::NoHost { node, .. }
        | GraphError::WrongHostKind { node, .. }
        | GraphError::ProxmoxOnGuest { node, .. }
        | GraphError::DependsTwice { node, .. }
        | GraphError::PlatformIdTaken { node, .. }
        | GraphError::HasGuests { node, .. }
        | GraphError::HasDependants { node, .. } => vec![node.clone()],
    }
}

fn line_at(text: &str, offset: usize) -> u32 {
    let before = text.as_bytes().iter().take(offset);
    let newlines = before.filter(|byte| **byte == b'\n').count();
    u32::try_from(newlines + 1).unwrap_or(u32::MAX)
}
