//! Whom the command line finds.

use crate::desk::{Desk, VERSION};
use wakehub_api::client::{ConnectError, connect};

#[tokio::test]
async fn nobody_and_another_version_are_told_apart() {
    let folder = tempfile::TempDir::new().unwrap();
    let nobody = connect(folder.path(), VERSION).await.err();
    assert!(
        matches!(nobody, Some(ConnectError::NotRunning)),
        "{nobody:?}"
    );

    let desk = Desk::open().await;
    let other = connect(&desk.data_dir(), "9.9.9").await.err();
    let Some(ConnectError::OtherVersion { theirs, ours, pid }) = other else {
        panic!("{other:?}");
    };
    assert_eq!((theirs.as_str(), ours.as_str()), (VERSION, "9.9.9"));
    assert_eq!(pid, std::process::id());

    // a socket that nobody listens on any longer
    let path = folder.path().join("wakehub.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let nobody = connect(folder.path(), VERSION).await.err();
    assert!(
        matches!(nobody, Some(ConnectError::NotRunning)),
        "{nobody:?}"
    );
}

/// Longer than a socket's path may be.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_data_directory_may_lie_deep() {
    let folder = tempfile::TempDir::new().unwrap();
    let deep = folder.path().join("d".repeat(200));
    std::fs::create_dir(&deep).unwrap();
    let sim = crate::sim::Sim::reference();
    let pocket = std::sync::Arc::new(crate::sim::Pocket::default());
    let clock = std::sync::Arc::new(wakehub_engine::SystemClock);
    let handle = crate::sim::open_at(&sim, &deep, clock, pocket.clone()).await;
    let options = wakehub_api::Options {
        data_dir: deep.clone(),
        secrets: pocket,
        version: VERSION,
        demo: false,
    };
    let server = wakehub_api::serve(handle, options).await.expect("served");
    let client = connect(&deep, VERSION).await.expect("connected");
    assert!(client.export().await.is_ok());
    drop(client);
    server.end().await;
}
