//! What the desktop offers: a display, an icon in the tray, somebody who shows it.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub(crate) use linux::{end_network_process, has_tray_library, prepare, watch};

/// Whether the desktop shows tray icons.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TrayHost {
    /// Not asked yet.
    Unknown,
    Present,
    /// Closing the window would leave nothing to bring it back with.
    Absent,
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use tauri::{AppHandle, Manager};

    use super::TrayHost;
    use crate::shell::Shell;

    pub(crate) fn prepare() -> Result<(), String> {
        Ok(())
    }

    pub(crate) fn has_tray_library() -> bool {
        true
    }

    /// macOS and Windows always have a place for the icon.
    pub(crate) fn watch(app: &AppHandle) {
        app.state::<Shell>()
            .tray_host
            .send_replace(TrayHost::Present);
    }

    /// The web view's processes end with it.
    pub(crate) fn end_network_process() {}
}

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{end_network_process, has_tray_library, prepare, watch};
