//! The one window: built when it is opened, destroyed when it is closed.

pub(crate) mod downloads;
pub(crate) mod web_view;

use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tauri::{
    AppHandle, Manager, Monitor, PhysicalPosition, PhysicalSize, WebviewUrl, WebviewWindow,
    WebviewWindowBuilder, Window, WindowEvent,
};
use tracing::warn;
use wakehub_view::notice::Code;

use crate::desktop::{self, TrayHost};
use crate::shell::Shell;

const LABEL: &str = "main";
const SIZE: (f64, f64) = (1200.0, 800.0);
const LEAST: (f64, f64) = (360.0, 560.0);

/// A window that is opened again within this time finds the web view's processes still there.
const IDLE: Duration = Duration::from_secs(5);
/// How long the ends of the web view's processes are still dealt with here.
const SETTLING: Duration = Duration::from_millis(500);

/// Where the window was, in physical pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Place {
    x: i32,
    y: i32,
    width: u32,
    height: u32,
    maximized: bool,
}

/// Opens the window, or brings it to the front; at the page of `route` (`#/node/3`) where one is given.
pub(crate) fn show(app: &AppHandle, route: Option<String>) {
    on_main(app, move |app| {
        let shown = match app.get_webview_window(LABEL) {
            Some(window) => front(&window, route.as_deref()),
            None => build(app, route.as_deref()).map(drop),
        };
        if let Err(error) = shown {
            warn!("failed to open the window: {error}");
        }
    });
}

/// For a desktop without a tray: there must be a window, or nobody could reach WakeHub. It does not ask for attention.
pub(crate) fn show_without_tray(app: &AppHandle) {
    on_main(app, |app| {
        if app.get_webview_window(LABEL).is_none()
            && let Err(error) = build(app, None).and_then(|window| window.minimize())
        {
            warn!("failed to open the window: {error}");
        }
    });
}

pub(crate) fn on_event(window: &Window, event: &WindowEvent) {
    let app = window.app_handle();
    if let WindowEvent::CloseRequested { api, .. } = event {
        keep_place(window);
        app.state::<Shell>().board.take_down(Code::Window);
        // While the desktop has not been asked yet, a window too many is better than none.
        if *app.state::<Shell>().tray_host.borrow() != TrayHost::Present {
            api.prevent_close();
            if let Err(error) = window.minimize() {
                warn!("failed to minimise the window: {error}");
            }
        }
    }
    if matches!(event, WindowEvent::Destroyed) {
        app.state::<Shell>().subscribe(None);
        let app = app.clone();
        tauri::async_runtime::spawn(async move {
            tokio::time::sleep(IDLE).await;
            on_main(&app, |app| {
                if app.webview_windows().is_empty() {
                    desktop::end_network_process();
                }
            });
            give_back(&app).await;
        });
    }
}

/// What a window, or the start, has needed for a moment is given back once it has settled.
pub(crate) async fn give_back(app: &AppHandle) {
    tokio::time::sleep(SETTLING).await;
    // on the main thread, whose heap is the largest and which must not be in the middle of a frame
    on_main(app, |app| {
        if app.webview_windows().is_empty() {
            wakehub_trim::trim();
            wakehub_trim::unmap_program();
        }
    });
}

/// Says in the title which homelab is shown.
pub(crate) fn name(app: &AppHandle) {
    on_main(app, |app| {
        if let Some(window) = app.get_webview_window(LABEL)
            && let Err(error) = window.set_title(title(app))
        {
            warn!("failed to name the window: {error}");
        }
    });
}

fn title(app: &AppHandle) -> &'static str {
    if app.state::<Shell>().is_demo() {
        "WakeHub: demo homelab"
    } else {
        "WakeHub"
    }
}

fn on_main(app: &AppHandle, act: impl FnOnce(&AppHandle) + Send + 'static) {
    let handle = app.clone();
    // It fails only when the program is about to end.
    let _ = app.run_on_main_thread(move || act(&handle));
}

fn front(window: &WebviewWindow, route: Option<&str>) -> tauri::Result<()> {
    if let Some(route) = route {
        // The hash is made here, never from what a platform said.
        window.eval(format!(
            "location.hash = {}",
            serde_json::Value::from(route)
        ))?;
    }
    window.unminimize()?;
    window.show()?;
    window.set_focus()
}

