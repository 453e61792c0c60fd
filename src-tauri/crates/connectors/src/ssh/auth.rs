//! Logging in. Runs on a blocking thread, on a session that still blocks.

use super::config::{SshEndpoint, SshLogin};
use super::fault;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ssh2::{KeyboardInteractivePrompt, Prompt, Session};
use std::path::{Path, PathBuf};
use wakehub_domain::{ConnectorError, ErrorKind, Secret};

/// Logs in, or says why not. Answers how: `key /home/u/.ssh/id_ed25519`.
pub(super) fn log_in(session: &Session, endpoint: &SshEndpoint) -> Result<String, ConnectorError> {
    let attempt = Attempt { session, endpoint };
    // Asking costs one question ("none"), and tells a refused password from a server that takes none.
    let offered = match session.auth_methods(&endpoint.user) {
        Ok(methods) => methods.to_owned(),
        Err(_) if session.authenticated() => return Ok("no authentication".to_owned()),
        Err(error) => return Err(attempt.broken(&error)),
    };
    match &endpoint.login {
        SshLogin::Password(password) => attempt.password(&offered, password),
        SshLogin::Key { path, passphrase } => attempt.key(&offered, path, passphrase.as_ref()),
        SshLogin::Agent { socket } => attempt.agent(&offered, socket.as_ref()),
    }
}

struct Attempt<'a> {
    session: &'a Session,
    endpoint: &'a SshEndpoint,
}

impl Attempt<'_> {
    fn password(&self, offered: &str, password: &Secret) -> Result<String, ConnectorError> {
        let user = &self.endpoint.user;
        let mut asked = false;
        if offers(offered, "password") {
            asked = true;
            match self.session.userauth_password(user, password.expose()) {
                Ok(()) => return Ok("password".to_owned()),
                Err(error) if fault::is_refusal(&error) => {}
                Err(error) => return Err(self.broken(&error)),
            }
        }
        // The same password in another envelope: many servers know it as keyboard-interactive only. Where both are
        // offered, the second would only ask for the wrong password again.
        if !asked && offers(offered, "keyboard-interactive") {
            asked = true;
            let mut answer = Answer(password);
            match self
                .session
                .userauth_keyboard_interactive(user, &mut answer)
            {
                Ok(()) => return Ok("keyboard-interactive".to_owned()),
                Err(error) if fault::is_refusal(&error) => {}
                Err(error) => return Err(self.broken(&error)),
            }
        }
        Err(match asked {
            true => self.refused(format!("the password of {user} is not accepted")),
            false => self.not_offered("a password", offered),
        })
    }

    fn key(
        &self,
        offered: &str,
        path: &Path,
        passphrase: Option<&Secret>,
    ) -> Result<String, ConnectorError> {
        if !offers(offered, "publickey") {
            return Err(self.not_offered("a key", offered));
        }
        let shown = path.display();
        let file = std::fs::read(path).map_err(|error| {
            self.fail(
                ErrorKind::NoSecret,
                format!("the key file {shown} cannot be read: {error}"),
            )
        })?;
        let form = KeyForm::of(&file);
        drop(zeroize::Zeroizing::new(file));
        match form {
            KeyForm::Putty => {
                return Err(self.fail(
                    ErrorKind::Unsupported,
                    format!("{shown} is a PuTTY key; export it as an OpenSSH key with PuTTYgen"),
                ));
            }
            KeyForm::Public => {
                return Err(self.fail(
                    ErrorKind::NoSecret,
                    format!("{shown} is a public key; name the private one"),
                ));
            }
            KeyForm::Unknown => {
                return Err(self.fail(ErrorKind::NoSecret, format!("{shown} holds no private key")));
            }
            KeyForm::Encrypted if passphrase.is_none() => {
                return Err(self.fail(
                    ErrorKind::NoSecret,
                    format!("the key {shown} is protected by a passphrase, and none is given"),
                ));
            }
            KeyForm::Encrypted | KeyForm::Plain => {}
        }
        let passphrase = passphrase.map(Secret::expose);
        let tried = self
            .session
            .userauth_pubkey_file(&self.endpoint.user, None, path, passphrase);
        match tried {
            Ok(()) => Ok(format!("key {shown}")),
            Err(error) if fault::is_file_error(&error) => Err(match form {
                KeyForm::Encrypted => self.fail(
                    ErrorKind::Unauthorised,
                    format!("the passphrase of the key {shown} is wrong"),
                ),
                KeyForm::Plain | KeyForm::Putty | KeyForm::Public | KeyForm::Unknown => self.fail(
                    ErrorKind::NoSecret,
                    format!("the key {shown} cannot be used: {}", error.message()),
                ),
            }),
            Err(error) if fault::is_refusal(&error) => Err(self.refused(format!(
                "the key {shown} is not accepted for {}: is its public half in authorized_keys there?",
                self.endpoint.user
            ))),
            Err(error) => Err(self.broken(&error)),
        }
    }

    fn agent(&self, offered: &str, socket: Option<&PathBuf>) -> Result<String, ConnectorError> {
        if !offers(offered, "publickey") {
            return Err(self.not_offered("a key", offered));
        }
        let no_agent = |error: ssh2::Error| {
            self.fail(
                ErrorKind::NoSecret,
                format!(
                    "no SSH agent answers ({}); is it running, and is SSH_AUTH_SOCK set?",
                    error.message()
                ),
            )
        };
        let mut agent = self.session.agent().map_err(no_agent)?;
        if let Some(socket) = socket {
            agent.set_identity_path(socket).map_err(no_agent)?;
        }
        agent.connect().map_err(no_agent)?;
        agent.list_identities().map_err(no_agent)?;
        let identities = agent.identities().map_err(no_agent)?;
        if identities.is_empty() {
            return Err(self.fail(
                ErrorKind::NoSecret,
                "the SSH agent holds no key; add one with ssh-add",
            ));
        }
        for (tried, identity) in identities.iter().enumerate() {
            match agent.userauth(&self.endpoint.user, identity) {
                Ok(()) => return Ok(format!("agent, key {}", identity.comment())),
                Err(error) if fault::is_lost(&error) && tried > 0 => {
                    return Err(self.refused(format!(
                        "the server ended the login after {tried} of the agent's {} keys (its MaxAuthTries)",
                        identities.len()
                    )));
                }
                Err(error) if fault::is_lost(&error) => return Err(self.broken(&error)),
                Err(_) => {}
            }
        }
        Err(self.refused(format!(
            "none of the agent's {} keys is accepted for {}",
            identities.len(),
            self.endpoint.user
        )))
    }

    fn not_offered(&self, what: &str, offered: &str) -> ConnectorError {
        self.refused(format!(
            "the server does not take {what} from {} (it offers {})",
            self.endpoint.user,
            offered.replace(',', ", ")
        ))
    }

    fn refused(&self, message: String) -> ConnectorError {
        self.fail(ErrorKind::Unauthorised, message)
    }

    fn broken(&self, error: &ssh2::Error) -> ConnectorError {
        fault::session(self.operation(), error)
    }

    fn fail(&self, kind: ErrorKind, message: impl std::fmt::Display) -> ConnectorError {
        ConnectorError::new(kind, self.operation(), message)
    }

    fn operation(&self) -> String {
        format!("log in to {} as {}", self.endpoint, self.endpoint.user)
    }
}

