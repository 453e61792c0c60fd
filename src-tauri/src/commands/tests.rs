//! The commands as the window calls them, with a real engine and a real database behind them, and no display.

use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, channel};
use tauri::ipc::{CallbackFn, InvokeBody, InvokeResponseBody};
use tauri::test::{
    INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder, mock_context, noop_assets,
};
use tauri::webview::InvokeRequest;
use tauri::{App, Manager, WebviewWindow, WebviewWindowBuilder};
use tempfile::TempDir;

use super::*;

struct Window {
    webview: WebviewWindow<MockRuntime>,
    app: App<MockRuntime>,
    /// What was sent over channels: the channel's number and the message.
    sent: Receiver<(u32, Value)>,
    _data: TempDir,
}

impl Window {
    /// With the engine started.
    fn new() -> Window {
        let window = Window::unstarted(TempDir::new().unwrap());
        let shell = window.app.state::<Shell>();
        tauri::async_runtime::block_on(shell.start_engine(Wanted::Own)).unwrap();
        window
    }

    fn unstarted(data: TempDir) -> Window {
        let (sender, sent) = channel();
        let app = mock_builder()
            .manage(Shell::new(data.path().to_owned()))
            .invoke_handler(handler())
            .channel_interceptor(move |_, callback, _, body| {
                if let InvokeResponseBody::Json(json) = body {
                    let _ = sender.send((callback.0, serde_json::from_str(json).unwrap()));
                }
                true
            })
            .build(mock_context(noop_assets()))
            .unwrap();
        let webview = WebviewWindowBuilder::new(&app, "main", tauri::WebviewUrl::default())
            .build()
            .unwrap();
        Window {
            webview,
            app,
            sent,
            _data: data,
        }
    }

    fn invoke(&self, command: &str, arguments: Value) -> Result<Value, Value> {
        let request = InvokeRequest {
            cmd: command.to_owned(),
            callback: CallbackFn(0),
            error: CallbackFn(1),
            url: "tauri://localhost".parse().unwrap(),
            body: InvokeBody::Json(arguments),
            headers: tauri::http::HeaderMap::new(),
            invoke_key: INVOKE_KEY.to_owned(),
        };
        get_ipc_response(&self.webview, request).map(|body| body.deserialize().unwrap())
    }

    fn add(&self, entry: Value) -> Value {
        let arguments = json!({ "node": null, "entry": entry, "secrets": [] });
        self.invoke("save_node", arguments).unwrap()
    }

    /// The next message on this channel that is as wanted.
    fn sent(&self, channel: u32, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let patience = Duration::from_secs(30);
            let (to, message) = self.sent.recv_timeout(patience).expect("nothing is sent");
            if to == channel && wanted(&message) {
                return message;
            }
        }
    }
}

fn nas() -> Value {
    json!({ "name": "nas", "kind": "machine", "mac": "52:54:00:00:00:03", "address": "127.0.0.93", "pinned": true })
}

#[test]
fn a_node_is_added_read_changed_pinned_and_removed() {
    let window = Window::new();
    let node = window.add(nas());
    let entry = window
        .invoke("node_entry", json!({ "node": node }))
        .unwrap();
    assert_eq!(entry["mac"], "52:54:00:00:00:03");
    let mut changed = entry.clone();
    changed["note"] = json!("in the cellar");
    let arguments = json!({ "node": node, "entry": changed, "secrets": [] });
    assert_eq!(window.invoke("save_node", arguments), Ok(node.clone()));
    window
        .invoke("set_pinned", json!({ "node": node, "pinned": false }))
        .unwrap();
    let exported = window.invoke("export_homelab", json!({})).unwrap();
    assert!(
        exported.as_str().unwrap().contains("in the cellar"),
        "{exported}"
    );
    let lines = window.invoke("journal", json!({ "query": {} })).unwrap();
    assert!(!lines.as_array().unwrap().is_empty());
    window
        .invoke("remove_node", json!({ "node": node }))
        .unwrap();
    let gone = window.invoke("node_entry", json!({ "node": node }));
    assert!(gone.is_err(), "{gone:?}");
}

#[test]
fn the_window_gets_the_newest_at_once_and_every_change() {
    let window = Window::new();
    window
        .invoke("subscribe", json!({ "channel": "__CHANNEL__:7" }))
        .unwrap();
    let first = window.sent(7, |_| true);
    assert_eq!(first["nodes"], json!([]));
    window.add(nas());
    let second = window.sent(7, |snapshot| snapshot["nodes"] != json!([]));
    assert_eq!(second["nodes"][0]["name"], "nas");
    assert!(second["revision"].as_u64() > first["revision"].as_u64());

    // Loaded again, the page subscribes again; the channel of the page before is silent from then on.
    window
        .invoke("subscribe", json!({ "channel": "__CHANNEL__:8" }))
        .unwrap();
    window.sent(8, |snapshot| snapshot["nodes"] != json!([]));
    window
        .invoke(
            "set_pinned",
            json!({ "node": second["nodes"][0]["id"], "pinned": false }),
        )
        .unwrap();
    window.sent(8, |snapshot| snapshot["nodes"][0]["pinned"] == json!(false));
    assert!(window.sent.try_iter().all(|(to, _)| to != 7));
}

