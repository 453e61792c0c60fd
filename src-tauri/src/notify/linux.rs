//! A client of the desktop's notification service.
//!
//! It listens before it speaks, so that an answer which comes faster than the service's reply is not lost; it knows when
//! the service goes away, and waits for nobody longer than [`CALL`].
//! <https://specifications.freedesktop.org/notification-spec/latest/>

use futures_util::StreamExt;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tracing::{debug, warn};
use wakehub_view::text::{self, Language, Note, Press};
use zbus::fdo::DBusProxy;
use zbus::zvariant::Value;
use zbus::{Connection, MatchRule, Message, MessageStream};

use super::{Order, Subject};

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
const CALL: Duration = Duration::from_secs(5);
/// Signals that may wait while a call is under way; others' notifications count too.
const WAITING: usize = 256;
/// As it is when the notification itself is clicked.
const CLICKED: &str = "default";

pub(super) async fn serve(
    orders: mpsc::UnboundedReceiver<Order>,
    pressed: mpsc::UnboundedSender<Press>,
) {
    serve_on(Connection::session(), orders, pressed).await;
}

async fn serve_on(
    session: impl Future<Output = zbus::Result<Connection>>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    pressed: mpsc::UnboundedSender<Press>,
) {
    match Service::connect(session, pressed).await {
        Ok((service, signals, owners)) => service.run(orders, signals, owners).await,
        Err(error) => {
            warn!("no notifications: {error}");
            // Everything stands in the tray menu and in the window as well.
            while orders.recv().await.is_some() {}
        }
    }
}

struct Service {
    connection: Connection,
    pressed: mpsc::UnboundedSender<Press>,
    /// What the service can do; asked once, and again when it was replaced.
    abilities: Option<Abilities>,
    shown: HashMap<Subject, Shown>,
}

#[derive(Clone, Copy)]
struct Abilities {
    buttons: bool,
    markup: bool,
}

struct Shown {
    /// `None` while there is no service: shown when there is one again.
    id: Option<u32>,
    note: Note,
    language: Language,
}

type Owners = zbus::fdo::NameOwnerChangedStream;

impl Service {
    async fn connect(
        session: impl Future<Output = zbus::Result<Connection>>,
        pressed: mpsc::UnboundedSender<Press>,
    ) -> zbus::Result<(Service, MessageStream, Owners)> {
        let connection = within(session).await?;
        let signals = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .sender(SERVICE)?
            .interface(SERVICE)?
            .build();
        let signals = MessageStream::for_match_rule(signals, &connection, Some(WAITING)).await?;
        let owners = DBusProxy::new(&connection)
            .await?
            .receive_name_owner_changed_with_args(&[(0, SERVICE)])
            .await?;
        let service = Service {
            connection,
            pressed,
            abilities: None,
            shown: HashMap::new(),
        };
        Ok((service, signals, owners))
    }

