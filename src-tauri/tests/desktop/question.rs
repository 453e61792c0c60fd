//! What nobody uses is asked about: on the notification, in the menu, after a restart, and where there are no buttons.

use serde_json::Value;
use std::io::Write;
use std::process::Stdio;

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

fn service(desk: &Desk, program: &str, arguments: &[&str]) -> Service {
    let mut command = desk.command(program);
    command.args(arguments).stdout(Stdio::null());
    let started = command.stderr(Stdio::null()).spawn();
    Service(started.unwrap_or_else(|_| panic!("{program} must be installed")))
}

/// What many desktops without an environment of their own run.
fn dunst(desk: &Desk) -> Service {
    let dunst = service(desk, "dunst", &[]);
    let name = "org.freedesktop.Notifications";
    desk.run("gdbus", &["wait", "--session", "--timeout", "30", name]);
    dunst
}

/// So many notifications that are `displayed`, or `waiting`.
fn until_dunst_has(desk: &Desk, count: &str, which: &str) {
    eventually(&format!("{count} {which}"), || {
        let counted = desk.run("dunstctl", &["count", which]);
        (counted.trim() == count).then_some(())
    });
}

#[test]
fn a_daemon_that_others_wrote_shows_the_question_and_passes_the_press_on() {
    let (desk, panel) = asked();
    let _dunst = dunst(&desk);
    let _app = desk.app(&["--hidden"]);
    panel.wait_for_label(ASKED);
    until_dunst_has(&desk, "1", "displayed");
    assert!(panel.labels().contains(&OPEN.to_owned()));
    assert_eq!(desk.windows(), [""; 0]);
    // the notification itself is pressed
    desk.run("dunstctl", &["action", "0"]);
    desk.wait_for_window();
    panel.wait_for_label(ASKED);
}

/// The locker has keyboard and pointer, and whoever started it has told dunst to hold back what it would show.
#[test]
fn behind_a_locked_screen_the_question_waits_until_somebody_is_back() {
    let (desk, panel) = asked();
    let _dunst = dunst(&desk);
    desk.run("dunstctl", &["set-paused", "true"]);
    let locker = service(&desk, "i3lock", &["--nofork"]);
    eventually("the screen is locked", || {
        let windows = desk.run("xdotool", &["search", "--class", "^i3lock$"]);
        (!windows.trim().is_empty()).then_some(())
    });
    let _app = desk.app(&["--hidden"]);
    panel.wait_for_label(ASKED);
    until_dunst_has(&desk, "1", "waiting");
    until_dunst_has(&desk, "0", "displayed");
    assert_eq!(desk.windows(), [""; 0], "nothing comes over the lock");
    // nobody has answered, and it is asked about as before
    drop(locker);
    desk.run("dunstctl", &["set-paused", "false"]);
    until_dunst_has(&desk, "1", "displayed");
    assert!(panel.labels().contains(&ASKED.to_owned()));
    panel.click(&[ASKED, "Keep on"]);
    until_dunst_has(&desk, "0", "displayed");
}
