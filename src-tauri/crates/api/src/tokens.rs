//! Bearer tokens. The keyring holds the SHA-256 of each; the token itself is shown once and kept nowhere.

use rand::RngExt;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::sync::{Mutex, RwLock, watch};
use tokio::time::Instant;
use wakehub_domain::Secret;
use wakehub_engine::{Clock, Handle, SecretError, SecretKey, Secrets, SystemClock};
use wakehub_store::SettingKey;
use wakehub_view::access::{ApiScope, ApiToken, NewApiToken, ShownApiToken};
use wakehub_view::wire::{CommandError, EntryError};

const TOKENS: SettingKey<Vec<ApiToken>> = SettingKey::new("api_tokens");
const MOST: usize = 32;
/// Crockford's base 32 in lower case: nothing in it is taken for something else when it is typed on a phone.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const PREFIX: &str = "wh";
const ID_DIGITS: usize = 4;
/// 130 bits.
const SECRET_DIGITS: usize = 26;
/// How exactly it is written down when a token was used last: a page that is open all day is not written down all day.
const USED_MS: i64 = 10 * 60 * 1000;
/// How long after the keyring has failed nobody asks it again.
const KEYRING_PAUSE: Duration = Duration::from_secs(5);

pub(crate) struct Tokens {
    engine: Handle,
    secrets: Arc<dyn Secrets>,
    homelab: String,
    known: RwLock<Known>,
    /// One change at a time.
    changing: Mutex<()>,
    /// Counts the tokens that were removed.
    removed: watch::Sender<u32>,
}

#[derive(Default)]
struct Known {
    entries: Vec<(ApiToken, Option<[u8; 32]>)>,
    /// When the keyring failed last, and how.
    failed: Option<(Instant, SecretError)>,
}

/// What a token that was presented is worth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Worth {
    Known {
        id: String,
        scope: ApiScope,
    },
    Unknown,
    /// The keyring does not say.
    Unchecked(SecretError),
}

impl Tokens {
    pub async fn open(engine: Handle, secrets: Arc<dyn Secrets>) -> Result<Tokens, CommandError> {
        let homelab = engine.homelab().await?;
        let listed = engine.setting(TOKENS).await?.unwrap_or_default();
        let entries = listed.into_iter().map(|token| (token, None)).collect();
        let tokens = Tokens {
            engine,
            secrets,
            homelab,
            known: RwLock::new(Known {
                entries,
                failed: None,
            }),
            changing: Mutex::default(),
            removed: watch::Sender::new(0),
        };
        Ok(tokens)
    }

    pub async fn list(&self) -> Vec<ApiToken> {
        let known = self.known.read().await;
        known
            .entries
            .iter()
            .map(|(token, _)| token.clone())
            .collect()
    }

    pub async fn add(&self, new: NewApiToken) -> Result<ShownApiToken, CommandError> {
        let _one = self.changing.lock().await;
        let before = self.list().await;
        let name = new.name.trim();
        let is_taken = before.iter().any(|token| token.name == name);
        let message =
            if !(1..=64).contains(&name.chars().count()) || name.chars().any(char::is_control) {
                Some("1 to 64 characters, no control characters")
            } else if is_taken {
                Some("there is a token of this name already")
            } else if before.len() >= MOST {
                Some("there are 32 tokens already; remove one first")
            } else {
                None
            };
        if let Some(message) = message {
            return Err(CommandError::Entry {
                errors: vec![EntryError {
                    field: Some("name".to_owned()),
                    line: None,
                    message: message.to_owned(),
                }],
            });
        }
        let id = loop {
            let id = random(ID_DIGITS);
            if before.iter().all(|token| token.id != id) {
                break id;
            }
        };
        let token = format!("{PREFIX}-{id}-{}", random(SECRET_DIGITS));
        let entry = ApiToken {
            id: id.clone(),
            name: name.to_owned(),
            scope: new.scope,
            created: SystemClock.now(),
            used: None,
        };
        let digest = digest(&token);
        let kept = Secret::new(hex(&digest));
        // a digest without an entry is worth nothing; an entry without a digest would be a token that never works
        self.secrets
            .set(&self.key(&id), &kept)
            .await
            .map_err(keyring)?;
        let mut entries = before;
        entries.push(entry.clone());
        if let Err(error) = self.engine.set_setting(TOKENS, entries).await {
            let _ = self.secrets.remove(&self.key(&id)).await;
            return Err(error);
        }
        let mut known = self.known.write().await;
        known.entries.push((entry.clone(), Some(digest)));
        tracing::info!(id, name, scope = entry.scope.as_str(), "token made");
        Ok(ShownApiToken { entry, token })
    }

