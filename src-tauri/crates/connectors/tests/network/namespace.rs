//! Computers, machines and routers as nameless network namespaces: they are gone when their last process is, so nothing of
//! this computer's own network is touched and nothing has to be cleaned up.
//!
//! A test calls [`inside`] first: it runs itself again in a namespace of its own, which is "this computer" to the code
//! under test.

use socket2::{Domain, Protocol, Socket, Type};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

const INSIDE: &str = "WAKEHUB_TEST_INSIDE";
const ROLE: &str = "WAKEHUB_TEST_ROLE";
/// A namespace lives no longer, whatever happens to the test.
const LIFE: &str = "120";

/// True when the test should run now; false when it has run already (in a namespace of its own), or cannot.
#[expect(clippy::print_stdout, reason = "whoever runs the tests should read it")]
pub fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if let Some(missing) = missing() {
        assert!(std::env::var_os("CI").is_none(), "cannot run: {missing}");
        println!("SKIPPED: {missing}");
        return false;
    }
    // sysfs shows the interfaces of whoever mounted it.
    let prepare = r#"mount -t sysfs sysfs /sys && ip link set lo up && exec "$@""#;
    let ran = Command::new("unshare")
        .args(["-n", "-m", "sh", "-c", prepare, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{text}");
    assert!(text.contains("1 passed"), "no such test: {text}");
    false
}

fn missing() -> Option<&'static str> {
    let works = |command: &[&str]| {
        let tried = Command::new(command[0])
            .args(&command[1..])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        tried.is_ok_and(|status| status.success())
    };
    if !works(&["unshare", "-n", "-m", "true"]) {
        Some("network namespaces (needs root)")
    } else if !works(&["ip", "link"]) {
        Some("ip (iproute2 is not installed)")
    } else if !works(&["nft", "--version"]) {
        Some("nft (nftables is not installed)")
    } else {
        None
    }
}

/// Runs a command of words in this computer's namespace.
pub fn run(command: &str) {
    exec("sh", &["-c", command]);
}

fn exec(program: &str, arguments: &[&str]) {
    let ran = Command::new(program).args(arguments).output().unwrap();
    let words = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{program} {arguments:?}: {words}");
}

/// A namespace beside this computer's.
pub struct Machine {
    life: Child,
    roles: Vec<Child>,
}

impl Machine {
    /// Joined to the bridge `to` by its `eth0`, which is up and has no address yet.
    pub fn on(to: &str) -> Machine {
        let mut life = Command::new("unshare")
            .args(["-n", "sh", "-c", "echo up; exec sleep \"$1\"", "sh", LIFE])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Not before it is in its own namespace.
        let mut up = [0; 3];
        life.stdout.take().unwrap().read_exact(&mut up).unwrap();
        let machine = Machine {
            life,
            roles: Vec::new(),
        };
        machine.join(to, "eth0");
        machine
    }

    /// A process that lives in it.
    pub fn process(&self) -> u32 {
        self.life.id()
    }

    /// A second cable.
    pub fn join(&self, to: &str, name: &str) {
        let (pid, ours) = (self.life.id(), format!("v{}-{name}", self.life.id()));
        run(&format!(
            "ip link add {ours} type veth peer name {name} netns {pid} && \
             ip link set {ours} master {to} && ip link set {ours} up"
        ));
        self.run(&format!("ip link set {name} up"));
    }

    pub fn run(&self, command: &str) {
        let pid = self.process().to_string();
        exec("nsenter", &["-t", &pid, "-n", "sh", "-c", command]);
    }

    /// Accepts TCP connections from now on.
    pub fn listen(&mut self, port: u16) {
        let (role, mut lines) = self.role(&format!("listen {port}"));
        let mut ready = String::new();
        while !ready.contains("READY") {
            assert_ne!(lines.read_line(&mut ready).unwrap(), 0, "{ready}");
        }
        self.roles.push(role);
    }

