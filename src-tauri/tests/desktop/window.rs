//! The window, read and clicked over WebDriver: tauri-driver starts the program through WebKit's own driver.

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::desk::{Desk, eventually, maybe};

/// The driver, and the program that it starts. Without a window the session waits until one opens.
pub struct Driver {
    child: Child,
    runtime: Arc<Runtime>,
    session: Option<JoinHandle<Client>>,
}

/// The program's window while its driver's session lasts. Ending the session ends the program.
pub struct Window {
    client: Client,
    driver: Driver,
}

impl Driver {
    /// Starts the program on the desk's data directory.
    pub fn start(desk: &Desk, runtime: &Arc<Runtime>, arguments: &[&str]) -> Driver {
        if cfg!(not(feature = "custom-protocol")) {
            panic!("the window has no page in it: build the tests with --features custom-protocol");
        }
        let [port, native] = free_ports();
        let log = fs::File::create(desk.path("app.err")).unwrap();
        let child = desk
            .command("tauri-driver")
            .args(["--port", &port.to_string()])
            .args(["--native-port", &native.to_string()])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("tauri-driver must be installed (node src-tauri/tasks/setup.mjs test)");
        let mut driver = Driver {
            child,
            runtime: runtime.clone(),
            session: None,
        };
        for port in [port, native] {
            eventually("the driver listens", || {
                TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
            });
        }
        let program = desk.app_command(arguments);
        let arguments: Vec<_> = program.get_args().map(|given| given.to_str()).collect();
        let options = json!({ "application": program.get_program().to_str(), "args": arguments });
        let capabilities = [("tauri:options".to_owned(), options)];
        driver.session = Some(runtime.spawn(async move {
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities.into_iter().collect())
                .connect(&format!("http://127.0.0.1:{port}"))
                .await
                .unwrap()
        }));
        driver
    }

    /// When a window is open.
    pub fn window(mut self) -> Window {
        let session = self.session.take().unwrap();
        let client = self.runtime.block_on(session).unwrap();
        Window {
            client,
            driver: self,
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Asked to end, it ends WebKit's driver too, and that the program.
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = Pid::from_raw(pid)
        {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

impl Window {
    pub fn run(&self, script: &str) -> Value {
        let ran = self.client.execute(script, vec![]);
        self.driver.runtime.block_on(ran).unwrap()
    }

    /// The texts of the elements, as they are shown.
    pub fn texts(&self, css: &str) -> Vec<String> {
        self.driver.runtime.block_on(async {
            let mut texts = vec![];
            for element in self.client.find_all(Locator::Css(css)).await.unwrap() {
                // One that has gone since it was found has no text.
                texts.extend(element.text().await);
            }
            texts
        })
    }

    pub fn wait_for(&self, css: &str) -> String {
        let found = maybe(|| self.texts(css).into_iter().next());
        found.unwrap_or_else(|| {
            panic!(
                "no {css} in the window, which shows {:?}",
                self.texts("body")
            )
        })
    }

    pub fn wait_without(&self, css: &str) {
        eventually(&format!("{css} goes away"), || {
            self.texts(css).is_empty().then_some(())
        });
    }

    /// The button with this text in the element.
    pub fn press(&self, css: &str, label: &str) {
        self.driver.runtime.block_on(async {
            let scope = self.client.find(Locator::Css(css)).await.unwrap();
            let button = format!(".//button[normalize-space()={label:?}]");
            let button = scope.find(Locator::XPath(&button)).await.unwrap();
            button.click().await.unwrap();
        });
    }

    /// Ends the program.
    pub fn end(self) {
        self.driver.runtime.block_on(self.client.close()).unwrap();
    }
}

/// Two that nobody listens on at the moment.
pub fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
