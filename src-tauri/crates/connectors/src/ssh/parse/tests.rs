use super::*;

const COMMANDS: [&str; 3] = ["systemctl poweroff", "shutdown -h now", "poweroff"];

/// `sudo -n -l` of sudo 1.9.13 on Debian 12, with these lines in place of the rules.
fn listing(rules: &str) -> String {
    format!(
        "Matching Defaults entries for guest on nas:\n    env_reset\n\n\
         User guest may run the following commands on nas:\n{rules}\n"
    )
}

fn check(rules: &str, expected: &[&str]) {
    assert_eq!(allowed(&listing(rules), &COMMANDS), expected, "{rules}");
}

#[test]
fn what_sudo_allows_without_a_password() {
    check(
        "    (root) NOPASSWD: /usr/bin/systemctl poweroff, /usr/sbin/shutdown -h now",
        &["systemctl poweroff", "shutdown -h now"],
    );
    check("    (ALL) NOPASSWD: ALL", &COMMANDS);
    check("    (ALL : ALL) NOPASSWD: ALL", &COMMANDS);
    check("    (root) NOPASSWD: /usr/bin/systemctl", &COMMANDS[..1]);
    check(
        "    (ALL : ALL) ALL\n    (root) NOPASSWD: /sbin/shutdown, NOEXEC: /sbin/poweroff \"\"",
        &COMMANDS[1..],
    );
}

#[test]
fn what_it_does_not() {
    check("    (ALL : ALL) ALL", &[]);
    check("    (www-data) NOPASSWD: ALL", &[]);
    check("    (root) NOPASSWD: /usr/bin/systemctl restart nginx", &[]);
    check(
        "    (ALL) NOPASSWD: ALL, !/usr/sbin/poweroff",
        &COMMANDS[..2],
    );
    check("    (root) NOPASSWD: ALL\n    (root) PASSWD: ALL", &[]);
    assert!(allowed("", &COMMANDS).is_empty());
}

#[test]
fn why_a_command_failed() {
    // Recorded: sudo 1.9.13, dash 0.5.12, bash 5.2, systemd 252, BusyBox 1.35.
    for (status, stderr, expected) in [
        (1, "sudo: a password is required", Refusal::SudoDenied),
        (
            1,
            "guest is not in the sudoers file.\nThis incident has been reported to the administrator. sudo",
            Refusal::SudoDenied,
        ),
        (
            1,
            "Sorry, user guest is not allowed to execute '/usr/sbin/poweroff' as root on nas. sudo",
            Refusal::SudoDenied,
        ),
        (127, "sh: 1: sudo: not found", Refusal::NoSudo),
        (
            127,
            "bash: line 1: sudo: command not found",
            Refusal::NoSudo,
        ),
        (1, "sudo: systemctl: command not found", Refusal::Missing),
        (127, "sh: 1: systemctl: not found", Refusal::Missing),
        (127, "", Refusal::Missing),
        (
            1,
            "Operation inhibited by \"apt\" (PID 812 \"apt\", user root), reason is \"upgrading\".",
            Refusal::Inhibited,
        ),
        (
            1,
            "System has not been booted with systemd as init system (PID 1). Can't operate.\n\
             Failed to connect to bus: Host is down",
            Refusal::Other,
        ),
        (1, "shutdown: must be root", Refusal::Other),
    ] {
        assert_eq!(refusal(Some(status), stderr), expected, "{stderr}");
    }
}

#[test]
fn a_user_is_a_number() {
    assert_eq!(user_id("0\n"), Some(0));
    assert_eq!(user_id("54321"), Some(54321));
    assert_eq!(
        user_id("'id' is not recognized as an internal or external command"),
        None
    );
    assert_eq!(user_id(""), None);
}

#[test]
fn a_complaint_is_one_line_without_repetition() {
    assert_eq!(complaint(" a \n\nb\na\nc\nd\ne\n"), "a; b; c; d");
    assert_eq!(complaint(""), "");
}
