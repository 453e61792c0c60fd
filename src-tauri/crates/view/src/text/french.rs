//! The engine's sentences in French, from the catalogue that the window reads too.
//!
//! `{n}`, `{port}`, `{seconds}`: digits. `{names}`: a list, `{name}`: a node. `{rest}` and `{operation}` hold a sentence, which
//! is said in French as well. `{clock}` is a time of day, `{day}` a day or a date, `{clocks}`, `{days}` and `{months}` a list of
//! such words, which stand in the catalogue, `{amount}` and `{limit}` a number with its unit. What stands in any other gap is the
//! platform's own and stays. Of several entries that fit, the one with the most words of its own counts.

use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const CATALOGUE: &str = include_str!("../../../../../ui/src/lib/i18n/fr-engine.json");

#[derive(Deserialize, Default)]
struct Written {
    others: Pair,
    items: Vec<Pair>,
    words: Vec<Pair>,
    sentences: Vec<Pair>,
}

#[derive(Deserialize, Default)]
struct Pair {
    en: String,
    fr: String,
}

struct Catalogue {
    others: Entry,
    items: Vec<Entry>,
    words: BTreeMap<String, String>,
    sentences: Vec<Entry>,
}

struct Entry {
    english: String,
    en: Vec<Piece>,
    fr: Vec<Piece>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Words(String),
    Gap(String),
}

static READ: LazyLock<Catalogue> = LazyLock::new(|| {
    // a test reads it: what is built in cannot be unreadable
    let written: Written = serde_json::from_str(CATALOGUE).unwrap_or_default();
    Catalogue {
        others: Entry::new(written.others),
        items: written.items.into_iter().map(Entry::new).collect(),
        words: written.words.into_iter().map(|p| (p.en, p.fr)).collect(),
        sentences: sorted(written.sentences),
    }
});

fn sorted(pairs: Vec<Pair>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = pairs.into_iter().map(Entry::new).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.own_words()));
    entries
}

/// The sentence in French; as it is when it is none of the engine's.
pub fn french(sentence: &str) -> Cow<'_, str> {
    let said = READ.sentences.iter().find_map(|entry| {
        let found = entry.fits(sentence)?;
        Some(entry.said(&found))
    });
    said.map_or(Cow::Borrowed(sentence), Cow::Owned)
}

/// The English of the entry by which a sentence is translated, and its gaps that hold a sentence in turn.
pub fn entry_of(sentence: &str) -> Option<(&'static str, Vec<&str>)> {
    READ.sentences.iter().find_map(|entry| {
        let found = entry.fits(sentence)?;
        let within = found.into_iter().filter(|(gap, _)| holds_sentence(gap));
        Some((
            entry.english.as_str(),
            within.map(|(_, text)| text).collect(),
        ))
    })
}

/// The English of every entry.
pub fn english_entries() -> impl Iterator<Item = &'static str> {
    READ.sentences.iter().map(|entry| entry.english.as_str())
}

fn holds_sentence(gap: &str) -> bool {
    matches!(gap, "rest" | "operation")
}

type Found<'p, 't> = Vec<(&'p str, &'t str)>;

impl Entry {
    fn new(pair: Pair) -> Entry {
        Entry {
            en: pieces(&pair.en),
            fr: pieces(&pair.fr),
            english: pair.en,
        }
    }

    fn own_words(&self) -> usize {
        let length = |piece: &Piece| match piece {
            Piece::Words(words) => words.chars().count(),
            Piece::Gap(_) => 0,
        };
        self.en.iter().map(length).sum()
    }

    fn fits<'t>(&self, text: &'t str) -> Option<Found<'_, 't>> {
        let mut found = Vec::new();
        fits(&self.en, text, &mut found).then_some(found)
    }

    fn said(&self, found: &Found<'_, '_>) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Words(words) => words.clone(),
            Piece::Gap(gap) => {
                let text = found
                    .iter()
                    .find(|(name, _)| name == gap)
                    .map_or("", |(_, text)| *text);
                match gap.as_str() {
                    "names" => list(text),
                    "day" | "days" | "months" | "clocks" => words(text),
                    "amount" | "limit" => measure(text),
                    gap if holds_sentence(gap) => french(text).into_owned(),
                    _ => text.to_owned(),
                }
            }
        };
        self.fr.iter().map(piece).collect()
    }
}

