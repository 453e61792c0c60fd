//! The journal as a file.

use crate::wire::{JournalFormat, JournalLine};

const COLUMNS: [&str; 7] = ["id", "time", "kind", "node", "cascade", "message", "reason"];

/// What stands before the first line.
pub fn head(format: JournalFormat) -> String {
    match format {
        JournalFormat::JsonLines => String::new(),
        JournalFormat::Csv => record(&COLUMNS.map(str::to_owned)),
    }
}

/// One line with its end: a JSON object, or a record of RFC 4180.
pub fn line(line: &JournalLine, format: JournalFormat) -> String {
    match format {
        JournalFormat::JsonLines => {
            let mut text = serde_json::json!(line).to_string();
            text.push('\n');
            text
        }
        JournalFormat::Csv => {
            let or_empty = |text: &Option<String>| text.as_deref().map(cell).unwrap_or_default();
            record(&[
                line.id.to_string(),
                time(line.at.0),
                cell(&line.kind),
                or_empty(&line.node_name),
                line.cascade.map(|id| id.to_string()).unwrap_or_default(),
                cell(&line.message),
                or_empty(&line.reason),
            ])
        }
    }
}

/// A spreadsheet takes what begins so for a formula, and names come from whoever runs a container
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn cell(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        Some(_) | None => text.to_owned(),
    }
}

fn record(cells: &[String]) -> String {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    // memory takes all that is written
    let _ = writer.write_record(cells);
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// RFC 3339, UTC.
fn time(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .map_or_else(|_| millis.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wakehub_domain::{CascadeId, NodeId, Timestamp};

    fn entry() -> JournalLine {
        JournalLine {
            id: 7,
            at: Timestamp(1_795_249_500_250),
            kind: "decision".to_owned(),
            node: Some(NodeId(3)),
            node_name: Some("=cmd|'/c calc'!A1".to_owned()),
            cascade: Some(CascadeId(2)),
            message: "nas stays on: \"needed\" by a, b".to_owned(),
            reason: Some("two\nlines".to_owned()),
        }
    }

    #[test]
    fn csv_is_read_again_by_any_reader() {
        let text = head(JournalFormat::Csv) + &line(&entry(), JournalFormat::Csv);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().expect("a head"), COLUMNS.as_slice());
        let read: Vec<csv::StringRecord> = reader.records().map(|r| r.expect("valid")).collect();
        let cells = [
            "7",
            "2026-11-21T08:25:00.25Z",
            "decision",
            "'=cmd|'/c calc'!A1",
            "2",
            "nas stays on: \"needed\" by a, b",
            "two\nlines",
        ];
        assert_eq!(read, [csv::StringRecord::from(cells.to_vec())]);
    }

    #[test]
    fn json_lines_are_the_lines_themselves() {
        let text = line(&entry(), JournalFormat::JsonLines);
        assert!(
            text.ends_with('\n') && text.matches('\n').count() == 1,
            "{text}"
        );
        let read: JournalLine = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read, entry());
        assert_eq!(head(JournalFormat::JsonLines), "");
    }
}
