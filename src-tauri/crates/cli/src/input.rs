//! What a command reads: a file, or standard input.

use anyhow::{Context, bail};
use std::io::Read;
use std::path::Path;

/// The most that a homelab.toml or a file of states has; far above any real one, far below what fills a memory.
const FILE: usize = 2_000_000;
/// The most that a trace has.
const TRACE: usize = 200_000_000;
/// The most that a secret has: a private key fits.
const SECRET: usize = 64_000;

/// The text of a file; `-` is standard input.
pub async fn file(path: &Path) -> anyhow::Result<String> {
    bounded(path, FILE).await
}

/// A year of samples, a minute each.
pub async fn trace(path: &Path) -> anyhow::Result<String> {
    bounded(path, TRACE).await
}

async fn bounded(path: &Path, limit: usize) -> anyhow::Result<String> {
    if path == Path::new("-") {
        return standard(limit).await;
    }
    let named = || format!("failed to read {}", path.display());
    let file = std::fs::File::open(path).with_context(named)?;
    // a pipe may have a writer that takes its time
    aside(move || text(file, limit)).await.with_context(named)
}

/// A secret from standard input, without the line's end that echo and most editors add.
pub async fn secret() -> anyhow::Result<String> {
    let text = standard(SECRET).await?;
    let value = text
        .strip_suffix("\r\n")
        .or_else(|| text.strip_suffix('\n'));
    Ok(value.unwrap_or(&text).to_owned())
}

async fn standard(limit: usize) -> anyhow::Result<String> {
    tracing::debug!("reads standard input");
    let read = aside(move || text(std::io::stdin().lock(), limit)).await;
    read.context("failed to read standard input")
}

fn text(from: impl Read, limit: usize) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let bounded = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    from.take(bounded).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        bail!("it has more than {limit} bytes");
    }
    // without the bytes, which may be a secret's
    String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("it is no UTF-8 text"))
}

/// On a thread that nobody waits for: while somebody still types, Ctrl-C ends the command.
async fn aside(
    read: impl FnOnce() -> anyhow::Result<String> + Send + 'static,
) -> anyhow::Result<String> {
    let (done, read_through) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || done.send(read()));
    read_through.await.context("the reader has ended")?
}
