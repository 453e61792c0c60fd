//! What nobody uses is asked about: on the notification, in the menu, after a restart, and where there are no buttons.

use serde_json::Value;
use std::io::Write;

use crate::desk::{Desk, eventually};
use crate::links::Service;
use crate::panel::Panel;
use crate::{OPEN, homelab};

/// On loopback, so it is on; used while a port accepts on which nobody listens.
const UNUSED: &str = r#"
    [[node]]
    name = "nas"
    kind = "machine"
    address = "127.0.0.91"
    mac = "52:54:00:00:00:03"
    pinned = true
    ssh = { user = "root", auth = "password", port = 1 }
    idle = { timeout_minutes = 1, criteria = { last_access = { port = 9, logins = false } } }
"#;
const ASKED: &str = "nas: shut it down?";

/// A desk on which WakeHub was closed with a question open.
fn asked() -> (Desk, Panel) {
    let desk = Desk::new();
    homelab::import_until_asked(&desk, UNUSED, "nas");
    let panel = Panel::new(&desk);
    (desk, panel)
}

fn question(desk: &Desk) -> Value {
    eventually("the question is shown", || {
        let mut notes = desk.told().into_iter();
        notes.find(|note| {
            let body = note["body"].as_str().unwrap_or_default();
            let title = note["title"].as_str().unwrap_or_default();
            format!("{title} {body}").contains("not been used")
        })
    })
}

#[test]
fn what_nobody_uses_is_asked_about_after_a_restart_and_put_off_on_the_notification() {
    let (desk, panel) = asked();
    let mut service = Service(desk.notifications(&[]));
    let mut app = desk.app(&["--hidden"]);
    panel.wait_for_label(ASKED);
    let note = question(&desk);
    for (key, label) in [("shut_down", "Shut down"), ("keep_on", "Keep on")] {
        assert_eq!(note["actions"][key], label, "{note}");
    }
    assert_eq!(note["timeout"], 0, "it stays until it is answered");
    let press = format!("press {} snooze\n", note["id"]);
    let user = service.0.stdin.as_mut().unwrap();
    user.write_all(press.as_bytes()).unwrap();
    panel.wait_for("nobody is asked any more, and it is kept on", |menu| {
        let asked = menu.iter().any(|line| line.label == ASKED);
        let kept = menu.iter().any(|line| {
            line.label.starts_with("●  nas")
                && line.items.iter().any(|item| {
                    item.label.starts_with("Kept on") || item.label.starts_with("Release")
                })
        });
        !asked && kept
    });
    panel.click(&["Quit"]);
    assert!(app.ended().success());
    assert_eq!(
        desk.told()
            .iter()
            .filter(|e| e["event"] == "notify")
            .count(),
        1
    );
}

#[test]
fn without_buttons_the_question_waits_in_the_menu() {
    let (desk, panel) = asked();
    let _service = Service(desk.notifications_that_can("body", &[]));
    let _app = desk.app(&["--hidden"]);
    panel.wait_for_label(ASKED);
    let note = question(&desk);
    assert_eq!(note["actions"], serde_json::json!({}), "{note}");
    let body = note["body"].as_str().unwrap_or_default();
    assert!(body.contains("menu"), "it says where to answer: {note}");
    panel.click(&[ASKED, "Keep on"]);
    panel.wait_for("nobody is asked any more", |menu| {
        !menu.iter().any(|line| line.label == ASKED)
    });
    eventually("the notification is taken away", || {
        let mut events = desk.told().into_iter();
        events.find(|event| event["event"] == "close" && event["id"] == note["id"])
    });
}

/// dunst is what many desktops without an environment of their own run.
#[test]
fn a_daemon_that_others_wrote_shows_the_question_and_passes_the_press_on() {
    let (desk, panel) = asked();
    let dunst = desk
        .command("dunst")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("dunst must be installed");
    let _dunst = Service(dunst);
    let name = "org.freedesktop.Notifications";
    desk.run("gdbus", &["wait", "--session", "--timeout", "30", name]);
    let _app = desk.app(&["--hidden"]);
    panel.wait_for_label(ASKED);
    eventually("it is on the screen", || {
        let shown = desk.run("dunstctl", &["count", "displayed"]);
        (shown.trim() == "1").then_some(())
    });
    assert!(panel.labels().contains(&OPEN.to_owned()));
    assert_eq!(desk.windows(), [""; 0]);
    // the notification itself is pressed
    desk.run("dunstctl", &["action", "0"]);
    desk.wait_for_window();
    panel.wait_for_label(ASKED);
}
