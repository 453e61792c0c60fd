//! What every connector promises, whatever is behind it. Rows stand in conformance.rs.

use async_trait::async_trait;
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tracing_subscriber::fmt::MakeWriter;
use wakehub_connectors::{
    Check, CheckKind, CheckOutcome, Connector, Report, StopOptions, Target, Watch,
};
use wakehub_domain::{Capability, ConnectorError, ErrorKind, PowerOff, PowerState};

/// One way to one platform.
#[async_trait(?Send)]
pub trait Subject {
    fn name(&self) -> String;

    fn capability(&self) -> Capability;

    /// A connector that has not been used yet, and all that can be printed of it.
    fn connect(&self) -> (Arc<dyn Connector>, String);

    /// The same, but to another TCP port of this computer; `None` where there is no TCP.
    fn to_port(&self, port: u16) -> Option<Arc<dyn Connector>>;

    /// The same, but to another local socket.
    fn to_socket(&self, path: &Path) -> Option<Arc<dyn Connector>> {
        let _ = path;
        None
    }

    /// Off at the beginning, if it can be started.
    fn target(&self) -> Target;

    /// Whether this connection can start and stop the target. What cannot be done must be refused.
    fn can_start(&self) -> bool {
        true
    }

    fn can_stop(&self) -> bool {
        true
    }

    /// Whether the target is on, asked of the platform and not of the connector.
    async fn is_on(&self) -> bool;

    /// What the platform does not have, each with the text that a refusal must name.
    fn unknown(&self) -> Vec<(Target, String)>;

    /// What must stand nowhere.
    fn secrets(&self) -> Vec<String>;

    fn first_check(&self) -> CheckKind {
        CheckKind::Reachable
    }
}

/// More than any single call may take. Where nothing answers the clock is paused, so that it passes at once.
const LIMIT: Duration = Duration::from_secs(120);

pub async fn conform(subject: &dyn Subject) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(log.clone())
        .finish();
    // For this thread only, on which all tasks of these tests run.
    let _guard = tracing::subscriber::set_default(subscriber);

    let run = Run {
        subject,
        name: subject.name(),
        log,
    };
    run.starts_and_stops().await;
    run.refuses_what_it_does_not_know().await;
    run.looks_at_once().await;
    run.survives_dropped_calls().await;
    run.closes_and_opens_again().await;
    run.tests_the_connection().await;
    run.without_anybody_there().await;
    run.keeps_secrets();
}

struct Run<'a> {
    subject: &'a dyn Subject,
    name: String,
    /// Everything that was printed: logs, errors, checks.
    log: Log,
}

