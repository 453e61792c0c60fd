//! The real gnome-keyring on the desk's bus, and what the program says without it.

use std::process::{Child, Stdio};
use std::sync::Arc;
use zbus::blocking::{Proxy, connection};
use zbus::zvariant::OwnedObjectPath;

use crate::OPEN;
use crate::desk::{Desk, eventually};
use crate::homelab;
use crate::panel::Panel;
use crate::window::Driver;

const SERVICE: &str = "org.freedesktop.secrets";

/// Serves while it lives.
pub struct Keyring {
    child: Child,
    bus: String,
}

impl Keyring {
    /// With an unlocked collection.
    pub fn new(desk: &Desk) -> Keyring {
        let mut child = desk
            .command("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("gnome-keyring-daemon must be installed");
        let mut password = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut password, b"password of the login").unwrap();
        drop(password);
        desk.run("gdbus", &["wait", "--session", "--timeout", "30", SERVICE]);
        Keyring {
            child,
            bus: desk.bus.clone(),
        }
    }

    pub fn lock(&self) {
        let connection = connection::Builder::address(self.bus.as_str()).unwrap();
        let connection = connection.build().unwrap();
        let service = Proxy::new(
            &connection,
            SERVICE,
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service",
        )
        .unwrap();
        let path: OwnedObjectPath = service.call("ReadAlias", &"default").unwrap();
        let (locked, _): (Vec<OwnedObjectPath>, OwnedObjectPath) =
            service.call("Lock", &[path].as_slice()).unwrap();
        assert_eq!(locked.len(), 1);
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// On loopback, so it is on. Its connection needs a password.
const HOMELAB: &str = r#"
    [[node]]
    name = "nas"
    kind = "machine"
    address = "127.0.0.91"
    mac = "52:54:00:00:00:03"
    ssh = { user = "root", auth = "password", port = 1 }
    pinned = true
"#;

/// Said in the window; the stop that needs a secret fails with it; where there are no notifications either, the failure
/// still stands in the menu and in the window.
fn goes_on_without_secrets_and_notifications(desk: &Desk, notice: &str, reason: &str) {
    homelab::import(desk, HOMELAB);
    let runtime = Arc::new(tokio::runtime::Runtime::new().unwrap());
    let panel = Panel::new(desk);
    let driver = Driver::start(desk, &runtime, &["--hidden"]);
    panel.wait_for_label(OPEN);
    panel.click(&[OPEN]);
    let window = driver.window();
    eventually("the window says so", || {
        let shown = window.texts(".notice[data-severity=warning]");
        shown.iter().any(|text| text.contains(notice)).then_some(())
    });
    panel.wait_for_label("●  nas · On");
    panel.click(&["●  nas · On", "Stop"]);
    let menu = panel.wait_for_label("nas did not stop");
    assert_eq!(menu[0].items[0].label, "Retry", "{menu:?}");
    let failed = window.wait_for(".cascade:has(li[data-step=failed])");
    assert!(failed.contains(reason), "{failed}");
    eventually("the log says that nobody was notified", || {
        desk.log().contains("no notification shown").then_some(())
    });
    window.end();
}

#[test]
fn without_a_keyring_and_notifications_it_says_so_and_goes_on() {
    let desk = Desk::new();
    goes_on_without_secrets_and_notifications(&desk, "There is no keyring", "there is no keyring");
}

#[test]
fn with_a_locked_keyring_it_says_so_and_goes_on() {
    let desk = Desk::new();
    let keyring = Keyring::new(&desk);
    keyring.lock();
    goes_on_without_secrets_and_notifications(&desk, "The keyring is locked", "locked");
}
