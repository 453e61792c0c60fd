//! The store on a thread of its own: SQLite blocks, the loop must not.

use tokio::sync::{mpsc, oneshot};
use wakehub_store::{Store, StoreError};

use crate::event::Event;

/// Given nothing once the database is closed.
type Job = Box<dyn FnOnce(&mut Option<Store>) + Send>;

/// Cheap to clone. Calls run one after the other, in the order they were made.
#[derive(Clone)]
pub(crate) struct Storage {
    jobs: std::sync::mpsc::Sender<Job>,
    events: mpsc::Sender<Event>,
}

impl Storage {
    pub fn new(store: Store, events: mpsc::Sender<Event>) -> std::io::Result<Storage> {
        let (jobs, inbox) = std::sync::mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                let mut store = Some(store);
                while let Ok(job) = inbox.recv() {
                    job(&mut store);
                }
            })?;
        Ok(Storage { jobs, events })
    }

    pub async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Store) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.jobs.send(Box::new(move |store| {
            if let Some(store) = store {
                let _ = reply.send(job(store));
            }
        }));
        let closed = || StoreError::Other("the database is closed".to_owned());
        sent.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())
    }

    /// Without waiting for the answer; a failure is logged, and the controller is told.
    pub fn send(
        &self,
        what: &'static str,
        job: impl FnOnce(&mut Store) -> Result<(), StoreError> + Send + 'static,
    ) {
        let events = self.events.clone();
        let _ = self.jobs.send(Box::new(move |store| {
            let done = match store {
                Some(store) => job(store),
                None => Err(StoreError::Other("the database is closed".to_owned())),
            };
            if let Err(error) = done {
                tracing::error!(%error, "failed to {what}");
                // a queue that is full of news must not hold up the database; the next failure tells
                let _ = events.try_send(Event::StoreFailed(error));
            }
        }));
    }

    /// After all that was asked before. Whoever asks later is told that the database is closed.
    pub async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        let _ = self.jobs.send(Box::new(move |store| {
            drop(store.take());
            let _ = reply.send(());
        }));
        let _ = answer.await;
    }
}
