//! A desktop without a screen, private to one test: Xvfb, a D-Bus on which nothing starts by itself, a window manager.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Long enough for a loaded machine, and until its neighbours forget one that went off; no test measures time with it.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// `WebKitWebProcess`, as the kernel cuts it to 15 bytes.
const WEB_PROCESS: &str = "WebKitWebProces";

pub struct Desk {
    home: TempDir,
    display: String,
    /// Where the session bus listens; an address where nobody does, on a desk without a bus.
    pub bus: String,
    children: Vec<Child>,
}

pub struct App {
    child: Child,
}

impl Desk {
    pub fn new() -> Desk {
        let mut desk = Desk::without_bus();
        let configuration = desk.home.path().join("bus.conf");
        fs::write(
            &configuration,
            include_str!("../../../tests/desktop/bus.conf"),
        )
        .unwrap();
        let mut bus = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", configuration.display()))
            .args(["--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon must be installed");
        desk.bus = first_line(&mut bus);
        desk.children.push(bus);
        desk
    }

    pub fn without_bus() -> Desk {
        let home = TempDir::new().unwrap();
        for folder in ["run", "data", "config", "cache", "state"] {
            fs::create_dir(home.path().join(folder)).unwrap();
        }
        let mut display = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "1280x800x24",
                "-nolisten",
                "tcp",
                // Else it starts afresh, throwing out who is just connecting, whenever the last program leaves it.
                "-noreset",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb must be installed");
        let number = first_line(&mut display);
        let mut desk = Desk {
            bus: format!("unix:path={}/no-bus", home.path().display()),
            home,
            display: format!(":{number}"),
            children: vec![display],
        };
        desk.manage_windows();
        desk
    }

    fn manage_windows(&mut self) {
        let log = fs::File::create(self.path("openbox.log")).unwrap();
        let manager = self
            .command("openbox")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("openbox must be installed");
        self.children.push(manager);
        // It has taken over when it has put its mark on the root window.
        let managed = maybe(|| {
            let mark = self.run("xprop", &["-root", "_NET_SUPPORTING_WM_CHECK"]);
            mark.contains("window id").then_some(())
        });
        let said = fs::read_to_string(self.path("openbox.log")).unwrap_or_default();
        let ended = self.children.last_mut().map(Child::try_wait);
        assert!(
            managed.is_some(),
            "openbox does not manage the windows: {ended:?} {said}"
        );
    }

    /// Where everything is that a program on this desk writes.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("wakehub")
    }

