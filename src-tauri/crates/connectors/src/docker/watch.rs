//! Follows the event stream. An event says that something changed, the list says what it is now: events come late, out of
//! order and with words that differ between engines, so each is followed by one look at the containers it names.

use bytes::BytesMut;
use http_body_util::BodyExt;
use std::collections::BTreeSet;
use tokio::sync::mpsc;
use wakehub_domain::{ConnectorError, ErrorKind, NodeKind};

use super::client::{Client, Failed};
use super::parse::{self, Listed, Told};
use crate::{Change, Watch};

pub(super) const OPERATION: &str = "listen to events";

/// An event with all labels of a container has some kilobytes.
const LONGEST_LINE: usize = 1024 * 1024;

pub(super) async fn run(
    client: &Client,
    changes: &mpsc::Sender<Change>,
) -> Result<Watch, ConnectorError> {
    let filters = query(r#"{"type":["container"]}"#);
    let mut body = client
        .stream(OPERATION, &format!("/events?filters={filters}"))
        .await?;
    let mut lines = Lines::default();
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = changes.closed() => return Ok(Watch::Ended),
        };
        let frame = match frame {
            None => return Ok(Watch::Ended),
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                // An engine that goes down drops the stream without its last chunk.
                let error = client.failed(OPERATION, &(Box::new(error) as Failed));
                return match error.kind {
                    ErrorKind::Unreachable | ErrorKind::Protocol => Ok(Watch::Ended),
                    ErrorKind::Unauthorised
                    | ErrorKind::Untrusted
                    | ErrorKind::Rejected
                    | ErrorKind::Unsupported
                    | ErrorKind::TimedOut
                    | ErrorKind::NoSecret
                    | ErrorKind::Paused => Err(error),
                };
            }
        };
        let told = lines.take(frame.data_ref().map_or(&[], |data| data))?;
        for change in look(client, told).await? {
            if changes.send(change).await.is_err() {
                return Ok(Watch::Ended);
            }
        }
    }
}

/// One request for all that a burst of events names.
async fn look(client: &Client, told: Vec<Told>) -> Result<Vec<Change>, ConnectorError> {
    let mut ids = BTreeSet::new();
    let mut gone = BTreeSet::new();
    for one in told {
        match one {
            Told::Look { id } => {
                ids.insert(id);
            }
            Told::Gone { name } => {
                gone.insert(name);
            }
            Told::Renamed { id, before } => {
                ids.insert(id);
                gone.insert(before);
            }
        }
    }
    let mut now: Vec<Listed> = Vec::new();
    if !ids.is_empty() {
        let wanted = query(&serde_json::json!({ "id": ids }).to_string());
        now = client
            .get(
                OPERATION,
                &format!("/containers/json?all=true&filters={wanted}"),
            )
            .await?;
    }
    // A name that is gone may have been given to another container in the same burst.
    for container in &now {
        gone.remove(container.name());
    }
    let gone = gone.into_iter().map(|platform_id| Change::Gone {
        kind: NodeKind::Container,
        platform_id,
    });
    let present = now.iter().map(|one| Change::Guest(one.report()));
    Ok(gone.chain(present).collect())
}

/// Puts chunks together into lines.
#[derive(Default)]
struct Lines {
    rest: BytesMut,
}

impl Lines {
    fn take(&mut self, chunk: &[u8]) -> Result<Vec<Told>, ConnectorError> {
        self.rest.extend_from_slice(chunk);
        let protocol =
            |message: String| ConnectorError::new(ErrorKind::Protocol, OPERATION, message);
        let mut told = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line = self.rest.split_to(end + 1);
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let event =
                parse::event(&line).map_err(|error| protocol(format!("odd event: {error}")))?;
            told.extend(event);
        }
        if self.rest.len() > LONGEST_LINE {
            return Err(protocol("an event without an end".into()));
        }
        Ok(told)
    }
}

/// Percent-encodes for a query.
fn query(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &[u8] = include_bytes!("../../tests/recorded/docker/events-20.10.jsonl");

    /// However the stream is cut into chunks, the same events come out.
    #[test]
    fn chunks_do_not_matter() {
        let whole = Lines::default().take(RECORDED).unwrap();
        assert_eq!(whole.len(), 24);
        for size in [1, 7, 100, 4096] {
            let mut lines = Lines::default();
            let mut told = Vec::new();
            for chunk in RECORDED.chunks(size) {
                told.extend(lines.take(chunk).unwrap());
            }
            assert_eq!(told, whole, "in chunks of {size}");
        }
    }

    #[test]
    fn a_query_is_encoded() {
        assert_eq!(query(r#"{"id":["a1"]}"#), "%7B%22id%22%3A%5B%22a1%22%5D%7D");
    }

    #[test]
    fn endless_and_odd_lines_are_errors() {
        let error = Lines::default().take(b"<html>\n").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol);
        let mut lines = Lines::default();
        let chunk = vec![b' '; LONGEST_LINE + 1];
        assert_eq!(lines.take(&chunk).unwrap_err().kind, ErrorKind::Protocol);
    }
}
