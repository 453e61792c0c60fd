//! Shutting down, and `test connection`.

use crate::sshd::{PASSWORD, Sshd};
use std::fs;
use std::time::Duration;
use tokio::sync::mpsc;
use wakehub_connectors::ssh::{SshConnector, SshEndpoint, SshHost, Timing};
use wakehub_connectors::{Check, CheckKind, CheckOutcome, Connector, StopOptions, Target};
use wakehub_domain::{ConnectorError, ErrorKind, NodeKind, PowerOff, PowerState};

fn how() -> StopOptions {
    StopOptions {
        timeout: Duration::from_secs(30),
        force: false,
        power_off: PowerOff::ShutDown,
        command: None,
    }
}

fn connector(endpoint: SshEndpoint) -> SshConnector {
    let timing = Timing {
        operation: Duration::from_secs(3),
        ping: Duration::from_millis(500),
        ..Timing::default()
    };
    SshConnector::new(SshHost::with_timing(endpoint, timing))
}

async fn stop(sshd: &Sshd, how: &StopOptions) -> Result<(), ConnectorError> {
    connector(sshd.endpoint()).stop(&Target::Itself, how).await
}

/// Each power command notes that it was called, then does this.
fn commands(sshd: &Sshd, scripts: [&str; 3]) {
    let calls = sshd.path("calls").display().to_string();
    fs::write(&calls, "").unwrap();
    for (name, script) in ["systemctl", "shutdown", "poweroff"].iter().zip(scripts) {
        sshd.command(name, &format!("echo {name} $* >> {calls}\n{script}"));
    }
}

