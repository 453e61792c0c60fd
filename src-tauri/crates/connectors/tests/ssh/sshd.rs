//! A real OpenSSH server for one test: its own port on loopback, its own keys, and users that exist in its own mount
//! namespace only. The commands that would power this computer off are covered there by harmless ones.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wakehub_connectors::ssh::{AcceptedKey, SshEndpoint, SshLogin};
use wakehub_domain::Secret;

/// Of `guest` and of root.
pub const PASSWORD: &str = "correct horse";
pub const PASSPHRASE: &str = "battery staple";
/// `openssl passwd -6 -salt wakehub` of [`PASSWORD`].
const HASH: &str = "$6$wakehub$vY1IyNPlAp.g/CNOwG1rMutstF2Gzn4OgrYckHvuVYu280OVnTTmEwOpLtFCTxTEvRocbBK4c4Zn0w8l2INSu.";
const SSHD: &str = "/usr/sbin/sshd";
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Sshd {
    pub dir: TempDir,
    child: Child,
    pub address: String,
    pub port: u16,
    log: Log,
}

type Log = Arc<(Mutex<Vec<String>>, Condvar)>;

impl Sshd {
    /// `None`, with the reason on standard output, where sshd cannot be run; a failure on CI.
    pub fn start() -> Option<Sshd> {
        Sshd::with(&[])
    }

    pub fn with(options: &[&str]) -> Option<Sshd> {
        Sshd::with_keys(&[], options)
    }

    /// With host keys of other types beside `host_ed25519`; `$DIR` in an option is the server's folder.
    #[expect(clippy::print_stdout, reason = "whoever runs the tests should read it")]
    pub fn with_keys(kinds: &[&str], options: &[&str]) -> Option<Sshd> {
        if let Some(missing) = missing() {
            assert!(std::env::var_os("CI").is_none(), "cannot run: {missing}");
            println!("SKIPPED: {missing}");
            return None;
        }
        Some(Sshd::launch(None, kinds, options))
    }

    /// On an address of its own, in the network namespace of this process.
    pub fn within(process: u32, address: &str) -> Sshd {
        Sshd::launch(Some((process, address)), &[], &[])
    }

    fn launch(within: Option<(u32, &str)>, kinds: &[&str], options: &[&str]) -> Sshd {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        // Other users read what lies here.
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        keygen(&root.join("host_ed25519"), "ed25519", "");
        for kind in kinds {
            keygen(&root.join(format!("host_{kind}")), kind, "");
        }
        keygen(&root.join("id_plain"), "ed25519", "");
        keygen(&root.join("id_locked"), "ed25519", PASSPHRASE);
        let public = |name: &str| fs::read_to_string(root.join(name)).unwrap();
        let both = public("id_plain.pub") + &public("id_locked.pub");
        fs::write(root.join("authorized_keys"), both).unwrap();
        users(root);
        commands(root);

        let (address, port) = match within {
            Some((_, address)) => (address.to_owned(), 22),
            None => free_port(),
        };
        let mut config = format!(
            "Port {port}\nListenAddress {address}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PermitRootLogin yes\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\n\
             AuthorizedKeysFile {dir}/authorized_keys\nSetEnv PATH={dir}/bin\nLogLevel VERBOSE\n",
            dir = root.display(),
        );
        let keys_given = options.iter().any(|option| option.starts_with("HostKey"));
        if !keys_given {
            config.push_str(&format!(
                "HostKey {}\n",
                root.join("host_ed25519").display()
            ));
        }
        // The first value of a keyword counts.
        let own: String = options.iter().map(|option| format!("{option}\n")).collect();
        let own = own.replace("$DIR", &root.display().to_string());
        fs::write(root.join("sshd_config"), own + &config).unwrap();

        fs::create_dir_all("/run/sshd").unwrap();
        let mut child = match within {
            Some((process, _)) => {
                let mut enter = Command::new("nsenter");
                enter.args(["-t", &process.to_string(), "-n", "unshare"]);
                enter.env("OWN_NETWORK", "1");
                enter
            }
            None => Command::new("unshare"),
        };
        let mut child = child
            .args(["-m", "sh", "-c", NAMESPACE, "sh"])
            .arg(root)
            .arg(SSHD)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log: Log = Arc::default();
        let (lines, written) = (BufReader::new(child.stderr.take().unwrap()), log.clone());
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                written.0.lock().unwrap().push(line);
                written.1.notify_all();
            }
        });
        let sshd = Sshd {
            dir,
            child,
            address,
            port,
            log,
        };
        sshd.wait_for("Server listening on");
        sshd
    }

    /// Root with the plain key; the host key is accepted.
    pub fn endpoint(&self) -> SshEndpoint {
        let mut endpoint = SshEndpoint::new(
            &self.address,
            "root",
            SshLogin::Key {
                path: self.path("id_plain"),
                passphrase: None,
            },
        );
        endpoint.port = self.port;
        endpoint.accepted = vec![self.host_key()];
        endpoint
    }

    pub fn with_password(&self, user: &str, password: &str) -> SshEndpoint {
        SshEndpoint {
            user: user.to_owned(),
            login: SshLogin::Password(Secret::new(password)),
            ..self.endpoint()
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn host_key(&self) -> AcceptedKey {
        fingerprint(&self.path("host_ed25519.pub"))
    }

    /// Replaces a command of the login's PATH by a shell script.
    pub fn command(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Waits until sshd's log has a line with `words`.
    pub fn wait_for(&self, words: &str) {
        wait(&self.log, words, 1);
    }

    /// The same without holding up the test's own tasks.
    pub async fn wait_for_times(&self, words: &'static str, times: usize) {
        let log = self.log.clone();
        tokio::task::spawn_blocking(move || wait(&log, words, times))
            .await
            .unwrap();
    }

    /// Makes a pipe by which a command tells the test how far it is.
    pub fn fifo(&self, name: &str) -> String {
        let path = self.path(name);
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        path.display().to_string()
    }

    pub async fn read_fifo(&self, name: &str) -> String {
        tokio::fs::read_to_string(self.path(name)).await.unwrap()
    }

    pub fn open_to_all(&self, name: &str) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o666)).unwrap();
    }

    pub fn log_lines(&self, words: &str) -> usize {
        let lines = self.log.0.lock().unwrap();
        lines.iter().filter(|line| line.contains(words)).count()
    }

    /// The processes that serve connections, and what these started, but not the one that listens.
    pub fn sessions(&self) -> Vec<u32> {
        descendants(self.child.id())
    }

    pub fn signal_sessions(&self, signal: &str) {
        signal_all(signal, &self.sessions());
    }

    /// Everything, the listening process included.
    pub fn signal_everything(&self, signal: &str) {
        // Asked before: the sessions of a server that is gone are nobody's children.
        let mut all = self.sessions();
        all.push(self.child.id());
        signal_all(signal, &all);
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.signal_everything("KILL");
        let _ = self.child.wait();
    }
}

