//! The process that draws the page is killed under an open window. A driver's session would end with it, so the keyboard
//! drives the window here, and what is on it is read from WebKit's own inspector, as a developer's browser would.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::OPEN;
use crate::desk::{App, Desk, eventually, within};
use crate::homelab;
use crate::panel::Panel;
use crate::window::free_ports;

const HOMELAB: &str = r#"
    [[node]]
    name = "nas"
    kind = "machine"
    address = "127.0.0.91"
"#;

const DASHBOARD: &str = "Dashboard · WakeHub";

/// The program, and where its inspector listens.
struct Inspected {
    app: App,
    port: u16,
}

impl Inspected {
    fn start(desk: &Desk) -> Inspected {
        homelab::import(desk, HOMELAB);
        let [port, _] = free_ports();
        let mut command = desk.app_command(&["--hidden"]);
        command.env("WEBKIT_INSPECTOR_HTTP_SERVER", format!("127.0.0.1:{port}"));
        let app = App::from(command.spawn().unwrap());
        Inspected { app, port }
    }

    /// The inspector's list of pages: their titles and addresses.
    fn pages(&self) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        let request = format!(
            "GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.port
        );
        stream.write_all(request.as_bytes()).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let mut page = vec![];
        let _ = stream.read_to_end(&mut page);
        Some(String::from_utf8_lossy(&page).into_owned())
    }

    fn wait_for_title(&self, title: &str) {
        eventually(&format!("the page {title:?} is there"), || {
            self.pages()?.contains(title).then_some(())
        });
    }

    /// When it has a page: WebKit itself fails where one is killed that has not yet said who it is.
    fn kill_web_view(&self) -> Pid {
        let pid = self.wait_for_web_view(None);
        kill_process(pid, Signal::KILL).unwrap();
        pid
    }

    fn wait_for_web_view(&self, before: Option<Pid>) -> Pid {
        eventually("a web view runs", || {
            self.app.web_process().filter(|pid| Some(*pid) != before)
        })
    }
}

/// As a user does it who has no mouse: the palette, and the page's name. Pressed again when a key was lost.
fn go_to(desk: &Desk, window: &str, page: &str, inspected: &Inspected) {
    let title = format!("{page} · WakeHub");
    eventually(&format!("{page} is shown"), || {
        desk.run("xdotool", &["windowactivate", window]);
        if desk.run("xdotool", &["getactivewindow"]).trim() != window {
            return None;
        }
        desk.run("xdotool", &["key", "--clearmodifiers", "Escape", "ctrl+k"]);
        desk.run("xdotool", &["type", "--delay", "40", page]);
        desk.run("xdotool", &["key", "Return"]);
        within(Duration::from_secs(3), || {
            inspected.pages()?.contains(&title).then_some(())
        })
    });
}

#[test]
fn a_web_view_that_is_killed_comes_back_where_it_was() {
    let desk = Desk::new();
    let panel = Panel::new(&desk);
    let inspected = Inspected::start(&desk);
    panel.wait_for_label(OPEN);
    panel.click(&[OPEN]);
    let window = desk.wait_for_window();
    inspected.wait_for_title(DASHBOARD);
    go_to(&desk, &window, "Machines", &inspected);
    let killed = inspected.kill_web_view();
    inspected.wait_for_web_view(Some(killed));
    // The list is made anew a little later.
    within(Duration::from_secs(2), || {
        let pages = inspected.pages()?;
        (!pages.contains("Machines")).then_some(())
    });
    inspected.wait_for_title("Machines · WakeHub");
    assert_eq!(desk.windows(), std::slice::from_ref(&window));
    // It is alive.
    go_to(&desk, &window, "Journal", &inspected);
}

#[test]
fn a_web_view_that_ends_again_and_again_closes_the_window_and_says_so() {
    let desk = Desk::new();
    let panel = Panel::new(&desk);
    let mut service = desk.notifications(&[]);
    let inspected = Inspected::start(&desk);
    panel.wait_for_label(OPEN);
    panel.click(&[OPEN]);
    let window = desk.wait_for_window();
    let mut killed = None;
    // Another page each time, as only one that is alive gets there.
    for page in ["Machines", "Journal", "Settings"] {
        inspected.wait_for_web_view(killed);
        go_to(&desk, &window, page, &inspected);
        killed = Some(inspected.kill_web_view());
    }
    let note = eventually("it is said", || {
        let mut notes = desk.told().into_iter();
        notes.find(|note| note["title"] == "WakeHub's window was closed")
    });
    let body = note["body"].as_str().unwrap();
    assert!(body.contains("ended 3 times within a minute"), "{body}");
    eventually("the window is gone", || {
        desk.windows().is_empty().then_some(())
    });
    // What is left works, and the notification opens the window again.
    panel.wait_for_label(OPEN);
    let press = format!("press {} default\n", note["id"]);
    let user = service.stdin.as_mut().unwrap();
    user.write_all(press.as_bytes()).unwrap();
    desk.wait_for_window();
    inspected.wait_for_title(DASHBOARD);
    service.kill().unwrap();
    service.wait().unwrap();
}
