//! The local API beside the window: there the command line and browsers come in.

use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use wakehub_api::Server;
use wakehub_engine::{Handle, Secrets};
use wakehub_view::notice::Code;
use wakehub_view::said::Said;

use crate::board::Board;

/// Whether and by what the engine's API is served.
#[derive(Clone)]
pub(crate) enum Served {
    NotYet,
    By(Arc<Server>),
    /// With the sentence that says why.
    Failed(String),
}

/// Serves until the engine ends, and says on the board when that fails. WakeHub works without it.
pub(crate) async fn serve(
    engine: Handle,
    data_dir: PathBuf,
    secrets: Arc<dyn Secrets>,
    board: Arc<Board>,
    served: watch::Sender<Served>,
) {
    let options = wakehub_api::Options {
        secrets,
        version: env!("CARGO_PKG_VERSION"),
        demo: wakehub_demo::is_demo(&data_dir),
        data_dir,
    };
    let server = match wakehub_api::serve(engine, options).await {
        Ok(server) => Arc::new(server),
        Err(error) => {
            let said = error.to_string();
            board.put_up(Code::ApiFailed, Said::Elsewhere { said: &said });
            served.send_replace(Served::Failed(said));
            return;
        }
    };
    let mut status = server.status();
    served.send_replace(Served::By(server.clone()));
    loop {
        let failure = status.borrow_and_update().failure.clone();
        match failure {
            Some(why) => board.put_up(Code::ApiFailed, Said::BrowsersCannotReach { why: &why }),
            None => board.take_down(Code::ApiFailed),
        }
        let more = tokio::select! {
            more = status.changed() => more.is_ok(),
            () = server.ending() => false,
        };
        if !more {
            break;
        }
    }
    board.take_down(Code::ApiFailed);
    // the one of the next engine may be there already
    served.send_if_modified(|served| {
        let is_ours = matches!(served, Served::By(one) if Arc::ptr_eq(one, &server));
        if is_ours {
            *served = Served::NotYet;
        }
        is_ours
    });
}
