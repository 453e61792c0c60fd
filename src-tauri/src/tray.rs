//! The icon in the tray and its menu, kept as the board says. What they show is decided in [`wakehub_view::tray`].

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tauri::image::Image;
use tauri::menu::{IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager};
use tracing::warn;
use wakehub_view::text::Language;
use wakehub_view::tray::{self as view, Change, Command, Entry, Icon, Item, Scene};
use wakehub_view::wire::Snapshot;

use crate::shell::{Shell, Stage};
use crate::{actions, desktop};

pub(crate) const ID: &str = "wakehub";

/// Changes that come close together are shown together.
const TOGETHER: Duration = Duration::from_millis(50);

/// What is in the tray at the moment. Touched on the main thread only.
struct Shown {
    icon: TrayIcon,
    menu: Menu<tauri::Wry>,
    lines: Vec<Line>,
    model: view::Menu,
    state: Icon,
}

/// One entry of the menu, with what is needed to change it.
enum Line {
    Item(MenuItem<tauri::Wry>),
    Submenu(Submenu<tauri::Wry>, Vec<MenuItem<tauri::Wry>>),
    Separator(PredefinedMenuItem<tauri::Wry>),
}

type Kept = Mutex<Option<Shown>>;

/// Puts the icon into the tray, where there can be one. To be called on the main thread.
pub(crate) fn build(app: &AppHandle) {
    if !desktop::has_tray_library() {
        warn!("no tray: libayatana-appindicator3 is not installed");
        return;
    }
    let shown = match first(app, app.state::<Shell>().language()) {
        Ok(shown) => shown,
        Err(error) => {
            warn!("no tray: {error}");
            return;
        }
    };
    app.manage(Kept::new(Some(shown)));
    tauri::async_runtime::spawn(follow(app.clone()));
}

/// Says at the icon which homelab is shown.
pub(crate) fn name(app: &AppHandle) {
    let tooltip = if app.state::<Shell>().is_demo() {
        "WakeHub: demo homelab"
    } else {
        "WakeHub"
    };
    if let Some(icon) = app.tray_by_id(ID)
        && let Err(error) = icon.set_tooltip(Some(tooltip))
    {
        warn!("failed to name the icon: {error}");
    }
}

fn first(app: &AppHandle, language: Language) -> tauri::Result<Shown> {
    let model = view::menu(Scene::Starting, language);
    let state = view::icon(Scene::Starting);
    let menu = Menu::new(app)?;
    let mut lines = Vec::new();
    for entry in &model.0 {
        let line = line(app, entry)?;
        menu.append(line.as_item())?;
        lines.push(line);
    }
    let icon = TrayIconBuilder::with_id(ID)
        .icon(picture(state))
        .icon_as_template(true)
        .tooltip("WakeHub")
        .menu(&menu)
        .on_menu_event(|app, event| match event.id().as_ref().parse::<Command>() {
            Ok(command) => actions::choose(app, command),
            Err(error) => warn!("{}: {error}", event.id().as_ref()),
        })
        .build(app)?;
    Ok(Shown {
        icon,
        menu,
        lines,
        model,
        state,
    })
}

async fn follow(app: AppHandle) {
    let (mut board, mut stage, mut language) = {
        let shell = app.state::<Shell>();
        (
            shell.board.follow(),
            shell.stage(),
            shell.language.subscribe(),
        )
    };
    loop {
        let (model, state) = {
            let stage = stage.borrow_and_update();
            let snapshot = board.borrow_and_update();
            let scene = scene(&stage, &snapshot);
            let language = *language.borrow_and_update();
            (view::menu(scene, language), view::icon(scene))
        };
        let on_main = app.clone();
        let posted = app.run_on_main_thread(move || {
            let kept = on_main.state::<Kept>();
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(shown) = &mut *kept
                && let Err(error) = shown.become_(&on_main, model, state)
            {
                warn!("failed to change the tray menu: {error}");
            }
        });
        if posted.is_err() {
            return;
        }
        tokio::time::sleep(TOGETHER).await;
        let more = tokio::select! {
            more = board.changed() => more,
            more = stage.changed() => more,
            more = language.changed() => more,
        };
        if more.is_err() {
            return;
        }
    }
}