impl Run<'_> {
    fn connect(&self) -> Arc<dyn Connector> {
        let (connector, shown) = self.subject.connect();
        self.note(&shown);
        assert_eq!(
            connector.capability(),
            self.subject.capability(),
            "{}",
            self.name
        );
        connector
    }

    fn note(&self, shown: &impl Debug) {
        self.log.write(format!("{shown:?}\n").as_bytes());
    }

    fn note_error(&self, error: &ConnectorError) {
        self.log.write(format!("{error} {error:?}\n").as_bytes());
    }

    async fn within<T>(&self, what: &str, call: impl Future<Output = T>) -> T {
        match tokio::time::timeout(LIMIT, call).await {
            Ok(done) => done,
            Err(_) => panic!("{}: {what} has no deadline", self.name),
        }
    }

    async fn observe(&self, connector: &dyn Connector) -> Report {
        let seen = self.within("observe", connector.observe()).await;
        match seen {
            Ok(report) => report,
            Err(error) => panic!("{}: {error:?}", self.name),
        }
    }

    async fn starts_and_stops(&self) {
        let connector = self.connect();
        let (subject, target) = (self.subject, self.subject.target());
        let first = self.observe(&*connector).await;
        let second = self.observe(&*connector).await;
        assert_eq!(first.itself, second.itself, "{}", self.name);
        assert_eq!(
            state(&first, &target),
            state(&second, &target),
            "{}",
            self.name
        );
        let cannot = |done: Result<(), ConnectorError>| match done {
            Ok(()) => panic!("{}: what it cannot do has succeeded", self.name),
            Err(error) => {
                self.note_error(&error);
                assert!(
                    matches!(error.kind, ErrorKind::Unsupported | ErrorKind::Rejected),
                    "{}: {error:?}",
                    self.name
                );
            }
        };

        for again in [false, true] {
            let started = self.within("start", connector.start(&target)).await;
            if !subject.can_start() {
                cannot(started);
                break;
            }
            if let Err(error) = started {
                panic!("{}: start, again: {again}: {error:?}", self.name);
            }
            assert!(
                subject.is_on().await,
                "{}: start, again: {again}",
                self.name
            );
            if subject.can_stop() {
                let seen = self.observe(&*connector).await;
                assert_eq!(state(&seen, &target), Some(PowerState::On), "{}", self.name);
            }
        }
        for again in [false, true] {
            let stopped = self
                .within("stop", connector.stop(&target, &gently()))
                .await;
            if !subject.can_stop() {
                cannot(stopped);
                break;
            }
            if let Err(error) = stopped {
                panic!("{}: stop, again: {again}: {error:?}", self.name);
            }
            assert!(
                !subject.is_on().await,
                "{}: stop, again: {again}",
                self.name
            );
            if subject.can_start() {
                let seen = self.observe(&*connector).await;
                assert_eq!(
                    state(&seen, &target),
                    Some(PowerState::Off),
                    "{}",
                    self.name
                );
            }
        }
        self.within("discover", connector.discover())
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", self.name));
    }

    async fn refuses_what_it_does_not_know(&self) {
        let connector = self.connect();
        for (target, named) in self.subject.unknown() {
            let done = [
                self.within("start", connector.start(&target)).await,
                self.within("stop", connector.stop(&target, &gently()))
                    .await,
            ];
            for done in done {
                let Err(error) = done else {
                    panic!("{}: {target:?} does not exist, yet it succeeded", self.name);
                };
                self.note_error(&error);
                let refused = matches!(error.kind, ErrorKind::Rejected | ErrorKind::Unsupported);
                assert!(refused, "{}: {target:?}: {error:?}", self.name);
                assert!(
                    error.to_string().contains(&named),
                    "{}: {error:?}",
                    self.name
                );
            }
        }
    }

    async fn looks_at_once(&self) {
        let connector = self.connect();
        let looks = (0..8).map(|_| {
            let connector = connector.clone();
            tokio::spawn(async move { connector.observe().await })
        });
        let alone = self.observe(&*connector).await;
        for look in futures_util::future::join_all(looks).await {
            let report = look.expect("no panic").unwrap_or_else(|error| {
                panic!("{}: {error:?}", self.name);
            });
            assert_eq!(report.guests.len(), alone.guests.len(), "{}", self.name);
        }
    }

    async fn survives_dropped_calls(&self) {
        let connector = self.connect();
        let target = self.subject.target();
        for micros in [0, 20, 100, 300, 1000, 3000, 10_000] {
            let limit = Duration::from_micros(micros);
            let _ = tokio::time::timeout(limit, connector.observe()).await;
            let _ = tokio::time::timeout(limit, connector.discover()).await;
            let (sender, _receiver) = mpsc::channel(16);
            let _ = tokio::time::timeout(limit, connector.test(&sender)).await;
            if self.subject.can_start() && self.subject.can_stop() {
                // The target is off, so that this changes nothing.
                let _ = tokio::time::timeout(limit, connector.stop(&target, &gently())).await;
            }
            self.observe(&*connector).await;
        }
    }

    async fn closes_and_opens_again(&self) {
        let connector = self.connect();
        self.within("close", connector.close()).await;
        self.observe(&*connector).await;
        self.within("close", connector.close()).await;
        self.within("close", connector.close()).await;
        self.observe(&*connector).await;
    }

    async fn checks(&self, connector: &dyn Connector) -> Vec<Check> {
        let (sender, mut receiver) = mpsc::channel(64);
        self.within("test", connector.test(&sender)).await;
        drop(sender);
        let mut all = Vec::new();
        while let Some(check) = receiver.recv().await {
            self.note(&check);
            all.push(check);
        }
        all
    }

    async fn tests_the_connection(&self) {
        let connector = self.connect();
        let all = self.checks(&*connector).await;
        let first = all.first().map(|check| (check.what, check.outcome));
        let expected = Some((self.subject.first_check(), CheckOutcome::Passed));
        assert_eq!(first, expected, "{}: {all:?}", self.name);
        for check in &all {
            let failed = check.outcome == CheckOutcome::Failed;
            assert!(!failed, "{}: {check:?}", self.name);
        }
        // Nobody listens to the outcome.
        let (sender, receiver) = mpsc::channel(1);
        drop(receiver);
        self.within("test", connector.test(&sender)).await;
        self.observe(&*connector).await;
    }

    /// A closed port, one that accepts and says nothing, and one that hangs up: nobody knows anything then, and above
    /// all not that something is off.
    async fn without_anybody_there(&self) {
        let nowhere = Nowhere::new().await;
        for (how, connector) in nowhere.connectors(self.subject) {
            let what = format!("{} with {how}", self.name);
            if how == "silence" {
                tokio::time::pause();
            }
            let kinds = [ErrorKind::Unreachable, ErrorKind::TimedOut];
            let lost = |call: &str, error: ConnectorError| {
                self.note_error(&error);
                // Something that hangs up may as well not speak the protocol.
                let allowed = kinds.contains(&error.kind)
                    || (how == "hanging up" && error.kind == ErrorKind::Protocol);
                assert!(allowed, "{what}: {call}: {error:?}");
            };
            match self.within("observe", connector.observe()).await {
                Err(error) => lost("observe", error),
                Ok(report) => {
                    assert!(!report.complete, "{what}: {report:?}");
                    assert!(report.guests.is_empty(), "{what}: {report:?}");
                    assert!(
                        matches!(report.itself, None | Some(PowerState::Unknown)),
                        "{what}: {report:?}"
                    );
                }
            }
            let target = self.subject.target();
            if self.subject.can_start() {
                match self.within("start", connector.start(&target)).await {
                    Err(error) => lost("start", error),
                    Ok(()) => panic!("{what}: started"),
                }
            }
            if self.subject.can_stop() {
                match self
                    .within("stop", connector.stop(&target, &gently()))
                    .await
                {
                    Err(error) => lost("stop", error),
                    Ok(()) => panic!("{what}: stopped"),
                }
            }
            match self.within("discover", connector.discover()).await {
                Err(error) => lost("discover", error),
                Ok(found) => assert!(found.is_empty(), "{what}: {found:?}"),
            }
            let (sender, _receiver) = mpsc::channel(1);
            match self.within("watch", connector.watch(&sender)).await {
                Err(error) => lost("watch", error),
                Ok(watch) => assert_eq!(watch, Watch::NotOffered, "{what}"),
            }
            let all = self.checks(&*connector).await;
            let failed = all
                .iter()
                .any(|check| check.outcome == CheckOutcome::Failed);
            assert!(failed, "{what}: {all:?}");
            self.within("close", connector.close()).await;
            if how == "silence" {
                tokio::time::resume();
            }
        }
    }

    fn keeps_secrets(&self) {
        let printed = self.log.text();
        for secret in self.subject.secrets() {
            assert!(secret.len() >= 8, "{}: too short to look for", self.name);
            if let Some(at) = printed.find(&secret) {
                let from = printed[..at].rfind('\n').unwrap_or(0);
                let line = printed[from..].lines().nth(1).unwrap_or_default();
                panic!("{}: a secret was printed: {line}", self.name);
            }
        }
    }
}

