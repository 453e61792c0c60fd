//! The homelab itself: nodes and dependencies, read and edited as one valid [`Graph`].

use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wakehub_domain::{Graph, GraphError, Node, NodeId};

use crate::row::{from_json, from_word, to_json};
use crate::{Store, StoreError};

/// From here on ids are provisional: they stand for nodes that the same edit inserts.
pub const PROVISIONAL: u32 = 1 << 31;

#[derive(Clone, PartialEq, Debug)]
pub enum NodeChange {
    /// Its id is given by the store. If the one it comes with is [`PROVISIONAL`] or above, the edit's other nodes can name
    /// it as their host or dependency, in any order.
    Insert(Node),
    /// Replaces the node that has its id.
    Update(Node),
    /// Refused while something that stays runs on it or depends on it.
    Remove(NodeId),
    /// And all that it hosts, transitively.
    RemoveWithGuests(NodeId),
}

/// What an edit did.
#[derive(Clone, Debug)]
pub struct Edited {
    /// Everything, as it is now.
    pub graph: Graph,
    /// The ids of the inserted nodes, in the order of their changes.
    pub inserted: Vec<NodeId>,
    /// In order of creation. Their secrets are left in the keyring.
    pub removed: Vec<NodeId>,
}

/// Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EditError {
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for EditError {
    fn from(error: rusqlite::Error) -> EditError {
        EditError::Store(error.into())
    }
}

impl Store {
    pub fn graph(&self) -> Result<Graph, StoreError> {
        read_graph(&self.connection)
    }

    /// Loads, changes, checks and writes in one transaction: all of it or nothing. The order of the changes does not
    /// matter for the check, only the result does. A node that a running cascade works on can be removed; the cascade's
    /// steps and the journal keep its name.
    pub fn edit(&mut self, changes: &[NodeChange]) -> Result<Edited, EditError> {
        let transaction = self.write()?;
        let before: BTreeMap<NodeId, Node> = load(&transaction)?
            .into_iter()
            .map(|node| (node.id, node))
            .collect();
        let draft = Draft::new(&before, changes, next_id(&transaction)?)?;
        let graph = draft.check()?;
        write(&transaction, &draft)?;
        transaction.commit()?;
        Ok(Edited {
            graph,
            inserted: draft.inserted,
            removed: draft.removed.into_iter().collect(),
        })
    }
}

pub(crate) fn read_graph(connection: &Connection) -> Result<Graph, StoreError> {
    let nodes = load(connection)?;
    Graph::new(nodes).map_err(|e| StoreError::unreadable("the homelab", e))
}

/// The homelab as it would be.
struct Draft<'a> {
    before: &'a BTreeMap<NodeId, Node>,
    nodes: BTreeMap<NodeId, Node>,
    inserted: Vec<NodeId>,
    removed: BTreeSet<NodeId>,
}

impl<'a> Draft<'a> {
    fn new(
        before: &'a BTreeMap<NodeId, Node>,
        changes: &[NodeChange],
        next: u32,
    ) -> Result<Draft<'a>, EditError> {
        let mut draft = Draft {
            before,
            nodes: before.clone(),
            inserted: Vec::new(),
            removed: BTreeSet::new(),
        };
        let mut given: HashMap<NodeId, NodeId> = HashMap::new();
        for (id, change) in (next..PROVISIONAL).zip(inserts(changes)) {
            let id = NodeId(id);
            draft.inserted.push(id);
            if change.id.0 >= PROVISIONAL && given.insert(change.id, id).is_some() {
                return Err(StoreError::OutOfOrder(format!(
                    "two new nodes have the provisional id {}",
                    change.id
                ))
                .into());
            }
        }
        let settle = |node: &Node, id: NodeId| {
            let real = |id: NodeId| given.get(&id).copied().unwrap_or(id);
            let mut node = node.clone();
            node.id = id;
            node.host = node.host.map(real);
            node.depends_on.iter_mut().for_each(|d| *d = real(*d));
            node
        };
        let mut ids = draft.inserted.clone().into_iter();
        for change in changes {
            match change {
                NodeChange::Insert(node) => {
                    let Some(id) = ids.next() else {
                        return Err(StoreError::Other("no node id is left".to_owned()).into());
                    };
                    draft.nodes.insert(id, settle(node, id));
                }
                NodeChange::Update(node) => {
                    draft.existing(node.id)?;
                    draft.nodes.insert(node.id, settle(node, node.id));
                }
                NodeChange::Remove(id) => draft.remove(*id)?,
                NodeChange::RemoveWithGuests(id) => {
                    let mut doomed = vec![*id];
                    let mut at = 0;
                    while let Some(host) = doomed.get(at).copied() {
                        let guests = draft.nodes.values().filter(|n| n.host == Some(host));
                        let guests = guests.map(|n| n.id).filter(|id| before.contains_key(id));
                        doomed.extend(guests);
                        draft.remove(host)?;
                        at += 1;
                    }
                }
            }
        }
        Ok(draft)
    }

    /// A node that stood before the edit and is not removed by it.
    fn existing(&self, id: NodeId) -> Result<&Node, GraphError> {
        self.nodes
            .get(&id)
            .filter(|_| self.before.contains_key(&id))
            .ok_or_else(|| GraphError::UnknownNode(id.to_string()))
    }

    fn remove(&mut self, id: NodeId) -> Result<(), GraphError> {
        self.existing(id)?;
        self.nodes.remove(&id);
        self.removed.insert(id);
        Ok(())
    }

    fn check(&self) -> Result<Graph, GraphError> {
        for id in &self.removed {
            let name = &self.before[id].name;
            let names = |of: &dyn Fn(&Node) -> bool| -> Vec<String> {
                let users = self.nodes.values().filter(|node| of(node));
                users.map(|node| node.name.clone()).collect()
            };
            let guests = names(&|node| node.host == Some(*id));
            if !guests.is_empty() {
                let node = name.clone();
                return Err(GraphError::HasGuests { node, guests });
            }
            let dependants = names(&|node| node.depends_on.contains(id));
            if !dependants.is_empty() {
                let node = name.clone();
                return Err(GraphError::HasDependants { node, dependants });
            }
        }
        Graph::new(self.nodes.values().cloned().collect())
    }
}

