//! The sentences of the tray and of notifications, in English and French.
//!
//! The window has its own words; what a platform says is quoted in its own language everywhere. What the engine says is
//! translated by [`french`], from the catalogue that the window reads too.

mod french;

use std::borrow::Cow;

use wakehub_domain::{Action, Capability, CascadeId, NodeId, QuestionId};

use crate::tray::Pause;
use crate::wire::{
    Answer, CascadeStatus, CascadeView, CommandError, FailureView, Power, QuestionView,
    RefusalView, Snapshot, StepStatus,
};

pub use french::{english_entries, entry_of, french};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Language {
    #[default]
    English,
    French,
}

impl Language {
    /// From a POSIX (`fr_FR.UTF-8`) or BCP 47 (`fr-CA`) locale; English for every other language.
    pub fn of_locale(locale: &str) -> Language {
        let language = locale.split(['_', '-', '.', '@']).next().unwrap_or("");
        if language.eq_ignore_ascii_case("fr") {
            Language::French
        } else {
            Language::English
        }
    }

    /// What the engine says in English, in this language; a platform's own words stay.
    pub fn say(self, sentence: &str) -> Cow<'_, str> {
        match self {
            Language::English => Cow::Borrowed(sentence),
            Language::French => french(sentence),
        }
    }

    fn pick<'a>(self, english: &'a str, french: &'a str) -> &'a str {
        match self {
            Language::English => english,
            Language::French => french,
        }
    }
}

/// What a native notification says and what can be pressed on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// The fact.
    pub title: String,
    /// The question, and what silence means; or the detail. Plain text, no markup.
    pub body: String,
    /// At most three.
    pub buttons: Vec<Button>,
    /// When the notification itself is clicked.
    pub click: Press,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Button {
    /// The name of the action towards the notification service.
    pub key: &'static str,
    pub label: String,
    pub press: Press,
}

/// What pressing a button or the notification asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Press {
    Answer(QuestionId, Answer),
    Retry(CascadeId),
    OpenUrl(NodeId),
    ShowNode(NodeId),
    ShowQuestion(QuestionId),
    Show,
}

pub fn power(language: Language, power: Power) -> &'static str {
    match power {
        Power::Unknown => language.pick("Unknown", "Inconnu"),
        Power::Off => language.pick("Off", "Éteint"),
        Power::Starting => language.pick("Starting", "Démarre"),
        Power::On => language.pick("On", "Allumé"),
        Power::Stopping => language.pick("Stopping", "S’arrête"),
        Power::Failed => language.pick("Failed", "En échec"),
    }
}

/// In at most two units: `850 ms` is `1 s`, then `12 s`, `1 min 12 s`, `2 h 16 min`.
pub fn duration(millis: u64) -> String {
    let seconds = millis.div_ceil(1000).max(1);
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, s) => format!("{s}\u{a0}s"),
        (0, m, 0) => format!("{m}\u{a0}min"),
        (0, m, s) => format!("{m}\u{a0}min {s}\u{a0}s"),
        (h, 0, _) => format!("{h}\u{a0}h"),
        (h, m, _) => format!("{h}\u{a0}h {m}\u{a0}min"),
    }
}

/// A question with its answers, or a notice with the ways to object.
pub fn asked(language: Language, question: &QuestionView) -> Note {
    let node = &question.node_name;
    let reason = sentence(&language.say(&question.reason), &[node]);
    let (title, body) = match (language, question.stops_at) {
        (Language::English, None) => (
            format!("{node} is still on"),
            format!("{reason} Shut it down? No answer keeps it on."),
        ),
        (Language::French, None) => (
            format!("{node} est encore allumé"),
            format!("{reason} L’éteindre\u{a0}? Sans réponse, il reste allumé."),
        ),
        (Language::English, Some(_)) => (
            format!("{node} is about to be shut down"),
            format!("{reason} It is shut down in a minute, unless you keep it on."),
        ),
        (Language::French, Some(_)) => (
            format!("{node} va être éteint"),
            format!("{reason} Il est éteint dans une minute, sauf si vous le gardez allumé."),
        ),
    };
    // what is wanted most stands first: the stop that is asked about, the objection while time runs
    let answers = match question.stops_at {
        None => [Answer::ShutDown, Answer::KeepOn, Answer::Snooze],
        Some(_) => [Answer::KeepOn, Answer::Snooze, Answer::ShutDown],
    };
    let button = |given: Answer| Button {
        key: given.as_str(),
        label: answer(language, given).to_owned(),
        press: Press::Answer(question.id, given),
    };
    Note {
        title,
        body: body.trim_start().to_owned(),
        buttons: answers.map(button).into(),
        click: Press::ShowQuestion(question.id),
    }
}

