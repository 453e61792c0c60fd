//! WakeHub's own settings, one JSON value each.

use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

use crate::row::{from_json, to_json};
use crate::{Store, StoreError};

/// The name of a setting and the type of its value: `const QUIET: SettingKey<bool> = SettingKey::new("quiet");`
#[derive(Debug)]
pub struct SettingKey<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> SettingKey<T> {
    pub const fn new(name: &'static str) -> SettingKey<T> {
        SettingKey {
            name,
            value: PhantomData,
        }
    }
}

impl Store {
    /// `None` when it was never set; a value of another type is [`StoreError::Unreadable`].
    pub fn setting<T: DeserializeOwned>(
        &self,
        key: &SettingKey<T>,
    ) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self
            .connection
            .prepare_cached("SELECT value FROM setting WHERE name = ?1")?
            .query_row([key.name], |row| row.get(0))
            .optional()?;
        text.map(|text| from_json(|| format!("the setting {}", key.name), &text))
            .transpose()
    }

    pub fn set_setting<T: Serialize>(
        &mut self,
        key: &SettingKey<T>,
        value: &T,
    ) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)",
            params![key.name, to_json(value)?],
        )?;
        Ok(())
    }

    /// Back to the default.
    pub fn unset_setting<T>(&mut self, key: &SettingKey<T>) -> Result<(), StoreError> {
        self.connection
            .execute("DELETE FROM setting WHERE name = ?1", [key.name])?;
        Ok(())
    }
}
