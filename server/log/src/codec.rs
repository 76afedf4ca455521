//! How payloads are written and read: known types by their derived form, unknown ones as they came.
//!
//! Must not guess: a known type whose payload doesn't fit is an error, never an unknown type.
//!
//! A new version of a type's payload: raise it in [`newest`], rewrite the one before in [`upcast`], and put a golden log
//! of the build before into `tests/fixtures/logs` (its README says how).

use std::cmp::Ordering;
use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{self, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::EventData;

/// Nesting that serde_json reads for sure; it stops at 128.
const JSON_DEPTH: usize = 120;

/// The version of a type's payload that this build writes.
fn newest(kind: &str) -> u32 {
    match kind {
        "session.config" | "edit.checked" => 2,
        "request.sent" => 3,
        _ => 1,
    }
}

/// Rewrites a payload of this version to the next one. Pure: the same bytes give the same event in every build.
fn upcast(kind: &str, version: u32, data: &mut serde_json::Value) {
    let Some(members) = data.as_object_mut() else {
        return;
    };
    match (kind, version) {
        // What a request's bytes depend on beside the conversation was not on record.
        ("session.config", 1) => members.insert("encoding".to_owned(), serde_json::Value::Null),
        // Only the numbers were.
        ("edit.checked", 1) => {
            let verdict = members.get_mut("verdict");
            if let Some(verdict) = verdict.and_then(serde_json::Value::as_object_mut) {
                for codes in ["cleared_codes", "new_codes"] {
                    verdict.insert(codes.to_owned(), serde_json::Value::Array(Vec::new()));
                }
            }
            None
        }
        ("request.sent", 1) => members.insert("max_output".to_owned(), serde_json::Value::Null),
        // Nor was what it has in common with the one before.
        ("request.sent", 2) => members.insert("prefix".to_owned(), serde_json::Value::Null),
        _ => None,
    };
}

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

/// An event's type and payload as JSON text: `{"type":…,"data":…}`, as serde writes it.
pub(crate) struct Encoded {
    text: String,
    /// Where the payload begins.
    data: usize,
}

const TYPE: &str = "{\"type\":";
const DATA: &str = ",\"data\":";

impl Encoded {
    /// Refuses what could not be read back, so that no log is ever damaged by its own writer.
    pub(crate) fn new(data: &EventData) -> Result<Self, serde_json::Error> {
        let text = serde_json::to_string(data)?;
        let is_unknown = matches!(data, EventData::Unknown { .. });
        if is_unknown || is_deep(&text) {
            decode_newest(&text)?;
        }
        let kind = text.strip_prefix(TYPE).and_then(string).unwrap_or_default();
        let data = TYPE.len() + kind.len() + DATA.len();
        if text.get(TYPE.len() + kind.len()..data) != Some(DATA) {
            return Err(serde::ser::Error::custom("it has no type and payload"));
        }
        Ok(Self { text, data })
    }

    /// The whole object.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The version of the payload.
    pub(crate) fn version(&self) -> u32 {
        newest(self.kind())
    }

    /// The type's name. Names of ours have no escapes.
    pub(crate) fn kind(&self) -> &str {
        self.kind_json().trim_matches('"')
    }

    /// The type, as JSON text.
    pub(crate) fn kind_json(&self) -> &str {
        let end = self.data.saturating_sub(DATA.len());
        self.text.get(TYPE.len()..end).unwrap_or_default()
    }

    /// The payload, as JSON text.
    pub(crate) fn data(&self) -> &str {
        let data = self.text.get(self.data..).unwrap_or_default();
        data.strip_suffix('}').unwrap_or(data)
    }

    /// The payload, likewise, without another copy of it.
    pub(crate) fn into_data(self) -> Vec<u8> {
        let mut bytes = self.text.into_bytes();
        bytes.pop();
        bytes.drain(..self.data.min(bytes.len()));
        bytes
    }
}

/// The JSON string that `text` begins with, its quotes included.
fn string(text: &str) -> Option<&str> {
    let mut escaped = false;
    let inside = text.strip_prefix('"')?.bytes();
    let end = inside.into_iter().position(|byte| match byte {
        _ if std::mem::take(&mut escaped) => false,
        b'\\' => {
            escaped = true;
            false
        }
        byte => byte == b'"',
    })?;
    text.get(..end + 2)
}

/// Is the JSON text nested so deep that it might not be read back? Brackets in strings count for nothing: code has many.
fn is_deep(text: &str) -> bool {
    let brackets = |bytes| memchr::memchr2_iter(b'[', b'{', bytes);
    let mut rest = text.as_bytes();
    if brackets(rest).nth(JSON_DEPTH - 1).is_none() {
        return false;
    }
    let mut found = 0;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        let (outside, string) = rest.split_at(quote);
        found += brackets(outside).count();
        rest = after_string(string.get(1..).unwrap_or_default());
    }
    found + brackets(rest).count() >= JSON_DEPTH
}

