//! The real program on a real (if invisible) desktop: its icon, its menu, its window, and desktops that lack something.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "a failed test shows the program's log")]

mod desk;
mod export;
mod homelab;
mod journey;
mod keyring;
mod links;
mod panel;
mod question;
mod web_view;
mod window;

use desk::{App, Desk, eventually};
use panel::{Line, Panel};
use serde_json::Value;

const OPEN: &str = "Open WakeHub";
const PAUSE: &str = "Pause automatic stops";

fn has_web_process(app: &App) -> bool {
    app.children().iter().any(|name| name.starts_with("WebKit"))
}

#[test]
fn starts_in_the_tray_without_a_window_and_quits() {
    let desk = Desk::new();
    let panel = Panel::new(&desk);
    let mut app = desk.app(&["--hidden"]);
    panel.wait_for_label("Nothing pinned yet");
    assert_eq!(
        panel.labels(),
        ["Nothing pinned yet", "——", PAUSE, OPEN, "Quit"]
    );
    assert_eq!(desk.windows(), [""; 0]);
    assert!(!has_web_process(&app), "{:?}", app.children());
    panel.click(&["Quit"]);
    assert!(app.ended().success());
}

#[test]
fn the_window_is_destroyed_when_closed_and_no_web_process_stays() {
    let desk = Desk::new();
    let panel = Panel::new(&desk);
    let mut app = desk.app(&["--hidden"]);
    for _ in 0..2 {
        panel.wait_for_label(OPEN);
        panel.click(&[OPEN]);
        let window = desk.wait_for_window();
        eventually("the web view runs", || has_web_process(&app).then_some(()));
        desk.close(&window);
        eventually("the window is gone", || {
            desk.windows().is_empty().then_some(())
        });
        eventually("no web process is left", || {
            (!has_web_process(&app)).then_some(())
        });
        assert!(app.is_running());
    }
    assert!(desk.data().join("window.json").exists());
}

/// What WebKit keeps for a web view is in files of shared memory: they are gone when it is freed.
#[test]
fn nothing_stays_of_a_closed_window() {
    let desk = Desk::new();
    let panel = Panel::new(&desk);
    let app = desk.app(&["--hidden"]);
    let shared = || {
        let files = app.open_files().into_iter();
        files.filter(|file| file.contains("WebKit")).count()
    };
    for _ in 0..3 {
        panel.wait_for_label(OPEN);
        panel.click(&[OPEN]);
        let window = desk.wait_for_window();
        eventually("the web view has its memory", || {
            (shared() > 0).then_some(())
        });
        desk.close(&window);
        eventually("its memory is gone", || (shared() == 0).then_some(()));
    }
}

/// Without a card there is nothing to draw with, so nothing of it has a place in the tray.
#[test]
fn a_window_leaves_no_software_opengl_in_the_tray() {
    if std::path::Path::new("/dev/dri").exists() {
        eprintln!("SKIPPED: this machine has a graphics card (/dev/dri), whose driver may stay");
        return;
    }
    let desk = Desk::new();
    // GTK asks OpenGL once for each display and leaves the answer there (GDK_VISUALS), for all that come later.
    let mut first = desk.app(&[]);
    desk.wait_for_window();
    desk.run("kill", &["-TERM", &first.pid().to_string()]);
    assert!(first.ended().success());

    let panel = Panel::new(&desk);
    let app = desk.app(&["--hidden"]);
    panel.wait_for_label(OPEN);
    panel.click(&[OPEN]);
    let window = desk.wait_for_window();
    eventually("the web view runs", || has_web_process(&app).then_some(()));
    desk.close(&window);
    eventually("no web process is left", || {
        (!has_web_process(&app)).then_some(())
    });
    let mapped = app.mapped();
    assert!(mapped.contains("libwebkit2gtk"), "{mapped}");
    for driver in ["libLLVM", "swrast_dri", "libgallium"] {
        assert!(!mapped.contains(driver), "{driver} is loaded");
    }
}

#[test]
fn a_second_start_shows_the_window_of_the_first() {
    let desk = Desk::new();
    let panel = Panel::new(&desk);
    let first = desk.app(&["--hidden"]);
    panel.wait_for_label(OPEN);
    assert!(desk.app(&["--hidden"]).ended().success());
    desk.wait_for_window();
    let mut third = desk.app(&[]);
    assert!(third.ended().success());
    assert_eq!(desk.windows().len(), 1);
    assert!(has_web_process(&first));
}

#[test]
fn an_empty_homelab_opens_the_window() {
    let desk = Desk::new();
    let _panel = Panel::new(&desk);
    let _app = desk.app(&[]);
    desk.wait_for_window();
}

#[test]
fn the_end_of_the_session_ends_it_in_good_order() {
    let desk = Desk::new();
    let panel = Panel::new(&desk);
    let mut app = desk.app(&["--hidden"]);
    panel.wait_for_label(OPEN);
    desk.run("kill", &["-TERM", &app.pid().to_string()]);
    assert!(app.ended().success());
    assert!(desk.log().contains("ended"), "{}", desk.log());
}