#[test]
fn a_refused_form_names_its_fields() {
    let window = Window::new();
    let mut entry = nas();
    entry["host"] = json!("nobody");
    let refused = window
        .invoke(
            "save_node",
            json!({ "node": null, "entry": entry, "secrets": [] }),
        )
        .unwrap_err();
    assert_eq!(refused["kind"], "entry", "{refused}");
    assert!(!refused["errors"].as_array().unwrap().is_empty());
}

#[test]
fn an_import_with_a_mistake_is_refused_as_a_whole_with_its_line() {
    let window = Window::new();
    let text = "[[node]]\nname = \"nas\"\nkind = \"machine\"\n\n[[node]]\nname = \"x\"\nkind = \"machin\"\n";
    let refused = window
        .invoke("import_homelab", json!({ "text": text }))
        .unwrap_err();
    assert_eq!(refused["kind"], "entry", "{refused}");
    assert_eq!(refused["errors"][0]["line"], 7, "{refused}");
    assert_eq!(
        window.invoke("snapshot", json!({})).unwrap()["nodes"],
        json!([])
    );
}

#[test]
fn a_plan_is_shown_and_a_refusal_says_why() {
    let window = Window::new();
    // It is on, as everything on loopback, and has nothing to stop it by.
    let node = window.add(nas());
    let ask = json!({ "ask": { "action": "stop", "node": node } });
    let answer = window.invoke("plan", ask).unwrap();
    assert_eq!(answer["kind"], "refused", "{answer}");
    assert_eq!(answer["refusal"]["kind"], "no_channel");
}

#[test]
fn the_connection_test_sends_each_check() {
    let window = Window::new();
    let mut entry = nas();
    entry["ssh"] = json!({ "user": "root", "auth": "password", "port": 1 });
    let arguments = json!({
        "node": null,
        "entry": entry,
        "secrets": [{ "name": "ssh-password", "value": "hunter2" }],
        "channel": "__CHANNEL__:9",
    });
    let checks = window.invoke("test_connection", arguments).unwrap();
    let checks = checks.as_array().unwrap();
    assert!(!checks.is_empty());
    let first = window.sent(9, |_| true);
    assert_eq!(first, checks[0]);
    assert!(!format!("{checks:?}").contains("hunter2"));
}

#[test]
fn only_web_addresses_are_opened() {
    let window = Window::new();
    let mut entry = nas();
    entry["url"] = json!("file:///etc/passwd");
    let arguments = json!({ "node": null, "entry": entry, "secrets": [] });
    // Either the form refuses it or opening does.
    let Ok(node) = window.invoke("save_node", arguments) else {
        return;
    };
    window
        .invoke("subscribe", json!({ "channel": "__CHANNEL__:7" }))
        .unwrap();
    window.sent(7, |snapshot| snapshot["nodes"] != json!([]));
    let refused = window
        .invoke("open_url", json!({ "node": node }))
        .unwrap_err();
    assert!(
        refused["message"].as_str().unwrap().contains("http"),
        "{refused}"
    );
}

#[test]
fn when_the_engine_cannot_start_every_command_says_why() {
    let data = TempDir::new().unwrap();
    let first = Window::unstarted(TempDir::new().unwrap());
    let held = first.app.state::<Shell>();
    let second = Window::unstarted(data);
    // Two shells on one data directory.
    let options = wakehub_engine::Options::real(
        second.app.state::<Shell>().data_dir.clone(),
        held.keyring.clone(),
    );
    let holder = tauri::async_runtime::block_on(wakehub_engine::start(options)).unwrap();
    let why = tauri::async_runtime::block_on(second.app.state::<Shell>().start_engine(Wanted::Own))
        .map(drop)
        .unwrap_err();
    assert!(why.contains("another WakeHub"), "{why}");
    let refused = second.invoke("export_homelab", json!({})).unwrap_err();
    assert_eq!(refused, json!({ "kind": "other", "message": why }));
    let shown = second.invoke("snapshot", json!({})).unwrap();
    assert_eq!(shown["notices"][0]["code"], "engine_failed");
    assert_eq!(shown["notices"][0]["severity"], "critical");
    tauri::async_runtime::block_on(holder.shut_down());
}

#[test]
fn the_platform_is_described() {
    let window = Window::new();
    let platform = window.invoke("platform", json!({})).unwrap();
    assert_eq!(platform["version"], env!("CARGO_PKG_VERSION"));
    assert!(platform["tray"].is_boolean() && platform["keyring"].is_boolean());
}