/// `a, b (kept on by you) and 3 others`
fn list(text: &str) -> String {
    let counted = READ.others.fits(text);
    let gap = |wanted: &str| {
        let found = counted.iter().flatten();
        found
            .into_iter()
            .find(|(gap, _)| *gap == wanted)
            .map(|(_, text)| *text)
    };
    let item = |item: &str| {
        let fitting = READ
            .items
            .iter()
            .find_map(|entry| Some(entry.said(&entry.fits(item)?)));
        fitting.unwrap_or_else(|| item.to_owned())
    };
    let shown = gap("names").unwrap_or(text).split(", ").map(item);
    let shown = shown.collect::<Vec<_>>().join(", ");
    match gap("n") {
        None => shown,
        Some(n) => {
            let pieces = READ.others.fr.iter().map(|piece| match piece {
                Piece::Words(words) => words.as_str(),
                Piece::Gap(gap) if gap == "n" => n,
                Piece::Gap(_) => shown.as_str(),
            });
            pieces.collect()
        }
    }
}

/// `Monday, Tuesday and Friday`
fn words(text: &str) -> String {
    fn word(english: &str) -> &str {
        READ.words.get(english).map_or(english, String::as_str)
    }
    let list = |list: &str| list.split(", ").map(word).collect::<Vec<_>>().join(", ");
    match text.rsplit_once(" and ") {
        None => list(text),
        Some((first, last)) => format!("{} et {}", list(first), word(last)),
    }
}

fn pieces(template: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((words, after)) = rest.split_once('{') {
        let Some((gap, after)) = after.split_once('}') else {
            break;
        };
        if !words.is_empty() {
            pieces.push(Piece::Words(words.to_owned()));
        }
        pieces.push(Piece::Gap(gap.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Words(rest.to_owned()));
    }
    pieces
}

/// Every gap takes as little as it can, a list of words as much: its rest would be taken for more of the sentence.
fn fits<'p, 't>(pieces: &'p [Piece], text: &'t str, found: &mut Found<'p, 't>) -> bool {
    match pieces {
        [] => text.is_empty(),
        [Piece::Words(words), rest @ ..] => text
            .strip_prefix(words.as_str())
            .is_some_and(|text| fits(rest, text, found)),
        [Piece::Gap(gap), rest @ ..] => {
            let mut ends: Vec<usize> = text
                .char_indices()
                .map(|(at, c)| at + c.len_utf8())
                .collect();
            if is_list(gap) {
                ends.reverse();
            }
            for end in ends {
                let (taken, after) = text.split_at(end);
                match may_hold(gap, taken) {
                    Held::Yes => {}
                    Held::NotYet => continue,
                    Held::Never => return false,
                }
                found.push((gap, taken));
                if fits(rest, after, found) {
                    return true;
                }
                found.pop();
            }
            false
        }
    }
}

enum Held {
    Yes,
    /// More text may make it one.
    NotYet,
    Never,
}

fn may_hold(gap: &str, text: &str) -> Held {
    let is_word = |word: &str| READ.words.contains_key(word);
    let fits = match gap {
        "n" | "port" | "seconds" if text.bytes().all(|byte| byte.is_ascii_digit()) => true,
        "n" | "port" | "seconds" => return Held::Never,
        "clock" => is_clock(text),
        "clocks" => all_of(text, is_clock),
        "day" => is_word(text),
        "days" | "months" => all_of(text, is_word),
        "amount" | "limit" => is_measure(text),
        _ => true,
    };
    if fits { Held::Yes } else { Held::NotYet }
}

/// Units of what is measured; those that are not here are the same.
const UNITS: [(&str, &str); 12] = [
    ("cores", "cœurs"),
    ("B", "o"),
    ("KiB", "Kio"),
    ("MiB", "Mio"),
    ("GiB", "Gio"),
    ("TiB", "Tio"),
    ("packet", "paquet"),
    ("packets", "paquets"),
    ("connection", "connexion"),
    ("connections", "connexions"),
    ("user", "utilisateur"),
    ("users", "utilisateurs"),
];

/// `1.20 cores`
fn is_measure(text: &str) -> bool {
    let parts = text.split_once(' ');
    parts.is_some_and(|(number, unit)| {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let is_unit = unit == "%" || UNITS.iter().any(|(en, _)| *en == unit);
        !number.is_empty() && number.chars().all(is_number) && is_unit
    })
}

fn measure(text: &str) -> String {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let french = UNITS.iter().find(|(en, _)| *en == unit);
    let unit = french.map_or(unit, |(_, fr)| fr);
    format!("{}\u{a0}{unit}", number.replace('.', ","))
}

fn is_list(gap: &str) -> bool {
    matches!(gap, "days" | "months" | "clocks")
}

fn all_of(text: &str, is_item: impl Fn(&str) -> bool) -> bool {
    match text.rsplit_once(" and ") {
        None => is_item(text),
        Some((first, last)) => first.split(", ").all(&is_item) && is_item(last),
    }
}

fn is_clock(text: &str) -> bool {
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.split_once(':');
    parts.is_some_and(|(hour, minute)| digits(hour) && digits(minute))
}

#[cfg(test)]
mod tests;
