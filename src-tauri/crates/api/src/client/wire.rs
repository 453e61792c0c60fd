//! Secrets on their way to the running WakeHub: the only types that send one.

use serde::Serialize;
use wakehub_domain::{NodeId, SecretName};
use wakehub_view::homelab::NodeEntry;
use wakehub_view::wire::SecretEntry;

#[derive(Serialize)]
pub(super) struct SecretOut<'a> {
    name: SecretName,
    value: &'a str,
}

impl<'a> From<&'a SecretEntry> for SecretOut<'a> {
    fn from(secret: &'a SecretEntry) -> SecretOut<'a> {
        SecretOut {
            name: secret.name,
            value: &secret.value,
        }
    }
}

#[derive(Serialize)]
pub(super) struct NodeOut<'a> {
    entry: &'a NodeEntry,
    secrets: Vec<SecretOut<'a>>,
}

impl<'a> NodeOut<'a> {
    pub fn new(entry: &'a NodeEntry, secrets: &'a [SecretEntry]) -> NodeOut<'a> {
        NodeOut {
            entry,
            secrets: secrets.iter().map(SecretOut::from).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct TestOut<'a> {
    node: Option<NodeId>,
    #[serde(flatten)]
    with: NodeOut<'a>,
}

impl<'a> TestOut<'a> {
    pub fn new(
        node: Option<NodeId>,
        entry: &'a NodeEntry,
        secrets: &'a [SecretEntry],
    ) -> TestOut<'a> {
        TestOut {
            node,
            with: NodeOut::new(entry, secrets),
        }
    }
}
