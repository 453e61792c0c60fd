//! Where secrets are kept. The shell and the command line give the engine the operating system's keyring.

use async_trait::async_trait;
use std::fmt;
use wakehub_domain::{NodeId, Secret, SecretName};

/// Which secret: of which homelab (two data directories must not share), whose, and what for.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SecretKey {
    pub homelab: String,
    pub of: SecretOf,
}

/// What has a secret.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum SecretOf {
    Node {
        node: NodeId,
        name: SecretName,
    },
    /// A token of the local API, by its id.
    ApiToken(String),
}

impl SecretKey {
    pub fn of_node(homelab: impl Into<String>, node: NodeId, name: SecretName) -> SecretKey {
        SecretKey {
            homelab: homelab.into(),
            of: SecretOf::Node { node, name },
        }
    }

    pub fn of_token(homelab: impl Into<String>, id: impl Into<String>) -> SecretKey {
        SecretKey {
            homelab: homelab.into(),
            of: SecretOf::ApiToken(id.into()),
        }
    }
}

/// `homelab/node/name`, and `homelab/api/id`: no node is called api, nodes go by number here.
impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.of {
            SecretOf::Node { node, name } => write!(f, "{}/{node}/{name}", self.homelab),
            SecretOf::ApiToken(id) => write!(f, "{}/api/{id}", self.homelab),
        }
    }
}

/// Why a secret could not be had or kept. The text is for the user and never contains a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SecretError {
    #[error("there is no keyring: {0}")]
    NoKeyring(String),
    #[error("the keyring is locked")]
    Locked,
    #[error("the keyring failed: {0}")]
    Failed(String),
}

/// Every call ends within seconds, a locked keyring included.
#[async_trait]
pub trait Secrets: Send + Sync + 'static {
    async fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretError>;
    async fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretError>;
    /// Removing what is not there is a success.
    async fn remove(&self, key: &SecretKey) -> Result<(), SecretError>;
}
