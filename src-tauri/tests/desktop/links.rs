//! A notification is pressed, and the window shows the page that it is about.

use serde_json::{Value, json};
use std::io::Write;
use std::process::Child;
use std::sync::Arc;
use tokio::runtime::Runtime;

use crate::desk::{Desk, eventually, maybe};
use crate::panel::Panel;
use crate::window::{Driver, Window};
use crate::{HOMELAB, OPEN, homelab};

/// A service that is ended with the test.
pub struct Service(pub Child);

impl Service {
    /// The notification itself, as a user presses it.
    fn press(&mut self, note: &Value) {
        let line = format!("press {} default\n", note["id"]);
        let user = self.0.stdin.as_mut().unwrap();
        user.write_all(line.as_bytes()).unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn told(desk: &Desk, title: &str) -> Value {
    eventually(&format!("the notification {title:?}"), || {
        let mut notes = desk.told().into_iter();
        notes.rfind(|note| note["title"] == title)
    })
}

/// The address and the heading; the driver would leave out the text of a heading that could be cut off.
const PAGE: &str = "return [location.hash, document.querySelector('h1')?.textContent]";

fn wait_for_page(window: &Window, hash: &str, heading: &str) {
    let wanted = json!([hash, heading]);
    let mut last = Value::Null;
    let found = maybe(|| {
        last = window.run(PAGE);
        (last == wanted).then_some(())
    });
    assert!(found.is_some(), "not {wanted} but {last}");
}

#[test]
fn a_failure_that_is_pressed_opens_the_page_of_its_node() {
    let desk = Desk::new();
    homelab::import(&desk, HOMELAB);
    let panel = Panel::new(&desk);
    let mut service = Service(desk.notifications(&[]));
    let runtime = Arc::new(Runtime::new().unwrap());
    let driver = Driver::start(&desk, &runtime, &["--hidden"]);
    panel.wait_for_label("●  media & more · On");
    panel.click(&["●  media & more · On", "Stop"]);
    let failed = told(&desk, "media & more did not stop");
    assert_eq!(desk.windows(), [""; 0]);

    service.press(&failed);
    let window = driver.window();
    wait_for_page(&window, "#/node/2", "media & more");

    // Once more, while the window shows something else.
    window.run("location.hash = '#/settings'");
    wait_for_page(&window, "#/settings", "Settings");
    desk.run(
        "truncate",
        &["--size=0", desk.path("notifications").to_str().unwrap()],
    );
    panel.click(&["media & more did not stop", "Retry"]);
    service.press(&told(&desk, "media & more did not stop"));
    wait_for_page(&window, "#/node/2", "media & more");
    window.end();
}

#[test]
fn an_end_that_is_pressed_opens_the_page_of_its_node() {
    let desk = Desk::new();
    let panel = Panel::new(&desk);
    let mut service = Service(desk.notifications(&[]));
    let runtime = Arc::new(Runtime::new().unwrap());
    let arguments = ["--hidden", "--demo-speed", "50"];
    let driver = Driver::start(&desk, &runtime, &arguments);
    panel.wait_for_label("○  qbittorrent · Off");
    panel.click(&["○  qbittorrent · Off", "Start"]);
    let ready = told(&desk, "qbittorrent is ready");

    service.press(&ready);
    let window = driver.window();
    let hash = eventually("the page of a node is shown", || {
        let hash = window.run("return location.hash");
        let hash = hash.as_str()?;
        hash.starts_with("#/node/").then(|| hash.to_owned())
    });
    wait_for_page(&window, &hash, "qbittorrent");

    // From the page of another, and a notification of another end.
    window.run("location.hash = '#/graph'");
    wait_for_page(&window, "#/graph", "Graph");
    panel.wait_for_label("●  qbittorrent · On");
    panel.click(&["●  qbittorrent · On", "Stop"]);
    service.press(&told(&desk, "qbittorrent is off"));
    wait_for_page(&window, &hash, "qbittorrent");
    panel.wait_for_label(OPEN);
    window.end();
}
