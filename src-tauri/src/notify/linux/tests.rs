//! Against a notification service of our own, on a real bus of the test's own.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use wakehub_domain::{CascadeId, NodeId, QuestionId, Timestamp};
use wakehub_view::wire::{Answer, QuestionView};
use zbus::connection::Builder;
use zbus::interface;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedValue;

use super::*;

struct Bus {
    address: String,
    _daemon: Child,
    _configuration: tempfile::NamedTempFile,
}

impl Bus {
    async fn new() -> Bus {
        let configuration = tempfile::NamedTempFile::new().unwrap();
        let rules = include_str!("../../../../tests/desktop/bus.conf");
        std::fs::write(configuration.path(), rules).unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", configuration.path().display()))
            .args(["--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("dbus-daemon must be installed");
        let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
        Bus {
            address: lines.next_line().await.unwrap().unwrap(),
            _daemon: daemon,
            _configuration: configuration,
        }
    }

    async fn connect(&self) -> zbus::Result<Connection> {
        Builder::address(self.address.as_str())?.build().await
    }

    /// A client on this bus, with what it is told and what it reports.
    fn client(&self) -> (UnboundedSender<Order>, UnboundedReceiver<Press>) {
        let (orders, received) = unbounded_channel();
        let (pressed, presses) = unbounded_channel();
        let address = self.address.clone();
        let session = async move { Builder::address(address.as_str())?.build().await };
        tokio::spawn(serve_on(session, received, pressed));
        (orders, presses)
    }

    async fn service(&self, fake: Fake) -> (Connection, UnboundedReceiver<Seen>) {
        let (seen, events) = unbounded_channel();
        *fake.seen.lock().unwrap() = Some(seen);
        let connection = Builder::address(self.address.as_str())
            .unwrap()
            .serve_at(PATH, fake)
            .unwrap()
            .name(SERVICE)
            .unwrap()
            .build()
            .await
            .unwrap();
        (connection, events)
    }
}

#[derive(PartialEq, Debug)]
enum Seen {
    Notified {
        id: u32,
        replaces: u32,
        title: String,
        body: String,
        actions: Vec<String>,
        expires: i32,
    },
    Closed(u32),
}

#[derive(Default)]
struct Fake {
    capabilities: Vec<&'static str>,
    /// Pressed before the call even returns: the fastest answer there can be.
    presses: Option<&'static str>,
    next: Mutex<u32>,
    seen: Arc<Mutex<Option<UnboundedSender<Seen>>>>,
}

impl Fake {
    fn with_buttons() -> Fake {
        Fake {
            capabilities: vec!["body", "actions"],
            ..Fake::default()
        }
    }

    fn tell(&self, seen: Seen) {
        let sender = self.seen.lock().unwrap().clone().unwrap();
        let _ = sender.send(seen);
    }
}

#[interface(name = "org.freedesktop.Notifications")]
impl Fake {
    fn get_capabilities(&self) -> Vec<&'static str> {
        self.capabilities.clone()
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's signature")]
    async fn notify(
        &self,
        _app: String,
        replaces: u32,
        _icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        expires: i32,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> u32 {
        let id = match replaces {
            0 => {
                let mut next = self.next.lock().unwrap();
                *next += 1;
                *next
            }
            id => id,
        };
        if let Some(key) = self.presses {
            Fake::action_invoked(&emitter, id, key).await.unwrap();
            Fake::notification_closed(&emitter, id, 2).await.unwrap();
        }
        self.tell(Seen::Notified {
            id,
            replaces,
            title,
            body,
            actions,
            expires,
        });
        id
    }

    fn close_notification(&self, id: u32) {
        self.tell(Seen::Closed(id));
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, key: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        reason: u32,
    ) -> zbus::Result<()>;
}

fn question() -> Note {
    let asked = QuestionView {
        id: QuestionId(7),
        node: NodeId(3),
        node_name: "nas".to_owned(),
        reason: "no longer needed: lxc-jellyfin is off".to_owned(),
        asked_at: Timestamp(0),
        stops_at: None,
    };
    text::asked(Language::English, &asked)
}

fn show_question() -> Order {
    Order::Show(
        Subject::Question(QuestionId(7)),
        question(),
        Language::English,
    )
}

fn plain(title: &str, body: &str) -> Note {
    Note {
        title: title.to_owned(),
        body: body.to_owned(),
        buttons: vec![],
        click: Press::ShowNode(NodeId(3)),
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_the_reply_is_heard() {
    let bus = Bus::new().await;
    let fake = Fake {
        presses: Some("shut_down"),
        ..Fake::with_buttons()
    };
    let (_service, mut seen) = bus.service(fake).await;
    let (orders, mut presses) = bus.client();
    for _ in 0..50 {
        orders.send(show_question()).unwrap();
        assert!(matches!(seen.recv().await, Some(Seen::Notified { .. })));
        assert_eq!(
            presses.recv().await,
            Some(Press::Answer(QuestionId(7), Answer::ShutDown))
        );
    }
}

#[tokio::test]
async fn a_question_has_its_buttons_and_stays() {
    let bus = Bus::new().await;
    let (service, mut seen) = bus.service(Fake::with_buttons()).await;
    let (orders, mut presses) = bus.client();
    orders.send(show_question()).unwrap();
    assert_eq!(
        seen.recv().await,
        Some(Seen::Notified {
            id: 1,
            replaces: 0,
            title: "nas is still on".to_owned(),
            body: "No longer needed: lxc-jellyfin is off. Shut it down? No answer keeps it on."
                .to_owned(),
            actions: [
                "default",
                "Open",
                "shut_down",
                "Shut down",
                "keep_on",
                "Keep on",
                "snooze",
                "Snooze for 1\u{a0}h"
            ]
            .map(str::to_owned)
            .to_vec(),
            expires: 0,
        })
    );
    let emitter = SignalEmitter::new(&service, PATH).unwrap();
    // Somebody else's notification is none of ours.
    Fake::action_invoked(&emitter, 99, "shut_down")
        .await
        .unwrap();
    Fake::action_invoked(&emitter, 1, "no such button")
        .await
        .unwrap();
    orders.send(show_question()).unwrap();
    let Some(Seen::Notified { id, .. }) = seen.recv().await else {
        panic!("not shown again");
    };
    Fake::action_invoked(&emitter, id, "default").await.unwrap();
    assert_eq!(
        presses.recv().await,
        Some(Press::ShowQuestion(QuestionId(7)))
    );
}

#[tokio::test]
async fn answered_elsewhere_it_is_taken_away() {
    let bus = Bus::new().await;
    let (_service, mut seen) = bus.service(Fake::with_buttons()).await;
    let (orders, _presses) = bus.client();
    orders.send(show_question()).unwrap();
    assert!(matches!(
        seen.recv().await,
        Some(Seen::Notified { id: 1, .. })
    ));
    orders
        .send(Order::Close(Subject::Question(QuestionId(7))))
        .unwrap();
    assert_eq!(seen.recv().await, Some(Seen::Closed(1)));
}

#[tokio::test]
async fn the_end_of_a_cascade_takes_the_place_of_its_beginning() {
    let bus = Bus::new().await;
    let (_service, mut seen) = bus.service(Fake::with_buttons()).await;
    let (orders, _presses) = bus.client();
    let subject = Subject::Cascade(CascadeId(4));
    for (title, replaced) in [("Starting nas", 0), ("nas is ready", 1)] {
        orders
            .send(Order::Show(
                subject,
                plain(title, "nas."),
                Language::English,
            ))
            .unwrap();
        let shown = seen.recv().await;
        assert!(
            matches!(&shown, Some(Seen::Notified { id: 1, replaces, .. }) if *replaces == replaced),
            "{shown:?}"
        );
    }
}

#[tokio::test]
async fn without_buttons_it_says_where_to_answer() {
    let bus = Bus::new().await;
    let fake = Fake {
        capabilities: vec!["body", "body-markup"],
        ..Fake::default()
    };
    let (_service, mut seen) = bus.service(fake).await;
    let (orders, _presses) = bus.client();
    orders.send(show_question()).unwrap();
    let Some(Seen::Notified { body, actions, .. }) = seen.recv().await else {
        panic!("nothing shown");
    };
    assert!(actions.is_empty(), "{actions:?}");
    assert!(
        body.ends_with("No answer keeps it on. Answer in the tray menu or in the window."),
        "{body}"
    );
    orders
        .send(Order::Show(
            Subject::Ourselves,
            plain("t", "<b>5 & 6</b>"),
            Language::English,
        ))
        .unwrap();
    let Some(Seen::Notified { body, .. }) = seen.recv().await else {
        panic!("nothing shown");
    };
    assert_eq!(body, "&lt;b&gt;5 &amp; 6&lt;/b&gt;");
}

#[tokio::test]
async fn a_service_that_ends_and_comes_back_shows_the_question_again() {
    let bus = Bus::new().await;
    let (orders, mut presses) = bus.client();
    // At first there is none at all.
    orders.send(show_question()).unwrap();
    for _ in 0..2 {
        let (service, mut seen) = bus.service(Fake::with_buttons()).await;
        let shown = seen.recv().await;
        assert!(
            matches!(&shown, Some(Seen::Notified { title, .. }) if title == "nas is still on"),
            "{shown:?}"
        );
        service.close().await.unwrap();
    }
    let fake = Fake {
        presses: Some("keep_on"),
        ..Fake::with_buttons()
    };
    let _service = bus.service(fake).await;
    assert_eq!(
        presses.recv().await,
        Some(Press::Answer(QuestionId(7), Answer::KeepOn))
    );
}

#[tokio::test]
async fn a_service_that_never_answers_does_not_hold_up_the_next() {
    let bus = Bus::new().await;
    // Owns the name, and serves nothing: zbus answers with an error, as a broken daemon would.
    let broken = bus.connect().await.unwrap();
    broken.request_name(SERVICE).await.unwrap();
    let (orders, _presses) = bus.client();
    orders.send(show_question()).unwrap();
    broken.close().await.unwrap();
    let (_service, mut seen) = bus.service(Fake::with_buttons()).await;
    assert!(matches!(seen.recv().await, Some(Seen::Notified { .. })));
}

#[tokio::test]
async fn without_a_bus_orders_are_taken_and_nothing_waits() {
    let (orders, received) = unbounded_channel();
    let (pressed, mut presses) = unbounded_channel();
    let nowhere = async {
        Builder::address("unix:path=/nonexistent/bus")?
            .build()
            .await
    };
    let served = tokio::spawn(serve_on(nowhere, received, pressed));
    orders.send(show_question()).unwrap();
    drop(orders);
    served.await.unwrap();
    assert_eq!(presses.recv().await, None);
}
