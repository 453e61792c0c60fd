//! Linux desktops differ: some have no tray, some get one late, some have no D-Bus.

use futures_util::StreamExt;
use rustix::process::{Pid, Signal, getpid, kill_process};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};
use tauri::{AppHandle, Manager};
use wakehub_view::notice::Code;
use wakehub_view::said::Said;
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::names::BusName;

use super::TrayHost;
use crate::shell::Shell;
use crate::window;

/// Who shows tray icons: <https://www.freedesktop.org/wiki/Specifications/StatusNotifierItem/StatusNotifierWatcher/>.
const WATCHER: &str = "org.kde.StatusNotifierWatcher";
/// A panel that starts together with us, at login, is given this long before we say that there is none.
const LATE: Duration = Duration::from_secs(3);
/// The first that is found is loaded by the tray library; without any it would end the program.
const LIBRARIES: [&str; 2] = ["libayatana-appindicator3.so.1", "libappindicator3.so.1"];

/// To be called before any thread is started: it may set a variable of the environment.
///
/// # Errors
/// Why no window can be shown, as a sentence.
pub(crate) fn prepare() -> Result<(), String> {
    let without_display =
        "there is no desktop to show WakeHub on; `wakehub run` runs it without a window";
    if ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .all(|name| env::var_os(name).is_none_or(|value| value.is_empty()))
    {
        return Err(format!(
            "{without_display} (neither DISPLAY nor WAYLAND_DISPLAY is set)"
        ));
    }
    // WebKit's way of handing pictures to the screen over DMA-BUF gains nothing without a graphics card (74 MiB more for
    // an open window under Xvfb), and stays white on NVIDIA's own driver.
    let has_card = Path::new("/dev/dri").exists();
    if !has_card || Path::new("/proc/driver/nvidia").exists() {
        set_unless_set("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
    }
    // WebKit would ask OpenGL which card to use, and the software driver that answers stays loaded with LLVM: 10 MiB of
    // private memory that outlives the window. Told of a card, here one that is not there, it does not ask.
    if !has_card {
        set_unless_set("WEBKIT_WEB_RENDER_DEVICE_FILE", "/dev/dri/renderD128");
    }
    // Tauri would panic where this fails.
    gtk::init().map_err(|error| format!("{without_display} ({error})"))
}

fn set_unless_set(name: &str, value: &str) {
    if env::var_os(name).is_none() {
        let _ = gtk::glib::setenv(name, value, false);
    }
}

/// Looks where the dynamic linker looks, because loading a library just to see whether it is there would be unsafe code.
pub(crate) fn has_tray_library() -> bool {
    let named = |directory: PathBuf| {
        LIBRARIES
            .iter()
            .any(|library| is_library(&directory.join(library)))
    };
    let searched = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let machine = env::consts::ARCH;
    let usual = [
        format!("/usr/lib/{machine}-linux-gnu"),
        format!("/lib/{machine}-linux-gnu"),
        "/usr/lib64".to_owned(),
        "/usr/lib".to_owned(),
        "/app/lib".to_owned(),
        "/usr/local/lib".to_owned(),
    ];
    env::split_paths(&searched)
        .chain(usual.into_iter().map(PathBuf::from))
        .any(named)
        || in_linker_cache()
}

fn is_library(path: &Path) -> bool {
    let mut magic = [0; 4];
    fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut magic).is_ok())
        && magic == *b"\x7fELF"
}

/// For distributions that keep their libraries elsewhere.
fn in_linker_cache() -> bool {
    ["ldconfig", "/sbin/ldconfig"].iter().any(|ldconfig| {
        Command::new(ldconfig).arg("-p").output().is_ok_and(|list| {
            // `	libfoo.so.1 (libc6,x86-64) => /usr/lib/libfoo.so.1`
            String::from_utf8_lossy(&list.stdout)
                .lines()
                .filter_map(|line| line.split_once(" => "))
                .any(|(name, path)| {
                    LIBRARIES
                        .iter()
                        .any(|library| name.trim_start().starts_with(library))
                        && is_library(Path::new(path))
                })
        })
    })
}

