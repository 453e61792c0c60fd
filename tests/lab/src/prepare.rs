//! A machine's files, which outlast its reboots: host keys, accounts, sshd's configuration, the commands that shadow the
//! real power commands, and what its first process must know.

use anyhow::Context;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::homelab::{DockerAccess, Machine};
use crate::instance::Instance;
use crate::process::run;

/// An account on every machine and guest of a lab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Account {
    pub user: &'static str,
    pub password: &'static str,
}

pub const ROOT: Account = Account {
    user: "root",
    password: "lab-root-7d1f0c",
};

/// May use sudo without a password, and Docker.
pub const ADMIN: Account = Account {
    user: "admin",
    password: "lab-admin-93be42",
};

/// May log in, and nothing else.
pub const VISITOR: Account = Account {
    user: "visitor",
    password: "lab-visitor-18aa5e",
};

/// The keys that open every machine of a lab, and the hashes of the passwords.
pub(crate) struct Access {
    /// A private key without a passphrase; the public one stands beside it with `.pub`.
    pub(crate) key_file: PathBuf,
    public_key: String,
    shadow: String,
}

impl Access {
    pub(crate) fn make(directory: &Path) -> anyhow::Result<Access> {
        let key_file = directory.join("id_ed25519");
        generate_key(&key_file, "ed25519", "")?;
        let mut shadow = String::new();
        for account in [ROOT, ADMIN, VISITOR] {
            let hash = run("openssl", &["passwd", "-6", "-stdin"], account.password)?;
            writeln!(shadow, "{}:{}:19700::::::", account.user, hash.trim())?;
        }
        Ok(Access {
            public_key: fs::read_to_string(key_file.with_extension("pub"))?,
            key_file,
            shadow,
        })
    }
}

pub(crate) fn generate_key(file: &Path, kind: &str, passphrase: &str) -> anyhow::Result<()> {
    let file = file.to_str().context("a path that is not UTF-8")?;
    for old in [file.to_owned(), format!("{file}.pub")] {
        if Path::new(&old).exists() {
            fs::remove_file(old)?;
        }
    }
    let arguments = ["-q", "-t", kind, "-N", passphrase, "-C", "lab", "-f", file];
    run("ssh-keygen", &arguments, "").map(drop)
}

/// Lets one more key (the text of its `.pub` file) log in to every account of a machine, from now on.
pub(crate) fn authorise(control: &Path, public_key: &str) -> anyhow::Result<()> {
    let file = control.join("authorized_keys");
    let known = fs::read_to_string(&file)?;
    fs::write(&file, format!("{}\n{public_key}", known.trim_end()))?;
    Ok(())
}

/// Key types of a machine's sshd.
pub(crate) const HOST_KEYS: [&str; 2] = ["ed25519", "ecdsa"];

pub(crate) fn host_key_file(control: &Path, kind: &str) -> PathBuf {
    control.join(format!("ssh_host_{kind}_key"))
}

/// Writes everything into `DIRECTORY/lab`, which the machine sees as /run/lab.
pub(crate) fn machine_files(
    instance: &Instance,
    machine: &Machine,
    directory: &Path,
    access: &Access,
) -> anyhow::Result<()> {
    let control = directory.join("lab");
    for folder in [
        "etc",
        "log",
        "bin",
        "www/cgi-bin",
        "home/root",
        "home/admin",
        "home/visitor",
    ] {
        fs::create_dir_all(control.join(folder))?;
    }
    for kind in HOST_KEYS {
        generate_key(&host_key_file(&control, kind), kind, "")?;
    }
    fs::write(control.join("authorized_keys"), &access.public_key)?;
    fs::write(control.join("sshd_config"), sshd_config(machine))?;
    accounts(&control, access)?;
    fs::write(control.join("etc/hostname"), format!("{}\n", machine.name))?;
    for file in ["wtmp", "btmp", "lastlog"] {
        fs::write(control.join("log").join(file), "")?;
    }
    let page = format!("<title>{0}</title>{0} is on\n", machine.name);
    fs::write(control.join("www/index.html"), page)?;
    program(&control.join("www/cgi-bin/film"), FILM)?;
    for name in ["systemctl", "shutdown", "poweroff", "halt", "reboot"] {
        program(
            &control.join("bin").join(name),
            include_str!("../assets/power.sh"),
        )?;
    }
    program(&control.join("bin/sudo"), include_str!("../assets/sudo.sh"))?;
    program(
        &directory.join("init.sh"),
        include_str!("../assets/init.sh"),
    )?;
    let power = control.join("power");
    rustix::fs::mkfifoat(rustix::fs::CWD, &power, 0o622.into()).context("make a fifo")?;
    fs::set_permissions(&power, Permissions::from_mode(0o622))?;
    fs::write(control.join("machine.env"), environment(instance, machine)?)?;
    Ok(())
}

