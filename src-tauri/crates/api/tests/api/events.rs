//! What listeners are told.

use crate::desk::{Desk, Listening, event, find, listen, tcp, upgrade};
use crate::sim::Sim;
use futures_util::SinkExt;
use hyper::Method;
use serde_json::json;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use wakehub_api::wire::Event;
use wakehub_domain::Action;
use wakehub_view::access::ApiScope;
use wakehub_view::wire::{Answer, Power};

async fn listening(desk: &Desk, query: &str) -> Listening {
    let to = desk.tcp().await;
    let token = desk.token(ApiScope::Read).await;
    let bearer = format!("Bearer {token}");
    let path = format!("/api/v1/events{query}");
    let headers = [("authorization", bearer.as_str())];
    listen(to, &path, &headers).await.expect("upgraded")
}

#[tokio::test]
async fn a_listener_is_told_who_answers_then_everything_then_each_change() {
    let desk = Desk::open().await;
    let mut socket = listening(&desk, "").await;
    let Some(Event::Hello { about }) = event(&mut socket).await else {
        panic!("no hello");
    };
    assert_eq!(about.pid, std::process::id());
    let first = find(&mut socket, |event| match event {
        Event::Snapshot { snapshot } => Some(snapshot),
        _ => None,
    });
    let first = first.await;
    assert_eq!(first.nodes.len(), 14);
    let nas = desk.home.node("nas").id;
    desk.home.handle.set_pinned(nas, true).await.unwrap();
    let pinned = desk.home.handle.snapshot().revision;
    let mut revision = first.revision;
    loop {
        let newer = find(&mut socket, |event| match event {
            Event::Snapshot { snapshot } => Some(snapshot),
            _ => None,
        });
        let newer = newer.await;
        assert!(newer.revision > revision, "revisions grow");
        revision = newer.revision;
        if revision >= pinned {
            let node = newer.nodes.iter().find(|node| node.id == nas).unwrap();
            assert!(node.pinned);
            break;
        }
    }
}

#[tokio::test]
async fn a_cascade_is_told_to_its_end() {
    let desk = Desk::open().await;
    let mut socket = listening(&desk, "?kinds=cascade,ended,node&nodes=lxc-jellyfin").await;
    let jellyfin = desk.home.node("lxc-jellyfin");
    let ended = desk.home.run(Action::Start, "lxc-jellyfin").await;
    let mut powers = Vec::new();
    loop {
        match event(&mut socket).await.expect("open") {
            Event::Hello { .. } => {}
            Event::Node { node } => {
                assert_eq!(node.id, jellyfin.id, "only what was asked for");
                powers.push(node.power);
            }
            Event::Cascade { cascade } => assert_eq!(cascade.id, ended.id),
            Event::Ended { cascade } => {
                assert_eq!(cascade.id, ended.id);
                break;
            }
            other => panic!("not asked for: {other:?}"),
        }
    }
    powers.dedup();
    assert_eq!(powers.first(), Some(&Power::Off));
    assert!(powers.contains(&Power::Starting), "{powers:?}");
}

#[tokio::test]
async fn questions_are_told_and_taken_back() {
    let desk = Desk::open().await;
    let mut socket = listening(&desk, "?kinds=asked,settled").await;
    desk.home.run(Action::Start, "lxc-jellyfin").await;
    desk.home.run(Action::Stop, "lxc-jellyfin").await;
    let question = find(&mut socket, |event| match event {
        Event::Asked { question } => Some(question),
        _ => None,
    });
    let question = question.await;
    let path = format!("/api/v1/questions/{}/answer", question.id);
    let body = json!({"answer": Answer::KeepOn});
    assert_eq!(desk.own(Method::POST, &path, Some(body)).await.status, 204);
    let settled = find(&mut socket, |event| match event {
        Event::Settled { question } => Some(question),
        _ => None,
    });
    assert_eq!(settled.await, question.id);
}

#[tokio::test]
async fn words_that_are_none_are_refused() {
    let desk = Desk::open().await;
    for query in [
        "?kinds=toast",
        "?nodes=nobody",
        "?colour=red",
        "?kinds=node&kinds=ended",
    ] {
        let answer = desk
            .own(Method::GET, &format!("/api/v1/events{query}"), None)
            .await;
        assert!(
            [400, 404].contains(&answer.status.as_u16()),
            "{query}: {}",
            answer.status
        );
    }
    let plain = desk.own(Method::GET, "/api/v1/events", None).await;
    plain.refused(400, "invalid");
}

