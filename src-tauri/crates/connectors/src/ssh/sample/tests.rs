//! The script itself, run by the shells and awks that are here, with an `ss` that says what the test wants.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where and fails"
)]

use super::*;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

/// As `ss -Hltn` of iproute2 6.1 prints it.
const LISTENING: &str = "\
LISTEN 0      128          0.0.0.0:22         0.0.0.0:*
LISTEN 0      4096         0.0.0.0:8006       0.0.0.0:*
LISTEN 0      511             [::]:8096          [::]:*
LISTEN 0      511                *:445              *:*";

/// As `ss -Htn state established` does: without a state.
const ESTABLISHED: &str = "\
0      0              10.77.0.2:22          10.77.0.1:51234
0      0              10.77.0.2:22          10.77.0.1:51235
0      0              10.77.0.2:8006        10.77.0.1:40000
0      0              10.77.0.2:8006        10.77.0.9:40000
0      0              10.77.0.2:41000       10.77.0.5:2049
0      0              127.0.0.1:8006        127.0.0.1:2049
0      0              10.77.0.2:445         10.77.0.2:2050
0      0     [::ffff:10.77.0.2]:8096 [::ffff:10.77.0.1]:5111
0      0        [fe80::1%eth0]:445      [fe80::9%eth0]:5111
0      0        [fe80::1]%eth0:445      [fe80::9]%eth0:5112
0      0                  [::1]:445              [::1]:5112";

const OVER_IPV4: &str = "10.77.0.1 51234 10.77.0.2 22";
const OVER_IPV6: &str = "fe80::9%eth0 5112 fe80::1%eth0 445";

/// The whole answer to a session of these ends.
fn answer(shell: &[&str], bin: &Path, session: &str, polled: &[u16]) -> String {
    run(&script(polled, &[]), shell, bin, session)
}

fn run(script: &str, shell: &[&str], bin: &Path, session: &str) -> String {
    let path = std::env::var("PATH").unwrap();
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("SSH_CONNECTION", session)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn connections(shell: &[&str], bin: &Path, session: &str, polled: &[u16]) -> Option<u32> {
    parse::usage(&answer(shell, bin, session, polled), "").connections
}

fn stub(bin: &Path, name: &str, text: &str) {
    let path = bin.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn installed(name: &str) -> Option<std::path::PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths)
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
}

#[test]
fn the_same_is_counted_by_every_shell_and_awk_that_is_here() {
    let mut tried = 0;
    for awk in ["mawk", "gawk", "original-awk", "busybox"] {
        let Some(real) = installed(awk) else {
            continue;
        };
        let bin = tempfile::tempdir().unwrap();
        let bin = bin.path();
        symlink(real, bin.join("awk")).unwrap();
        let says = format!(
            "case $1 in -Hltn) cat <<X\n{LISTENING}\nX\n;; *) cat <<X\n{ESTABLISHED}\nX\nesac"
        );
        stub(bin, "ss", &says);
        for shell in [&["sh"][..], &["dash"], &["bash"], &["busybox", "ash"]] {
            if installed(shell[0]).is_none() {
                continue;
            }
            tried += 1;
            let count = |session: &str, polled: &[u16]| connections(shell, bin, session, polled);
            // 51235, 8006 of both, 8096, 445 twice.
            assert_eq!(count(OVER_IPV4, &[]), Some(6), "{awk} {shell:?}");
            assert_eq!(count(OVER_IPV4, &[8006]), Some(5), "{awk} {shell:?}");
            assert_eq!(count(OVER_IPV4, &[8006, 8096]), Some(4), "{awk} {shell:?}");
            // Polled by somebody else, so that it counts.
            assert_eq!(count(OVER_IPV6, &[8006]), Some(6), "{awk} {shell:?}");
        }
    }
    assert!(tried > 0, "no awk is here");
}

