use super::*;

#[test]
fn the_catalogue_is_read_whole_and_each_gap_is_filled() {
    let written: Written = serde_json::from_str(CATALOGUE).unwrap();
    assert!(written.sentences.len() > 200, "{}", written.sentences.len());
    let pairs = written.sentences.iter().chain(&written.items);
    for pair in pairs.chain([&written.others]) {
        let gaps = |template: &str| {
            let mut gaps: Vec<Piece> = pieces(template);
            gaps.retain(|piece| matches!(piece, Piece::Gap(_)));
            gaps.sort_by_key(|gap| format!("{gap:?}"));
            gaps
        };
        assert_eq!(gaps(&pair.en), gaps(&pair.fr), "{}", pair.en);
        for mark in [':', ';', '?', '!', '»'] {
            assert!(
                !pair.fr.contains(&format!(" {mark}")),
                "a space breaks: {}",
                pair.fr
            );
        }
        assert!(!pair.fr.contains("« "), "a space breaks: {}", pair.fr);
        // a command is typed as it stands
        let spoken: String = pair.fr.split('`').step_by(2).collect();
        assert!(!spoken.contains('\''), "a straight apostrophe: {}", pair.fr);
    }
}

#[test]
fn no_two_entries_are_the_same() {
    let mut all: Vec<&str> = english_entries().collect();
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn sentences_are_said_in_french() {
    for (english, said) in [
        ("you asked for it", "demandé"),
        (
            "stays on: needed by nas, x y (kept on by you) and 3 others",
            "reste allumé\u{a0}: requis par nas, x y (gardé allumé) et 3 autres",
        ),
        (
            "nas stays on: it is always on",
            "nas reste allumé\u{a0}: toujours allumé",
        ),
        ("nas stays on", "nas reste allumé"),
        (
            "vm (1) is needed by a (locked: backup)",
            "vm (1) est requis par a (verrouillé\u{a0}: backup)",
        ),
        (
            "3 magic packets sent, it answers, port 22 does not yet",
            "3 paquets magiques envoyés, il répond, pas encore le port 22",
        ),
        (
            "failed to start nas: not done within 30 s; last: no answer yet",
            "échec du démarrage de nas\u{a0}: pas fini en 30\u{a0}s\u{a0}; au dernier regard\u{a0}: pas encore de réponse",
        ),
        ("every weekday at 18:00", "du lundi au vendredi à 18:00"),
        (
            "every Monday, Wednesday and Sunday at 08:00 and 12:30",
            "chaque lundi, mercredi et dimanche à 08:00 et 12:30",
        ),
        (
            "on the 1st of each month at 03:30",
            "le 1er de chaque mois à 03:30",
        ),
        (
            "on the 1st and 15th of May at 03:30",
            "les 1er et 15 mai à 03:30",
        ),
        (
            "automatic stops are allowed on Friday and Saturday from 22:00 to 07:00 (time of Europe/Paris)",
            "les arrêts automatiques sont permis le vendredi et samedi de 22:00 à 07:00 (heure de Europe/Paris)",
        ),
        (
            "every Tom and Jerry at 18:00",
            "every Tom and Jerry at 18:00",
        ),
        // the platform's own
        ("VM 100 is locked (backup)", "VM 100 is locked (backup)"),
        ("port is already allocated", "port is already allocated"),
        ("", ""),
    ] {
        assert_eq!(french(english), said);
    }
}

#[test]
fn the_entry_with_most_words_of_its_own_counts() {
    assert_eq!(
        entry_of("the stop of the start of nas was interrupted"),
        Some(("the stop of {name} was interrupted", vec![]))
    );
    assert_eq!(entry_of("no answer yet"), Some(("no answer yet", vec![])));
}