/// Changes something a thousand times a second until it is told to stop; answers the last revision and how many there were.
async fn change(desk: &Desk, is_over: impl Fn(u64) -> bool) -> (u64, u64) {
    let (handle, nas) = (desk.home.handle.clone(), desk.home.node("nas").id);
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let mut changes = 0;
    while !is_over(changes) {
        ticks.tick().await;
        handle.set_pinned(nas, changes % 2 == 0).await.unwrap();
        changes += 1;
    }
    (handle.snapshot().revision, changes)
}

/// Reads on to this revision; how many snapshots there were. Nothing older than what was told is told.
async fn read_to(socket: &mut Listening, revision: impl Future<Output = u64>) -> u32 {
    let mut last = std::pin::pin!(revision);
    let (mut told, mut newest, mut wanted) = (0, 0, None);
    while wanted.is_none_or(|last| newest < last) {
        tokio::select! {
            last = &mut last, if wanted.is_none() => wanted = Some(last),
            event = event(socket) => if let Event::Snapshot { snapshot } = event.expect("open") {
                assert!(snapshot.revision > newest, "{} after {newest}", snapshot.revision);
                newest = snapshot.revision;
                told += 1;
            },
        }
    }
    told
}

/// A thousand changes a second for some seconds: who keeps up sees the newest, who reads only later sees it then, and the
/// homelab is looked after all the same.
#[tokio::test]
async fn a_thousand_changes_a_second_reach_everybody_as_the_newest() {
    let desk = Desk::open().await;
    let mut keeps_up = listening(&desk, "?kinds=snapshot").await;
    let mut reads_later = listening(&desk, "?kinds=snapshot").await;
    let (told_last, last) = tokio::sync::oneshot::channel();
    let changing = async {
        let (last, changes) = change(&desk, |changes| changes == 3000).await;
        told_last.send(last).unwrap();
        (last, changes)
    };
    let (told, (last, changes)) = tokio::join!(
        read_to(&mut keeps_up, async { last.await.unwrap() }),
        changing
    );
    assert!(
        u64::from(told) < changes,
        "{told} snapshots were sent for {changes} changes"
    );
    read_to(&mut reads_later, std::future::ready(last)).await;
    assert_eq!(desk.own(Method::GET, "/health", None).await.status, 200);
}

/// With a window so small that what it does not read soon waits at the server.
async fn narrow(desk: &Desk) -> Listening {
    let (to, token) = (desk.tcp().await, desk.token(ApiScope::Read).await);
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let stream = socket.connect(to).await.unwrap();
    upgrade(stream, to, "/api/v1/events", &headers)
        .await
        .unwrap()
}

/// What this process holds, in bytes (`man 5 proc`); 0 where the kernel does not say.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages
        .split(' ')
        .nth(1)
        .map_or(0, |pages| pages.parse::<usize>().unwrap() * 4096)
}

