//! The tray's menu and icon as pure functions of a snapshot, and the changes that turn one menu into another.
//!
//! A desktop renumbers every item of a menu that is replaced, closes it when it is open, and loses the reader's place.
//! So the shell never replaces it: [`changes`] finds the least that must be done, which most of the time is a new label.

use std::fmt;
use std::str::FromStr;
use wakehub_domain::{CascadeId, NodeId, QuestionId};

use crate::text::{self, Language};
use crate::wire::{
    Answer, CascadeStatus, CascadeView, NodeView, Power, QuestionView, Severity, Snapshot,
};

/// A menu of more pinned nodes than these is folded.
const SHORT: usize = 12;

/// How WakeHub's engine is doing, as far as the tray is concerned.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scene<'a> {
    Starting,
    /// With the sentence that says why.
    Failed(&'a str),
    Running(&'a Snapshot),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Icon {
    Well,
    /// A cascade runs.
    Working,
    /// A question waits, or something failed.
    Attention,
}

/// What choosing an item asks for. Written as the item's identifier: `start/3`, `answer/7/keep_on`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Command {
    Answer(QuestionId, Answer),
    Cancel(CascadeId),
    Resume(CascadeId),
    Dismiss(CascadeId),
    Start(NodeId),
    Stop(NodeId),
    /// For [`text::HELD_FOR`].
    KeepOn(NodeId),
    Release(NodeId),
    OpenUrl(NodeId),
    ShowNode(NodeId),
    /// Of all automatic stops.
    Pause(Pause),
    Show,
    Quit,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Pause {
    TwoHours,
    /// See [`until::next_morning`](crate::until::next_morning).
    UntilMorning,
    Over,
}

/// The entries from top to bottom. No two have the same [`Entry::key`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Menu(pub Vec<Entry>);

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry {
    Item(Item),
    Submenu {
        key: Key,
        label: String,
        items: Vec<Item>,
    },
    /// Said, not chosen.
    Remark(String),
    /// A line below a section.
    Line(Section),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    pub command: Command,
    pub label: String,
    pub enabled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Section {
    Questions,
    Cascades,
    Nodes,
}

/// What an entry stands for, whatever its label says at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Key {
    Question(QuestionId),
    Cascade(CascadeId),
    Node(NodeId),
    Command(Command),
    /// Pinned nodes beyond [`SHORT`] that are not off, and those that are off.
    More,
    Asleep,
    Remark,
    /// Of automatic stops.
    Pause,
    Line(Section),
}

/// One edit of a menu. Positions count in the menu as the edits before have left it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    Remove {
        at: usize,
    },
    Insert {
        at: usize,
        entry: Entry,
    },
    Label {
        at: usize,
        label: String,
    },
    /// Of an item in the submenu at `at`.
    ItemLabel {
        at: usize,
        item: usize,
        label: String,
    },
    ItemEnabled {
        at: usize,
        item: usize,
        enabled: bool,
    },
}

pub fn icon(scene: Scene<'_>) -> Icon {
    let snapshot = match scene {
        Scene::Starting => return Icon::Well,
        Scene::Failed(_) => return Icon::Attention,
        Scene::Running(snapshot) => snapshot,
    };
    let asks = !snapshot.questions.is_empty()
        || snapshot
            .notices
            .iter()
            .any(|notice| notice.severity == Severity::Critical)
        || snapshot
            .cascades
            .iter()
            .any(|cascade| needs_attention(cascade, snapshot));
    let works = snapshot
        .cascades
        .iter()
        .any(|cascade| cascade.status == CascadeStatus::Running);
    match (asks, works) {
        (true, _) => Icon::Attention,
        (false, true) => Icon::Working,
        (false, false) => Icon::Well,
    }
}

pub fn menu(scene: Scene<'_>, language: Language) -> Menu {
    let mut entries = Vec::new();
    match scene {
        Scene::Starting => {
            entries.push(Entry::Remark(text::is_starting(language).to_owned()));
            entries.push(Entry::Line(Section::Nodes));
        }
        Scene::Failed(why) => {
            entries.push(Entry::Remark(format!(
                "{}: {why}",
                text::could_not_start(language)
            )));
            entries.push(Entry::Line(Section::Nodes));
        }
        Scene::Running(snapshot) => sections(snapshot, language, &mut entries),
    }
    if let Scene::Running(snapshot) = scene {
        entries.push(pause_entry(snapshot, language));
    }
    entries.push(item(Command::Show, text::open_wakehub(language)));
    entries.push(item(Command::Quit, text::quit(language)));
    Menu(entries)
}