#[test]
fn wrong_arguments_are_refused() {
    let window = Window::new();
    for (command, arguments) in [
        ("run", json!({ "ask": { "action": "explode", "node": 1 } })),
        ("node_entry", json!({ "node": "1; DROP TABLE nodes" })),
        ("no_such_command", json!({})),
    ] {
        assert!(window.invoke(command, arguments).is_err(), "{command}");
    }
}

#[test]
fn a_setting_takes_effect_at_once_and_a_wrong_one_is_refused() {
    let window = Window::new();
    let settings = window.invoke("settings", json!({})).unwrap();
    assert_eq!(settings["poll_idle_s"], 60);
    assert_eq!(settings["start_at_login"], Value::Null);
    let set = |key: &str, value: Value| {
        window.invoke("set_setting", json!({ "key": key, "value": value }))
    };
    set("poll_idle_s", json!(120)).unwrap();
    set("language", json!("fr")).unwrap();
    let settings = window.invoke("settings", json!({})).unwrap();
    assert_eq!(settings["poll_idle_s"], 120);
    assert_eq!(settings["language"], "fr");
    assert_eq!(
        window.app.state::<Shell>().language(),
        wakehub_view::text::Language::French
    );
    let refused = set("poll_idle_s", json!(5)).unwrap_err();
    assert_eq!(
        refused["message"],
        "the poll period while nobody looks must be 10 to 3600 seconds, not 5"
    );
    assert!(set("no_such_setting", json!(1)).is_err());
    assert!(set("language", json!("tlh")).is_err());
    let settings = window.invoke("settings", json!({})).unwrap();
    assert_eq!(settings["poll_idle_s"], 120);
}

#[test]
fn the_demo_takes_the_place_of_the_own_homelab_and_gives_it_back() {
    let window = Window::new();
    window.add(nas());
    window
        .invoke("subscribe", json!({ "channel": "__CHANNEL__:9" }))
        .unwrap();
    let own = window.sent(9, |snapshot| snapshot["nodes"][0]["name"] == "nas");

    window.invoke("start_demo", json!({})).unwrap();
    let is_whole = |snapshot: &Value| snapshot["nodes"].as_array().is_some_and(|n| n.len() == 14);
    let demo = window.sent(9, is_whole);
    assert!(demo["revision"].as_u64() > own["revision"].as_u64());
    let shown = window.sent(9, |snapshot| {
        let mut notices = snapshot["notices"].as_array().into_iter().flatten();
        is_whole(snapshot) && notices.any(|notice| notice["code"] == "demo")
    });
    let platform = window.invoke("platform", json!({})).unwrap();
    assert_eq!(
        (&platform["demo"], &platform["keyring"]),
        (&json!(true), &json!(true))
    );
    // nothing is behind its addresses, so no browser is asked
    let nodes = shown["nodes"].as_array().unwrap().iter();
    let pihole = nodes.clone().find(|node| node["name"] == "pihole").unwrap();
    let refused = window.invoke("open_url", json!({ "node": pihole["id"] }));
    let told = refused.unwrap_err()["message"].to_string();
    assert!(told.contains("demo"), "{told}");
    // once is enough
    window.invoke("start_demo", json!({})).unwrap();
    let jellyfin = nodes
        .clone()
        .find(|node| node["name"] == "lxc-jellyfin")
        .unwrap();
    let ask = json!({ "action": "start", "node": jellyfin["id"], "with_dependants": false, "automatic": false, "queue": false });
    let plan = window.invoke("plan", json!({ "ask": ask })).unwrap();
    assert_eq!(plan["plan"]["steps"].as_array().unwrap().len(), 3, "{plan}");

    window.invoke("leave_demo", json!({})).unwrap();
    let back = window.sent(9, |snapshot| {
        snapshot["nodes"][0]["name"] == "nas"
            && snapshot["nodes"].as_array().unwrap().len() == 1
            && snapshot["revision"].as_u64() > shown["revision"].as_u64()
    });
    let mut notices = back["notices"].as_array().into_iter().flatten();
    assert!(notices.all(|notice| notice["code"] != "demo"), "{back}");
    let platform = window.invoke("platform", json!({})).unwrap();
    assert_eq!(platform["demo"], json!(false));
}

#[test]
fn a_scan_tells_each_address_and_ends() {
    let window = Window::new();
    window.invoke("start_demo", json!({})).unwrap();
    window
        .invoke("scan", json!({ "channel": "__CHANNEL__:7" }))
        .unwrap();
    let found = window.sent(7, |found| found["name"] == "machine3");
    assert_eq!(found["address"], "10.77.0.5");
    assert_eq!(found["mac"], "52:54:00:00:00:05");
    assert_eq!(found["node"], Value::Null);
}
