//! Native notifications: questions with buttons where the desktop has them, plain notices everywhere.
//!
//! A notification is never the only place of anything: a question waits in the tray menu and in the window too, and how a
//! cascade ended stands in the window and in the journal.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
#[path = "notify/plain.rs"]
mod linux;

use std::collections::HashSet;
use tauri::{AppHandle, Manager};
use tokio::sync::{mpsc, watch};
use wakehub_domain::{CascadeId, NodeId, QuestionId};
use wakehub_view::text::{self, Language, Note, Press};

use crate::actions;
use crate::shell::Shell;

/// What a notification is about. A newer one about the same takes the place of the older.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Subject {
    Question(QuestionId),
    Cascade(CascadeId),
    Node(NodeId),
    Ourselves,
}

enum Order {
    Show(Subject, Note, Language),
    Close(Subject),
}

pub(crate) struct Notifier {
    orders: mpsc::UnboundedSender<Order>,
    language: watch::Receiver<Language>,
}

impl Notifier {
    pub(crate) fn show(&self, subject: Subject, note: Note) {
        let language = *self.language.borrow();
        let _ = self.orders.send(Order::Show(subject, note, language));
    }

    fn close(&self, subject: Subject) {
        let _ = self.orders.send(Order::Close(subject));
    }
}

pub(crate) fn begin(app: &AppHandle) {
    let (orders, received) = mpsc::unbounded_channel();
    let language = app.state::<Shell>().language.subscribe();
    app.manage(Notifier {
        orders,
        language: language.clone(),
    });
    let (pressed, mut presses) = mpsc::unbounded_channel::<Press>();
    tauri::async_runtime::spawn(linux::serve(received, pressed));
    let pressed_on = app.clone();
    tauri::async_runtime::spawn(async move {
        while let Some(press) = presses.recv().await {
            tracing::info!("pressed: {press:?}");
            actions::press(&pressed_on, press);
        }
    });
    tauri::async_runtime::spawn(questions(app.clone(), language));
}

/// Shows what is asked and takes away what is settled, wherever it was answered.
async fn questions(app: AppHandle, language: watch::Receiver<Language>) {
    let mut board = app.state::<Shell>().board.follow();
    let mut shown: HashSet<QuestionId> = HashSet::new();
    loop {
        let snapshot = board.borrow_and_update().clone();
        let notifier = app.state::<Notifier>();
        let asked: HashSet<QuestionId> = snapshot.questions.iter().map(|asked| asked.id).collect();
        for settled in shown.difference(&asked) {
            notifier.close(Subject::Question(*settled));
        }
        let words = *language.borrow();
        for question in &snapshot.questions {
            if !shown.contains(&question.id) {
                notifier.show(Subject::Question(question.id), text::asked(words, question));
            }
        }
        shown = asked;
        if board.changed().await.is_err() {
            return;
        }
    }
}
