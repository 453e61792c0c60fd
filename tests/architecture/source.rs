//! Files of the project, with Rust read just well enough to tell code from comments and strings.

use std::path::Path;

/// One text file of the project.
pub struct Source {
    /// From the project's root, with `/`.
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    pub fn rust(&self) -> Rust {
        Rust::read(&self.text)
    }

    /// `src-tauri/crates/NAME/…` → `NAME`; the shell is `desktop`.
    pub fn room(&self) -> Option<&str> {
        match self.path.strip_prefix("src-tauri/crates/") {
            Some(rest) => rest.split('/').next(),
            None if self.path.starts_with("src-tauri/src/") => Some("desktop"),
            None if self.path == "src-tauri/Cargo.toml" => Some("desktop"),
            None => None,
        }
    }

    /// What ships: the sources of a crate without its tests, benches and examples.
    pub fn ships(&self) -> bool {
        self.path.ends_with(".rs")
            && match self.path.strip_prefix("src-tauri/crates/") {
                Some(rest) => rest.split('/').nth(1) == Some("src"),
                None => self.path.starts_with("src-tauri/src/"),
            }
    }
}

/// All files with one of the endings below the folders that exist, without what is built or fetched.
pub fn files(root: &Path, folders: &[&str], endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !matches!(&*name, "target" | "node_modules" | "dist" | "gen") {
                open.extend(
                    std::fs::read_dir(&path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) && path.is_file() {
            let relative = path.strip_prefix(root).unwrap().to_string_lossy();
            let text = std::fs::read_to_string(&path).unwrap();
            found.push(Source::new(&relative.replace('\\', "/"), &text));
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

pub struct Rust {
    /// Without comments and without what stands in strings.
    pub code: String,
    pub strings: Vec<String>,
}

impl Rust {
    fn read(text: &str) -> Rust {
        let mut rust = Rust {
            code: String::new(),
            strings: Vec::new(),
        };
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let taken = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                block_comment(rest)
            } else if let Some((taken, string)) = string(rest, &rust.code) {
                rust.code.push_str("\"\"");
                rust.strings.push(string);
                taken
            } else if let Some(taken) = character(rest) {
                rust.code.push_str("' '");
                taken
            } else {
                rust.code.push(first);
                first.len_utf8()
            };
            rest = &rest[taken..];
        }
        rust
    }

    /// Whether the path stands in the code as whole words; `std::fs` is not in `not_std::fs` nor in `std::fsync`.
    pub fn mentions(&self, path: &str) -> bool {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        self.code.match_indices(path).any(|(at, _)| {
            !self.code[..at].ends_with(word) && !self.code[at + path.len()..].starts_with(word)
        })
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        let words = self.code.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.filter(|word| !word.is_empty())
    }
}

fn block_comment(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0);
    loop {
        if text[at..].starts_with("/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if text[at..].starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
        } else {
            match text[at..].chars().next() {
                Some(c) => at += c.len_utf8(),
                None => return at,
            }
        }
        if depth == 0 {
            return at;
        }
    }
}

/// A string that begins here: how long it is, and what is in it.
fn string(text: &str, before: &str) -> Option<(usize, String)> {
    if let Some(inner) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = inner.find(|c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.unwrap_or(inner.len());
        return Some(((end + 2).min(text.len()), inner[..end].to_owned()));
    }
    let inside_a_word = before.ends_with(|c: char| c.is_alphanumeric() && c != 'b' && c != 'c');
    let hashes = text.strip_prefix('r')?;
    let inner = hashes.trim_start_matches('#');
    let fence = &hashes[..hashes.len() - inner.len()];
    let inner = inner.strip_prefix('"')?;
    if inside_a_word {
        return None;
    }
    let end = inner.find(&format!("\"{fence}")).unwrap_or(inner.len());
    let taken = 1 + fence.len() + 1 + end + 1 + fence.len();
    Some((taken.min(text.len()), inner[..end].to_owned()))
}

/// A character literal that begins here, rather than a lifetime: how long it is.
fn character(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    let end = match inner.strip_prefix('\\') {
        Some(escape) => 1 + escape.char_indices().skip(1).find(|(_, c)| *c == '\'')?.0,
        None => inner.chars().next()?.len_utf8(),
    };
    inner[end..].starts_with('\'').then_some(end + 2)
}

#[test]
fn code_is_told_from_comments_and_strings() {
    let text = r###"
        //! use tauri::App;
        /* SystemTime::now() /* nested */ still */
        fn f<'a>(x: &'a str) { g("SELECT \" 1", r#"say "hi""#, br"raw", '"', '\'', 'x', b'\\') } // "end"
        let under_r = 1; r"a"
    "###;
    let rust = Rust::read(text);
    assert_eq!(rust.strings, ["SELECT \\\" 1", "say \"hi\"", "raw", "a"]);
    for gone in [
        "tauri",
        "SystemTime",
        "nested",
        "still",
        "SELECT",
        "hi",
        "end",
    ] {
        assert!(!rust.mentions(gone), "{gone}: {}", rust.code);
    }
    for stays in ["f", "str", "g", "under_r"] {
        assert!(rust.mentions(stays), "{stays}: {}", rust.code);
    }
    assert!(!rust.mentions("under"));
}