pub fn answer(language: Language, answer: Answer) -> &'static str {
    match answer {
        Answer::ShutDown => shut_down(language),
        Answer::KeepOn => keep_on(language),
        Answer::Snooze => language.pick("Snooze for 1\u{a0}h", "Rappeler dans 1\u{a0}h"),
        Answer::AlwaysKeepOn => language.pick("Always keep on", "Toujours garder allumé"),
    }
}

/// Where the desktop's notifications cannot carry buttons, the body says where to answer.
pub fn answer_elsewhere(language: Language) -> &'static str {
    language.pick(
        "Answer in the tray menu or in the window.",
        "Répondez dans le menu ou dans la fenêtre.",
    )
}

/// How a cascade ended; `None` while it runs or waits to be resumed.
pub fn ended(language: Language, cascade: &CascadeView, snapshot: &Snapshot) -> Option<Note> {
    let click = cascade.node.map_or(Press::Show, Press::ShowNode);
    let note = |title: String, body: String, buttons: Vec<Button>| Note {
        title,
        body,
        buttons,
        click,
    };
    match cascade.status {
        CascadeStatus::Running | CascadeStatus::Interrupted => None,
        CascadeStatus::Completed => Some(note(
            completed_title(language, cascade),
            completed_body(language, cascade),
            open_button(language, cascade, snapshot),
        )),
        CascadeStatus::Failed => Some(note(
            failed_title(language, cascade),
            failed_body(language, cascade),
            vec![
                Button {
                    key: "retry",
                    label: language.pick("Retry", "Réessayer").to_owned(),
                    press: Press::Retry(cascade.id),
                },
                Button {
                    key: "what_to_do",
                    label: language.pick("What to do", "Que faire\u{a0}?").to_owned(),
                    press: click,
                },
            ],
        )),
        CascadeStatus::Cancelled => {
            let done = steps_done(cascade).len();
            let of = cascade.steps.len();
            let node = &cascade.node_name;
            let title = match (language, cascade.action) {
                (Language::English, Action::Start) => format!("Start of {node} cancelled"),
                (Language::English, Action::Stop) => format!("Stop of {node} cancelled"),
                (Language::French, Action::Start) => format!("Démarrage de {node} annulé"),
                (Language::French, Action::Stop) => format!("Arrêt de {node} annulé"),
            };
            let body = match language {
                Language::English => format!("{done} of {of} steps were done."),
                Language::French => format!("{done} étapes sur {of} étaient faites."),
            };
            Some(note(title, body, vec![]))
        }
    }
}

/// What the tray has just begun; `steps` in order.
pub fn begun(language: Language, action: Action, node: NodeId, name: &str, steps: &[&str]) -> Note {
    let title = match (language, action) {
        (Language::English, Action::Start) => format!("Starting {name}"),
        (Language::English, Action::Stop) => format!("Stopping {name}"),
        (Language::French, Action::Start) => format!("{name} démarre"),
        (Language::French, Action::Stop) => format!("{name} s’arrête"),
    };
    plain(title, format!("{}.", steps.join(", ")), node)
}

/// Nothing had to be done.
pub fn already(language: Language, action: Action, node: NodeId, name: &str) -> Note {
    let title = match (language, action) {
        (Language::English, Action::Start) => format!("{name} is on already"),
        (Language::English, Action::Stop) => format!("{name} is off already"),
        (Language::French, Action::Start) => format!("{name} est déjà allumé"),
        (Language::French, Action::Stop) => format!("{name} est déjà éteint"),
    };
    plain(title, String::new(), node)
}

/// It waits for a cascade in the way.
pub fn busy(
    language: Language,
    action: Action,
    node: NodeId,
    name: &str,
    held: &str,
    by: &str,
) -> Note {
    let body = match language {
        Language::English => format!("{held} is at work: {by}."),
        Language::French => format!("{held} est occupé\u{a0}: {}.", language.say(by)),
    };
    plain(not_done(language, action, name), body, node)
}

pub fn refused(language: Language, action: Action, name: &str, refusal: &RefusalView) -> Note {
    let names: Vec<&str> = [name, &refusal.node_name]
        .into_iter()
        .chain(refusal.by.iter().map(String::as_str))
        .collect();
    plain(
        not_done(language, action, name),
        sentence(&language.say(&refusal.message), &names),
        refusal.node,
    )
}