fn state(report: &Report, target: &Target) -> Option<PowerState> {
    match target {
        Target::Itself => report.itself.clone(),
        Target::Guest { kind, platform_id } => report
            .guests
            .iter()
            .find(|guest| guest.kind == *kind && guest.platform_id == *platform_id)
            .map(|guest| guest.state.clone()),
    }
}

fn gently() -> StopOptions {
    StopOptions {
        timeout: Duration::from_secs(30),
        force: false,
        power_off: PowerOff::ShutDown,
        command: None,
    }
}

/// Ports and sockets behind which nobody is.
struct Nowhere {
    dir: TempDir,
    silent: TcpListener,
    hanging_up: u16,
    refusing: u16,
    #[cfg(unix)]
    _silent_socket: tokio::net::UnixListener,
}

impl Nowhere {
    async fn new() -> Nowhere {
        let listen = || async { TcpListener::bind("127.0.0.1:0").await.expect("a port") };
        let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
        let refusing = port(&listen().await);
        let listener = listen().await;
        let hanging_up = port(&listener);
        tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        let dir = tempfile::tempdir().expect("a folder");
        Nowhere {
            silent: listen().await,
            hanging_up,
            refusing,
            #[cfg(unix)]
            _silent_socket: tokio::net::UnixListener::bind(dir.path().join("silent"))
                .expect("a socket"),
            dir,
        }
    }

    fn connectors(&self, subject: &dyn Subject) -> Vec<(&'static str, Arc<dyn Connector>)> {
        let silent = self.silent.local_addr().expect("an address").port();
        let ports = [
            ("refusal", self.refusing),
            ("silence", silent),
            ("hanging up", self.hanging_up),
        ];
        let sockets = [("refusal", "absent"), ("silence", "silent")];
        let by_port = ports
            .into_iter()
            .filter_map(|(how, port)| Some((how, subject.to_port(port)?)));
        let by_socket = sockets
            .into_iter()
            .filter_map(|(how, name)| Some((how, subject.to_socket(&self.dir.path().join(name))?)));
        by_port.chain(by_socket).collect()
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn write(&self, bytes: &[u8]) {
        self.0.lock().expect("the log").extend_from_slice(bytes);
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("the log")).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Log::write(self, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}
