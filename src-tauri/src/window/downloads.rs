//! A file that the page hands out is put where the user's downloads go, and it is said where that is: a web view keeps silent
//! about it, writes nothing where there is no such folder, and fails where a file has that name already.

use directories::UserDirs;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use tauri::webview::DownloadEvent;
use tauri::{Manager, Url, Webview, WebviewWindowBuilder, Wry};
use tracing::{info, warn};
use wakehub_view::text;

use crate::notify::{Notifier, Subject};
use crate::shell::Shell;

#[derive(Default)]
pub(crate) struct Downloads {
    is_followed: AtomicBool,
    /// Where those under way go: not every web view tells it again at the end.
    places: Mutex<HashMap<Url, PathBuf>>,
}

type Builder<'a> = WebviewWindowBuilder<'a, Wry, tauri::AppHandle>;

impl Downloads {
    /// On Linux the web views share what knows of downloads, which lasts as long as the program: once is enough there.
    pub(super) fn follow<'a>(&self, builder: Builder<'a>) -> Builder<'a> {
        if self.is_followed.swap(true, Ordering::Relaxed) && cfg!(target_os = "linux") {
            return builder;
        }
        builder.on_download(|web_view, event| match event {
            DownloadEvent::Requested { url, destination } => begin(&web_view, url, destination),
            DownloadEvent::Finished { url, success, .. } => {
                end(&web_view, &url, success);
                true
            }
            _ => true,
        })
    }

    fn places(&self) -> std::sync::MutexGuard<'_, HashMap<Url, PathBuf>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `destination` comes with the name that the page has given. Whether it may begin.
fn begin(web_view: &Webview, url: Url, destination: &mut PathBuf) -> bool {
    let shell = web_view.state::<Shell>();
    // What the page itself has made, and nothing from anywhere else.
    let (true, Some(name)) = (url.scheme() == "blob", destination.file_name()) else {
        warn!("not downloaded: {url}");
        return false;
    };
    match place_for(name) {
        Ok(place) => {
            destination.clone_from(&place);
            shell.downloads.places().insert(url, place);
            true
        }
        Err(error) => {
            let said = format!("{}: {error}", name.display());
            warn!("failed to save {said}");
            let note = text::saved(shell.language(), false, &said);
            web_view.state::<Notifier>().show(Subject::Ourselves, note);
            false
        }
    }
}

fn end(web_view: &Webview, url: &Url, is_saved: bool) {
    let shell = web_view.state::<Shell>();
    let Some(place) = shell.downloads.places().remove(url) else {
        return;
    };
    let place = place.display().to_string();
    if is_saved {
        info!("saved {place}");
    } else {
        warn!("failed to save {place}");
    }
    let note = text::saved(shell.language(), is_saved, &place);
    web_view.state::<Notifier>().show(Subject::Ourselves, note);
}

fn place_for(name: &OsStr) -> io::Result<PathBuf> {
    let dirs = UserDirs::new().ok_or_else(|| io::Error::other("there is no home directory"))?;
    let folder = dirs.download_dir().unwrap_or(dirs.home_dir());
    std::fs::create_dir_all(folder)?;
    Ok(free(folder, Path::new(name)))
}

/// `journal.csv`, or `journal (1).csv` where that is taken.
fn free(folder: &Path, name: &Path) -> PathBuf {
    let stem = name.file_stem().unwrap_or_default().to_string_lossy();
    let ending = name.extension().map(OsStr::to_string_lossy);
    let ending = ending.map_or(String::new(), |ending| format!(".{ending}"));
    let mut place = folder.join(name);
    let mut number = 0;
    while place.symlink_metadata().is_ok() {
        number += 1;
        place = folder.join(format!("{stem} ({number}){ending}"));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_written_over() {
        let folder = tempfile::TempDir::new().unwrap();
        let place = |name: &str| {
            let place = free(folder.path(), Path::new(name));
            std::fs::write(&place, "x").unwrap();
            place.file_name().unwrap().to_owned()
        };
        assert_eq!(place("a.b.csv"), "a.b.csv");
        assert_eq!(place("a.b.csv"), "a.b (1).csv");
        assert_eq!(place("a.b.csv"), "a.b (2).csv");
        assert_eq!(place("none"), "none");
        assert_eq!(place("none"), "none (1)");
    }
}
