//! macOS and Windows: notices without buttons. Questions are answered in the tray menu or in the window, and say so.

use tokio::sync::mpsc;
use wakehub_view::text::{self, Press};

use super::Order;

pub(super) async fn serve(
    mut orders: mpsc::UnboundedReceiver<Order>,
    _pressed: mpsc::UnboundedSender<Press>,
) {
    while let Some(order) = orders.recv().await {
        let Order::Show(subject, note, language) = order else {
            continue;
        };
        let mut body = note.body;
        if matches!(subject, super::Subject::Question(_)) {
            body = format!("{body} {}", text::answer_elsewhere(language));
        }
        let shown = tokio::task::spawn_blocking(move || {
            notify_rust::Notification::new()
                .appname("WakeHub")
                .summary(&note.title)
                .body(&body)
                .show()
                .map(drop)
        });
        if let Ok(Err(error)) = shown.await {
            tracing::warn!("failed to show a notification: {error}");
        }
    }
}