/// Who never reads is let go, and costs neither memory nor anybody's time until then.
#[tokio::test]
async fn who_never_reads_is_let_go_and_holds_up_nobody() {
    let desk = Desk::open().await;
    desk.home.handle.import(machines(300)).await.unwrap();
    let mut keeps_up = listening(&desk, "?kinds=snapshot").await;
    let mut sleepers = Vec::new();
    for _ in 0..3 {
        sleepers.push(narrow(&desk).await);
    }
    let before = resident();
    let (told_last, last) = tokio::sync::oneshot::channel();
    let are_gone = std::cell::Cell::new(false);
    let changing = async {
        let (last, _) = change(&desk, |_| are_gone.get()).await;
        told_last.send(last).unwrap();
    };
    // a word gets through to the server's end as long as there is one
    let sleeping = async {
        for sleeper in &mut sleepers {
            while sleeper
                .send(Message::Text("still there".into()))
                .await
                .is_ok()
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        are_gone.set(true);
    };
    let (told, (), ()) = tokio::join!(
        read_to(&mut keeps_up, async { last.await.unwrap() }),
        changing,
        sleeping
    );
    let grown = resident().saturating_sub(before);
    eprintln!("{told} snapshots for who keeps up, {grown} bytes more");
    assert!(told > 10, "{told} snapshots for who keeps up");
    assert!(
        grown < 100 << 20,
        "{grown} bytes more after {told} snapshots"
    );
    // the place is free, and who comes again sees how things stand
    let mut again = listening(&desk, "?kinds=snapshot").await;
    let now = desk.home.handle.snapshot().revision;
    read_to(&mut again, std::future::ready(now)).await;
}

fn machines(count: u32) -> String {
    (0..count)
        .map(|at| format!("[[node]]\nname = \"m{at}\"\nkind = \"machine\"\n\n"))
        .collect()
}

/// Why it was closed.
async fn closed(socket: &mut Listening) -> (u16, String) {
    use futures_util::StreamExt;
    loop {
        let next = tokio::time::timeout(crate::desk::PATIENCE, socket.next()).await;
        match next.expect("it is closed") {
            Some(Ok(Message::Close(frame))) => {
                let frame = frame.expect("a reason");
                return (frame.code.into(), frame.reason.to_string());
            }
            Some(Ok(_)) => {}
            other => panic!("ended without a reason: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_listener_goes_with_its_token_and_with_tcp() {
    let desk = Desk::open().await;
    let mut first = listening(&desk, "").await;
    let mut second = listening(&desk, "").await;
    let client = desk.client().await;
    let tokens = client.access().await.unwrap().tokens;
    client.remove_token(&tokens[0].id).await.unwrap();
    let removed = (1008, "the token was removed".to_owned());
    assert_eq!(closed(&mut first).await, removed);
    assert!(event(&mut second).await.is_some(), "the other token lives");
    let off = wakehub_view::access::ApiAccess::default();
    client.set_access(&off).await.unwrap();
    let (code, reason) = closed(&mut second).await;
    assert_eq!(
        (code, reason.contains("switched off")),
        (1001, true),
        "{reason}"
    );
}

#[tokio::test]
async fn when_the_engine_ends_every_listener_is_told() {
    let desk = Desk::open().await;
    let mut socket = listening(&desk, "").await;
    let client = desk.client().await;
    let mut snapshots = client.snapshots();
    desk.home.handle.shut_down().await;
    assert_eq!(closed(&mut socket).await, (1001, "WakeHub ends".to_owned()));
    while snapshots.changed().await.is_ok() {}
    assert!(client.export().await.is_err(), "nobody answers");
    // another engine takes the place, socket and all
    let (sim, folder) = (desk.home.sim.clone(), desk.home.folder.clone());
    desk.server.end().await;
    drop(desk.home);
    let again = again(&sim, &folder, desk.pocket).await;
    let client = wakehub_api::client::connect(folder.path(), crate::desk::VERSION).await;
    assert_eq!(client.expect("connected").snapshot().nodes.len(), 14);
    again.end().await;
}

async fn again(
    sim: &Sim,
    folder: &std::sync::Arc<tempfile::TempDir>,
    pocket: std::sync::Arc<crate::sim::Pocket>,
) -> wakehub_api::Server {
    let clock = std::sync::Arc::new(wakehub_engine::SystemClock);
    let handle = crate::sim::open_at(sim, folder.path(), clock, pocket.clone()).await;
    let options = wakehub_api::Options {
        data_dir: folder.path().to_owned(),
        secrets: pocket,
        version: crate::desk::VERSION,
        demo: false,
    };
    wakehub_api::serve(handle, options).await.expect("served")
}

/// Over the socket, too, where the command line listens.
#[tokio::test]
async fn a_client_of_the_socket_sees_the_newest() {
    let desk = Desk::open().await;
    let client = desk.client().await;
    assert_eq!(client.snapshot().nodes.len(), 14);
    let nas = desk.home.node("nas").id;
    let mut snapshots = client.snapshots();
    desk.home.handle.set_pinned(nas, true).await.unwrap();
    let pinned = snapshots.wait_for(|s| s.nodes.iter().any(|n| n.id == nas && n.pinned));
    tokio::time::timeout(crate::desk::PATIENCE, pinned)
        .await
        .expect("told")
        .expect("open");
    let to = desk.tcp().await;
    assert_eq!(tcp(to, Method::GET, "/api", &[], None).await.status, 200);
}
