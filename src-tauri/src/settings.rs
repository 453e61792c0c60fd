//! What can be chosen: the engine's settings, and those of the desktop around it.

use serde_json::json;
use tauri::{AppHandle, Manager, Runtime};
use tauri_plugin_autostart::AutoLaunchManager;
use wakehub_engine::{Handle, SettingKey};
use wakehub_view::text::Language;
use wakehub_view::wire::{CommandError, LanguageName, SettingChange, SettingsView};

use crate::shell::{Shell, system_language};

const LANGUAGE: SettingKey<Option<LanguageName>> = SettingKey::new("language");

pub(crate) async fn read<R: Runtime>(app: &AppHandle<R>) -> Result<SettingsView, CommandError> {
    let engine = app.state::<Shell>().engine().await?;
    Ok(SettingsView {
        start_at_login: starts_at_login(app),
        engine: engine.engine_settings().await?,
        language: engine.setting(LANGUAGE).await?.flatten(),
    })
}

pub(crate) async fn change<R: Runtime>(
    app: &AppHandle<R>,
    key: &str,
    value: serde_json::Value,
) -> Result<(), CommandError> {
    let change: SettingChange = serde_json::from_value(json!({ "key": key, "value": value }))
        .map_err(|error| other(format!("the setting {key} cannot be that: {error}")))?;
    let engine = app.state::<Shell>().engine().await?;
    match change {
        SettingChange::StartAtLogin(wanted) => start_at_login(app, wanted),
        SettingChange::Language(name) => {
            engine.set_setting(LANGUAGE, name).await?;
            app.state::<Shell>().language.send_replace(language(name));
            Ok(())
        }
        SettingChange::PollWatchedS(_)
        | SettingChange::PollIdleS(_)
        | SettingChange::StartTimeoutS(_)
        | SettingChange::StopTimeoutS(_)
        | SettingChange::IdleTimeoutMinutes(_)
        | SettingChange::PricePerKwh(_)
        | SettingChange::Currency(_) => {
            let settings = change.applied_to(engine.engine_settings().await?);
            engine.configure(settings).await
        }
    }
}

/// What was chosen in an earlier run.
pub(crate) async fn apply(shell: &Shell, engine: &Handle) {
    match engine.setting(LANGUAGE).await {
        Ok(name) => {
            shell.language.send_replace(language(name.flatten()));
        }
        Err(error) => tracing::warn!(?error, "the language cannot be read"),
    }
}

fn language(name: Option<LanguageName>) -> Language {
    match name {
        Some(LanguageName::English) => Language::English,
        Some(LanguageName::French) => Language::French,
        None => system_language(),
    }
}

/// `None` where the desktop has no way to start programs at login.
fn starts_at_login<R: Runtime>(app: &AppHandle<R>) -> Option<bool> {
    let launch = app.try_state::<AutoLaunchManager>()?;
    match launch.is_enabled() {
        Ok(enabled) => Some(enabled),
        Err(error) => {
            tracing::warn!("whether WakeHub starts at login cannot be told: {error}");
            None
        }
    }
}

fn start_at_login<R: Runtime>(app: &AppHandle<R>, wanted: bool) -> Result<(), CommandError> {
    let launch = app
        .try_state::<AutoLaunchManager>()
        .ok_or_else(|| other("this desktop starts no programs at login".to_owned()))?;
    let done = if wanted {
        launch.enable()
    } else if launch.is_enabled().unwrap_or(true) {
        launch.disable()
    } else {
        Ok(())
    };
    done.map_err(|error| other(format!("start at login could not be changed: {error}")))
}

fn other(message: String) -> CommandError {
    CommandError::Other { message }
}