/// As FreeBSD's `netstat -an -p tcp` prints it: the port stands after a dot.
const NETSTAT: &str = "\
Active Internet connections (including servers)
Proto Recv-Q Send-Q Local Address          Foreign Address        (state)
tcp4       0      0 10.77.0.2.22           10.77.0.1.51234        ESTABLISHED
tcp4       0      0 10.77.0.2.22           10.77.0.9.51234        ESTABLISHED
tcp4       0     44 10.77.0.2.8006         10.77.0.1.40000        ESTABLISHED
tcp4       0      0 10.77.0.2.41000        10.77.0.5.2049         ESTABLISHED
tcp4       0      0 10.77.0.2.22           10.77.0.9.51233        TIME_WAIT
tcp4       0      0 127.0.0.1.22           127.0.0.1.2049         ESTABLISHED
tcp6       0      0 fe80::1%em0.22         fe80::9%em0.5111       ESTABLISHED
tcp4       0      0 *.8006                 *.*                    LISTEN
tcp6       0      0 *.22                   *.*                    LISTEN
tcp4       0      0 *.22                   *.*                    LISTEN";

#[test]
fn without_ss_and_proc_netstat_is_asked() {
    let bin = tempfile::tempdir().unwrap();
    let bin = bin.path();
    stub(bin, "ss", "exit 127");
    stub(bin, "netstat", &format!("cat <<X\n{NETSTAT}\nX"));
    let count = |polled: &[u16]| {
        let elsewhere = script(polled, &[]).replace("/proc/net/tcp", "/nowhere");
        parse::usage(&run(&elsewhere, &["sh"], bin, OVER_IPV4), "").connections
    };
    assert_eq!(count(&[]), Some(3));
    assert_eq!(count(&[8006]), Some(2));
}

#[test]
fn earlier_sessions_of_ours_are_not_counted() {
    let bin = tempfile::tempdir().unwrap();
    let bin = bin.path();
    let says =
        format!("case $1 in -Hltn) cat <<X\n{LISTENING}\nX\n;; *) cat <<X\n{ESTABLISHED}\nX\nesac");
    stub(bin, "ss", &says);
    let count = |ends: &[&str]| {
        let ends: Vec<SocketAddr> = ends.iter().map(|end| end.parse().unwrap()).collect();
        let script = script(&[], &ends);
        parse::usage(&run(&script, &["sh"], bin, OVER_IPV4), "").connections
    };
    assert_eq!(count(&["10.77.0.1:51234"]), Some(6));
    assert_eq!(count(&["10.77.0.1:51234", "10.77.0.1:51235"]), Some(5));
    // Another computer's, and not to the SSH server.
    assert_eq!(count(&["10.77.0.7:51235", "10.77.0.9:40000"]), Some(6));
}

#[test]
fn fifty_thousand_connections_do_not_flood() {
    let bin = tempfile::tempdir().unwrap();
    let bin = bin.path();
    let many = "case $1 in -Hltn) echo LISTEN 0 1 0.0.0.0:22 '0.0.0.0:*';; \
        *) awk 'BEGIN{for(i=10000;i<60000;i++)print 0,0,\"10.77.0.2:22\",\"10.77.0.9:\" i}';; esac";
    stub(bin, "ss", many);
    let told = answer(&["sh"], bin, OVER_IPV4, &[]);
    assert_eq!(parse::usage(&told, "").connections, Some(50_000));
    let (_, peers) = told.split_once("@wakehub peers\n").unwrap();
    let (peers, _) = peers.split_once("@status").unwrap();
    assert_eq!(peers, "connections 50000\n");
}

#[test]
fn without_knowing_our_own_connection_none_is_counted() {
    let bin = tempfile::tempdir().unwrap();
    let told = parse::usage(&answer(&["sh"], bin.path(), "", &[]), "");
    assert_eq!(told.connections, None);
    let why = told.missing.iter().map(|missing| missing.why.as_str());
    let words = "the server does not say which connection is ours";
    assert!(why.clone().any(|why| why == words), "{:?}", told.missing);
}