fn offers(methods: &str, method: &str) -> bool {
    methods.split(',').any(|offered| offered == method)
}

/// Answers every hidden prompt with the password.
struct Answer<'a>(&'a Secret);

impl KeyboardInteractivePrompt for Answer<'_> {
    fn prompt<'p>(
        &mut self,
        _user: &str,
        _instructions: &str,
        prompts: &[Prompt<'p>],
    ) -> Vec<String> {
        let answer = |prompt: &Prompt<'p>| match prompt.echo {
            true => String::new(),
            false => self.0.expose().to_owned(),
        };
        prompts.iter().map(answer).collect()
    }
}

/// What a key file holds, as far as the error messages need to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum KeyForm {
    Plain,
    Encrypted,
    Putty,
    Public,
    Unknown,
}

impl KeyForm {
    fn of(file: &[u8]) -> KeyForm {
        let text = String::from_utf8_lossy(file);
        let text = text.trim_start();
        if text.starts_with("PuTTY-User-Key-File") {
            return KeyForm::Putty;
        }
        if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-") {
            return KeyForm::Public;
        }
        let Some(begin) = text.find("-----BEGIN ") else {
            return KeyForm::Unknown;
        };
        let mut lines = text[begin..].lines();
        let title = lines.next().unwrap_or_default();
        if !title.contains("PRIVATE KEY") {
            return KeyForm::Unknown;
        }
        let body: Vec<&str> = lines
            .take_while(|line| !line.starts_with("-----"))
            .collect();
        let encrypted = match title.contains("OPENSSH") {
            true => openssh_cipher(&body.concat()).is_some_and(|cipher| cipher != b"none"),
            // PKCS#8 says it in the title, the older PEM form in a header.
            false => {
                title.contains("ENCRYPTED")
                    || body
                        .iter()
                        .any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"))
            }
        };
        match encrypted {
            true => KeyForm::Encrypted,
            false => KeyForm::Plain,
        }
    }
}

/// The cipher's name follows the magic in OpenSSH's key format (PROTOCOL.key).
fn openssh_cipher(body: &str) -> Option<Vec<u8>> {
    // The first bytes are enough, and hold nothing secret.
    let bytes = STANDARD.decode(body.get(..64)?).ok()?;
    let rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let (length, rest) = rest.split_at_checked(4)?;
    let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
    rest.get(..length).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests;
