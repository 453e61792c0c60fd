//! The whole way: a real homelab in the lab, the real command line, tray, window and notifications. What happened to a
//! machine is asked of the lab and not of the program.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use wakehub_lab::{Lab, Options, What};

use crate::OPEN;
use crate::desk::{App, Desk, eventually};
use crate::keyring::Keyring;
use crate::panel::Panel;
use crate::window::Driver;

const LIMIT: Duration = Duration::from_secs(120);
const JELLYFIN: &str = "lxc-jellyfin";
const HOSTS: [&str; 2] = ["nas", "machine2"];

/// A desk with everything on it, and a lab.
struct Journey {
    runtime: Arc<Runtime>,
    lab: Lab,
    panel: Panel,
    notifications: Child,
    _keyring: Keyring,
    desk: Desk,
}

impl Journey {
    fn new(options: Options) -> Option<Journey> {
        let runtime = Runtime::new().unwrap();
        let lab = runtime.block_on(Lab::for_test(options))?;
        let desk = Desk::new();
        Some(Journey {
            runtime: Arc::new(runtime),
            lab,
            panel: Panel::new(&desk),
            notifications: desk.notifications(&[]),
            _keyring: Keyring::new(&desk),
            desk,
        })
    }

    /// The command line on the desk's data directory; what it said is kept with the rest of what is written.
    fn wakehub(&self, arguments: &[&str], input: &str) -> String {
        let program = Path::new(env!("CARGO_BIN_EXE_wakehub-desktop")).with_file_name("wakehub");
        let mut child = self
            .desk
            .command(&program)
            .arg("--data-dir")
            .arg(self.desk.data())
            .args(arguments)
            .env("RUST_LOG", "trace")
            .env("WAKEHUB_LOG", "trace")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command line must be built: cargo build -p wakehub-cli");
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let name = format!("{}.out", arguments.join(" ").replace('/', "_"));
        std::fs::write(self.desk.path(&name), &output.stdout).unwrap();
        std::fs::write(self.desk.path(&format!("{name}.err")), &output.stderr).unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        let told: Vec<_> = errors.lines().rev().take(20).collect();
        assert!(
            output.status.success(),
            "wakehub {arguments:?}: {said} {told:?}"
        );
        said
    }

    /// As a user does it once, while the machines are on: imports, gives the secrets, and accepts what they present.
    fn prepare(&self) {
        for node in HOSTS {
            self.runtime.block_on(self.lab.power_on(node)).unwrap();
        }
        let toml = self.lab.write_homelab_toml(&self.desk.path("homelab"));
        let toml = toml.unwrap();
        self.wakehub(&["import", toml.to_str().unwrap()], "");
        for (node, name, value) in self.lab.secrets() {
            self.wakehub(&["secret", "set", &node, name], &value);
        }
        for node in HOSTS {
            self.wakehub(&["test", node, "--accept"], "");
            self.runtime.block_on(self.lab.shut_down(node)).unwrap();
        }
        // As after a night: this computer has forgotten where they are. Else, for some 45 s, nothing would prove them off.
        let network = ["neigh", "flush", "dev", &self.lab.interface()];
        let forgotten = std::process::Command::new("ip").args(network).status();
        assert!(forgotten.unwrap().success());
        for node in ["nas", "machine2", JELLYFIN] {
            assert!(self.lab.is_off(node) && !self.lab.was_woken(node), "{node}");
        }
    }

    fn really(&self, what: &str, done: impl FnMut(&Lab) -> bool) {
        let waited = self.lab.wait_until(LIMIT, what, done);
        self.runtime.block_on(waited).unwrap();
    }

    fn guest_status(&self) -> String {
        self.runtime.block_on(self.lab.guest_status(101)).unwrap()
    }

    /// A machine that is on answers at its address, but which guests run only its API knows.
    fn guest_becomes(&self, status: &str) {
        eventually(&format!("guest 101 is {status}"), || {
            (self.guest_status() == status).then_some(())
        });
    }

    /// When what happened to the node, by its place among all that happened after the first `skipped` events.
    fn place(&self, skipped: usize, node: &str, what: &What) -> usize {
        let events = &self.lab.events()[skipped..];
        let found = events
            .iter()
            .position(|event| event.node == node && event.what == *what);
        found.unwrap_or_else(|| panic!("{node} was not {what}: {events:#?}"))
    }

    fn click_start(&self) {
        self.panel.wait_for_label(&format!("○  {JELLYFIN} · Off"));
        self.panel
            .click(&[&format!("○  {JELLYFIN} · Off"), "Start"]);
    }

    fn click_stop(&self) {
        self.panel.wait_for_label(&format!("●  {JELLYFIN} · On"));
        self.panel.click(&[&format!("●  {JELLYFIN} · On"), "Stop"]);
    }

    fn told(&self, title: &str) -> Value {
        eventually(&format!("the notification {title:?}"), || {
            let mut notes = self.desk.told().into_iter();
            notes.find(|note| note["title"] == title)
        })
    }

    fn is_asked(&self) -> bool {
        self.panel.labels().iter().any(|label| label == ASKED)
    }
}

impl Drop for Journey {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for event in self.lab.events() {
                eprintln!("{event}");
            }
        }
        let _ = self.notifications.kill();
        let _ = self.notifications.wait();
    }
}

const ASKED: &str = "nas: shut it down?";

/// Writes down which step runs, whenever that changes: a step may be over before somebody asks.
const WATCH_STEPS: &str = "
    window.ran = [];
    const look = () => document.querySelectorAll('.cascade li[data-step=now] .what > .name').forEach((step) => {
        if (window.ran.at(-1) !== step.textContent) window.ran.push(step.textContent);
    });
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
    look();";