fn wait(log: &Log, words: &str, times: usize) {
    let until = Instant::now() + PATIENCE;
    let mut lines = log.0.lock().unwrap();
    while lines.iter().filter(|line| line.contains(words)).count() < times {
        let left = until.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "sshd did not say {words:?}: {lines:#?}");
        lines = log.1.wait_timeout(lines, left).unwrap().0;
    }
}

/// `$1` is the folder, `$2` sshd.
const NAMESPACE: &str = r#"
set -e
# sysfs shows the interfaces of whoever mounted it.
if [ "$OWN_NETWORK" ]; then mount -t sysfs sysfs /sys; fi
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/shadow" /etc/shadow
for command in systemctl shutdown poweroff reboot halt; do
    for folder in /usr/sbin /usr/bin /sbin /bin; do
        if [ -e "$folder/$command" ]; then mount --bind "$1/harmless" "$folder/$command"; fi
    done
done
exec "$2" -D -e -f "$1/sshd_config"
"#;

fn missing() -> Option<&'static str> {
    if !is_root() {
        Some("real sshd (needs root for a mount namespace of its own)")
    } else if !Path::new(SSHD).exists() {
        Some("real sshd (openssh-server is not installed)")
    } else {
        None
    }
}

pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

pub fn keygen(path: &Path, kind: &str, passphrase: &str) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-C", "test", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

/// As OpenSSH sees it.
pub fn fingerprint(public_key: &Path) -> AcceptedKey {
    let shown = Command::new("ssh-keygen")
        .arg("-lf")
        .arg(public_key)
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let file = fs::read_to_string(public_key).unwrap();
    AcceptedKey {
        algorithm: file.split(' ').next().unwrap().to_owned(),
        fingerprint: shown.split(' ').nth(1).unwrap().to_owned(),
    }
}

fn users(root: &Path) {
    let home = root.join("home");
    fs::create_dir(&home).unwrap();
    // Root too gets a home without start-up files, and a plain shell.
    let home = home.display();
    let own = format!("root:x:0:0::{home}:/bin/sh\nguest:x:54321:54321::{home}:/bin/sh\n");
    let passwd = own + &without_root("/etc/passwd");
    fs::write(root.join("passwd"), passwd).unwrap();
    let own = format!("root:{HASH}:19000:0:99999:7:::\nguest:{HASH}:19000:0:99999:7:::\n");
    fs::write(root.join("shadow"), own + &without_root("/etc/shadow")).unwrap();
}

fn without_root(file: &str) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("root:"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The login's PATH: what the tests call, and stubs for what must never run for real.
fn commands(root: &Path) {
    let bin = root.join("bin");
    fs::create_dir(&bin).unwrap();
    for name in [
        "sh", "id", "cat", "true", "sleep", "head", "wc", "kill", "yes", "sed",
    ] {
        let real = ["/usr/bin", "/bin"]
            .map(|folder| Path::new(folder).join(name))
            .into_iter()
            .find(|path| path.exists());
        if let Some(real) = real {
            std::os::unix::fs::symlink(real, bin.join(name)).unwrap();
        }
    }
    let harmless = "#!/bin/sh\necho \"not here: $0 $*\" >&2\nexit 127\n";
    for path in ["harmless", "bin/systemctl", "bin/shutdown", "bin/poweroff"] {
        fs::write(root.join(path), harmless).unwrap();
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// On an address of loopback that no other test uses.
fn free_port() -> (String, u16) {
    let [_, a, b, c] = std::process::id().to_be_bytes();
    let address = Ipv4Addr::new(127, a | 0x40, b, c.clamp(1, 254));
    let port = TcpListener::bind((address, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    (address.to_string(), port)
}

fn descendants(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children: Vec<u32> = children
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect();
    let mut all = children.clone();
    for child in children {
        all.extend(descendants(child));
    }
    all
}

pub fn signal_all(signal: &str, pids: &[u32]) {
    if pids.is_empty() {
        return;
    }
    let _ = Command::new("kill")
        .arg(format!("-{signal}"))
        .args(pids.iter().map(u32::to_string))
        .stderr(Stdio::null())
        .status();
}
