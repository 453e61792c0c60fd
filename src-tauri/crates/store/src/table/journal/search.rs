//! From what a person types to a query that cannot fail.

/// Of a text, what the full-text index can find and what it cannot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Search {
    /// In FTS5's syntax: every word quoted, so that none is taken for an operator, and open at its end.
    pub words: Option<String>,
    /// Without any letter or digit (`→`, an emoji): the index has no such words, they are looked for in the text itself.
    pub signs: Vec<String>,
}

impl Search {
    pub(super) fn new(text: &str) -> Search {
        let mut words = Vec::new();
        let mut signs = Vec::new();
        // a control character ends the query for SQLite
        let parts = text.split(|c: char| c.is_whitespace() || c.is_control());
        for part in parts.filter(|part| !part.is_empty()) {
            if part.chars().any(char::is_alphanumeric) {
                words.push(format!("\"{}\"*", part.replace('"', "\"\"")));
            } else {
                signs.push(part.to_owned());
            }
        }
        Search {
            words: (!words.is_empty()).then(|| words.join(" ")),
            signs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_and_signs_set_apart() {
        let search = Search::new("  lxc-jellyfin  NEAR(\"x\") → 🎉\0 ");
        assert_eq!(
            search.words.as_deref(),
            Some(r#""lxc-jellyfin"* "NEAR(""x"")"*"#)
        );
        assert_eq!(search.signs, ["→", "🎉"]);
        assert_eq!(Search::new(" \n").words, None);
    }
}
