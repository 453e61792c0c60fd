//! Nodes and their secrets, connection tests, discovery and the scan.

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Serialize;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use wakehub_domain::idle::IdleRule;
use wakehub_domain::{NodeId, SecretName};
use wakehub_view::homelab::NodeEntry;
use wakehub_view::wire::{
    CommandError, JudgedView, NodeView, ScheduleAsk, ScheduleReading, SecretEntry, WhyView,
};

use crate::limits;
use crate::routes::{Call, Json, Lines, Perhaps, Routes};
use crate::shared::Scope;
use crate::wire::{
    BatchBody, DiscoveredAnswer, HoldBody, NodeBody, PinBody, SavedNode, ScanBody, ScanLine,
    SecretsAnswer, TestBody, TestLine,
};

use super::{Answered, DELETE, GET, POST, PUT};

pub(super) fn routes(routes: Routes) -> Routes {
    use Scope::{Control, Read};
    routes
        .on(
            GET,
            "/api/v1/nodes",
            ("nodes", "All nodes, in order of creation"),
            Read,
            list,
        )
        .on(
            POST,
            "/api/v1/nodes",
            ("addNode", "Add a node; its secrets go to the keyring"),
            Control,
            add,
        )
        .on(
            POST,
            "/api/v1/batch",
            (
                "addNodes",
                "Add up to 100 nodes, all or none; they may name one another",
            ),
            Control,
            add_all,
        )
        .on(
            GET,
            "/api/v1/nodes/{node}",
            ("node", "One node, by number or name"),
            Read,
            node,
        )
        .on(
            PUT,
            "/api/v1/nodes/{node}",
            ("changeNode", "Change a node"),
            Control,
            change,
        )
        .on(
            DELETE,
            "/api/v1/nodes/{node}",
            ("removeNode", "Remove a node from the homelab"),
            Control,
            remove,
        )
        .on(
            GET,
            "/api/v1/nodes/{node}/entry",
            ("nodeEntry", "The node as the form edits it"),
            Read,
            entry,
        )
        .on(
            GET,
            "/api/v1/nodes/{node}/why",
            (
                "why",
                "What keeps the node on, and what its idle rule says of it",
            ),
            Read,
            why,
        )
        .on(
            POST,
            "/api/v1/schedule/read",
            (
                "readSchedule",
                "What a cron expression says, in words, and when it comes next",
            ),
            Read,
            read_schedule,
        )
        .on(
            POST,
            "/api/v1/nodes/{node}/judge",
            (
                "judge",
                "What an idle rule would have said of the node's last samples; changes nothing",
            ),
            Read,
            judge,
        )
        .on(
            PUT,
            "/api/v1/nodes/{node}/hold",
            ("hold", "Keep it on until a time, or release it"),
            Control,
            hold,
        )
        .on(
            PUT,
            "/api/v1/nodes/{node}/pinned",
            ("pin", "Pin or unpin"),
            Control,
            pin,
        )
        .patiently()
        .on(
            POST,
            "/api/v1/nodes/{node}/discover",
            ("discover", "Ask its platforms for guests"),
            Control,
            discover,
        )
        .on(
            GET,
            "/api/v1/nodes/{node}/secrets",
            (
                "secrets",
                "Which secrets the keyring has; never their values",
            ),
            Read,
            secrets,
        )
        .on(
            PUT,
            "/api/v1/nodes/{node}/secrets",
            (
                "setSecret",
                "Keep a secret in the keyring; an empty value removes it",
            ),
            Control,
            set_secret,
        )
        .on(
            POST,
            "/api/v1/test",
            (
                "test",
                "Try everything that the entry's connections need: each check as it ends, then all",
            ),
            Control,
            test,
        )
        .on(
            POST,
            "/api/v1/scan",
            (
                "scan",
                "Which machines are on the network of the computer that WakeHub runs on",
            ),
            Control,
            scan,
        )
        .on(
            POST,
            "/api/v1/accept",
            (
                "accept",
                "Accept a host key or certificate that was presented",
            ),
            Control,
            accept,
        )
}

async fn list(call: Call, (): ()) -> Answered<Json<Vec<NodeView>>> {
    Ok(Json(call.shared.snapshot().nodes.clone()))
}

async fn node(call: Call, (): ()) -> Answered<Json<NodeView>> {
    Ok(Json(call.shared.node(call.word(0))?))
}

async fn add(call: Call, Json(body): Json<NodeBody>) -> Answered<Json<SavedNode>> {
    let engine = &call.shared.engine;
    let node = engine.save_node(None, body.entry, body.secrets).await?;
    Ok(Json(SavedNode { node }))
}

async fn add_all(call: Call, Json(body): Json<BatchBody>) -> Answered<Json<Vec<NodeId>>> {
    Ok(Json(call.shared.engine.save_nodes(body.entries).await?))
}

async fn change(call: Call, Json(body): Json<NodeBody>) -> Answered<Json<SavedNode>> {
    let known = call.shared.node(call.word(0))?.id;
    let engine = &call.shared.engine;
    let node = engine
        .save_node(Some(known), body.entry, body.secrets)
        .await?;
    Ok(Json(SavedNode { node }))
}

async fn remove(call: Call, (): ()) -> Answered<()> {
    let node = call.shared.node(call.word(0))?.id;
    Ok(call.shared.engine.remove_node(node).await?)
}

