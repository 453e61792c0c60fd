//! The process that draws the page may end under an open window, killed for its memory or by a fault of its own. The window
//! would stay white, so the page is loaded again; where that does not help, the window is closed and it is said why.

#![cfg_attr(
    target_os = "windows",
    expect(dead_code, reason = "its web view loads the page again by itself")
)]

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tauri::{AppHandle, Manager};
use tracing::warn;
use wakehub_view::notice::Code;
use wakehub_view::said::Said;
use wakehub_view::text;

use super::{LABEL, keep_place};
use crate::notify::{Notifier, Subject};
use crate::shell::Shell;

/// A process that ends so often within so long a time would go on doing so.
const MOST: usize = 3;
const WITHIN: Duration = Duration::from_secs(60);

/// When the process ended, of late.
#[derive(Default)]
pub(crate) struct Ends(Mutex<Vec<Instant>>);

impl Ends {
    /// Whether it has ended too often. If so, it is counted from the beginning again.
    fn too_many(&self, now: Instant) -> bool {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.retain(|end| now.saturating_duration_since(*end) < WITHIN);
        ends.push(now);
        let too_many = ends.len() >= MOST;
        if too_many {
            ends.clear();
        }
        too_many
    }
}

/// Follows the web view of a window that was just built, to the window's end; macOS's tells the program (`lib.rs`).
#[cfg(target_os = "linux")]
pub(super) fn watch(window: &tauri::WebviewWindow) -> tauri::Result<()> {
    use gtk::prelude::WidgetExt;
    use webkit2gtk::{BackForwardListExt, WebViewExt};
    let app = window.app_handle().clone();
    window.with_webview(move |web_view| {
        let web_view = web_view.inner();
        let first = web_view.uri();
        // wry listens to the page through this object with a handler that holds the web view, which holds the object: 90 KiB
        // and an open file would stay of each window.
        web_view.connect_destroy(|web_view| {
            if let Some(manager) = web_view.user_content_manager() {
                wakehub_trim::dispose(&manager);
            }
        });
        web_view.connect_web_process_terminated(move |web_view, reason| {
            warn!("the web view's process ended: {reason:?}");
            ended(&app, || {
                let listed = web_view.back_forward_list();
                match (listed.and_then(|list| list.current_item()), &first) {
                    // It ended before there was a page that could be loaded again.
                    (None, Some(first)) => web_view.load_uri(first),
                    (Some(_), _) | (None, None) => web_view.reload(),
                }
            });
        });
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn watch(_window: &tauri::WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// On the main thread.
pub(crate) fn ended(app: &AppHandle, load_again: impl FnOnce()) {
    let shell = app.state::<Shell>();
    if !shell.web_view_ends.too_many(Instant::now()) {
        load_again();
        shell.board.put_up(Code::Window, Said::WindowLoadedAgain);
        return;
    }
    let times = MOST.to_string();
    let said = Said::WindowClosed { n: &times };
    shell.board.put_up(Code::Window, said);
    let note = text::window_closed(shell.language(), &said.to_string());
    app.state::<Notifier>().show(Subject::Ourselves, note);
    let Some(window) = app.get_webview_window(LABEL) else {
        return;
    };
    keep_place(&window.as_ref().window());
    if let Err(error) = window.destroy() {
        warn!("failed to close the window: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ends_now_and_then_is_started_again() {
        let ends = Ends::default();
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        for seconds in [0, 30, 61, 91, 122] {
            assert!(!ends.too_many(at(seconds)), "{seconds}");
        }
        assert!(ends.too_many(at(123)));
        assert!(!ends.too_many(at(124)), "a new window begins anew");
    }
}
