//! What is made once and kept for later labs: in cargo's target folder, or where WAKEHUB_LAB_CACHE says.

use anyhow::Context;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Newer versions may answer otherwise; the lab says which one it was written against.
const PACKAGE: &str = "fakepve[crypto]==0.5.0";

pub(crate) fn folder() -> anyhow::Result<PathBuf> {
    let folder = match env::var_os("WAKEHUB_LAB_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => target_folder().join("lab-cache"),
    };
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    Ok(folder)
}

/// Cargo marks its target folder with a CACHEDIR.TAG; the running program lies in it.
fn target_folder() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let marked = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    match (marked, env::var_os("CARGO_TARGET_DIR")) {
        (Some(folder), _) => folder.to_owned(),
        (None, Some(folder)) => PathBuf::from(folder),
        (None, None) => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
    }
}

/// Makes `NAME` in the cache with `make` unless it is there. Of several labs at once one makes it and the others wait.
pub(crate) fn once(
    name: &str,
    make: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let folder = folder()?;
    let lock = File::create(folder.join(format!("{name}.lock")))?;
    lock.lock()?;
    let made = folder.join(name);
    let complete = folder.join(format!("{name}.complete"));
    if !complete.exists() {
        if made.exists() {
            fs::remove_dir_all(&made)?;
        }
        make(&made)?;
        File::create(complete)?;
    }
    Ok(made)
}

/// A Python that has fakepve.
pub(crate) fn python() -> anyhow::Result<PathBuf> {
    let environment = once("fakepve-0.5.0", |folder| {
        let place = folder.to_str().context("a path that is not UTF-8")?;
        crate::process::run("python3", &["-m", "venv", place], "")
            .context("make a Python environment (Debian package python3-venv)")?;
        let pip = format!("{place}/bin/pip");
        let arguments = ["install", "--quiet", "--disable-pip-version-check", PACKAGE];
        crate::process::run(&pip, &arguments, "").context("install fakepve from PyPI")?;
        Ok(())
    })?;
    Ok(environment.join("bin/python"))
}
