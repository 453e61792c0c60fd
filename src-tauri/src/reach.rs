//! The local API beside the window: there the command line and browsers come in.

use std::path::PathBuf;
use std::sync::Arc;
use wakehub_engine::{Handle, Secrets};
use wakehub_view::wire::Severity;

use crate::board::Board;

const NOTICE: &str = "api_failed";

/// Serves until the engine ends, and says on the board when that fails. WakeHub works without it.
pub(crate) async fn serve(
    engine: Handle,
    data_dir: PathBuf,
    secrets: Arc<dyn Secrets>,
    board: Arc<Board>,
) {
    let options = wakehub_api::Options {
        secrets,
        version: env!("CARGO_PKG_VERSION"),
        demo: wakehub_demo::is_demo(&data_dir),
        data_dir,
    };
    let mut status = match wakehub_api::serve(engine, options).await {
        Ok(server) => server.status(),
        Err(error) => {
            board.put_up(NOTICE, Severity::Warning, error.to_string());
            return;
        }
    };
    loop {
        let failure = status.borrow_and_update().failure.clone();
        match failure {
            Some(why) => board.put_up(
                NOTICE,
                Severity::Warning,
                format!("Browsers cannot reach WakeHub: {why}."),
            ),
            None => board.take_down(NOTICE),
        }
        if status.changed().await.is_err() {
            return;
        }
    }
}