    /// A program on this desk.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let at = |folder: &str| self.home.path().join(folder);
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let kept = ["PATH", "LD_LIBRARY_PATH", "USER", "LOGNAME"];
            if !kept.iter().any(|kept| name == *kept) {
                command.env_remove(name);
            }
        }
        command
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", at("run"))
            .env("XDG_DATA_HOME", at("data"))
            .env("XDG_CONFIG_HOME", at("config"))
            .env("XDG_CACHE_HOME", at("cache"))
            .env("XDG_STATE_HOME", at("state"))
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .envs([
                ("GDK_BACKEND", "x11"),
                ("GSETTINGS_BACKEND", "memory"),
                ("GTK_A11Y", "none"),
                ("LANG", "C.UTF-8"),
                ("NO_AT_BRIDGE", "1"),
                ("XDG_CURRENT_DESKTOP", "XFCE"),
                ("XDG_SESSION_TYPE", "x11"),
            ]);
        command
    }

    pub fn app_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_wakehub-desktop"));
        command.arg("--data-dir").arg(self.data()).args(arguments);
        command
    }

    pub fn app(&self, arguments: &[&str]) -> App {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("app.err"))
            .unwrap();
        let child = self
            .app_command(arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        App { child }
    }

    /// A folder with one program in it, to be put first in PATH.
    pub fn program(&self, name: &str, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let folder = self.path("bin");
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join(name);
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    /// A notification service; see tests/desktop/notifications.py for its arguments.
    pub fn notifications(&self, arguments: &[&str]) -> Child {
        self.notifications_that_can("body,actions", arguments)
    }

    /// One with these capabilities.
    pub fn notifications_that_can(&self, capabilities: &str, arguments: &[&str]) -> Child {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/desktop");
        let mut service = self
            .command(tools.join("notifications.py"))
            .env("CAPABILITIES", capabilities)
            .arg(self.path("notifications"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python with D-Bus must be installed");
        assert_eq!(first_line(&mut service), "notifications up");
        service
    }

    /// What the notification service was told to show, in order.
    pub fn told(&self) -> Vec<serde_json::Value> {
        fs::read_to_string(self.path("notifications"))
            .unwrap_or_default()
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self
            .command(program)
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The identifiers of WakeHub's windows, minimised ones too.
    pub fn windows(&self) -> Vec<String> {
        self.run("xdotool", &["search", "--name", "^WakeHub$"])
            .lines()
            .map(str::to_owned)
            .collect()
    }

    pub fn wait_for_window(&self) -> String {
        eventually("a window opens", || self.windows().first().cloned())
    }

    /// As a user does it: brings the window to the front and presses Alt+F4, which the window manager takes as "close".
    /// On a loaded machine a key may come before the window has the focus, so it is pressed until something happens.
    pub fn close(&self, window: &str) {
        eventually("the window closes", || {
            self.run("xdotool", &["windowactivate", window]);
            if self.run("xdotool", &["getactivewindow"]).trim() != window {
                return None;
            }
            self.run("xdotool", &["key", "--clearmodifiers", "alt+F4"]);
            within(Duration::from_secs(3), || {
                let gone = !self.windows().iter().any(|open| open == window);
                (gone || self.is_minimised(window)).then_some(())
            })
        });
    }

    pub fn is_minimised(&self, window: &str) -> bool {
        self.run("xprop", &["-id", window, "WM_STATE"])
            .contains("Iconic")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.data().join("logs/wakehub.log")).unwrap_or_default()
    }

    pub fn errors(&self) -> String {
        fs::read_to_string(self.path("app.err")).unwrap_or_default()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log:\n{}\nstandard error:\n{}", self.log(), self.errors());
        }
        for child in self.children.iter_mut().rev() {
            // Asked to end, Xvfb gives its display's number back; killed, it would leave it taken.
            if let Ok(pid) = i32::try_from(child.id())
                && let Some(pid) = Pid::from_raw(pid)
            {
                let _ = kill_process(pid, Signal::TERM);
            }
            let _ = child.wait();
        }
    }
}

impl App {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The names of the processes that it has started.
    pub fn children(&self) -> Vec<String> {
        let children = children(self.pid());
        children.into_iter().map(|(_, name)| name).collect()
    }

    /// The process that draws its page.
    pub fn web_process(&self) -> Option<Pid> {
        let children = children(self.pid());
        let drawing = children.into_iter().find(|(_, name)| name == WEB_PROCESS);
        drawing.and_then(|(pid, _)| Pid::from_raw(pid))
    }

    /// The files that it has in its memory.
    pub fn mapped(&self) -> String {
        fs::read_to_string(format!("/proc/{}/maps", self.pid())).unwrap()
    }

    /// What it holds open, as the kernel names it.
    pub fn open_files(&self) -> Vec<String> {
        let files = fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap();
        files
            .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
            .map(|file| file.to_string_lossy().into_owned())
            .collect()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn ended(&mut self) -> ExitStatus {
        eventually("the program ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again until there is an answer.
pub fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    maybe(ask).unwrap_or_else(|| panic!("it did not happen: {what}"))
}

/// Asks again until there is an answer or no patience left.
pub fn maybe<T>(ask: impl FnMut() -> Option<T>) -> Option<T> {
    within(PATIENCE, ask)
}

pub fn within<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || begun.elapsed() > patience {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    line.trim().to_owned()
}

fn children(parent: u32) -> Vec<(i32, String)> {
    let tasks = Path::new("/proc").join(parent.to_string()).join("task");
    let Ok(tasks) = fs::read_dir(tasks) else {
        return vec![];
    };
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok())
        .flat_map(|pids| {
            pids.split_whitespace()
                .filter_map(|pid| {
                    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
                    Some((pid.parse().ok()?, name.trim().to_owned()))
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

impl From<Child> for App {
    fn from(child: Child) -> App {
        App { child }
    }
}
