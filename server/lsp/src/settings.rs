//! What the client says of itself and of the user's settings, read key by key.
//!
//! What is good counts; each key that is not gets one warning that names it and says what is allowed. Must not fail: a
//! mistake in a setting is no reason to refuse an editor standard LSP.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::protocol::{ClientOptions, Settings};

/// `initializationOptions.interline`.
pub(crate) fn options(given: Option<Value>, warnings: &mut Vec<String>) -> ClientOptions {
    const PLACE: &str = "initializationOptions.interline";
    let Some(mut given) = object(given, "initializationOptions", warnings) else {
        return ClientOptions::default();
    };
    let Some(mut given) = object(given.remove("interline"), PLACE, warnings) else {
        return ClientOptions::default();
    };
    let settings = given.remove("settings");
    ClientOptions {
        settings: settings_at(settings, &format!("{PLACE}.settings"), warnings),
        ..good_keys(given, PLACE, warnings)
    }
}

/// Section `interline` of the client's configuration.
pub(crate) fn settings(given: Option<Value>, warnings: &mut Vec<String>) -> Settings {
    settings_at(given, "interline", warnings)
}

fn settings_at(given: Option<Value>, place: &str, warnings: &mut Vec<String>) -> Settings {
    object(given, place, warnings)
        .map(|given| good_keys(given, place, warnings))
        .unwrap_or_default()
}

/// An empty list stands for an empty object: in Lua they are the same.
fn object(
    given: Option<Value>,
    place: &str,
    warnings: &mut Vec<String>,
) -> Option<Map<String, Value>> {
    match given? {
        Value::Null => None,
        Value::Object(given) => Some(given),
        Value::Array(list) if list.is_empty() => None,
        _ => {
            warnings.push(format!("`{place}` is ignored: it must be an object"));
            None
        }
    }
}

/// A key that is null is one that is left out.
fn good_keys<T: DeserializeOwned + Default>(
    mut given: Map<String, Value>,
    place: &str,
    warnings: &mut Vec<String>,
) -> T {
    given.retain(|key, value| {
        let alone = Map::from_iter([(key.clone(), value.clone())]);
        let read = serde_json::from_value::<T>(Value::Object(alone));
        if let Err(error) = &read
            && !value.is_null()
        {
            warnings.push(format!("`{place}.{key}` is ignored: {error}"));
        }
        read.is_ok()
    });
    serde_json::from_value(Value::Object(given)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use interline_log::Mode;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_good_counts_and_each_bad_key_is_named() {
        let given = json!({
            "interline": {
                "event": true, "query": "yes", "input": null, "later": 1,
                "settings": { "mode": "plan", "model": 3, "modle": "x" }
            },
            "others": "have their own"
        });
        let mut warnings = Vec::new();
        let options = options(Some(given), &mut warnings);
        assert!(options.event && !options.query && !options.input);
        assert_eq!(options.settings.mode, Some(Mode::Plan));
        assert_eq!(
            warnings,
            [
                "`initializationOptions.interline.settings.model` is ignored: invalid type: integer `3`, expected a string",
                "`initializationOptions.interline.settings.modle` is ignored: unknown field `modle`, expected `model` or `mode`",
                "`initializationOptions.interline.query` is ignored: invalid type: string \"yes\", expected a boolean",
            ]
        );
    }

    #[test]
    fn nothing_is_nothing_and_no_object_is_told() {
        let mut warnings = Vec::new();
        for nothing in [None, Some(json!(null)), Some(json!({})), Some(json!([]))] {
            assert_eq!(settings(nothing, &mut warnings), Settings::default());
        }
        assert_eq!(warnings, Vec::<String>::new());
        settings(Some(json!("plan")), &mut warnings);
        options(Some(json!({ "interline": 1 })), &mut warnings);
        options(Some(json!([1])), &mut warnings);
        assert_eq!(
            warnings,
            [
                "`interline` is ignored: it must be an object",
                "`initializationOptions.interline` is ignored: it must be an object",
                "`initializationOptions` is ignored: it must be an object",
            ]
        );
    }
}
