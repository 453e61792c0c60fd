//! One poll of one node: is it there, and what do its connections say. A small task that does the IO and reports.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use wakehub_connectors::Watch;
use wakehub_connectors::reach::Sighting;
use wakehub_domain::{ConnectionId, ConnectorError, ErrorKind, Node, NodeKind};

use crate::event::Event;
use crate::links::Links;

/// A connection that takes longer is reported as failed; a poll never holds up the next for longer than this.
const ASK_LIMIT: Duration = Duration::from_secs(10);
const LOOK_LIMIT: Duration = Duration::from_secs(8);
/// Between the two looks that make Off.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// A stream that ends sooner was not worth opening (a proxy that forbids it): no other is opened for a while.
const SHORT: Duration = Duration::from_secs(5);
const AFTER_SHORT: Duration = Duration::from_secs(30);

pub(crate) struct Poll {
    pub links: Arc<Links>,
    pub node: Node,
    /// Those to ask; the breaker has let them through.
    pub connections: Vec<ConnectionId>,
    /// Silence must be confirmed at once, not at the next tick.
    pub confirm: bool,
    pub events: mpsc::Sender<Event>,
}

impl Poll {
    pub async fn run(self) {
        let node = self.node.id;
        if self.look().await {
            let asks = self.connections.iter().map(|connection| async {
                let result = self.ask(*connection).await;
                self.tell(Event::Answered {
                    connection: *connection,
                    result,
                })
                .await;
            });
            futures_util::future::join_all(asks).await;
        }
        self.tell(Event::PollEnded { node }).await;
    }

    /// Whether its connections are worth asking. Guests are not looked at: their host knows.
    async fn look(&self) -> bool {
        let Some(address) = self.node.address.as_deref() else {
            return true;
        };
        if self.node.kind != NodeKind::Machine {
            return true;
        }
        let port = self.node.ssh.as_ref().map_or(22, |ssh| ssh.port);
        for attempt in 0..2 {
            let look = self.links.world().look(address, port);
            let sighting = timeout(LOOK_LIMIT, look)
                .await
                .unwrap_or_else(|_| Sighting::NoWay {
                    why: format!("looking for {address} took too long"),
                });
            let silent = matches!(sighting, Sighting::Silent { .. });
            self.tell(Event::Looked {
                node: self.node.id,
                sighting,
            })
            .await;
            if !silent {
                return true;
            }
            if attempt == 0 && self.confirm {
                sleep(BETWEEN_LOOKS).await;
            } else {
                break;
            }
        }
        false
    }

    async fn ask(
        &self,
        connection: ConnectionId,
    ) -> Result<wakehub_connectors::Report, ConnectorError> {
        let asked = async {
            let connector = self.links.connector(connection).await?;
            connector.observe().await
        };
        timeout(ASK_LIMIT, asked).await.unwrap_or_else(|_| {
            Err(ConnectorError::new(
                ErrorKind::TimedOut,
                format!("ask {}’s {}", self.node.name, connection.capability.title()),
                format!("no answer within {} s", ASK_LIMIT.as_secs()),
            ))
        })
    }

    async fn tell(&self, event: Event) {
        let _ = self.events.send(event).await;
    }
}

/// Listens to what the platform tells by itself, until it ends.
pub(crate) async fn watch(
    links: Arc<Links>,
    connection: ConnectionId,
    events: mpsc::Sender<Event>,
) {
    let (changes, mut told) = mpsc::channel(64);
    let began = Instant::now();
    let listen = async {
        let connector = links.connector(connection).await?;
        connector.watch(&changes).await
    };
    let forward = async {
        while let Some(change) = told.recv().await {
            let event = Event::Changed { connection, change };
            if events.send(event).await.is_err() {
                return;
            }
        }
    };
    let ended = tokio::select! {
        ended = listen => Some(ended),
        () = forward => None,
    };
    match ended {
        // nothing to listen to, now or later
        Some(Ok(Watch::NotOffered)) => {}
        Some(Ok(Watch::Ended) | Err(_)) | None => {
            if began.elapsed() < SHORT {
                sleep(AFTER_SHORT).await;
            }
            let _ = events.send(Event::WatchEnded { connection }).await;
        }
    }
}