/// The edits that turn `old` into `new`, fewest where only labels differ.
pub fn changes(old: &Menu, new: &Menu) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut now: Vec<Entry> = old.0.clone();
    for at in (0..now.len()).rev() {
        if !new.0.iter().any(|entry| entry.same_shape(&now[at])) {
            now.remove(at);
            changes.push(Change::Remove { at });
        }
    }
    for (at, wanted) in new.0.iter().enumerate() {
        match now.iter().position(|entry| entry.same_shape(wanted)) {
            Some(found) if found == at => changes.extend(relabel(at, &now[at], wanted)),
            Some(found) => {
                now.remove(found);
                changes.push(Change::Remove { at: found });
                changes.push(Change::Insert {
                    at,
                    entry: wanted.clone(),
                });
                now.insert(at, wanted.clone());
                continue;
            }
            None => {
                changes.push(Change::Insert {
                    at,
                    entry: wanted.clone(),
                });
                now.insert(at, wanted.clone());
                continue;
            }
        }
        now[at] = wanted.clone();
    }
    changes
}

impl Entry {
    pub fn key(&self) -> Key {
        match self {
            Entry::Item(item) => Key::Command(item.command),
            Entry::Submenu { key, .. } => *key,
            Entry::Remark(_) => Key::Remark,
            Entry::Line(section) => Key::Line(*section),
        }
    }

    /// Whether new labels suffice to turn one into the other.
    fn same_shape(&self, other: &Entry) -> bool {
        let commands = |entry: &Entry| match entry {
            Entry::Submenu { items, .. } => items.iter().map(|item| item.command).collect(),
            Entry::Item(_) | Entry::Remark(_) | Entry::Line(_) => vec![],
        };
        self.key() == other.key() && commands(self) == commands(other)
    }

    fn label(&self) -> Option<&str> {
        match self {
            Entry::Item(item) => Some(&item.label),
            Entry::Submenu { label, .. } | Entry::Remark(label) => Some(label),
            Entry::Line(_) => None,
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Answer(question, answer) => {
                write!(f, "answer/{question}/{}", answer.as_str())
            }
            Command::Pause(Pause::TwoHours) => f.write_str("pause/2h"),
            Command::Pause(Pause::UntilMorning) => f.write_str("pause/morning"),
            Command::Pause(Pause::Over) => f.write_str("pause/over"),
            Command::Cancel(cascade) => write!(f, "cancel/{cascade}"),
            Command::Resume(cascade) => write!(f, "resume/{cascade}"),
            Command::Dismiss(cascade) => write!(f, "dismiss/{cascade}"),
            Command::Start(node) => write!(f, "start/{node}"),
            Command::Stop(node) => write!(f, "stop/{node}"),
            Command::KeepOn(node) => write!(f, "hold/{node}"),
            Command::Release(node) => write!(f, "release/{node}"),
            Command::OpenUrl(node) => write!(f, "open/{node}"),
            Command::ShowNode(node) => write!(f, "show/{node}"),
            Command::Show => f.write_str("show"),
            Command::Quit => f.write_str("quit"),
        }
    }
}

/// Not the identifier of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no such command in the menu")]
pub struct NoCommand;

impl FromStr for Command {
    type Err = NoCommand;

    fn from_str(text: &str) -> Result<Command, NoCommand> {
        let parts: Vec<&str> = text.split('/').collect();
        let id = |text: &str| text.parse::<u32>().map_err(|_| NoCommand);
        Ok(match parts.as_slice() {
            ["answer", question, word] => {
                let answer = Answer::ALL
                    .into_iter()
                    .find(|known| known.as_str() == *word);
                Command::Answer(QuestionId(id(question)?), answer.ok_or(NoCommand)?)
            }
            ["pause", "2h"] => Command::Pause(Pause::TwoHours),
            ["pause", "morning"] => Command::Pause(Pause::UntilMorning),
            ["pause", "over"] => Command::Pause(Pause::Over),
            ["cancel", cascade] => Command::Cancel(CascadeId(id(cascade)?)),
            ["resume", cascade] => Command::Resume(CascadeId(id(cascade)?)),
            ["dismiss", cascade] => Command::Dismiss(CascadeId(id(cascade)?)),
            ["start", node] => Command::Start(NodeId(id(node)?)),
            ["stop", node] => Command::Stop(NodeId(id(node)?)),
            ["hold", node] => Command::KeepOn(NodeId(id(node)?)),
            ["release", node] => Command::Release(NodeId(id(node)?)),
            ["open", node] => Command::OpenUrl(NodeId(id(node)?)),
            ["show", node] => Command::ShowNode(NodeId(id(node)?)),
            ["show"] => Command::Show,
            ["quit"] => Command::Quit,
            _ => return Err(NoCommand),
        })
    }
}