    /// Announces itself over mDNS by this name from now on; false where avahi is not installed.
    #[expect(clippy::print_stdout, reason = "whoever runs the tests should read it")]
    pub fn announce(&mut self, name: &str) -> bool {
        if Command::new("avahi-daemon").arg("-V").output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "avahi is not installed");
            println!("SKIPPED: avahi-daemon is not installed");
            return false;
        }
        // it keeps its process id in /run, where another may run already
        let script = "mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon && \
             printf '[server]\\nhost-name=%s\\nenable-dbus=no\\n[publish]\\npublish-workstation=yes\\n' \"$1\" > /run/conf && \
             exec avahi-daemon -f /run/conf --no-drop-root --no-chroot --no-rlimits";
        let mut role = Command::new("nsenter")
            .args(["-t", &self.life.id().to_string(), "-n", "unshare", "-m"])
            .args(["sh", "-c", script, "sh", name])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(role.stderr.take().unwrap());
        let mut told = String::new();
        while !told.contains("Server startup complete") {
            assert_ne!(lines.read_line(&mut told).unwrap(), 0, "{told}");
        }
        // it may say more
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        self.roles.push(role);
        true
    }

    /// Sees every frame that reaches `eth0`.
    pub fn sniff(&self) -> Sniffer {
        let (role, mut lines) = self.role("sniff");
        let mut ready = String::new();
        while !ready.contains("READY") {
            assert_ne!(lines.read_line(&mut ready).unwrap(), 0, "{ready}");
        }
        Sniffer { role, lines }
    }

    fn role(&self, role: &str) -> (Child, BufReader<std::process::ChildStdout>) {
        let mut child = Command::new("nsenter")
            .args(["-t", &self.life.id().to_string(), "-n"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "namespace::role", "--nocapture"])
            .env(ROLE, role)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        (child, lines)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for process in self.roles.iter_mut().chain([&mut self.life]) {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

pub struct Sniffer {
    role: Child,
    lines: BufReader<std::process::ChildStdout>,
}

/// A UDP packet, as it came by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Packet {
    pub to_mac: String,
    pub to: String,
    pub payload: String,
}

impl Sniffer {
    /// Everything until the packet to this port, which the test sends last.
    pub fn until(&mut self, port: u16) -> Vec<Packet> {
        let mut packets = Vec::new();
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "sniffer ended");
            let words: Vec<&str> = line.split_whitespace().collect();
            let ["UDP", to_mac, to, payload] = words[..] else {
                continue;
            };
            if to.ends_with(&format!(":{port}")) {
                return packets;
            }
            packets.push(Packet {
                to_mac: to_mac.to_owned(),
                to: to.to_owned(),
                payload: payload.to_owned(),
            });
        }
    }
}

impl Drop for Sniffer {
    fn drop(&mut self) {
        let _ = self.role.kill();
        let _ = self.role.wait();
    }
}

/// Not a test of its own: what runs within a machine.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    match role.split_once(' ') {
        Some(("listen", port)) => {
            let listener = TcpListener::bind(("0.0.0.0", port.parse().unwrap())).unwrap();
            println!("READY");
            let _held: Vec<_> = listener.incoming().collect();
        }
        Some(_) | None => {
            // ETH_P_ALL in network order
            let all = Protocol::from(i32::from(3u16.to_be()));
            let socket = Socket::new(Domain::PACKET, Type::RAW, Some(all)).unwrap();
            println!("READY");
            let mut frame = [0; 2048];
            loop {
                let length = (&socket).read(&mut frame).unwrap();
                if let Some(line) = udp(&frame[..length]) {
                    println!("{line}");
                }
            }
        }
    }
}

/// Ethernet, IPv4 without options (RFC 791), UDP (RFC 768).
fn udp(frame: &[u8]) -> Option<String> {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let is_udp = frame.get(12..14)? == [8, 0] && *frame.get(14)? == 0x45 && *frame.get(23)? == 17;
    let [a, b, c, d] = *frame.get(30..34)? else {
        return None;
    };
    let [high, low] = *frame.get(36..38)? else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([frame[38], *frame.get(39)?]));
    let payload = frame.get(42..34 + length)?;
    let port = u16::from_be_bytes([high, low]);
    is_udp.then(|| {
        format!(
            "UDP {} {a}.{b}.{c}.{d}:{port} {}",
            hex(&frame[..6]),
            hex(payload)
        )
    })
}
