//! What the program was started with.

use directories::ProjectDirs;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::shell::Wanted;

pub(crate) const USAGE: &str = "\
Usage: wakehub-desktop [OPTIONS]

  --show            open the window
  --hidden          stay in the tray, also when the homelab is empty
  --demo            show a simulated homelab, which touches nothing of yours
  --demo-speed N    show it so many times as fast as in life
  --data-dir PATH   keep everything here (also: WAKEHUB_DATA_DIR)
  --version         print the version
  --help            print this";

/// The variable that names the data directory where `--data-dir` does not.
const DATA_DIR: &str = "WAKEHUB_DATA_DIR";

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Options {
    pub opening: Opening,
    pub homelab: Wanted,
    /// As given; [`data_dir`] knows where it is otherwise.
    pub data_dir: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            opening: Opening::default(),
            homelab: Wanted::Own,
            data_dir: None,
        }
    }
}

/// Whether the window opens at the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Opening {
    /// Only where the tray alone would leave the user with nothing: the homelab is empty, or the desktop has no tray.
    #[default]
    WhenNeeded,
    Show,
    Hidden,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Asked {
    Run(Options),
    Version,
    Help,
}

pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    let mut options = Options::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--show") => options.opening = Opening::Show,
            Some("--hidden") => options.opening = Opening::Hidden,
            Some("--version" | "-V") => return Ok(Asked::Version),
            Some("--help" | "-h") => return Ok(Asked::Help),
            Some("--demo") => options.homelab = Wanted::Demo { speed: 1.0 },
            Some("--demo-speed") => {
                let speed = arguments.next();
                let speed = speed.as_deref().and_then(OsStr::to_str);
                let speed = speed.and_then(|speed| speed.parse::<f64>().ok());
                let speed = speed.filter(|speed| (0.1..=10_000.0).contains(speed));
                options.homelab = Wanted::Demo {
                    speed: speed.ok_or("--demo-speed needs a number from 0.1 to 10000")?,
                };
            }
            Some("--data-dir") => {
                let path = arguments.next().filter(|path| !path.is_empty());
                options.data_dir = Some(path.ok_or("--data-dir needs a path")?.into());
            }
            Some(given) if given.starts_with("--data-dir=") && given.len() > 11 => {
                options.data_dir = Some(given[11..].into());
            }
            _ => return Err(format!("unknown option: {}", argument.display())),
        }
    }
    Ok(Asked::Run(options))
}

/// Where everything is kept: as given, else as the environment says, else where the system keeps a user's data.
pub(crate) fn data_dir(options: &Options) -> Option<PathBuf> {
    let named = || std::env::var_os(DATA_DIR).filter(|path| !path.is_empty());
    let own = options
        .data_dir
        .clone()
        .or_else(|| named().map(PathBuf::from))
        .or_else(|| Some(ProjectDirs::from("", "", "wakehub")?.data_dir().to_owned()))?;
    // the log and the place of the window, so that a demo leaves the user's own alone
    Some(match options.homelab {
        Wanted::Own => own,
        Wanted::Demo { .. } => own.join("demo-desktop"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Asked, String> {
        parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn options_are_read() {
        assert_eq!(parsed(&[]), Ok(Asked::Run(Options::default())));
        for given in [
            &["--hidden", "--data-dir", "/x y"][..],
            &["--hidden", "--data-dir=/x y"],
        ] {
            assert_eq!(
                parsed(given),
                Ok(Asked::Run(Options {
                    opening: Opening::Hidden,
                    data_dir: Some("/x y".into()),
                    ..Options::default()
                }))
            );
        }
        assert_eq!(parsed(&["--show", "--version"]), Ok(Asked::Version));
    }

    #[test]
    fn a_demo_keeps_away_from_the_users_own_folder() {
        let Ok(Asked::Run(options)) = parsed(&["--data-dir", "/x", "--demo"]) else {
            panic!("not read");
        };
        assert_eq!(options.homelab, Wanted::Demo { speed: 1.0 });
        assert_eq!(data_dir(&options), Some("/x/demo-desktop".into()));
        for wrong in [
            &["--demo-speed"][..],
            &["--demo-speed", "0"],
            &["--demo-speed", "NaN"],
        ] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        assert_eq!(
            parsed(&["--shwo"]),
            Err("unknown option: --shwo".to_owned())
        );
        for missing in [&["--data-dir"][..], &["--data-dir", ""]] {
            assert_eq!(parsed(missing), Err("--data-dir needs a path".to_owned()));
        }
        assert!(parsed(&["--data-dir="]).is_err());
    }
}
