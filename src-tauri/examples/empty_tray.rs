//! The least that a Tauri program with a tray icon can be: what WakeHub's memory is measured against. With `--show` it opens
//! a window with a line of text in it: the least time to a first paint.

use tauri::RunEvent;
use tauri::menu::{Menu, MenuItem};
use tauri::tray::TrayIconBuilder;
use tauri::{WebviewUrl, WebviewWindowBuilder};

const PAGE: &str = "<!doctype html><body style='background:#fff;font-size:5rem;margin:2em'>The least that a window can show";

fn main() -> tauri::Result<()> {
    tauri::Builder::default()
        .register_uri_scheme_protocol("least", |_, _| {
            tauri::http::Response::builder()
                .header("content-type", "text/html")
                .body(PAGE.as_bytes())
                .unwrap_or_default()
        })
        .setup(|app| {
            let quit = MenuItem::with_id(app, "quit", "Quit", true, None::<&str>)?;
            TrayIconBuilder::with_id("empty")
                .icon(tauri::include_image!("../icons/tray/well.png"))
                .menu(&Menu::with_items(app, &[&quit])?)
                .on_menu_event(|app, _| app.exit(0))
                .build(app)?;
            if std::env::args().any(|argument| argument == "--show") {
                let page = WebviewUrl::CustomProtocol("least://page".parse()?);
                WebviewWindowBuilder::new(app, "main", page)
                    .title("WakeHub")
                    .inner_size(1200.0, 780.0)
                    .build()?;
            }
            Ok(())
        })
        .build(tauri::generate_context!())?
        .run(|_, event| {
            if let RunEvent::ExitRequested {
                code: None, api, ..
            } = event
            {
                api.prevent_exit();
            }
        });
    Ok(())
}