fn build(app: &AppHandle, route: Option<&str>) -> tauri::Result<WebviewWindow> {
    let page = format!("index.html{}", route.unwrap_or_default());
    let place = kept_place(&app.state::<Shell>().data_dir, &app.available_monitors()?);
    let builder = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App(page.into()))
        .title(title(app))
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(LEAST.0, LEAST.1)
        .zoom_hotkeys_enabled(true)
        .on_navigation(|url| {
            // Only our own pages, and the files they hand out; a link to a service opens in the browser, by a command.
            matches!(url.scheme(), "tauri" | "about" | "blob")
                || matches!(url.host_str(), Some("localhost" | "tauri.localhost"))
        });
    let window = app.state::<Shell>().downloads.follow(builder).build()?;
    web_view::watch(&window)?;
    if let Some(place) = place {
        window.set_size(PhysicalSize::new(place.width, place.height))?;
        window.set_position(PhysicalPosition::new(place.x, place.y))?;
        if place.maximized {
            window.maximize()?;
        }
    }
    Ok(window)
}

fn keep_place(window: &Window) {
    let file = place_file(&window.state::<Shell>().data_dir);
    let kept = place_of(window)
        .map_err(std::io::Error::other)
        .and_then(|place| fs::write(file, serde_json::to_string(&place)?));
    if let Err(error) = kept {
        warn!("failed to keep the window's place: {error}");
    }
}

fn place_of(window: &Window) -> tauri::Result<Place> {
    let (size, position) = (window.inner_size()?, window.outer_position()?);
    Ok(Place {
        x: position.x,
        y: position.y,
        width: size.width,
        height: size.height,
        maximized: window.is_maximized()?,
    })
}

/// The place that was kept, if its title bar can still be reached on one of the screens.
fn kept_place(data_dir: &Path, monitors: &[Monitor]) -> Option<Place> {
    let place: Place =
        serde_json::from_str(&fs::read_to_string(place_file(data_dir)).ok()?).ok()?;
    let screens: Vec<_> = monitors
        .iter()
        .map(|monitor| (*monitor.position(), *monitor.size()))
        .collect();
    place.reachable(&screens).then_some(place)
}

fn place_file(data_dir: &Path) -> PathBuf {
    data_dir.join("window.json")
}

impl Place {
    fn reachable(self, screens: &[(PhysicalPosition<i32>, PhysicalSize<u32>)]) -> bool {
        // Of the title bar, at least this much.
        const GRIP: i64 = 64;
        let overlap = |a: i64, a_length: u32, b: i64, b_length: u32| {
            (a + i64::from(a_length)).min(b + i64::from(b_length)) - a.max(b)
        };
        self.width > 0
            && self.height > 0
            && screens.iter().any(|(at, size)| {
                let y = i64::from(self.y);
                let top = i64::from(at.y);
                overlap(self.x.into(), self.width, at.x.into(), size.width) >= GRIP
                    && (top - 1..top + i64::from(size.height) - GRIP).contains(&y)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(x: i32, y: i32) -> Place {
        Place {
            x,
            y,
            width: 1200,
            height: 800,
            maximized: false,
        }
    }

    #[test]
    fn a_place_off_every_screen_is_forgotten() {
        let left = (
            PhysicalPosition::new(-1920, 0),
            PhysicalSize::new(1920, 1080),
        );
        let main = (PhysicalPosition::new(0, 0), PhysicalSize::new(1280, 800));
        let both = [left, main];
        assert!(place(40, 0).reachable(&both));
        assert!(place(-1800, 300).reachable(&both));
        assert!(!place(-1800, 300).reachable(&[main]));
        assert!(!place(1250, 10).reachable(&both));
        assert!(!place(0, -500).reachable(&both));
        assert!(!place(0, 790).reachable(&[main]));
        assert!(!place(0, 0).reachable(&[]));
        let nothing = Place {
            width: 0,
            ..place(0, 0)
        };
        assert!(!nothing.reachable(&both));
    }
}
