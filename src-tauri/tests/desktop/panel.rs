//! The tray of a panel: a StatusNotifierWatcher, and its menu read and clicked over D-Bus as a panel does it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use zbus::blocking::{Connection, Proxy, connection};
use zbus::message::Header;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};
use zbus::{fdo, interface};

use crate::desk::{Desk, eventually, maybe};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// Shows icons while it lives.
pub struct Panel {
    connection: Connection,
    items: Arc<Mutex<Vec<(String, String)>>>,
}

/// One line of the menu.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub id: i32,
    pub label: String,
    pub enabled: bool,
    pub items: Vec<Line>,
}

impl Panel {
    pub fn new(desk: &Desk) -> Panel {
        let items = Arc::new(Mutex::new(vec![]));
        let watcher = Watcher(items.clone());
        let connection = connection::Builder::address(desk.bus.as_str())
            .unwrap()
            .serve_at("/StatusNotifierWatcher", watcher)
            .unwrap()
            .name(WATCHER)
            .unwrap()
            .build()
            .unwrap();
        Panel { connection, items }
    }

    pub fn icon_name(&self) -> String {
        let name: String = self.item().get_property("IconName").unwrap();
        name
    }

    /// The menu, `▸` before the items of a submenu, separators as `——`.
    pub fn labels(&self) -> Vec<String> {
        self.menu().iter().map(|line| line.label.clone()).collect()
    }

    pub fn menu(&self) -> Vec<Line> {
        self.try_menu().expect("the menu can be read")
    }

    pub fn wait_for(&self, what: &str, wanted: impl Fn(&[Line]) -> bool) -> Vec<Line> {
        let mut last = None;
        let found = maybe(|| {
            last = self.try_menu();
            last.clone().filter(|menu| wanted(menu))
        });
        found.unwrap_or_else(|| panic!("it did not happen: {what}; the menu is {last:#?}"))
    }

    pub fn wait_for_label(&self, label: &str) -> Vec<Line> {
        let what = format!("the menu shows {label:?}");
        self.wait_for(&what, |menu| menu.iter().any(|line| line.label == label))
    }

    /// Chooses the item, or of the submenu with the first label the item with the second.
    pub fn click(&self, path: &[&str]) {
        let mut lines = self.menu();
        let mut found = None;
        for label in path {
            let line = lines
                .iter()
                .find(|line| line.label == *label)
                .unwrap_or_else(|| panic!("no {label:?} in {lines:?}"))
                .clone();
            assert!(line.enabled, "{label:?} is disabled");
            found = Some(line.id);
            lines = line.items;
        }
        let id = found.expect("a label is given");
        self.dbusmenu()
            .call::<_, _, ()>("Event", &(id, "clicked", Value::from(0i32), 0u32))
            .unwrap();
    }

    fn item(&self) -> Proxy<'static> {
        let (service, path) = eventually("an icon is in the tray", || {
            self.items.lock().unwrap().last().cloned()
        });
        Proxy::new(
            &self.connection,
            service,
            path,
            "org.kde.StatusNotifierItem",
        )
        .unwrap()
    }

    fn dbusmenu(&self) -> Proxy<'static> {
        let item = self.item();
        let menu: OwnedObjectPath = item.get_property("Menu").unwrap();
        let service = item.destination().to_string();
        Proxy::new(&self.connection, service, menu, "com.canonical.dbusmenu").unwrap()
    }

    fn try_menu(&self) -> Option<Vec<Line>> {
        type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);
        let nothing: Vec<String> = vec![];
        let (_, root): (u32, Layout) = self
            .dbusmenu()
            .call("GetLayout", &(0i32, -1i32, nothing))
            .ok()?;
        Some(root.2.into_iter().map(line).collect())
    }
}

fn line(value: OwnedValue) -> Line {
    let (id, properties, children): (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>) =
        value.try_into().unwrap();
    let text = |name: &str| {
        properties
            .get(name)
            .and_then(|value| String::try_from(value.clone()).ok())
    };
    let separator = text("type").as_deref() == Some("separator");
    let enabled = properties
        .get("enabled")
        .and_then(|value| bool::try_from(value.clone()).ok());
    Line {
        id,
        // An underscore would mark the letter to press, two are one.
        label: if separator {
            "——".to_owned()
        } else {
            text("label").unwrap_or_default().replace("__", "_")
        },
        enabled: enabled.unwrap_or(true),
        items: children.into_iter().map(line).collect(),
    }
}

struct Watcher(Arc<Mutex<Vec<(String, String)>>>);

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, item: &str, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        let registered = match item.starts_with('/') {
            true => (sender, item.to_owned()),
            false => (item.to_owned(), "/StatusNotifierItem".to_owned()),
        };
        self.0.lock().unwrap().push(registered);
    }

    fn register_status_notifier_host(&self, _host: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> fdo::Result<Vec<String>> {
        let items = self.0.lock().unwrap();
        Ok(items
            .iter()
            .map(|(at, path)| format!("{at}{path}"))
            .collect())
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}