/// A request from the tray or a notification that failed.
pub fn failed(language: Language, title: &str, node: Option<NodeId>, error: &CommandError) -> Note {
    let body = match error {
        CommandError::Entry { errors } => errors
            .iter()
            .map(|error| sentence(&language.say(&error.message), &[]))
            .collect::<Vec<_>>()
            .join(" "),
        CommandError::Failure { failure } => failure_sentence(language, None, failure),
        CommandError::Other { message } => sentence(&language.say(message), &[]),
    };
    Note {
        title: title.to_owned(),
        body,
        buttons: vec![],
        click: node.map_or(Press::Show, Press::ShowNode),
    }
}

/// The window was closed because nothing could draw it; `why` as the notice in the window says it.
pub fn window_closed(language: Language, why: &str) -> Note {
    let title = language.pick(
        "WakeHub's window was closed",
        "La fenêtre de WakeHub a été fermée",
    );
    let again = language.pick(
        "Press here, choose Open WakeHub in the tray menu or start WakeHub again to open it.",
        "Pour la rouvrir, cliquer ici, choisir Ouvrir WakeHub dans le menu ou relancer WakeHub.",
    );
    Note {
        title: title.to_owned(),
        body: format!("{} {again}", language.say(why)),
        buttons: vec![],
        click: Press::Show,
    }
}

/// A file that the window has handed out; `what` is its place, and why where it could not be saved.
pub fn saved(language: Language, is_saved: bool, what: &str) -> Note {
    let title = if is_saved {
        language.pick("File saved", "Fichier enregistré")
    } else {
        language.pick("File not saved", "Fichier non enregistré")
    };
    Note {
        title: title.to_owned(),
        body: what.to_owned(),
        buttons: vec![],
        click: Press::Show,
    }
}

/// `nas was not started`
pub fn not_done(language: Language, action: Action, name: &str) -> String {
    match (language, action) {
        (Language::English, Action::Start) => format!("{name} was not started"),
        (Language::English, Action::Stop) => format!("{name} was not stopped"),
        (Language::French, Action::Start) => format!("{name} n’a pas été démarré"),
        (Language::French, Action::Stop) => format!("{name} n’a pas été arrêté"),
    }
}

pub fn start(language: Language) -> &'static str {
    language.pick("Start", "Démarrer")
}

pub fn stop(language: Language) -> &'static str {
    language.pick("Stop", "Arrêter")
}

pub fn open(language: Language) -> &'static str {
    language.pick("Open", "Ouvrir")
}

pub fn shut_down(language: Language) -> &'static str {
    language.pick("Shut down", "Éteindre")
}

pub fn keep_on(language: Language) -> &'static str {
    language.pick("Keep on", "Garder allumé")
}

/// How long the tray keeps a node on.
pub const HELD_FOR: std::time::Duration = std::time::Duration::from_secs(2 * 60 * 60);

pub fn keep_on_for_2_h(language: Language) -> &'static str {
    language.pick("Keep on for 2\u{a0}h", "Garder allumé 2\u{a0}h")
}

pub fn release(language: Language) -> &'static str {
    language.pick("Release (kept on)", "Ne plus garder allumé")
}

pub fn resume(language: Language) -> &'static str {
    language.pick("Resume", "Reprendre")
}

pub fn retry(language: Language) -> &'static str {
    language.pick("Retry", "Réessayer")
}

pub fn dismiss(language: Language) -> &'static str {
    language.pick("Dismiss", "Ignorer")
}

pub fn what_to_do(language: Language) -> &'static str {
    language.pick("What to do", "Que faire\u{a0}?")
}

pub fn cancel(language: Language) -> &'static str {
    language.pick("Cancel after this step", "Annuler après cette étape")
}

pub fn open_wakehub(language: Language) -> &'static str {
    language.pick("Open WakeHub", "Ouvrir WakeHub")
}

pub fn quit(language: Language) -> &'static str {
    language.pick("Quit", "Quitter")
}

/// Opens the page of the node, which answers it.
pub fn why(language: Language) -> &'static str {
    language.pick("Why?", "Pourquoi\u{a0}?")
}

pub fn start_one_of(language: Language, asleep: usize) -> String {
    match language {
        Language::English => format!("Start one of {asleep}"),
        Language::French => format!("Démarrer un des {asleep}"),
    }
}