async fn entry(call: Call, (): ()) -> Answered<Json<NodeEntry>> {
    let node = call.shared.node(call.word(0))?.id;
    Ok(Json(call.shared.engine.node_entry(node).await?))
}

async fn why(call: Call, (): ()) -> Answered<Json<WhyView>> {
    let node = call.shared.node(call.word(0))?.id;
    Ok(Json(call.shared.engine.why(node).await?))
}

async fn read_schedule(
    call: Call,
    Json(ask): Json<ScheduleAsk>,
) -> Answered<Json<ScheduleReading>> {
    Ok(Json(call.shared.engine.read_schedule(ask).await?))
}

async fn judge(call: Call, Json(rule): Json<IdleRule>) -> Answered<Json<Vec<JudgedView>>> {
    let node = call.shared.node(call.word(0))?.id;
    Ok(Json(call.shared.engine.judge(node, rule).await?))
}

async fn pin(call: Call, Json(body): Json<PinBody>) -> Answered<()> {
    let node = call.shared.node(call.word(0))?.id;
    Ok(call.shared.engine.set_pinned(node, body.pinned).await?)
}

async fn hold(call: Call, Json(body): Json<HoldBody>) -> Answered<()> {
    let node = call.shared.node(call.word(0))?.id;
    let engine = &call.shared.engine;
    match body {
        HoldBody::For { seconds, then_stop } => {
            let length = Duration::from_secs(seconds);
            if then_stop {
                engine.hold_then_stop(node, length).await?;
            } else {
                engine.hold_for(node, length).await?;
            }
        }
        HoldBody::Until(until) => engine.hold(node, Some(until)).await?,
        HoldBody::Nothing => engine.hold(node, None).await?,
    }
    Ok(())
}

async fn discover(call: Call, (): ()) -> Answered<Json<DiscoveredAnswer>> {
    let node = call.shared.node(call.word(0))?.id;
    let to_configure = call.shared.engine.discover(node).await?;
    Ok(Json(DiscoveredAnswer { to_configure }))
}

async fn secrets(call: Call, (): ()) -> Answered<Json<SecretsAnswer>> {
    let node = call.shared.node(call.word(0))?.id;
    let present: Vec<SecretName> = call.shared.engine.secrets_present(node).await?;
    Ok(Json(SecretsAnswer { present }))
}

async fn set_secret(call: Call, Json(secret): Json<SecretEntry>) -> Answered<()> {
    let node = call.shared.node(call.word(0))?.id;
    Ok(call.shared.engine.set_secret(node, secret).await?)
}

async fn test(call: Call, Json(body): Json<TestBody>) -> Answered<Lines<TestLine>> {
    let engine = call.shared.engine.clone();
    let (checks, mut checked) = mpsc::channel(16);
    let (lines, written) = mpsc::channel::<TestLine>(16);
    tokio::spawn(async move {
        let told = lines.clone();
        let forward = async move {
            while let Some(check) = checked.recv().await {
                // whoever has gone needs no checks; the test ends all the same
                let _ = told.send(TestLine::Check(check)).await;
            }
        };
        let tested = engine.test_connection(body.node, body.entry, body.secrets, checks);
        let tested = tokio::time::timeout(limits::LONG_ANSWER, tested);
        let (tested, ()) = tokio::join!(tested, forward);
        let last = match tested {
            Ok(Ok(all)) => TestLine::Done(all),
            Ok(Err(error)) => TestLine::Error(error),
            Err(_) => TestLine::Error(CommandError::Other {
                message: "the connection test did not end within three minutes".to_owned(),
            }),
        };
        let _ = lines.send(last).await;
    });
    Ok(lines_of(written))
}

fn lines_of<T: Serialize + Send + 'static>(lines: mpsc::Receiver<T>) -> Lines<T> {
    let text = ReceiverStream::new(lines).map(|line| {
        serde_json::to_vec(&line).map(|mut text| {
            text.push(b'\n');
            Bytes::from(text)
        })
    });
    Lines::new(Body::from_stream(text))
}

async fn scan(call: Call, Perhaps(body): Perhaps<ScanBody>) -> Answered<Lines<ScanLine>> {
    let engine = call.shared.engine.clone();
    let (found, mut finds) = mpsc::channel(16);
    let (lines, written) = mpsc::channel::<ScanLine>(16);
    tokio::spawn(async move {
        let told = lines.clone();
        let forward = async move {
            while let Some(one) = finds.recv().await {
                // the scan ends early when nobody listens any longer
                if told.send(ScanLine::Found(one)).await.is_err() {
                    return;
                }
            }
        };
        let scanned = tokio::time::timeout(limits::LONG_ANSWER, engine.scan(body.sweep, found));
        let (scanned, ()) = tokio::join!(scanned, forward);
        let last = match scanned {
            Ok(Ok(())) => ScanLine::Done,
            Ok(Err(error)) => ScanLine::Error(error),
            Err(_) => ScanLine::Error(CommandError::Other {
                message: "the scan did not end within three minutes".to_owned(),
            }),
        };
        let _ = lines.send(last).await;
    });
    Ok(lines_of(written))
}

async fn accept(call: Call, Json(presented): Json<wakehub_domain::Presented>) -> Answered<()> {
    Ok(call.shared.engine.accept(presented).await?)
}
