//! The one order of nodes that starts follow and stops reverse.

use crate::Graph;

/// Depth first from the roots: for each node its dependencies in the user's order, then its hosts from the top down, then
/// itself. Visits only nodes for which `within` holds, each once, and needs no stack of its own depth.
pub(super) fn needs_first(
    graph: &Graph,
    roots: impl IntoIterator<Item = usize>,
    within: impl Fn(usize) -> bool,
) -> Vec<usize> {
    enum Task {
        Visit(usize),
        Emit(usize),
    }
    let links = graph.links();
    let mut visited = vec![false; graph.len()];
    let mut order = Vec::new();
    let mut tasks = Vec::new();
    for root in roots {
        tasks.push(Task::Visit(root));
        while let Some(task) = tasks.pop() {
            match task {
                Task::Emit(at) => order.push(at),
                Task::Visit(at) => {
                    if !within(at) || std::mem::replace(&mut visited[at], true) {
                        continue;
                    }
                    tasks.push(Task::Emit(at));
                    // a stack: what is pushed last is visited first, so the nearest host goes in first
                    tasks.extend(links.hosts(at).map(Task::Visit));
                    let dependencies = links.dependencies(at).iter().rev();
                    tasks.extend(dependencies.map(|need| Task::Visit(*need)));
                }
            }
        }
    }
    order
}