    async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        mut signals: MessageStream,
        mut owners: Owners,
    ) {
        loop {
            tokio::select! {
                // What was pressed comes before what is to be shown next.
                biased;
                signal = signals.next() => match signal {
                    Some(Ok(signal)) => self.hear(&signal),
                    Some(Err(error)) => debug!("unreadable signal: {error}"),
                    None => return,
                },
                change = owners.next() => match change {
                    Some(change) => {
                        let present = change.args().is_ok_and(|args| args.new_owner().is_some());
                        self.replaced(present).await;
                    }
                    None => return,
                },
                order = orders.recv() => match order {
                    Some(Order::Show(subject, note, language)) => self.show(subject, note, language).await,
                    Some(Order::Close(subject)) => self.close(subject).await,
                    None => return,
                },
            }
        }
    }

    async fn show(&mut self, subject: Subject, note: Note, language: Language) {
        let replaces = self.shown.get(&subject).and_then(|shown| shown.id);
        let id = match self
            .notify(subject, &note, language, replaces.unwrap_or(0))
            .await
        {
            Ok(id) => Some(id),
            Err(error) => {
                warn!("no notification shown: {error}");
                None
            }
        };
        // Old news are not worth showing when the service comes back; a question still waits.
        if id.is_some() || matches!(subject, Subject::Question(_)) {
            self.shown.insert(subject, Shown { id, note, language });
        }
    }

    async fn notify(
        &mut self,
        subject: Subject,
        note: &Note,
        language: Language,
        replaces: u32,
    ) -> zbus::Result<u32> {
        let abilities = self.abilities().await?;
        let mut body = note.body.clone();
        let mut actions = vec![];
        if abilities.buttons {
            actions.extend([CLICKED, text::open(language)]);
            for button in &note.buttons {
                actions.extend([button.key, button.label.as_str()]);
            }
        } else if matches!(subject, Subject::Question(_)) {
            body = format!("{body} {}", text::answer_elsewhere(language));
        }
        if abilities.markup {
            body = escaped(&body);
        }
        let asks = matches!(subject, Subject::Question(_));
        let hints: HashMap<&str, Value<'_>> = HashMap::from([
            ("desktop-entry", Value::from("wakehub-desktop")),
            ("urgency", Value::from(1u8)),
        ]);
        // A question stays until it is settled, everything else as long as the desktop is used to.
        let expires: i32 = if asks { 0 } else { -1 };
        let reply = self
            .call(
                "Notify",
                &(
                    "WakeHub",
                    replaces,
                    "wakehub-desktop",
                    &note.title,
                    body,
                    actions,
                    hints,
                    expires,
                ),
            )
            .await?;
        reply.body().deserialize()
    }

    async fn close(&mut self, subject: Subject) {
        if let Some(Shown { id: Some(id), .. }) = self.shown.remove(&subject)
            && let Err(error) = self.call("CloseNotification", &id).await
        {
            debug!("a notification was gone already: {error}");
        }
    }

    fn hear(&mut self, signal: &Message) {
        let header = signal.header();
        let member = header.member().map(|member| member.as_str());
        match member {
            Some("ActionInvoked") => {
                let Ok((id, key)) = signal.body().deserialize::<(u32, String)>() else {
                    return;
                };
                if let Some(note) = self.forget(id)
                    && let Some(press) = note.pressed(&key)
                {
                    let _ = self.pressed.send(press);
                }
            }
            Some("NotificationClosed") => {
                if let Ok((id, _reason)) = signal.body().deserialize::<(u32, u32)>() {
                    self.forget(id);
                }
            }
            Some(_) | None => {}
        }
    }

    fn forget(&mut self, id: u32) -> Option<Note> {
        let subject = self
            .shown
            .iter()
            .find_map(|(subject, shown)| (shown.id == Some(id)).then_some(*subject))?;
        self.shown.remove(&subject).map(|shown| shown.note)
    }

    /// The service ended or another one took its place: nothing that was shown is there any more.
    async fn replaced(&mut self, present: bool) {
        self.abilities = None;
        let before = std::mem::take(&mut self.shown);
        for (subject, Shown { note, language, .. }) in before {
            if !matches!(subject, Subject::Question(_)) {
                continue;
            }
            if present {
                self.show(subject, note, language).await;
            } else {
                let waiting = Shown {
                    id: None,
                    note,
                    language,
                };
                self.shown.insert(subject, waiting);
            }
        }
    }

    async fn abilities(&mut self) -> zbus::Result<Abilities> {
        if let Some(known) = self.abilities {
            return Ok(known);
        }
        let reply = self.call("GetCapabilities", &()).await?;
        let named: Vec<String> = reply.body().deserialize()?;
        let has = |name: &str| named.iter().any(|known| known == name);
        let abilities = Abilities {
            buttons: has("actions"),
            markup: has("body-markup"),
        };
        self.abilities = Some(abilities);
        Ok(abilities)
    }

    async fn call<B>(&self, method: &str, body: &B) -> zbus::Result<Message>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        within(
            self.connection
                .call_method(Some(SERVICE), PATH, Some(SERVICE), method, body),
        )
        .await
    }
}

trait Pressed {
    fn pressed(&self, key: &str) -> Option<Press>;
}

impl Pressed for Note {
    fn pressed(&self, key: &str) -> Option<Press> {
        if key == CLICKED {
            return Some(self.click);
        }
        self.buttons
            .iter()
            .find(|button| button.key == key)
            .map(|button| button.press)
    }
}

/// A service that understands markup would swallow what a platform writes in angle brackets.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

async fn within<T>(call: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    match tokio::time::timeout(CALL, call).await {
        Ok(outcome) => outcome,
        Err(_) => Err(zbus::Error::Failure("no answer".to_owned())),
    }
}

#[cfg(test)]
mod tests;