fn inserts(changes: &[NodeChange]) -> impl Iterator<Item = &Node> {
    changes.iter().filter_map(|change| match change {
        NodeChange::Insert(node) => Some(node),
        NodeChange::Update(_) | NodeChange::Remove(_) | NodeChange::RemoveWithGuests(_) => None,
    })
}

/// Greater than every id ever given, those of removed nodes included.
fn next_id(connection: &Connection) -> Result<u32, StoreError> {
    let next: i64 = connection.query_row(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'node'), 0) + 1",
        [],
        |row| row.get(0),
    )?;
    u32::try_from(next).map_err(|e| StoreError::unreadable("the last node id", e))
}

fn write(connection: &Connection, draft: &Draft<'_>) -> Result<(), StoreError> {
    let before = draft.before;
    let changed: Vec<&Node> = draft
        .nodes
        .values()
        .filter(|node| before.get(&node.id) != Some(*node))
        .collect();
    let mut remove = connection.prepare_cached("DELETE FROM node WHERE id = ?1")?;
    let mut unname =
        connection.prepare_cached("UPDATE node SET name = char(1) || id WHERE id = ?1")?;
    for id in &draft.removed {
        remove.execute([id.0])?;
    }
    // two nodes may exchange their names; for a moment all that change have one that no user can give
    for node in changed.iter().filter(|node| before.contains_key(&node.id)) {
        unname.execute([node.id.0])?;
    }
    for node in &changed {
        write_node(connection, node)?;
    }
    Ok(())
}

fn write_node(connection: &Connection, node: &Node) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO node (id, name, kind, host, platform_id, address, wol, ssh, proxmox_api, docker_api, settings)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (id) DO UPDATE SET name = ?2, kind = ?3, host = ?4, platform_id = ?5, address = ?6,
                 wol = ?7, ssh = ?8, proxmox_api = ?9, docker_api = ?10, settings = ?11",
        )?
        .execute(params![
            node.id.0,
            node.name,
            node.kind.as_str(),
            node.host.map(|host| host.0),
            node.platform_id,
            node.address,
            optional_json(&node.wol)?,
            optional_json(&node.ssh)?,
            optional_json(&node.proxmox_api)?,
            optional_json(&node.docker_api)?,
            to_json(&node.settings)?,
        ])?;
    connection
        .prepare_cached("DELETE FROM dependency WHERE node = ?1")?
        .execute([node.id.0])?;
    let mut depend = connection.prepare_cached(
        "INSERT INTO dependency (node, position, dependency) VALUES (?1, ?2, ?3)",
    )?;
    for (position, dependency) in node.depends_on.iter().enumerate() {
        depend.execute(params![node.id.0, position as i64, dependency.0])?;
    }
    Ok(())
}

fn optional_json<T: Serialize>(value: &Option<T>) -> Result<Option<String>, StoreError> {
    value.as_ref().map(to_json).transpose()
}

fn load(connection: &Connection) -> Result<Vec<Node>, StoreError> {
    let mut nodes = Vec::new();
    let mut at: HashMap<u32, usize> = HashMap::new();
    let mut statement = connection.prepare_cached("SELECT * FROM node ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let node = read_node(row)?;
        at.insert(node.id.0, nodes.len());
        nodes.push(node);
    }
    let mut statement = connection
        .prepare_cached("SELECT node, dependency FROM dependency ORDER BY node, position")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (node, dependency): (u32, u32) = (row.get(0)?, row.get(1)?);
        if let Some(node) = at.get(&node).and_then(|at| nodes.get_mut(*at)) {
            node.depends_on.push(NodeId(dependency));
        }
    }
    Ok(nodes)
}

fn read_node(row: &Row<'_>) -> Result<Node, StoreError> {
    let id: u32 = row.get("id")?;
    let name: String = row.get("name")?;
    let kind: String = row.get("kind")?;
    let settings: String = row.get("settings")?;
    let what = || format!("the node {name}");
    Ok(Node {
        id: NodeId(id),
        kind: from_word(what, &kind)?,
        host: row.get::<_, Option<u32>>("host")?.map(NodeId),
        platform_id: row.get("platform_id")?,
        depends_on: Vec::new(),
        address: row.get("address")?,
        wol: read_optional(row, "wol", &name)?,
        ssh: read_optional(row, "ssh", &name)?,
        proxmox_api: read_optional(row, "proxmox_api", &name)?,
        docker_api: read_optional(row, "docker_api", &name)?,
        settings: from_json(what, &settings)?,
        name,
    })
}

fn read_optional<T: DeserializeOwned>(
    row: &Row<'_>,
    column: &str,
    name: &str,
) -> Result<Option<T>, StoreError> {
    row.get::<_, Option<String>>(column)?
        .map(|text| from_json(|| format!("{column} of the node {name}"), &text))
        .transpose()
}