fn calls(sshd: &Sshd) -> Vec<String> {
    let text = fs::read_to_string(sshd.path("calls")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_first_command_that_works_is_enough() {
    let Some(sshd) = Sshd::start() else { return };
    commands(&sshd, ["exit 0", "exit 0", "exit 0"]);
    stop(&sshd, &how()).await.unwrap();
    assert_eq!(calls(&sshd), ["systemctl poweroff"]);

    commands(&sshd, ["exit 127", "exit 1", "exit 0"]);
    stop(&sshd, &how()).await.unwrap();
    assert_eq!(
        calls(&sshd),
        ["systemctl poweroff", "shutdown -h now", "poweroff"]
    );

    for (power_off, call) in [
        (PowerOff::Suspend, "systemctl suspend"),
        (PowerOff::Hibernate, "systemctl hibernate"),
    ] {
        commands(&sshd, ["exit 0", "exit 0", "exit 0"]);
        let how = StopOptions { power_off, ..how() };
        stop(&sshd, &how).await.unwrap();
        assert_eq!(calls(&sshd), [call]);
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_machines_own_words() {
    let Some(sshd) = Sshd::start() else { return };
    let refuses = "echo 'Failed to connect to bus: No such file' >&2; exit 1";
    commands(&sshd, [refuses, "exit 2", "exit 127"]);
    let error = stop(&sshd, &how()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert!(
        error.message.contains("Failed to connect to bus"),
        "{error}"
    );
    assert!(
        error.message.contains("`shutdown -h now`: exit status 2"),
        "{error}"
    );

    commands(&sshd, ["exit 127", "exit 127", "exit 127"]);
    let error = stop(&sshd, &how()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);

    let inhibited = "echo 'Operation inhibited by \"dpkg\"' >&2; exit 1";
    commands(&sshd, [inhibited, "exit 0", "exit 0"]);
    let error = stop(&sshd, &how()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(calls(&sshd).len(), 1, "nothing rides over an inhibitor");
}

#[tokio::test]
async fn a_connection_that_drops_because_of_the_shutdown_is_success() {
    let Some(sshd) = Sshd::start() else { return };
    let going = format!("echo going > {}; sleep 100", sshd.fifo("going"));
    commands(&sshd, [&going, "exit 1", "exit 1"]);
    for signal in ["KILL", "STOP"] {
        let connector = connector(sshd.endpoint());
        let stopping = tokio::spawn(async move { connector.stop(&Target::Itself, &how()).await });
        sshd.read_fifo("going").await;
        // A machine that shuts down closes the connection; one that falls asleep just stops to answer.
        sshd.signal_sessions(signal);
        stopping.await.unwrap().unwrap();
        assert!(!calls(&sshd).iter().any(|call| call.starts_with("shutdown")));
    }
}

#[tokio::test]
async fn a_connection_lost_before_is_none() {
    let Some(sshd) = Sshd::start() else { return };
    commands(&sshd, ["exit 0", "exit 0", "exit 0"]);
    let connector = connector(sshd.endpoint());
    connector.observe().await.unwrap();
    sshd.signal_everything("KILL");
    let error = connector.stop(&Target::Itself, &how()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    assert!(calls(&sshd).is_empty());
}

#[tokio::test]
async fn a_command_that_hangs_on_a_machine_that_lives_is_a_failure() {
    let Some(sshd) = Sshd::start() else { return };
    commands(&sshd, ["sleep 100", "exit 0", "exit 0"]);
    let error = stop(&sshd, &how()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TimedOut, "{error}");
}

#[tokio::test]
async fn the_users_own_command() {
    let Some(sshd) = Sshd::start() else { return };
    commands(&sshd, ["exit 0", "exit 0", "exit 0"]);
    let own = |command: &str| StopOptions {
        command: Some(command.to_owned()),
        ..how()
    };
    stop(&sshd, &own("poweroff --now 'my nas'")).await.unwrap();
    assert_eq!(calls(&sshd), ["poweroff --now my nas"]);
    let error = stop(&sshd, &own("exit 5")).await.unwrap_err();
    assert!(error.message.contains("exit status 5"), "{error}");
}

#[tokio::test]
async fn without_root_it_goes_through_sudo() {
    let Some(sshd) = Sshd::start() else { return };
    commands(&sshd, ["exit 1", "exit 0", "exit 0"]);
    // Others than root write the list of calls, too.
    sshd.open_to_all("calls");
    let guest = || connector(sshd.with_password("guest", PASSWORD));

    let error = guest().stop(&Target::Itself, &how()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorised, "{error}");
    assert!(error.message.contains("NOPASSWD"), "{error}");

    sshd.command("sudo", "echo 'sudo: a password is required' >&2; exit 1");
    let error = guest().stop(&Target::Itself, &how()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert!(error.message.contains("a password is required"), "{error}");
    assert!(calls(&sshd).is_empty());

    sshd.command("sudo", "test $1 = -n || exit 9; shift; exec \"$@\"");
    guest().stop(&Target::Itself, &how()).await.unwrap();
    assert_eq!(calls(&sshd), ["systemctl poweroff", "shutdown -h now"]);

    // The user's own command: as it stands, and where that fails, with sudo.
    sshd.command("mine", "test -n \"$AS_ROOT\" || exit 1; poweroff mine");
    sshd.command("sudo", "shift; AS_ROOT=1 exec \"$@\"");
    let own = StopOptions {
        command: Some("mine".to_owned()),
        ..how()
    };
    guest().stop(&Target::Itself, &own).await.unwrap();
    assert_eq!(calls(&sshd).last().unwrap(), "poweroff mine");
}

#[tokio::test]
async fn it_sees_that_the_machine_is_on_and_nothing_else() {
    let Some(sshd) = Sshd::start() else { return };
    let connector = connector(sshd.endpoint());
    for _ in 0..3 {
        let report = connector.observe().await.unwrap();
        assert_eq!(report.itself, Some(PowerState::On));
        assert!(report.guests.is_empty());
    }
    assert_eq!(sshd.log_lines("Accepted publickey"), 1);
    assert!(connector.discover().await.unwrap().is_empty());
    let error = connector.start(&Target::Itself).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    let guest = Target::Guest {
        kind: NodeKind::Vm,
        platform_id: "100".to_owned(),
    };
    let error = connector.stop(&guest, &how()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);

    // It restarts: the old session is dead, the machine is on.
    sshd.signal_sessions("KILL");
    assert_eq!(
        connector.observe().await.unwrap().itself,
        Some(PowerState::On)
    );
    connector.close().await;
    sshd.signal_everything("KILL");
    connector.observe().await.unwrap_err();
}

async fn checks(endpoint: SshEndpoint) -> Vec<Check> {
    let (sender, mut receiver) = mpsc::channel(16);
    connector(endpoint).test(&sender).await;
    drop(sender);
    let mut checks = Vec::new();
    while let Some(check) = receiver.recv().await {
        checks.push(check);
    }
    checks
}

fn outcomes(checks: &[Check]) -> Vec<(CheckKind, CheckOutcome)> {
    checks
        .iter()
        .map(|check| (check.what, check.outcome))
        .collect()
}

use CheckKind::{Login, Reachable, Sudo, Trusted, Version};
use CheckOutcome::{Failed, Passed, Skipped};

#[tokio::test]
async fn a_test_that_passes_shows_what_it_saw() {
    let Some(sshd) = Sshd::start() else { return };
    let checks = checks(sshd.endpoint()).await;
    assert_eq!(
        outcomes(&checks),
        [Reachable, Version, Trusted, Login, Sudo].map(|what| (what, Passed))
    );
    assert!(checks[1].detail.starts_with("OpenSSH_"), "{checks:?}");
    assert!(checks[2].detail.contains(&sshd.host_key().fingerprint));
    assert!(checks[3].detail.contains("id_plain"));
    assert_eq!(checks[4].detail, "root");
}

#[tokio::test]
async fn a_test_stops_where_it_fails() {
    let Some(sshd) = Sshd::start() else { return };
    let mut unknown = sshd.endpoint();
    unknown.accepted.clear();
    let seen = checks(unknown).await;
    assert_eq!(
        outcomes(&seen),
        [
            (Reachable, Passed),
            (Version, Passed),
            (Trusted, Failed),
            (Login, Skipped),
            (Sudo, Skipped)
        ]
    );
    let presented = seen[2].presented.as_ref().unwrap();
    assert_eq!(presented.fingerprint, sshd.host_key().fingerprint);

    let seen = checks(sshd.with_password("root", "hunter2")).await;
    assert_eq!(
        outcomes(&seen)[3..],
        [(Login, Failed), (Sudo, Skipped)],
        "{seen:?}"
    );

    let mut nobody = sshd.endpoint();
    nobody.port = 1;
    let seen = checks(nobody).await;
    assert_eq!(seen.len(), 5);
    assert_eq!(outcomes(&seen)[0], (Reachable, Failed));
    assert!(seen[1..].iter().all(|check| check.outcome == Skipped));

    let mut jump = sshd.endpoint();
    jump.accepted.clear();
    let mut through = sshd.endpoint();
    through.jump = Some(Box::new(jump));
    let seen = checks(through).await;
    assert_eq!(outcomes(&seen)[0], (Trusted, Failed), "{seen:?}");
    assert!(seen[0].presented.is_some());
}

#[tokio::test]
async fn a_test_says_whether_sudo_would_do() {
    let Some(sshd) = Sshd::start() else { return };
    let guest = || sshd.with_password("guest", PASSWORD);
    let sudo = |checks: Vec<Check>| checks.last().cloned().unwrap();

    let missing = sudo(checks(guest()).await);
    assert_eq!((missing.what, missing.outcome), (Sudo, Failed));
    assert!(
        missing
            .advice
            .unwrap()
            .contains("guest ALL=(root) NOPASSWD")
    );

    sshd.command("sudo", "echo 'sudo: a password is required' >&2; exit 1");
    let password = sudo(checks(guest()).await);
    assert_eq!(password.outcome, Failed);
    assert!(password.detail.contains("a password is required"));

    sshd.command(
        "sudo",
        "echo 'User guest may run the following commands on nas:'\n\
         echo '    (root) NOPASSWD: /usr/bin/systemctl poweroff, /usr/bin/apt'",
    );
    let allowed = sudo(checks(guest()).await);
    assert_eq!(allowed.outcome, Passed, "{allowed:?}");
    assert!(allowed.detail.contains("systemctl poweroff"));
}
