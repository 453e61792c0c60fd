//! How much traffic our own requests cause at the machine that they go to, from the bytes that our sockets carry.

use crate::Own;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Around a TCP segment: Ethernet 14, IPv4 20, TCP with timestamps 32.
const SEGMENT: u64 = 66;
/// What TLS adds to each of its records: header, type and authentication (RFC 8446, section 5.2; 1.2 adds more).
pub(crate) const RECORD: usize = 22;

/// How long the head of a request is as hyper writes it for HTTP/1.1, without what reqwest adds to those with a body.
pub(crate) fn request_head<'a>(
    method: &reqwest::Method,
    url: &reqwest::Url,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> usize {
    let path = url.path().len() + url.query().map_or(0, |query| query.len() + 1);
    let port = url.port().map_or(0, |port| port.to_string().len() + 1);
    let host = url.host_str().unwrap_or_default().len() + port;
    let line = method.as_str().len() + 1 + path + " HTTP/1.1\r\n".len();
    let added = "accept: */*\r\nhost: \r\n".len() + host;
    line + added + fields(headers) + "\r\n".len()
}

/// The head of an answer.
pub(crate) fn answer_head(response: &reqwest::Response) -> usize {
    let headers = response.headers().iter();
    let line = "HTTP/1.1 200 \r\n".len() + response.status().canonical_reason().map_or(0, str::len);
    line + fields(headers.map(|(name, value)| (name.as_str(), value.as_bytes()))) + "\r\n".len()
}

fn fields<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> usize {
    let headers = headers.into_iter();
    headers
        .map(|(name, value)| name.len() + ": \r\n".len() + value.len())
        .sum()
}

/// Cumulative over all sockets to one machine. A write and a read count as one segment each, however long they are: with
/// segmentation offload the kernel counts long ones so, and what it counts is what this is taken from.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    sent: AtomicU64,
    sent_segments: AtomicU64,
    received: AtomicU64,
    received_segments: AtomicU64,
}

impl Wire {
    pub fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        self.sent_segments.fetch_add(1, Ordering::Relaxed);
    }

    /// `more` when the rest was left for another read.
    pub fn received(&self, bytes: usize, more: bool) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        let segments = u64::from(!more);
        self.received_segments
            .fetch_add(segments, Ordering::Relaxed);
    }

    /// As the machine sees it, with an acknowledgement for every third segment: TCP sends one for every second (RFC 9293,
    /// section 3.8.6.3), and some travel with an answer. Without handshakes: rather too low than too high.
    pub fn own(&self) -> Own {
        let [sent, sent_segments, received, received_segments] = [
            &self.sent,
            &self.sent_segments,
            &self.received,
            &self.received_segments,
        ]
        .map(|counter| counter.load(Ordering::Relaxed));
        let to_it = sent_segments + received_segments / 3;
        let from_it = received_segments + sent_segments / 3;
        Own {
            rx_bytes: sent + to_it * SEGMENT,
            tx_bytes: received + from_it * SEGMENT,
            rx_packets: to_it,
            tx_packets: from_it,
        }
    }
}

/// A socket whose bytes are counted.
pub(crate) struct Counted<S> {
    inner: S,
    wire: Arc<Wire>,
}

impl<S> Counted<S> {
    pub fn new(inner: S, wire: Arc<Wire>) -> Counted<S> {
        Counted { inner, wire }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        let bytes = buf.filled().len() - before;
        if bytes > 0 {
            self.wire.received(bytes, buf.remaining() == 0);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        if let Poll::Ready(Ok(bytes)) = &written {
            self.wire.sent(*bytes);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
