//! The real program on a real (if invisible) desktop: its icon, its menu, its window, and desktops that lack something.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod desk;
mod panel;

use desk::{App, Desk, eventually};
use panel::Panel;

const OPEN: &str = "Open WakeHub";

fn has_web_process(app: &App) -> bool {
    app.children().iter().any(|name| name.starts_with("WebKit"))
}

#[test]
fn starts_in_the_tray_without_a_window_and_quits() {
    let desk = Desk::new();
    let panel = Panel::new(&desk);
    let mut app = desk.app(&["--hidden"]);
    panel.wait_for_label("(Nothing pinned yet)".trim_matches(['(', ')']));
    assert_eq!(panel.labels(), ["Nothing pinned yet", "——", OPEN, "Quit"]);
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