    /// By id or name. `false` when there is none.
    pub async fn remove(&self, id: &str) -> Result<bool, CommandError> {
        let _one = self.changing.lock().await;
        let mut entries = self.list().await;
        let by_id = entries.iter().position(|token| token.id == id);
        let Some(at) = by_id.or_else(|| entries.iter().position(|token| token.name == id)) else {
            return Ok(false);
        };
        let gone = entries.remove(at);
        // worthless from here on, whatever the database and the keyring say
        let mut known = self.known.write().await;
        known.entries.retain(|(token, _)| token.id != gone.id);
        drop(known);
        self.removed.send_modify(|count| *count += 1);
        self.engine.set_setting(TOKENS, entries).await?;
        self.secrets
            .remove(&self.key(&gone.id))
            .await
            .map_err(keyring)?;
        tracing::info!(id = gone.id, name = gone.name, "token removed");
        Ok(true)
    }

    /// Ends when the token has been removed.
    pub async fn gone(&self, id: &str) {
        let mut removed = self.removed.subscribe();
        loop {
            removed.borrow_and_update();
            let known = self.known.read().await;
            if known.entries.iter().all(|(token, _)| token.id != id) {
                return;
            }
            drop(known);
            // the sender is our own
            let _ = removed.changed().await;
        }
    }

    pub async fn worth(&self, presented: &str) -> Worth {
        let presented = plain(presented);
        let Some(id) = id_of(&presented) else {
            return Worth::Unknown;
        };
        let given = digest(&presented);
        let (scope, kept) = {
            let known = self.known.read().await;
            let Some((token, kept)) = known.entries.iter().find(|(token, _)| token.id == id) else {
                return Worth::Unknown;
            };
            (token.scope, *kept)
        };
        let kept = match kept {
            Some(kept) => kept,
            None => match self.fetch(id).await {
                Ok(Some(kept)) => kept,
                Ok(None) => return Worth::Unknown,
                Err(error) => return Worth::Unchecked(error),
            },
        };
        if bool::from(given.ct_eq(&kept)) {
            self.note_use(id).await;
            Worth::Known {
                id: id.to_owned(),
                scope,
            }
        } else {
            Worth::Unknown
        }
    }

    async fn note_use(&self, id: &str) {
        let now = SystemClock.now();
        let is_due = |token: &ApiToken| {
            token.id == id && token.used.is_none_or(|used| now.0 - used.0 > USED_MS)
        };
        let known = self.known.read().await;
        if !known.entries.iter().any(|(token, _)| is_due(token)) {
            return;
        }
        drop(known);
        // another change writes it down, or the next request
        let Ok(_one) = self.changing.try_lock() else {
            return;
        };
        let mut known = self.known.write().await;
        for (token, _) in &mut known.entries {
            if is_due(token) {
                token.used = Some(now);
            }
        }
        drop(known);
        if let Err(error) = self.engine.set_setting(TOKENS, self.list().await).await {
            tracing::warn!(?error, "when a token was used cannot be written down");
        }
    }

    async fn fetch(&self, id: &str) -> Result<Option<[u8; 32]>, SecretError> {
        let mut known = self.known.write().await;
        if let Some((at, error)) = &known.failed
            && at.elapsed() < KEYRING_PAUSE
        {
            return Err(error.clone());
        }
        match self.secrets.get(&self.key(id)).await {
            Ok(kept) => {
                known.failed = None;
                let digest = kept.and_then(|kept| bytes(kept.expose()));
                if let Some((_, place)) = known.entries.iter_mut().find(|(token, _)| token.id == id)
                {
                    *place = digest;
                }
                Ok(digest)
            }
            Err(error) => {
                known.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn key(&self, id: &str) -> SecretKey {
        SecretKey::of_token(&self.homelab, id)
    }
}

/// `wh-7k2m-…`, as it is typed: case and spaces do not matter.
pub(crate) fn looks_like_a_token(text: &str) -> bool {
    id_of(&plain(text)).is_some()
}

fn plain(typed: &str) -> String {
    typed.trim().to_ascii_lowercase()
}

fn id_of(token: &str) -> Option<&str> {
    let (id, secret) = token.strip_prefix("wh-")?.split_once('-')?;
    let is = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|digit| DIGITS.contains(&digit))
    };
    (is(id, ID_DIGITS) && is(secret, SECRET_DIGITS)).then_some(id)
}

fn random(digits: usize) -> String {
    // rand's default generator is seeded by the operating system and meant for secrets
    let mut source = rand::rng();
    (0..digits)
        .map(|_| char::from(DIGITS[source.random_range(0..DIGITS.len())]))
        .collect()
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn keyring(error: SecretError) -> CommandError {
    CommandError::Other {
        message: format!("the token could not be kept: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_form() {
        let token = format!("wh-{}-{}", random(ID_DIGITS), random(SECRET_DIGITS));
        assert!(looks_like_a_token(&token));
        assert!(looks_like_a_token(&format!(" {} ", token.to_uppercase())));
        for other in [
            "",
            "wh-",
            "wh-nas-1",
            "wh-abcd-short",
            &token[1..],
            &format!("{token}0"),
        ] {
            assert!(!looks_like_a_token(other), "{other}");
        }
    }

    #[test]
    fn a_digest_is_read_as_it_was_written() {
        let made = digest("wh");
        assert_eq!(bytes(&hex(&made)), Some(made));
        for bad in ["", "00", &"é".repeat(32), &"zz".repeat(32)] {
            assert_eq!(bytes(bad), None);
        }
    }
}
