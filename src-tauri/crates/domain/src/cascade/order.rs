//! The one order of nodes that starts follow and stops reverse.

use crate::{Graph, NodeId};

/// Depth first from the roots: for each node its dependencies in the user's order, then its hosts from the top down, then
/// itself. Visits only nodes for which `within` holds, each once, and needs no stack of its own depth.
pub(super) fn needs_first(
    graph: &Graph,
    roots: impl IntoIterator<Item = NodeId>,
    within: impl Fn(NodeId) -> bool,
) -> Vec<NodeId> {
    enum Task {
        Visit(NodeId),
        Emit(NodeId),
    }
    let mut visited = vec![false; graph.len()];
    let mut order = Vec::new();
    let mut tasks = Vec::new();
    for root in roots {
        tasks.push(Task::Visit(root));
        while let Some(task) = tasks.pop() {
            match task {
                Task::Emit(id) => order.push(id),
                Task::Visit(id) => {
                    if !within(id) || std::mem::replace(&mut visited[graph.at(id)], true) {
                        continue;
                    }
                    tasks.push(Task::Emit(id));
                    // a stack: what is pushed last is visited first, so the nearest host goes in first
                    tasks.extend(graph.ancestors(id).map(Task::Visit));
                    let node = &graph.nodes()[graph.at(id)];
                    tasks.extend(node.depends_on.iter().rev().map(|id| Task::Visit(*id)));
                }
            }
        }
    }
    order
}
