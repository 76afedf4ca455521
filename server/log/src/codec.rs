//! How payloads are written and read: known types by their derived form, unknown ones as they came.
//!
//! Must not guess: a known type whose payload doesn't fit is an error, never an unknown type.

use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{self, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{EVENT_VERSION, EventData};

/// Nesting that serde_json reads for sure; it stops at 128.
const JSON_DEPTH: usize = 120;

/// `{"type": …, "data": …}`, whatever the type.
#[derive(Serialize, Deserialize)]
struct Tagged<K, D> {
    r#type: K,
    data: D,
}

impl Serialize for EventData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown { r#type, data } => Tagged { r#type, data }.serialize(serializer),
            known => Self::serialize(known, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for EventData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tagged = Tagged::<String, serde_json::Value>::deserialize(deserializer)?;
        if !is_known(&tagged.r#type) {
            return Ok(Self::Unknown {
                r#type: tagged.r#type,
                data: tagged.data,
            });
        }
        let whole = serde_json::to_value(tagged).map_err(D::Error::custom)?;
        Self::deserialize(whole).map_err(D::Error::custom)
    }
}

/// An event's type and payload as JSON text, split from `{"type": …, "data": …}`.
pub(crate) struct Encoded {
    text: String,
}

impl Encoded {
    /// Refuses what could not be read back, so that no log is ever damaged by its own writer.
    pub(crate) fn new(data: &EventData) -> Result<Self, serde_json::Error> {
        let text = serde_json::to_string(data)?;
        let is_unknown = matches!(data, EventData::Unknown { .. });
        if is_unknown
            || text
                .bytes()
                .filter(|byte| matches!(byte, b'[' | b'{'))
                .count()
                >= JSON_DEPTH
        {
            decode(EVENT_VERSION, &text)?;
        }
        Ok(Self { text })
    }

    /// The whole object.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The type, then the payload, both JSON text.
    pub(crate) fn parts(&self) -> Result<(&RawValue, &RawValue), serde_json::Error> {
        let tagged: Tagged<&RawValue, &RawValue> = serde_json::from_str(&self.text)?;
        Ok((tagged.r#type, tagged.data))
    }
}

/// Reads a payload of `version`. `text` is any JSON object with the members `type` and `data`.
///
/// The place for upcasters: a payload of an older version is rewritten here, purely, to the newest one. There is
/// only one version so far; what a later build wrote is kept as it is, like a type that isn't known.
pub(crate) fn decode(version: u32, text: &str) -> Result<EventData, serde_json::Error> {
    if version != EVENT_VERSION {
        return unknown(text);
    }
    match EventData::deserialize(&mut serde_json::Deserializer::from_str(text)) {
        Ok(data) => Ok(data),
        Err(error) => match unknown(text)? {
            EventData::Unknown { r#type, .. } if is_known(&r#type) => Err(error),
            data => Ok(data),
        },
    }
}

/// The payload of a blob under the type that its line gives.
pub(crate) fn decode_blob(
    version: u32,
    kind: &RawValue,
    data: &RawValue,
) -> Result<EventData, serde_json::Error> {
    decode(
        version,
        &serde_json::to_string(&Tagged { r#type: kind, data })?,
    )
}

fn unknown(text: &str) -> Result<EventData, serde_json::Error> {
    let tagged: Tagged<String, serde_json::Value> = serde_json::from_str(text)?;
    Ok(EventData::Unknown {
        r#type: tagged.r#type,
        data: tagged.data,
    })
}

/// True for the types of [`EventData`], which serde knows best: it is asked to read an event that has a type alone.
fn is_known(kind: &str) -> bool {
    let only_type = MapDeserializer::<_, TagError>::new(std::iter::once(("type", kind)));
    !matches!(
        EventData::deserialize(only_type),
        Err(TagError::UnknownType)
    )
}

#[derive(Debug)]
enum TagError {
    UnknownType,
    Other,
}

impl de::Error for TagError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Other
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::UnknownType
    }
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownType => "unknown type",
            Self::Other => "no payload",
        })
    }
}

impl std::error::Error for TagError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<EventData, String> {
        let decoded = decode(EVENT_VERSION, text).map_err(|error| error.to_string());
        let by_trait = serde_json::from_str::<EventData>(text).ok();
        assert_eq!(decoded.clone().ok(), by_trait);
        if let Ok(data) = &decoded {
            assert_eq!(serde_json::to_string(data).unwrap(), text);
        }
        decoded
    }

    #[test]
    fn a_known_type_is_read_and_written() {
        let data = check(r#"{"type":"input.steer","data":{"text":"go on"}}"#).unwrap();
        assert_eq!(
            data,
            EventData::InputSteer {
                text: "go on".into()
            }
        );
    }

    #[test]
    fn flattened_outcomes_survive() {
        check(r#"{"type":"turn.ended","data":{"outcome":"stopped","reason":"budget","message":"raise it"}}"#).unwrap();
        check(r#"{"type":"turn.ended","data":{"outcome":"done"}}"#).unwrap();
    }

    #[test]
    fn an_unknown_type_is_kept() {
        let data =
            check(r#"{"type":"moon.landed","data":{"z":1,"a":[null,2.5],"text":"\u0000é"}}"#)
                .unwrap();
        assert!(matches!(data, EventData::Unknown { r#type, .. } if r#type == "moon.landed"));
    }

    #[test]
    fn a_known_type_with_a_bad_payload_is_an_error() {
        let error = check(r#"{"type":"input.steer","data":{"words":"go on"}}"#).unwrap_err();
        assert!(error.contains("missing field `text`"), "{error}");
    }

    #[test]
    fn what_could_not_be_read_back_is_not_written() {
        let deep = (0..200).fold(serde_json::Value::Null, |inner, _| {
            serde_json::json!([inner])
        });
        let unknown = |kind: &str, data| EventData::Unknown {
            r#type: kind.into(),
            data,
        };
        assert!(Encoded::new(&unknown("moon.landed", deep)).is_err());
        assert!(Encoded::new(&unknown("input.steer", serde_json::Value::Null)).is_err());
        assert!(Encoded::new(&unknown("moon.landed", serde_json::Value::Null)).is_ok());
    }

    #[test]
    fn a_later_version_is_kept() {
        let text = r#"{"type":"input.steer","data":{"words":"go on"}}"#;
        let data = decode(EVENT_VERSION + 1, text).unwrap();
        assert!(matches!(data, EventData::Unknown { r#type, .. } if r#type == "input.steer"));
    }
}