fn scene<'a>(stage: &'a Stage, snapshot: &'a Snapshot) -> Scene<'a> {
    match stage {
        Stage::Starting => Scene::Starting,
        Stage::Failed(why) => Scene::Failed(why),
        Stage::Running(_) => Scene::Running(snapshot),
    }
}

impl Shown {
    fn become_(&mut self, app: &AppHandle, model: view::Menu, state: Icon) -> tauri::Result<()> {
        if self.state != state {
            self.icon
                .set_icon_with_as_template(Some(picture(state)), true)?;
            self.state = state;
        }
        for change in view::changes(&self.model, &model) {
            self.apply(app, change, &model)?;
        }
        self.model = model;
        Ok(())
    }

    fn apply(&mut self, app: &AppHandle, change: Change, model: &view::Menu) -> tauri::Result<()> {
        match change {
            Change::Remove { at } => self.remove(at),
            Change::Insert { at, entry } => self.insert(app, at, &entry),
            Change::Label { at, label } => match &self.lines[at] {
                Line::Item(item) => item.set_text(written(&label)),
                // On Linux a submenu's label is a box with a label in it, and `set_text` looks for a label: it does
                // nothing. So this one entry is made anew. Everything above `at` is final already.
                Line::Submenu(..) if cfg!(target_os = "linux") => {
                    self.remove(at)?;
                    self.insert(app, at, &model.0[at])
                }
                Line::Submenu(submenu, _) => submenu.set_text(written(&label)),
                Line::Separator(_) => Ok(()),
            },
            Change::ItemLabel { at, item, label } => match self.item(at, item) {
                Some(item) => item.set_text(written(&label)),
                None => Ok(()),
            },
            Change::ItemEnabled { at, item, enabled } => match self.item(at, item) {
                Some(item) => item.set_enabled(enabled),
                None => Ok(()),
            },
        }
    }

    fn remove(&mut self, at: usize) -> tauri::Result<()> {
        let removed = self.lines.remove(at);
        self.menu.remove(removed.as_item())
    }

    fn insert(&mut self, app: &AppHandle, at: usize, entry: &Entry) -> tauri::Result<()> {
        let line = line(app, entry)?;
        self.menu.insert(line.as_item(), at)?;
        self.lines.insert(at, line);
        Ok(())
    }

    fn item(&self, at: usize, item: usize) -> Option<&MenuItem<tauri::Wry>> {
        match self.lines.get(at)? {
            Line::Submenu(_, items) => items.get(item),
            Line::Item(_) | Line::Separator(_) => None,
        }
    }
}

impl Line {
    fn as_item(&self) -> &dyn IsMenuItem<tauri::Wry> {
        match self {
            Line::Item(item) => item,
            Line::Submenu(submenu, _) => submenu,
            Line::Separator(separator) => separator,
        }
    }
}

fn line(app: &AppHandle, entry: &Entry) -> tauri::Result<Line> {
    Ok(match entry {
        Entry::Item(item) => Line::Item(menu_item(app, item)?),
        Entry::Remark(label) => {
            Line::Item(MenuItem::new(app, written(label), false, None::<&str>)?)
        }
        Entry::Line(_) => Line::Separator(PredefinedMenuItem::separator(app)?),
        Entry::Submenu { label, items, .. } => {
            let submenu = Submenu::new(app, written(label), true)?;
            let items = items
                .iter()
                .map(|item| menu_item(app, item))
                .collect::<tauri::Result<Vec<_>>>()?;
            for item in &items {
                submenu.append(item)?;
            }
            Line::Submenu(submenu, items)
        }
    })
}

fn menu_item(app: &AppHandle, item: &Item) -> tauri::Result<MenuItem<tauri::Wry>> {
    let id = item.command.to_string();
    MenuItem::with_id(app, id, written(&item.label), item.enabled, None::<&str>)
}

/// An ampersand would underline the letter after it.
fn written(label: &str) -> String {
    label.replace('&', "&&")
}

fn picture(state: Icon) -> Image<'static> {
    match state {
        Icon::Well => tauri::include_image!("../icons/tray/well.png"),
        Icon::Working => tauri::include_image!("../icons/tray/working.png"),
        Icon::Attention => tauri::include_image!("../icons/tray/attention.png"),
    }
}
