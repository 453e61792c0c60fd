//! `wakehub run --demo`: a homelab for those who have none, apart from the user's own.

use crate::wakehub::Wakehub;

#[cfg(unix)]
#[tokio::test]
async fn the_demo_runs_beside_the_users_own_homelab() {
    let wakehub = Wakehub::with_reference().await;
    let before = wakehub.run(&["export"]).await.done().stdout;
    let (running, _lines) = wakehub
        .running_with(&["run", "--demo", "--speed", "100"])
        .await;
    let folder = wakehub.data_dir().join("demo");
    assert!(folder.join("wakehub.db").exists());
    // the user's own homelab is free, and as it was
    assert_eq!(wakehub.run(&["export"]).await.done().stdout, before);

    let pid = running.id().expect("runs").to_string();
    let told = tokio::process::Command::new("kill").arg(&pid).status();
    assert!(told.await.expect("kill").success());
    let ended = running.wait_with_output().await.expect("ended");
    let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("demo homelab"), "{stderr}");

    // what is left of it is no homelab to send packets to
    let folder = folder.display().to_string();
    let refused = wakehub.run(&["--data-dir", &folder, "nodes"]).await;
    let complaint = refused.complaint();
    assert!(complaint.contains("demo homelab"), "{complaint}");
    let (mut again, _lines) = wakehub.running_with(&["run", "--demo=empty"]).await;
    again.kill().await.expect("killed");
}

#[tokio::test]
async fn what_the_demo_cannot_be_is_said() {
    let wakehub = Wakehub::new();
    for args in [
        &["run", "--speed", "2"][..],
        &["run", "--demo", "--speed", "0"],
        &["run", "--demo", "--speed", "NaN"],
        &["run", "--demo=castle"],
        &["run", "--seed", "7"],
    ] {
        assert_eq!(wakehub.run(args).await.status, 2, "{args:?}");
    }
}