fn sections(snapshot: &Snapshot, language: Language, entries: &mut Vec<Entry>) {
    if !snapshot.questions.is_empty() {
        entries.extend(
            snapshot
                .questions
                .iter()
                .map(|question| question_entry(question, language)),
        );
        entries.push(Entry::Line(Section::Questions));
    }
    let cascades: Vec<Entry> = snapshot
        .cascades
        .iter()
        .filter_map(|cascade| cascade_entry(cascade, snapshot, language))
        .collect();
    if !cascades.is_empty() {
        entries.extend(cascades);
        entries.push(Entry::Line(Section::Cascades));
    }
    let pinned: Vec<&NodeView> = snapshot.nodes.iter().filter(|node| node.pinned).collect();
    if pinned.is_empty() {
        entries.push(Entry::Remark(text::nothing_pinned(language).to_owned()));
    } else if pinned.len() <= SHORT {
        entries.extend(pinned.iter().map(|node| node_entry(node, language)));
    } else {
        entries.extend(folded(&pinned, language));
    }
    entries.push(Entry::Line(Section::Nodes));
}

/// What is off can only be started, so one submenu serves all of it; the rest keeps its place and its own submenu.
fn folded(pinned: &[&NodeView], language: Language) -> Vec<Entry> {
    let (asleep, awake): (Vec<&NodeView>, Vec<&NodeView>) =
        pinned.iter().partition(|node| node.power == Power::Off);
    let (shown, more) = awake.split_at(awake.len().min(SHORT));
    let mut entries: Vec<Entry> = shown
        .iter()
        .map(|node| node_entry(node, language))
        .collect();
    if !more.is_empty() {
        entries.push(Entry::Submenu {
            key: Key::More,
            label: text::more_nodes(language, more.len()),
            items: more
                .iter()
                .map(|node| enabled(Command::ShowNode(node.id), &node_label(node, language)))
                .collect(),
        });
    }
    if !asleep.is_empty() {
        entries.push(Entry::Submenu {
            key: Key::Asleep,
            label: text::start_one_of(language, asleep.len()),
            items: asleep
                .iter()
                .map(|node| Item {
                    command: Command::Start(node.id),
                    label: node.name.clone(),
                    enabled: node.cascade.is_none() && node.start_channel.is_some(),
                })
                .collect(),
        });
    }
    entries
}

fn node_label(node: &NodeView, language: Language) -> String {
    let glyph = match node.power {
        Power::Unknown => '?',
        Power::Off => '○',
        Power::Starting => '▲',
        Power::On => '●',
        Power::Stopping => '▼',
        Power::Failed => '✕',
    };
    let power = text::power(language, node.power);
    format!("{glyph}  {} · {power}", node.name)
}

fn question_entry(question: &QuestionView, language: Language) -> Entry {
    Entry::Submenu {
        key: Key::Question(question.id),
        label: text::question_label(language, question),
        items: Answer::ALL
            .into_iter()
            .map(|answer| {
                enabled(
                    Command::Answer(question.id, answer),
                    text::answer(language, answer),
                )
            })
            .collect(),
    }
}

fn pause_entry(snapshot: &Snapshot, language: Language) -> Entry {
    let paused = snapshot.stops_paused_until.is_some();
    let pauses: &[Pause] = if paused {
        &[Pause::Over]
    } else {
        &[Pause::TwoHours, Pause::UntilMorning]
    };
    let items = pauses
        .iter()
        .map(|pause| enabled(Command::Pause(*pause), text::pause(language, *pause)));
    Entry::Submenu {
        key: Key::Pause,
        label: text::stops_label(language, paused).to_owned(),
        items: items.collect(),
    }
}

