//! The pages are embedded when they have been built; a build after that takes them in.

use std::path::Path;

fn main() {
    let built = Path::new("../../../ui/dist");
    let watched = if built.exists() {
        built
    } else {
        Path::new("../../../ui")
    };
    println!("cargo:rerun-if-changed={}", watched.display());
    println!("cargo:rerun-if-changed=build.rs");
}