/// Follows whether somebody shows our icon, from now to the end.
pub(crate) fn watch(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        if let Err(error) = follow(&app).await {
            tracing::warn!("cannot ask the desktop about its tray: {error}");
            set(&app, TrayHost::Absent);
        }
    });
}

async fn follow(app: &AppHandle) -> zbus::Result<()> {
    if app.tray_by_id(crate::tray::ID).is_none() {
        set(app, TrayHost::Absent);
        return Ok(());
    }
    let connection = Connection::session().await?;
    let bus = DBusProxy::new(&connection).await?;
    let mut changes = bus
        .receive_name_owner_changed_with_args(&[(0, WATCHER)])
        .await?;
    let mut present = bus.name_has_owner(BusName::try_from(WATCHER)?).await?;
    if !present {
        let appears = tokio::time::timeout(LATE, changes.next()).await;
        if let Ok(Some(change)) = appears {
            present = change.args()?.new_owner().is_some();
        }
    }
    loop {
        set(
            app,
            if present {
                TrayHost::Present
            } else {
                TrayHost::Absent
            },
        );
        let Some(change) = changes.next().await else {
            return Ok(());
        };
        present = change.args()?.new_owner().is_some();
    }
}

fn set(app: &AppHandle, host: TrayHost) {
    let shell = app.state::<Shell>();
    tracing::info!("tray: {host:?}");
    match host {
        TrayHost::Unknown => {}
        TrayHost::Present => shell.board.take_down(Code::NoTray),
        TrayHost::Absent => shell.board.put_up(
            Code::NoTray,
            if has_tray_library() {
                Said::NoTray
            } else {
                Said::NoTrayLibrary
            },
        ),
    }
    shell.tray_host.send_replace(host);
    if host == TrayHost::Absent {
        window::show_without_tray(app);
    }
}

/// WebKit's network process outlives the last web view, for nothing: 26 MiB. No call ends it, so it is sent the signal
/// that ends a process; the next web view starts a new one.
pub(crate) fn end_network_process() {
    let ourselves = getpid().as_raw_nonzero().get();
    for process in children(ourselves) {
        if process.name == NETWORK_PROCESS
            && let Some(pid) = Pid::from_raw(process.pid)
        {
            match kill_process(pid, Signal::TERM) {
                Ok(()) => tracing::debug!("ended WebKit's network process {}", process.pid),
                Err(error) => tracing::warn!("failed to end {}: {error}", process.pid),
            }
        }
    }
}

/// `WebKitNetworkProcess`, as the kernel cuts it to 15 bytes.
const NETWORK_PROCESS: &str = "WebKitNetworkPr";

struct Process {
    pid: i32,
    name: String,
}

fn children(parent: i32) -> Vec<Process> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return vec![];
    };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (name, their_parent) = name_and_parent(&stat)?;
            (their_parent == parent).then(|| Process {
                pid,
                name: name.to_owned(),
            })
        })
        .collect()
}

/// From `PID (NAME) STATE PARENT …`; the name may itself hold spaces and parentheses.
fn name_and_parent(stat: &str) -> Option<(&str, i32)> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let parent = after.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some((name, parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_lines_are_read_whatever_the_name() {
        assert_eq!(
            name_and_parent("4711 (WebKitNetworkPr) S 4700 4700 1 0"),
            Some(("WebKitNetworkPr", 4700))
        );
        assert_eq!(
            name_and_parent("1 (a ) S 2 (b)) R 3 1"),
            Some(("a ) S 2 (b)", 3))
        );
        assert_eq!(name_and_parent("nonsense"), None);
        assert_eq!(name_and_parent("1 (x) S"), None);
    }

    #[test]
    fn only_own_children_are_found() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let ours = children(getpid().as_raw_nonzero().get());
        let pid = i32::try_from(child.id()).unwrap();
        assert!(ours.iter().any(|process| process.pid == pid));
        assert!(ours.iter().all(|process| process.pid != 1));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