pub fn more_nodes(language: Language, more: usize) -> String {
    match language {
        Language::English => format!("{more} more"),
        Language::French => format!("{more} de plus"),
    }
}

pub fn nothing_pinned(language: Language) -> &'static str {
    language.pick("Nothing pinned yet", "Rien d’épinglé")
}

pub fn is_starting(language: Language) -> &'static str {
    language.pick("WakeHub is starting", "WakeHub démarre")
}

pub fn could_not_start(language: Language) -> &'static str {
    language.pick("WakeHub could not start", "WakeHub n’a pas pu démarrer")
}

/// `nas: shut it down?`
pub fn question_label(language: Language, question: &QuestionView) -> String {
    let node = &question.node_name;
    match (language, question.stops_at) {
        (Language::English, None) => format!("{node}: shut it down?"),
        (Language::French, None) => format!("{node}\u{a0}: l’éteindre\u{a0}?"),
        (Language::English, Some(_)) => format!("{node} is about to be shut down"),
        (Language::French, Some(_)) => format!("{node} va être éteint"),
    }
}

pub fn pause(language: Language, pause: Pause) -> &'static str {
    match pause {
        Pause::TwoHours => language.pick("For 2\u{a0}h", "Pendant 2\u{a0}h"),
        Pause::UntilMorning => {
            language.pick("Until 8\u{a0}in the morning", "Jusqu’à 8\u{a0}h du matin")
        }
        Pause::Over => language.pick("Allow them again", "Les permettre à nouveau"),
    }
}

/// Of the tray's entry.
pub fn stops_label(language: Language, paused: bool) -> &'static str {
    if paused {
        language.pick("Automatic stops are paused", "Arrêts automatiques en pause")
    } else {
        language.pick("Pause automatic stops", "Suspendre les arrêts automatiques")
    }
}

/// `jellystat: step 2 of 3, vm-docker`
pub fn cascade_label(language: Language, cascade: &CascadeView) -> String {
    let node = &cascade.node_name;
    let colon = language.pick(":", "\u{a0}:");
    match cascade.status {
        CascadeStatus::Running => {
            let running = cascade
                .steps
                .iter()
                .position(|step| step.status == StepStatus::Running);
            // Between two steps the next one is named, so that the line does not flicker.
            let at = running.or_else(|| {
                cascade
                    .steps
                    .iter()
                    .position(|step| step.status == StepStatus::Waits)
            });
            let of = cascade.steps.len();
            match at.and_then(|at| Some((at + 1, cascade.steps.get(at)?))) {
                Some((number, step)) => match language {
                    Language::English => {
                        format!("{node}{colon} step {number} of {of}, {}", step.node_name)
                    }
                    Language::French => {
                        format!("{node}{colon} étape {number} sur {of}, {}", step.node_name)
                    }
                },
                None => match cascade.action {
                    Action::Start => format!("{node} · {}", power(language, Power::Starting)),
                    Action::Stop => format!("{node} · {}", power(language, Power::Stopping)),
                },
            }
        }
        CascadeStatus::Interrupted => {
            format!(
                "{node}{colon} {}",
                language.pick("interrupted", "interrompu")
            )
        }
        CascadeStatus::Failed => failed_title(language, cascade),
        CascadeStatus::Completed => completed_title(language, cascade),
        CascadeStatus::Cancelled => {
            format!("{node}{colon} {}", language.pick("cancelled", "annulé"))
        }
    }
}

fn plain(title: String, body: String, node: NodeId) -> Note {
    Note {
        title,
        body,
        buttons: vec![],
        click: Press::ShowNode(node),
    }
}

fn open_button(language: Language, cascade: &CascadeView, snapshot: &Snapshot) -> Vec<Button> {
    let node = cascade
        .node
        .filter(|_| cascade.action == Action::Start)
        .and_then(|id| snapshot.nodes.iter().find(|node| node.id == id))
        .filter(|node| node.url.is_some());
    node.map(|node| Button {
        key: "open",
        label: open(language).to_owned(),
        press: Press::OpenUrl(node.id),
    })
    .into_iter()
    .collect()
}

fn completed_title(language: Language, cascade: &CascadeView) -> String {
    let node = &cascade.node_name;
    match (language, cascade.action) {
        (Language::English, Action::Start) => format!("{node} is ready"),
        (Language::English, Action::Stop) => format!("{node} is off"),
        (Language::French, Action::Start) => format!("{node} est prêt"),
        (Language::French, Action::Stop) => format!("{node} est éteint"),
    }
}