fn environment(instance: &Instance, machine: &Machine) -> anyhow::Result<String> {
    let mut text = String::new();
    writeln!(text, "NAME={}", machine.name)?;
    writeln!(text, "SSHD={}", sshd()?.display())?;
    let port = machine.http_port.map(|port| port.to_string());
    writeln!(text, "HTTP_PORT={}", port.unwrap_or_default())?;
    writeln!(text, "CGROUP=/{}/{}", instance.cgroup(), machine.name)?;
    let docker = if machine.docker.is_some() { "1" } else { "" };
    writeln!(text, "DOCKER={docker}")?;
    let address = instance.address(machine.last_byte);
    let flags = match machine.docker.as_ref().map(|docker| docker.access) {
        // Without the flag dockerd warns for 15 s before it listens without TLS.
        Some(DockerAccess::Plain) => format!("--host tcp://{address}:2375 --tls=false"),
        Some(DockerAccess::Tls) => format!(
            "--host tcp://{address}:2376 --tlsverify --tlscacert /run/lab/tls/ca.pem \
             --tlscert /run/lab/tls/server-cert.pem --tlskey /run/lab/tls/server-key.pem"
        ),
        Some(DockerAccess::Ssh) | None => String::new(),
    };
    writeln!(text, "DOCKER_FLAGS='{flags}'")?;
    Ok(text)
}

/// sshd insists on being called by its full path.
pub(crate) fn sshd() -> anyhow::Result<PathBuf> {
    find_program("sshd").context("no sshd: install openssh-server")
}

pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path
        .split(':')
        .chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"]);
    folders
        .map(|folder| Path::new(folder).join(name))
        .find(|file| file.is_file())
}

fn sshd_config(machine: &Machine) -> String {
    let mut text = String::new();
    for line in &machine.sshd_options {
        text += line;
        text.push('\n');
    }
    for kind in HOST_KEYS {
        text += &format!("HostKey /run/lab/ssh_host_{kind}_key\n");
    }
    // SetEnv reaches commands as well as shells, so `ssh nas poweroff` finds the lab's poweroff.
    text += "AuthorizedKeysFile /run/lab/authorized_keys\n\
             PidFile /run/lab/sshd.pid\n\
             StrictModes no\n\
             UsePAM no\n\
             UseDNS no\n\
             PermitRootLogin yes\n\
             PasswordAuthentication yes\n\
             KbdInteractiveAuthentication no\n\
             LogLevel VERBOSE\n\
             MaxStartups 100\n\
             SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
             Subsystem sftp internal-sftp\n";
    text
}

/// The computer's own system accounts (sshd needs its), with the lab's people in place of everybody else.
fn accounts(control: &Path, access: &Access) -> anyhow::Result<()> {
    let shell = if Path::new("/bin/bash").exists() {
        "/bin/bash"
    } else {
        "/bin/sh"
    };
    let keep = |line: &&str, below: u32| {
        let mut fields = line.split(':');
        let name = fields.next().unwrap_or_default();
        let number = fields.nth(1).and_then(|number| number.parse::<u32>().ok());
        !matches!(name, "root" | "admin" | "visitor" | "sudo" | "docker")
            && number.is_some_and(|number| number < below)
    };
    let mut passwd = String::new();
    for (account, number) in [(ROOT, 0), (ADMIN, 1000), (VISITOR, 1001)] {
        let user = account.user;
        writeln!(
            passwd,
            "{user}:x:{number}:{number}:{user}:/run/lab/home/{user}:{shell}"
        )?;
        let home = control.join("home").join(user);
        std::os::unix::fs::chown(&home, Some(number), Some(number))?;
    }
    let system = fs::read_to_string("/etc/passwd")?;
    let mut group =
        "root:x:0:\nadmin:x:1000:\nvisitor:x:1001:\nsudo:x:27:admin\ndocker:x:998:admin\n"
            .to_owned();
    let system_groups = fs::read_to_string("/etc/group")?;
    for line in system.lines().filter(|line| keep(line, 1000)) {
        writeln!(passwd, "{line}")?;
    }
    for line in system_groups.lines().filter(|line| keep(line, 998)) {
        writeln!(group, "{line}")?;
    }
    let etc = control.join("etc");
    fs::write(etc.join("passwd"), passwd)?;
    fs::write(etc.join("group"), group)?;
    fs::write(etc.join("shadow"), &access.shadow)?;
    fs::set_permissions(etc.join("shadow"), Permissions::from_mode(0o600))?;
    Ok(())
}

/// A page without an end, of some 160 KB/s.
pub(crate) const FILM: &str = include_str!("../assets/film.sh");

pub(crate) fn program(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text)?;
    fs::set_permissions(file, Permissions::from_mode(0o755))?;
    Ok(())
}
