//! What the window hands out as a file is really there afterwards, and it is said where.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;

use crate::desk::{Desk, eventually};
use crate::links::{Service, told};
use crate::panel::Panel;
use crate::window::{Driver, Window};
use crate::{HOMELAB, homelab};

fn export(window: &Window, format: &str) {
    window.press("main", "Export");
    window.wait_for("[role=menuitem]");
    window.press("[role=menu]", format);
}

/// The file that the newest notification says was saved.
fn saved(desk: &Desk, before: usize) -> String {
    eventually("it is said that a file was saved", || {
        let notes: Vec<Value> = desk.told().into_iter().collect();
        let note = notes[before.min(notes.len())..]
            .iter()
            .find(|note| note["title"] == "File saved")?;
        note["body"].as_str().map(str::to_owned)
    })
}

#[test]
fn the_journal_is_saved_as_a_file_where_downloads_go() {
    let desk = Desk::new();
    homelab::import(&desk, HOMELAB);
    // As a desktop sets it up; the folder itself is not there yet.
    fs::write(
        desk.path("config/user-dirs.dirs"),
        "XDG_DOWNLOAD_DIR=\"$HOME/My downloads\"\n",
    )
    .unwrap();
    let _panel = Panel::new(&desk);
    let _service = Service(desk.notifications(&[]));
    let runtime = Arc::new(Runtime::new().unwrap());
    let window = Driver::start(&desk, &runtime, &["--show"]).window();
    window.run("location.hash = '#/journal'");
    window.wait_for(".actions [aria-haspopup]");

    let folder = desk.path("My downloads");
    let mut places = vec![];
    for format in ["Export as CSV", "Export as CSV", "Export as JSON"] {
        let before = desk.told().len();
        export(&window, format);
        places.push(saved(&desk, before));
    }
    for place in &places {
        assert_eq!(Path::new(place).parent(), Some(folder.as_path()), "{place}");
    }
    let [csv, again, lines] = [0, 1, 2].map(|at| fs::read_to_string(&places[at]).unwrap());
    assert!(places[1].ends_with(" (1).csv"), "{places:?}");
    for name in ["nas", "media & more", "raspberry"] {
        assert!(csv.contains(name), "{csv}");
        assert!(lines.contains(name), "{lines}");
    }
    assert_eq!(csv, again);
    for line in lines.lines() {
        let _: Value = serde_json::from_str(line).unwrap();
    }
    assert_eq!(csv.lines().count(), lines.lines().count() + 1, "{csv}");
    window.end();
}

#[test]
fn a_file_that_cannot_be_saved_is_told() {
    let desk = Desk::new();
    homelab::import(&desk, HOMELAB);
    fs::write(
        desk.path("config/user-dirs.dirs"),
        "XDG_DOWNLOAD_DIR=\"$HOME/taken/downloads\"\n",
    )
    .unwrap();
    // No folder, so none can be made in it either.
    fs::write(desk.path("taken"), "").unwrap();
    let _panel = Panel::new(&desk);
    let _service = Service(desk.notifications(&[]));
    let runtime = Arc::new(Runtime::new().unwrap());
    let window = Driver::start(&desk, &runtime, &["--show"]).window();
    window.run("location.hash = '#/journal'");
    window.wait_for(".actions [aria-haspopup]");
    export(&window, "Export as CSV");
    let note = told(&desk, "File not saved");
    assert!(note["body"].as_str().unwrap().contains(".csv: "), "{note}");
    window.end();
}