fn completed_body(language: Language, cascade: &CascadeView) -> String {
    let took = cascade
        .ended
        .map(|ended| u64::try_from(ended.since(cascade.begun).as_millis()).unwrap_or(u64::MAX));
    match (steps_done(cascade).as_slice(), took) {
        ([], _) | (_, None) => String::new(),
        (names, Some(took)) => format!(
            "{}{} {}.",
            names.join(", "),
            language.pick(":", "\u{a0}:"),
            duration(took)
        ),
    }
}

fn failed_title(language: Language, cascade: &CascadeView) -> String {
    let (node, action) = failed_step(cascade).map_or(
        (cascade.node_name.as_str(), cascade.action),
        |(node, action, _)| (node, action),
    );
    match (language, action) {
        (Language::English, Action::Start) => format!("{node} did not start"),
        (Language::English, Action::Stop) => format!("{node} did not stop"),
        (Language::French, Action::Start) => format!("{node} n’a pas démarré"),
        (Language::French, Action::Stop) => format!("{node} ne s’est pas arrêté"),
    }
}

fn failed_body(language: Language, cascade: &CascadeView) -> String {
    let mut body = cascade
        .failure
        .as_ref()
        .map(|failure| {
            let channel = failed_step(cascade).map(|(_, _, channel)| channel);
            failure_sentence(language, channel, failure)
        })
        .unwrap_or_default();
    let up = match cascade.action {
        Action::Start => steps_done(cascade),
        Action::Stop => cascade
            .steps
            .iter()
            .filter(|step| matches!(step.status, StepStatus::Waits | StepStatus::Cancelled))
            .map(|step| step.node_name.as_str())
            .collect(),
    };
    let stays = match (language, up.as_slice()) {
        (_, []) => None,
        (Language::English, [one]) => Some(format!("{one} stays on.")),
        (Language::French, [one]) => Some(format!("{one} reste allumé.")),
        (Language::English, [first @ .., last]) => {
            Some(format!("{} and {last} stay on.", first.join(", ")))
        }
        (Language::French, [first @ .., last]) => {
            Some(format!("{} et {last} restent allumés.", first.join(", ")))
        }
    };
    if let Some(stays) = stays {
        if !body.is_empty() {
            body.push(' ');
        }
        body.push_str(&stays);
    }
    body
}

/// The platform's own words in quotation marks, with its name before them where it is known.
fn failure_sentence(
    language: Language,
    channel: Option<Capability>,
    failure: &FailureView,
) -> String {
    let message = language.say(&failure.message);
    let quoted = match language {
        Language::English => format!("“{message}”."),
        Language::French => format!("«\u{a0}{message}\u{a0}»."),
    };
    let platform = channel.map(|channel| match channel {
        Capability::Wol => "Wake-on-LAN",
        Capability::Ssh => "SSH",
        Capability::ProxmoxApi => "Proxmox",
        Capability::DockerApi => "Docker",
    });
    match platform {
        Some(platform) => format!("{platform}{} {quoted}", language.pick(":", "\u{a0}:")),
        None => quoted,
    }
}

fn failed_step(cascade: &CascadeView) -> Option<(&str, Action, Capability)> {
    cascade
        .steps
        .iter()
        .find(|step| step.status == StepStatus::Failed)
        .map(|step| (step.node_name.as_str(), step.action, step.channel))
}

fn steps_done(cascade: &CascadeView) -> Vec<&str> {
    cascade
        .steps
        .iter()
        .filter(|step| step.status == StepStatus::Done)
        .map(|step| step.node_name.as_str())
        .collect()
}

/// A fragment as a sentence: a capital at the beginning, a full stop at the end. Names keep their case.
fn sentence(fragment: &str, names: &[&str]) -> String {
    let fragment = fragment.trim();
    let mut letters = fragment.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let stop = if fragment.ends_with(['.', '?', '!', '…']) {
        ""
    } else {
        "."
    };
    let word = fragment
        .split(char::is_whitespace)
        .next()
        .unwrap_or(fragment)
        .trim_end_matches([':', ',', ';', '.']);
    if word.chars().all(char::is_alphabetic) && !names.contains(&word) {
        format!("{}{}{stop}", first.to_uppercase(), letters.as_str())
    } else {
        format!("{fragment}{stop}")
    }
}

#[cfg(test)]
mod tests;
