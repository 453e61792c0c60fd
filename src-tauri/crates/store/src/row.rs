//! How values of the domain stand in columns.

use rusqlite::Row;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wakehub_domain::Timestamp;

use crate::StoreError;

/// A value with all its parts, as JSON.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Other(format!("not written: {e}")))
}

pub(crate) fn from_json<T: DeserializeOwned>(
    what: impl FnOnce() -> String,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::unreadable(what(), e))
}

/// A plain variant in its serde spelling, without the quotes of JSON.
pub(crate) fn to_word<T: Serialize>(value: &T) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(StoreError::Other(format!("{other} is no plain word"))),
        Err(e) => Err(StoreError::Other(format!("not written: {e}"))),
    }
}

pub(crate) fn from_word<T: DeserializeOwned>(
    what: impl FnOnce() -> String,
    word: &str,
) -> Result<T, StoreError> {
    T::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(word))
        .map_err(|e| StoreError::unreadable(what(), e))
}

pub(crate) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp)
}

pub(crate) fn time_if_any(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp))
}
