//! `journal` with its filters, and as a file.

use crate::wakehub::Wakehub;
use serde_json::Value;

#[tokio::test]
async fn filters_and_files() {
    let wakehub = Wakehub::with_reference().await;
    let lines = |args: &'static [&'static str]| {
        let mut all = vec!["journal", "--json"];
        all.extend_from_slice(args);
        let wakehub = &wakehub;
        async move {
            let ended = wakehub.run(&all).await.done().json();
            ended.as_array().expect("lines").len()
        }
    };
    let all = lines(&["--kind", "edit"]).await;
    assert_eq!(all, 14, "each node of the reference homelab was imported");
    assert_eq!(lines(&["--kind", "hold", "--kind", "question"]).await, 0);
    assert_eq!(lines(&["--kind", "edit", "-n", "3"]).await, 3);
    assert_eq!(lines(&["--kind", "edit", "--since", "1h"]).await, all);
    assert_eq!(lines(&["--kind", "edit", "--until", "1h"]).await, 0);
    assert_eq!(lines(&["--kind", "edit", "--until", "2001-01-01"]).await, 0);
    let since = ["--kind", "edit", "--since", "2001-01-01T12:30"];
    assert_eq!(lines(Box::leak(Box::new(since))).await, all);
    assert_eq!(
        lines(&["--kind", "edit", "--text", "\"jelly NEAR("]).await,
        0
    );
    assert_eq!(lines(&["--kind", "edit", "--text", "jellyf"]).await, 1);

    let csv = wakehub.run(&["journal", "--csv", "--kind", "edit"]).await;
    let csv = csv.done().stdout;
    let rows: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), all + 1, "{csv}");
    assert_eq!(rows[0], "id,time,kind,node,cascade,message,reason");
    assert!(rows[1].contains(",edit,"), "{csv}");

    let file = wakehub.run(&["journal", "--json-lines", "-n", "2"]).await;
    let file = file.done().stdout;
    let read = file
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let ids: Vec<i64> = read
        .map(|line: Value| line["id"].as_i64().expect("an id"))
        .collect();
    assert!(ids.len() == 2 && ids[0] < ids[1], "oldest first: {ids:?}");

    let wrong = wakehub
        .run(&["journal", "--since", "soon"])
        .await
        .complaint();
    assert!(wrong.contains("soon is no time"), "{wrong}");
}