#[test]
fn without_a_tray_closing_minimises_until_one_comes() {
    let desk = Desk::new();
    let mut app = desk.app(&["--hidden"]);
    let window = desk.wait_for_window();
    eventually("it starts minimised", || {
        desk.is_minimised(&window).then_some(())
    });
    desk.run("xdotool", &["windowmap", &window]);
    eventually("it is shown", || {
        (!desk.is_minimised(&window)).then_some(())
    });
    desk.close(&window);
    eventually("it is minimised", || {
        desk.is_minimised(&window).then_some(())
    });
    assert!(app.is_running());

    let panel = Panel::new(&desk);
    panel.wait_for_label(OPEN);
    eventually("the tray is noticed", || {
        desk.log().contains("tray: Present").then_some(())
    });
    desk.close(&window);
    eventually("the window is gone", || {
        desk.windows().is_empty().then_some(())
    });
    assert!(app.is_running());
}

#[test]
fn without_a_bus_there_is_the_window() {
    let desk = Desk::without_bus();
    let mut app = desk.app(&["--show"]);
    let window = desk.wait_for_window();
    eventually("the web view runs", || has_web_process(&app).then_some(()));
    eventually("the bus is missed", || {
        desk.log().contains("tray: Absent").then_some(())
    });
    desk.close(&window);
    eventually("it is minimised", || {
        desk.is_minimised(&window).then_some(())
    });
    assert!(app.is_running());
}

#[test]
fn without_the_tray_library_there_is_the_window() {
    let desk = Desk::new();
    let _panel = Panel::new(&desk);
    // In a mount namespace of its own the library is an empty file.
    let script = "for library in $(ldconfig -p | sed -n 's/.*appindicator3.so.1 .*=> //p'); do \
                  mount --bind /dev/null \"$library\"; done; exec \"$@\"";
    let inner = desk.app_command(&["--show"]);
    let mut command = desk.command("unshare");
    command
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(inner.get_program())
        .args(inner.get_args());
    let app = command.spawn().expect("unshare");
    let mut app = App::from(app);
    desk.wait_for_window();
    eventually("it is said", || {
        desk.log()
            .contains("libayatana-appindicator3 is not installed")
            .then_some(())
    });
    assert!(app.is_running());
}

#[test]
fn without_a_display_it_says_so() {
    let desk = Desk::new();
    for display in [None, Some(":99999")] {
        let mut command = desk.app_command(&[]);
        match display {
            Some(display) => command.env("DISPLAY", display),
            None => command.env_remove("DISPLAY"),
        };
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("there is no desktop to show WakeHub on"),
            "{said}"
        );
    }
}

#[test]
fn wrong_options_are_refused() {
    let desk = Desk::new();
    let output = desk.app_command(&["--shwo"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("unknown option: --shwo"), "{said}");
}

#[test]
fn speaks_french_where_the_user_does() {
    let desk = Desk::new();
    let panel = Panel::new(&desk);
    let mut command = desk.app_command(&["--hidden"]);
    let _app = App::from(command.env("LANG", "fr_FR.UTF-8").spawn().unwrap());
    panel.wait_for_label("Ouvrir WakeHub");
    panel.wait_for_label("Quitter");
}

/// Everything on loopback answers, so these machines are on.
const HOMELAB: &str = r#"
    [[node]]
    name = "nas"
    kind = "machine"
    address = "127.0.0.91"
    mac = "52:54:00:00:00:03"
    ssh = { user = "root", auth = "agent", port = 1 }
    pinned = true

    [[node]]
    name = "media & more"
    kind = "machine"
    address = "127.0.0.92"
    depends_on = ["nas"]
    url = "http://127.0.0.92:8096/?a=1&b=$(x)"
    ssh = { user = "root", auth = "agent", port = 1 }
    pinned = true

    [[node]]
    name = "raspberry"
    kind = "machine"
    address = "127.0.0.93"
"#;

fn item<'a>(menu: &'a [Line], label: &str, item: &str) -> &'a Line {
    let line = menu.iter().find(|line| line.label == label);
    let line = line.unwrap_or_else(|| panic!("no {label:?} in {menu:?}"));
    line.items.iter().find(|known| known.label == item).unwrap()
}

#[test]
fn pinned_nodes_stand_in_the_menu_with_their_state() {
    let desk = Desk::new();
    homelab::import(&desk, HOMELAB);
    let panel = Panel::new(&desk);
    let _app = desk.app(&[]);
    let menu = panel.wait_for_label("●  media & more · On");
    let labels: Vec<&str> = menu.iter().map(|line| line.label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "●  nas · On",
            "●  media & more · On",
            "——",
            PAUSE,
            OPEN,
            "Quit"
        ]
    );
    assert!(!item(&menu, "●  nas · On", "Start").enabled);
    assert!(item(&menu, "●  nas · On", "Stop").enabled);
    assert!(item(&menu, "●  media & more · On", "Open").enabled);
    assert_eq!(
        desk.windows(),
        [""; 0],
        "a homelab that is set up needs no window"
    );
}

