//! Tauri's code generation, a page to embed where the UI has not been built, and the linker's options.

use std::path::Path;
use std::{env, fs};

fn main() {
    let dist = Path::new("../ui/dist");
    let index = dist.join("index.html");
    if !index.exists() {
        // `cargo build` and `cargo test` must work in a fresh clone; `npm run build` replaces this.
        fs::create_dir_all(dist).expect("failed to make ui/dist");
        fs::write(&index, PLACEHOLDER).expect("failed to write ui/dist/index.html");
    }
    println!("cargo:rerun-if-changed=../ui/dist");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // The bundled SQLite is linked in statically; without this its symbols would take the place of those that
        // WebKit's own SQLite needs.
        println!("cargo:rustc-link-arg-bins=-Wl,--exclude-libs,ALL");
    }
    tauri_build::build();
}

const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>WakeHub</title>\
<h1>WakeHub</h1><p>The window has not been built: run <code>npm run build</code>.</p></html>\n";