/// What stands behind the end of a string.
fn after_string(mut inside: &[u8]) -> &[u8] {
    while let Some(at) = memchr::memchr2(b'"', b'\\', inside) {
        let is_end = inside.get(at) == Some(&b'"');
        inside = inside
            .get(at + if is_end { 1 } else { 2 }..)
            .unwrap_or_default();
        if is_end {
            return inside;
        }
    }
    &[]
}

/// The name of a type as it stands between its quotes. Names of ours have no escapes.
fn plain(kind: &RawValue) -> &str {
    kind.get().trim_matches('"')
}

/// Reads a payload of `version`. `text` is any JSON object with the members `type`, which is `kind`, and `data`.
///
/// A payload of an older version is rewritten to the newest one; what a later build wrote is kept as it is, like a
/// type that isn't known.
pub(crate) fn decode(
    version: u32,
    kind: &RawValue,
    text: &str,
) -> Result<EventData, serde_json::Error> {
    let kind = plain(kind);
    match version.cmp(&newest(kind)) {
        Ordering::Equal => decode_newest(text),
        Ordering::Greater => unknown(text),
        Ordering::Less => {
            let mut tagged: Tagged<String, serde_json::Value> = serde_json::from_str(text)?;
            for version in version..newest(kind) {
                upcast(kind, version, &mut tagged.data);
            }
            EventData::deserialize(serde_json::to_value(tagged)?)
        }
    }
}

/// Reads a payload as this build writes it.
pub(crate) fn decode_newest(text: &str) -> Result<EventData, serde_json::Error> {
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
    let text = serde_json::to_string(&Tagged { r#type: kind, data })?;
    decode(version, kind, &text)
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
        let decoded = decode_newest(text).map_err(|error| error.to_string());
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
    fn the_type_is_told_without_reading() {
        let steer = EventData::InputSteer {
            text: "go on".into(),
        };
        assert_eq!(Encoded::new(&steer).unwrap().kind(), "input.steer");
    }

    #[test]
    fn type_and_payload_are_split_where_they_end() {
        let unknown = EventData::Unknown {
            r#type: r#"a"\,"data":"#.into(),
            data: serde_json::json!({"data": [1, "}"]}),
        };
        let encoded = Encoded::new(&unknown).unwrap();
        assert_eq!(encoded.kind_json(), r#""a\"\\,\"data\":""#);
        assert_eq!(encoded.data(), r#"{"data":[1,"}"]}"#);
        assert_eq!(encoded.into_data(), br#"{"data":[1,"}"]}"#);
    }

    #[test]
    fn brackets_in_strings_are_no_depth() {
        let text = "a \"[\\[{[".repeat(JSON_DEPTH);
        assert!(!is_deep(&serde_json::json!({ "text": text }).to_string()));
        assert!(is_deep(&format!(
            "{{\"text\":\"\\\"\"}}{}",
            "[".repeat(JSON_DEPTH)
        )));
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
        let data = decode_as(2, text).unwrap();
        assert!(matches!(data, EventData::Unknown { r#type, .. } if r#type == "input.steer"));
    }

    fn decode_as(version: u32, text: &str) -> Result<EventData, serde_json::Error> {
        let tagged: Tagged<&RawValue, &RawValue> = serde_json::from_str(text).unwrap();
        decode(version, tagged.r#type, text)
    }

    #[test]
    fn an_earlier_version_is_rewritten() {
        let first = r#"{"type":"request.sent","data":{"body_sha256":"ab","body_bytes":2}}"#;
        let sent = EventData::RequestSent {
            body_sha256: "ab".into(),
            body_bytes: 2,
            max_output: None,
            prefix: None,
        };
        assert_eq!(decode_as(1, first).unwrap(), sent);
        assert_eq!(Encoded::new(&sent).unwrap().version(), 3);
        // Version 0 never was: what it says has to fit all the same.
        assert!(decode_as(0, r#"{"type":"input.steer","data":{"words":"go on"}}"#).is_err());
    }
}
