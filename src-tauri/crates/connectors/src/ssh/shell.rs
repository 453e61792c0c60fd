//! The commands that are run on a machine.

use wakehub_domain::PowerOff;

/// Answers the user's number; `0` is root. Where it does not (Windows), there is no `sudo` either.
pub(super) const WHO: &str = "id -u";

/// What `sudo` lets this user do without a password.
pub(super) const RIGHTS: &str = "LC_ALL=C sudo -n -l";

/// In the order in which they are tried.
pub(super) fn power_off(how: PowerOff) -> &'static [&'static str] {
    match how {
        PowerOff::ShutDown => &["systemctl poweroff", "shutdown -h now", "poweroff"],
        PowerOff::Suspend => &["systemctl suspend"],
        PowerOff::Hibernate => &["systemctl hibernate"],
    }
}

/// `sudo -n` asks for nothing: it fails where a password would be needed.
pub(super) fn as_root(command: &str) -> String {
    format!("LC_ALL=C sudo -n {command}")
}

/// A command of the user's own, which may be more than one word.
pub(super) fn script_as_root(command: &str) -> String {
    as_root(&format!("sh -c {}", quoted(command)))
}

/// For any Unix shell: nothing has a meaning within single quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
