//! What is asked is done, and "no" is said in the engine's own words.

use crate::desk::Desk;
use hyper::Method;
use serde_json::json;
use wakehub_view::wire::Power;

#[tokio::test]
async fn a_service_is_started_and_stopped_by_its_name() {
    let desk = Desk::open().await;
    let planned = json!({"action": "start", "node": desk.home.node("lxc-jellyfin").id});
    let plan = desk
        .own(Method::POST, "/api/v1/plan", Some(planned))
        .await
        .json();
    let steps = plan["plan"]["steps"].as_array().unwrap();
    let names: Vec<_> = steps
        .iter()
        .map(|step| step["node_name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["nas", "machine2", "lxc-jellyfin"]);

    let begun = desk
        .own(Method::POST, "/api/v1/nodes/lxc-jellyfin/start", None)
        .await;
    assert_eq!(begun.json()["kind"], "started");
    desk.home
        .wait_for("jellyfin on", |s| {
            s.nodes
                .iter()
                .any(|n| n.name == "lxc-jellyfin" && n.power == Power::On)
        })
        .await;
    let node = desk
        .own(Method::GET, "/api/v1/nodes/lxc-jellyfin", None)
        .await
        .json();
    assert_eq!(node["power"], "on");

    let refused = desk.own(Method::POST, "/api/v1/nodes/nas/stop", None).await;
    assert_eq!(refused.status, 200, "a refusal is an answer");
    let refused = refused.json();
    assert_eq!(refused["kind"], "refused");
    assert_eq!(refused["refusal"]["by"], json!(["lxc-jellyfin"]));
    let body = json!({"with_dependants": true});
    let stopped = desk
        .own(Method::POST, "/api/v1/nodes/nas/stop", Some(body))
        .await
        .json();
    assert_eq!(stopped["kind"], "started");
    desk.home
        .wait_for("nas off", |s| {
            s.nodes
                .iter()
                .any(|n| n.name == "nas" && n.power == Power::Off)
        })
        .await;
    let journal = desk
        .own(Method::GET, "/api/v1/journal?text=nas&limit=5", None)
        .await
        .json();
    assert!(!journal.as_array().unwrap().is_empty());
}

#[tokio::test]
async fn nodes_are_pinned_held_added_changed_and_removed() {
    let desk = Desk::open().await;
    let pin = |pinned: bool| {
        let body = json!({ "pinned": pinned });
        desk.own(Method::PUT, "/api/v1/nodes/nas/pinned", Some(body))
    };
    assert_eq!(pin(true).await.status, 204);
    desk.home
        .wait_for("pinned", |s| {
            s.nodes.iter().any(|n| n.name == "nas" && n.pinned)
        })
        .await;

    let started = desk
        .own(Method::POST, "/api/v1/nodes/nas/start", None)
        .await;
    assert_eq!(started.status, 200);
    desk.home
        .wait_for("nas on", |s| {
            s.nodes
                .iter()
                .any(|n| n.name == "nas" && n.power == Power::On && n.cascade.is_none())
        })
        .await;
    let hold = json!({"for": {"seconds": 7200}});
    assert_eq!(
        desk.own(Method::PUT, "/api/v1/nodes/nas/hold", Some(hold))
            .await
            .status,
        204
    );
    desk.home
        .wait_for("held", |s| {
            s.nodes
                .iter()
                .any(|n| n.name == "nas" && n.held_until.is_some())
        })
        .await;
    let release = json!("nothing");
    assert_eq!(
        desk.own(Method::PUT, "/api/v1/nodes/nas/hold", Some(release))
            .await
            .status,
        204
    );
    desk.home
        .wait_for("released", |s| {
            s.nodes.iter().all(|n| n.held_until.is_none())
        })
        .await;

    let why = desk.own(Method::GET, "/api/v1/nodes/nas/why", None).await;
    let why = why.json();
    assert_eq!(why["node_name"], "nas");
    assert_eq!(why["idle"], json!(null), "it has no rule");
    desk.own(Method::GET, "/api/v1/nodes/nobody/why", None)
        .await
        .refused(404, "not_found");

    let name = "büro 😀/2";
    let entry = json!({"name": name, "kind": "machine", "address": "10.77.0.9"});
    let added = desk
        .own(
            Method::POST,
            "/api/v1/nodes",
            Some(json!({ "entry": entry })),
        )
        .await;
    let id = added.json()["node"].as_u64().unwrap();
    let encoded = "/api/v1/nodes/b%C3%BCro%20%F0%9F%98%80%2F2";
    assert_eq!(desk.own(Method::GET, encoded, None).await.json()["id"], id);
    let bad = json!({"entry": {"name": "x", "kind": "vm"}});
    let refused = desk.own(Method::POST, "/api/v1/nodes", Some(bad)).await;
    refused.refused(422, "entry");
    assert_eq!(refused.json()["error"]["errors"][0]["field"], "host");
    let mut changed = entry;
    changed["note"] = json!("<b>under the desk</b>");
    let body = Some(json!({ "entry": changed }));
    assert_eq!(
        desk.own(Method::PUT, &format!("/api/v1/nodes/{id}"), body)
            .await
            .status,
        200
    );
    assert_eq!(desk.own(Method::DELETE, encoded, None).await.status, 204);
    desk.own(Method::GET, encoded, None)
        .await
        .refused(404, "not_found");
    desk.own(Method::DELETE, "/api/v1/nodes/4711", None)
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn schedules_are_read_and_kept() {
    let desk = Desk::open().await;
    let read =
        |body: serde_json::Value| desk.own(Method::POST, "/api/v1/schedule/read", Some(body));
    let cron = json!({"cron": "0 18 * * 1-5", "time_zone": "Europe/Paris"});
    let said = read(cron).await.json();
    assert_eq!(
        said["reading"],
        "every weekday at 18:00 (time of Europe/Paris)"
    );
    assert_eq!(said["next"].as_array().unwrap().len(), 5);
    let wrong = read(json!({"cron": "0 25 * * *"})).await.json();
    assert_eq!(wrong["error"]["field"], "cron");

    let entry = desk
        .own(Method::GET, "/api/v1/nodes/nas/entry", None)
        .await
        .json();
    let with = |cron: &str| {
        let mut entry = entry.clone();
        entry["schedules"] = json!([{"action": "stop", "cron": cron}]);
        entry["auto_stop_windows"] = json!([{"from": "22:00", "to": "07:00"}]);
        desk.own(
            Method::PUT,
            "/api/v1/nodes/nas",
            Some(json!({ "entry": entry })),
        )
    };
    let refused = with("30 24 * * *").await;
    assert_eq!(refused.status, 422);
    assert!(refused.json().to_string().contains("schedules.0.cron"));
    assert!(with("30 23 * * *").await.status.is_success());
    desk.home
        .wait_for("its next stop", |s| {
            s.nodes
                .iter()
                .any(|n| n.name == "nas" && n.next_scheduled.len() == 1)
        })
        .await;
    let kept = desk
        .own(Method::GET, "/api/v1/nodes/nas/entry", None)
        .await
        .json();
    assert_eq!(kept["schedules"][0]["cron"], "30 23 * * *");
    let why = desk
        .own(Method::GET, "/api/v1/nodes/nas/why", None)
        .await
        .json();
    assert_eq!(why["next_scheduled"][0]["action"], "stop");
}

#[tokio::test]
async fn a_connection_test_tells_each_check_as_it_ends() {
    let desk = Desk::open().await;
    let client = desk.client().await;
    let nas = desk.home.node("nas").id;
    let entry = client.node_entry(nas).await.unwrap();
    let (sender, mut checks) = tokio::sync::mpsc::channel(16);
    let all = client
        .test_connection(Some(nas), &entry, &[], sender)
        .await
        .unwrap();
    let mut told = Vec::new();
    while let Some(check) = checks.recv().await {
        told.push(check);
    }
    assert_eq!(told, all);
    assert!(!all.is_empty());
}

#[tokio::test]
async fn what_the_engine_refuses_is_said_in_its_words() {
    let desk = Desk::open().await;
    let gone = json!({"action": "start", "node": 4711});
    let answer = desk.own(Method::POST, "/api/v1/run", Some(gone)).await;
    answer.refused(409, "refused");
    let message = answer.json()["error"]["message"].to_string();
    assert!(message.contains("there is no node 4711"), "{message}");
    desk.own(Method::POST, "/api/v1/cascades/x/cancel", None)
        .await
        .refused(404, "not_found");
    let nowhere = json!({"answer": "keep_on"});
    let settled = desk
        .own(Method::POST, "/api/v1/questions/4711/answer", Some(nowhere))
        .await;
    assert_eq!(settled.status, 204, "answering what is settled is no error");
}

#[tokio::test]
async fn what_was_saved_is_asked_for_by_day_week_and_month() {
    let desk = Desk::open().await;
    let ask = |body: serde_json::Value| desk.own(Method::POST, "/api/v1/savings", Some(body));
    let answered = ask(json!({"by": "month", "count": 2})).await;
    assert_eq!(answered.status, 200);
    let view = answered.json();
    assert_eq!(view["periods"].as_array().map(Vec::len), Some(2));
    assert_eq!(view["currency"], "EUR");
    let refused = ask(json!({"by": "month", "count": 99})).await;
    assert_ne!(refused.status, 200);
    assert!(refused.json().to_string().contains("1 to 13 months"));
}