/// A menu that is open keeps its place only where items keep their numbers.
#[test]
fn a_new_state_renumbers_nothing_but_its_own_entry() {
    let desk = Desk::new();
    homelab::import(&desk, HOMELAB);
    let panel = Panel::new(&desk);
    let _app = desk.app(&[]);
    panel.wait_for_label("●  nas · On");
    let before = panel.wait_for_label("●  media & more · On");
    panel.click(&["●  media & more · On", "Stop"]);
    let after = panel.wait_for_label("media & more did not stop");
    let number = |menu: &[Line], label: &str| {
        let line = menu.iter().find(|line| line.label == label).unwrap();
        (
            line.id,
            line.items.iter().map(|item| item.id).collect::<Vec<_>>(),
        )
    };
    for label in ["●  nas · On", OPEN, "Quit"] {
        assert_eq!(number(&before, label), number(&after, label), "{label}");
    }
}

#[test]
fn open_hands_the_address_to_the_browser_as_it_is() {
    let desk = Desk::new();
    homelab::import(&desk, HOMELAB);
    let panel = Panel::new(&desk);
    let opened = desk.path("opened");
    let browser = desk.program(
        "xdg-open",
        &format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" > {}.new && mv {0}.new {0}\n",
            opened.display()
        ),
    );
    let mut command = desk.app_command(&[]);
    let path = format!("{}:{}", browser.display(), std::env::var("PATH").unwrap());
    let _app = App::from(command.env("PATH", path).spawn().unwrap());
    panel.wait_for_label("●  media & more · On");
    panel.click(&["●  media & more · On", "Open"]);
    let arguments = eventually("the browser is asked", || {
        std::fs::read_to_string(&opened).ok()
    });
    assert_eq!(arguments, "http://127.0.0.92:8096/?a=1&b=$(x)\n");
}

#[test]
fn a_stop_that_would_cut_off_others_is_asked_about_in_the_window() {
    let desk = Desk::new();
    homelab::import(&desk, HOMELAB);
    let panel = Panel::new(&desk);
    let _app = desk.app(&[]);
    panel.wait_for_label("●  nas · On");
    panel.click(&["●  nas · On", "Stop"]);
    desk.wait_for_window();
    let menu = panel.menu();
    assert!(
        menu.iter().any(|line| line.label == "●  nas · On"),
        "{menu:?}"
    );
}

#[test]
fn a_stop_that_fails_is_told_with_retry_and_stays_in_the_menu() {
    let desk = Desk::new();
    homelab::import(&desk, HOMELAB);
    let panel = Panel::new(&desk);
    let mut service = desk.notifications(&["retry", "0"]);
    let _app = desk.app(&[]);
    panel.wait_for_label("●  media & more · On");
    let well = panel.icon_name();
    panel.click(&["●  media & more · On", "Stop"]);
    let told = |wanted: &str| {
        eventually(wanted, || {
            desk.told().into_iter().find(|note| note["title"] == wanted)
        })
    };
    let begun = told("Stopping media & more");
    let failed = told("media & more did not stop");
    assert_eq!(
        begun["id"], failed["id"],
        "the end takes the place of the beginning"
    );
    assert_eq!(failed["actions"]["retry"], "Retry");
    assert!(
        failed["body"].as_str().unwrap().starts_with("SSH: “"),
        "{failed}"
    );
    // The service pressed Retry at once: a second attempt, which fails too.
    eventually("it is tried again", || {
        let failures = desk
            .told()
            .into_iter()
            .filter(|note: &Value| note["title"] == "media & more did not stop");
        (failures.count() >= 2).then_some(())
    });
    service.kill().unwrap();
    service.wait().unwrap();
    let menu = panel.wait_for_label("media & more did not stop");
    assert!(item(&menu, "media & more did not stop", "Retry").enabled);
    eventually("the icon asks for attention", || {
        (panel.icon_name() != well).then_some(())
    });
    // another attempt may have been under way, and fail while this one is dismissed
    let failure = |menu: &[Line]| {
        let mut lines = menu.iter();
        let failed = lines.find(|line| line.label.ends_with("did not stop"));
        failed.map(|line| line.id)
    };
    let mut dismissed = 0;
    while let Some(id) = failure(&panel.menu()) {
        panel.click(&["media & more did not stop", "Dismiss"]);
        panel.wait_for("it is dismissed", |menu| failure(menu) != Some(id));
        dismissed += 1;
    }
    assert!(dismissed > 0, "both attempts have failed");
}

#[test]
fn a_data_directory_in_use_is_said_in_the_menu() {
    let desk = Desk::new();
    let panel = Panel::new(&desk);
    let held = homelab::hold(&desk);
    let _app = desk.app(&["--hidden"]);
    let menu = panel.wait_for("it is said", |menu| {
        menu[0]
            .label
            .starts_with("WakeHub could not start: another WakeHub")
    });
    assert!(!menu[0].enabled);
    held.end();
}