#[test]
fn one_click_in_the_tray_wakes_what_it_takes_and_one_more_ends_it() {
    let Some(journey) = Journey::new(Options::only(&["nas", JELLYFIN])) else {
        return;
    };
    journey.prepare();
    let begun = journey.lab.events().len();

    let driver = Driver::start(&journey.desk, &journey.runtime, &["--hidden"]);
    journey.panel.wait_for_label(OPEN);
    journey.panel.click(&[OPEN]);
    let window = driver.window();
    window.wait_for(".tile[data-node=lxc-jellyfin][data-state=off]");
    window.run(WATCH_STEPS);

    journey.click_start();
    journey
        .panel
        .wait_for("the cascade is in the menu", |menu| {
            menu.iter()
                .any(|line| line.label.starts_with("lxc-jellyfin: step"))
        });
    window.wait_for(".tile[data-node=lxc-jellyfin][data-state=starting]");
    journey.really("jellyfin is on", |lab| lab.is_on(JELLYFIN));
    assert_eq!(journey.guest_status(), "running");
    let place = |node, what| journey.place(begun, node, &what);
    assert!(place("nas", What::Woken) < place("nas", What::Booted));
    assert!(place("nas", What::Booted) < place("machine2", What::Woken));
    assert!(place("machine2", What::Booted) < place(JELLYFIN, What::Booted));
    assert!(journey.lab.was_woken("nas") && journey.lab.was_woken("machine2"));
    window.wait_for(".tile[data-node=lxc-jellyfin][data-state=on]");
    assert_eq!(
        window.run("return window.ran"),
        serde_json::json!(["nas", "machine2", JELLYFIN]),
        "the window showed each step as it ran"
    );

    journey.click_stop();
    journey.really("jellyfin is off", |lab| lab.is_off(JELLYFIN));
    journey.guest_becomes("stopped");
    journey.panel.wait_for_label(ASKED);
    let asked = window.wait_for(".question[data-question]");
    assert!(asked.contains("nas"), "{asked}");
    let note = journey.told("nas is still on");
    assert_eq!(note["actions"]["shut_down"], "Shut down");
    assert_eq!(note["actions"]["keep_on"], "Keep on");
    assert!(journey.lab.is_on("nas"), "nobody has answered yet");

    window.press(".question[data-question]", "Shut down");
    journey.really("nas is off", |lab| lab.is_off("nas"));
    window.wait_without(".question[data-question]");
    eventually("the notification is taken away", || {
        let mut events = journey.desk.told().into_iter();
        events.find(|event| event["event"] == "close" && event["id"] == note["id"])
    });
    eventually("the menu asks no more", || {
        (!journey.is_asked()).then_some(())
    });
    window.wait_for(".tile[data-node=nas][data-state=off]");
    assert!(journey.lab.is_on("machine2"), "nobody asked for it");
    window.end();
}

/// Every file below the folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found
}

fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let has = |file: &PathBuf| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    files(folder).into_iter().filter(has).collect()
}

#[test]
fn no_secret_is_written_down_anywhere() {
    let mut options = Options::only(&["nas", JELLYFIN]);
    options.homelab.machine_mut("nas").secure_on = Some([0x5e, 0xc4, 0xe7, 0x0d, 0x1b, 0x2c]);
    let Some(mut journey) = Journey::new(options) else {
        return;
    };
    journey.prepare();
    let output = std::fs::File::create(journey.desk.path("app.out")).unwrap();
    let errors = std::fs::File::create(journey.desk.path("app.err")).unwrap();
    let mut command = journey.desk.app_command(&["--show"]);
    command.env("WAKEHUB_LOG", "trace").env("RUST_LOG", "trace");
    let mut app = App::from(command.stdout(output).stderr(errors).spawn().unwrap());

    journey.click_start();
    journey.really("jellyfin is on", |lab| lab.is_on(JELLYFIN));
    assert!(
        journey.lab.was_woken("nas"),
        "its network card wants the password in the packet"
    );
    journey.click_stop();
    journey.really("jellyfin is off", |lab| lab.is_off(JELLYFIN));
    let note = journey.told("nas is still on");
    journey.panel.wait_for_label(ASKED);
    // Now on the notification.
    let press = format!("press {} shut_down\n", note["id"]);
    let user = journey.notifications.stdin.as_mut().unwrap();
    user.write_all(press.as_bytes()).unwrap();
    journey.really("nas is off", |lab| lab.is_off("nas"));
    eventually("the menu asks no more", || {
        (!journey.is_asked()).then_some(())
    });
    journey.panel.click(&["Quit"]);
    assert!(app.ended().success());
    let export = journey.wakehub(&["export"], "");
    journey.wakehub(&["journal", "--json"], "");

    let home = journey.desk.home();
    // What is no secret is found, so what is not found is not there.
    assert!(export.contains(wakehub_lab::proxmox::TOKEN_ID));
    let found = files_with(home, wakehub_lab::proxmox::TOKEN_ID);
    for known in ["export.out", "wakehub.db"] {
        assert!(found.iter().any(|file| file.ends_with(known)), "{found:?}");
    }
    assert!(journey.desk.log().contains(" TRACE "));
    let oldest = journey.desk.data().join("logs/wakehub.3.log");
    assert!(!oldest.exists(), "some of the log may have been lost");
    let secrets = journey.lab.secrets();
    let names: Vec<_> = secrets.iter().map(|(_, name, _)| *name).collect();
    assert_eq!(names, ["proxmox-token", "ssh-password", "wol-password"]);
    for (node, name, value) in &secrets {
        let found = files_with(home, value);
        assert!(
            found.is_empty(),
            "the {name} of {node} is written down in {found:?}"
        );
    }
}