fn cascade_entry(cascade: &CascadeView, snapshot: &Snapshot, language: Language) -> Option<Entry> {
    let resume_and_dismiss = |resume: &str| {
        let mut items = vec![Item {
            command: Command::Resume(cascade.id),
            label: resume.to_owned(),
            enabled: cascade.node.is_some(),
        }];
        items.extend(
            cascade
                .node
                .map(|node| enabled(Command::ShowNode(node), text::what_to_do(language))),
        );
        items.push(enabled(
            Command::Dismiss(cascade.id),
            text::dismiss(language),
        ));
        items
    };
    let items = match cascade.status {
        CascadeStatus::Running => vec![Item {
            command: Command::Cancel(cascade.id),
            label: text::cancel(language).to_owned(),
            enabled: !cascade.cancelling,
        }],
        CascadeStatus::Interrupted => resume_and_dismiss(text::resume(language)),
        CascadeStatus::Failed if needs_attention(cascade, snapshot) => {
            resume_and_dismiss(text::retry(language))
        }
        CascadeStatus::Failed | CascadeStatus::Completed | CascadeStatus::Cancelled => return None,
    };
    Some(Entry::Submenu {
        key: Key::Cascade(cascade.id),
        label: text::cascade_label(language, cascade),
        items,
    })
}

fn node_entry(node: &NodeView, language: Language) -> Entry {
    let free = node.cascade.is_none();
    let (may_start, may_stop) = match node.power {
        Power::Off => (true, false),
        Power::On => (false, true),
        // Neither is known to be pointless: planning looks first, and says so when it is.
        Power::Unknown | Power::Failed => (true, true),
        Power::Starting => (false, true),
        Power::Stopping => (true, false),
    };
    let mut items = vec![
        Item {
            command: Command::Start(node.id),
            label: text::start(language).to_owned(),
            enabled: free && may_start && node.start_channel.is_some(),
        },
        Item {
            command: Command::Stop(node.id),
            label: text::stop(language).to_owned(),
            enabled: free && may_stop && node.stop_channel.is_some(),
        },
    ];
    if node.url.is_some() {
        items.push(Item {
            command: Command::OpenUrl(node.id),
            label: text::open(language).to_owned(),
            enabled: node.power != Power::Off,
        });
    }
    items.push(match node.held_until {
        Some(_) => enabled(Command::Release(node.id), text::release(language)),
        None => Item {
            command: Command::KeepOn(node.id),
            label: text::keep_on_for_2_h(language).to_owned(),
            // what is off is not kept on
            enabled: match node.power {
                Power::On | Power::Starting | Power::Failed | Power::Unknown => true,
                Power::Off | Power::Stopping => false,
            },
        },
    });
    items.push(enabled(Command::ShowNode(node.id), text::why(language)));
    Entry::Submenu {
        key: Key::Node(node.id),
        label: node_label(node, language),
        items,
    }
}

/// An interrupted cascade waits for Resume; a failed one until it is dismissed or the node was acted on again.
fn needs_attention(cascade: &CascadeView, snapshot: &Snapshot) -> bool {
    match cascade.status {
        CascadeStatus::Interrupted => true,
        CascadeStatus::Failed => !snapshot
            .cascades
            .iter()
            .any(|later| later.id > cascade.id && later.node == cascade.node),
        CascadeStatus::Running | CascadeStatus::Completed | CascadeStatus::Cancelled => false,
    }
}

fn relabel(at: usize, old: &Entry, new: &Entry) -> Vec<Change> {
    let mut changes = Vec::new();
    if let Some(label) = new.label().filter(|_| old.label() != new.label()) {
        changes.push(Change::Label {
            at,
            label: label.to_owned(),
        });
    }
    let (Entry::Submenu { items: before, .. }, Entry::Submenu { items: after, .. }) = (old, new)
    else {
        return changes;
    };
    for (item, (before, after)) in before.iter().zip(after).enumerate() {
        if before.label != after.label {
            changes.push(Change::ItemLabel {
                at,
                item,
                label: after.label.clone(),
            });
        }
        if before.enabled != after.enabled {
            changes.push(Change::ItemEnabled {
                at,
                item,
                enabled: after.enabled,
            });
        }
    }
    changes
}

fn item(command: Command, label: &str) -> Entry {
    Entry::Item(enabled(command, label))
}

fn enabled(command: Command, label: &str) -> Item {
    Item {
        command,
        label: label.to_owned(),
        enabled: true,
    }
}

#[cfg(test)]
mod tests;
