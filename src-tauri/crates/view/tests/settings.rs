//! What the window shows of the settings, it can change.

use serde_json::{Value, json};
use wakehub_view::wire::{EngineSettings, SettingChange, SettingsView};

#[test]
fn each_setting_that_is_shown_can_be_changed_and_is() {
    let shown = SettingsView {
        start_at_login: Some(true),
        engine: EngineSettings {
            price_per_kwh: Some(0.25),
            ..EngineSettings::default()
        },
        language: None,
    };
    let Ok(Value::Object(shown)) = serde_json::to_value(shown) else {
        panic!("settings are an object");
    };
    assert!(shown.len() >= 9, "{shown:?}");
    for (key, value) in shown {
        let other = other_than(&value);
        let change: SettingChange =
            serde_json::from_value(json!({ "key": key, "value": other.clone() }))
                .unwrap_or_else(|error| panic!("{key} cannot be changed: {error}"));
        if matches!(key.as_str(), "start_at_login" | "language") {
            continue;
        }
        let changed = change.applied_to(EngineSettings::default());
        let changed = serde_json::to_value(changed).expect("json");
        assert_eq!(changed[&key], other, "{key}");
    }
}

fn other_than(value: &Value) -> Value {
    match value {
        Value::Null => json!(null),
        Value::Bool(is) => json!(!is),
        Value::Number(number) => number.as_u64().map_or(json!(0.5), |whole| json!(whole + 1)),
        Value::String(_) => json!("CHF"),
        Value::Array(_) => panic!("no setting is a list"),
        Value::Object(fields) => fields
            .iter()
            .map(|(k, v)| (k.clone(), other_than(v)))
            .collect(),
    }
}

#[test]
fn what_is_out_of_range_is_said() {
    let with = |price, currency: &str| EngineSettings {
        price_per_kwh: price,
        currency: currency.to_owned(),
        ..EngineSettings::default()
    };
    assert_eq!(with(Some(0.31), "CHF").check(), Ok(()));
    for wrong in [
        with(Some(-0.1), "EUR"),
        with(Some(f64::NAN), "EUR"),
        with(Some(1000.0), "EUR"),
        with(None, "euro"),
        with(None, "€"),
    ] {
        assert!(wrong.check().is_err(), "{wrong:?}");
    }
}
