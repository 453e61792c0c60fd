//! Follows the event stream. An event says that something changed, the list says what it is now: events come late, out of
//! order and with words that differ between engines, so each is followed by one look at the containers it names.

use futures_util::StreamExt;
use std::collections::BTreeSet;
use tokio::sync::mpsc;
use wakehub_domain::{ConnectorError, NodeKind};

use super::client::Client;
use super::parse::{self, Told};
use crate::{Change, Watch};

pub(super) const OPERATION: &str = "listen to events";

/// Of one burst, such as a compose project that comes up.
const AT_ONCE: usize = 256;

pub(super) async fn run(
    client: &Client,
    changes: &mpsc::Sender<Change>,
) -> Result<Watch, ConnectorError> {
    let mut bursts = client.events(OPERATION).ready_chunks(AT_ONCE);
    loop {
        let burst = tokio::select! {
            burst = bursts.next() => burst,
            () = changes.closed() => return Ok(Watch::Ended),
        };
        let Some(burst) = burst else {
            return Ok(Watch::Ended);
        };
        let told = burst.into_iter().filter_map(|event| match event {
            Ok(event) => parse::event(event).map(Ok),
            Err(error) => Some(Err(error)),
        });
        let told: Vec<Told> = told.collect::<Result<_, _>>()?;
        for change in look(client, told).await? {
            if changes.send(change).await.is_err() {
                return Ok(Watch::Ended);
            }
        }
    }
}

/// One request for all that a burst of events names.
async fn look(client: &Client, told: Vec<Told>) -> Result<Vec<Change>, ConnectorError> {
    let mut ids = BTreeSet::new();
    let mut gone = BTreeSet::new();
    for one in told {
        match one {
            Told::Look { id } => {
                ids.insert(id);
            }
            Told::Gone { name } => {
                gone.insert(name);
            }
            Told::Renamed { id, before } => {
                ids.insert(id);
                gone.insert(before);
            }
        }
    }
    let now = if ids.is_empty() {
        Vec::new()
    } else {
        let ids = ids.into_iter().collect();
        client.list(OPERATION, Some(ids)).await?
    };
    // A name that is gone may have been given to another container in the same burst.
    for container in &now {
        gone.remove(container.name());
    }
    let gone = gone.into_iter().map(|platform_id| Change::Gone {
        kind: NodeKind::Container,
        platform_id,
    });
    let present = now.iter().map(|one| Change::Guest(one.report()));
    Ok(gone.chain(present).collect())
}
