//! What somebody asks for.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use crate::{Action, NodeId};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    Start {
        node: NodeId,
    },
    Stop {
        node: NodeId,
        scope: StopScope,
        /// Asked for by WakeHub itself rather than by a person.
        automatic: bool,
        /// What an interrupted cascade had stopped already: its dependencies are re-evaluated as if they went down now.
        stopped_before: BTreeSet<NodeId>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopScope {
    /// Refuse, naming them, when active dependants would lose what they need.
    RefuseIfNeeded,
    /// Stop the dependants first.
    WithDependants,
}

impl Intent {
    pub fn start(node: NodeId) -> Intent {
        Intent::Start { node }
    }

    pub fn stop(node: NodeId) -> Intent {
        Intent::Stop {
            node,
            scope: StopScope::RefuseIfNeeded,
            automatic: false,
            stopped_before: BTreeSet::new(),
        }
    }

    pub fn stop_with_dependants(node: NodeId) -> Intent {
        Intent::Stop {
            node,
            scope: StopScope::WithDependants,
            automatic: false,
            stopped_before: BTreeSet::new(),
        }
    }

    pub fn stop_automatically(node: NodeId) -> Intent {
        Intent::Stop {
            node,
            scope: StopScope::RefuseIfNeeded,
            automatic: true,
            stopped_before: BTreeSet::new(),
        }
    }

    pub fn node(&self) -> NodeId {
        match self {
            Intent::Start { node } | Intent::Stop { node, .. } => *node,
        }
    }

    pub fn action(&self) -> Action {
        match self {
            Intent::Start { .. } => Action::Start,
            Intent::Stop { .. } => Action::Stop,
        }
    }
}
