//! Two events of the turn loop, one on record and one made again: are they the same?
//!
//! Left out is what can't be the same: ids, times, and prices, which are not on record.

use std::collections::HashMap;

use interline_log::{CallId, Entry, Event, EventData, TurnId};
use serde_json::Value;

use crate::replay::{Difference, type_of};

/// More of a value is for no line of a terminal.
const MOST_SHOWN: usize = 200;

/// The ids of the re-run by those on record.
#[derive(Default)]
pub(super) struct Names {
    turns: HashMap<TurnId, TurnId>,
    calls: HashMap<CallId, CallId>,
    /// No encoding is on record: an earlier version did not write down what a request's bytes depend on.
    blind: bool,
}

impl Names {
    pub(super) fn forget(&mut self) {
        self.turns.clear();
        self.calls.clear();
    }
}

/// The first thing that is not the same.
pub(super) fn difference(recorded: &Event, entry: &Entry, names: &mut Names) -> Option<Difference> {
    if let EventData::SessionConfig { encoding, .. } = &recorded.data {
        names.blind = encoding.is_none();
    }
    let (expected_type, got_type) = (type_of(&recorded.data), type_of(&entry.data));
    let unequal = |what: String, expected: String, got: String| Difference {
        seq: recorded.seq,
        event: expected_type.clone(),
        what,
        expected,
        got,
    };
    if expected_type != got_type {
        let (expected, got) = (brief(&recorded.data), brief(&entry.data));
        return Some(unequal("the event".to_owned(), expected, got));
    }
    if recorded.actor != entry.actor {
        let (expected, got) = (
            format!("{:?}", recorded.actor),
            format!("{:?}", entry.actor),
        );
        return Some(unequal("the actor".to_owned(), expected, got));
    }
    if !same(recorded.turn, entry.turn, &mut names.turns) {
        let (expected, got) = (named(recorded.turn), named(entry.turn));
        return Some(unequal("the turn".to_owned(), expected, got));
    }
    if !same(recorded.call, entry.call, &mut names.calls) {
        let (expected, got) = (named(recorded.call), named(entry.call));
        return Some(unequal("the call".to_owned(), expected, got));
    }
    let expected = comparable(&recorded.data, names.blind);
    let got = comparable(&entry.data, names.blind);
    let (path, expected, got) = unequal_part(&expected, &got)?;
    let what = path.trim_start_matches('.').to_owned();
    Some(unequal(what, shown(expected), shown(got)))
}

/// The same id stands for the same thing from its first use on.
fn same<T: Copy + Eq + std::hash::Hash>(
    recorded: Option<T>,
    got: Option<T>,
    names: &mut HashMap<T, T>,
) -> bool {
    match (recorded, got) {
        (None, None) => true,
        (Some(recorded), Some(got)) => *names.entry(recorded).or_insert(got) == got,
        _ => false,
    }
}

fn named<T: std::fmt::Display>(id: Option<T>) -> String {
    id.map_or_else(|| "none".to_owned(), |id| id.to_string())
}

/// The payload without what can't be the same.
fn comparable(data: &EventData, blind: bool) -> Value {
    let mut value = serde_json::to_value(data).unwrap_or_default();
    let Some(payload) = value.get_mut("data").map(Value::take) else {
        return Value::Null;
    };
    let mut payload = payload;
    let mut without = |keys: &[&str]| {
        if let Some(payload) = payload.as_object_mut() {
            keys.iter().for_each(|key| drop(payload.remove(*key)));
        }
    };
    match data {
        EventData::SessionConfig { .. } if blind => without(&["encoding"]),
        EventData::RequestSent { .. } if blind => {
            without(&["body_sha256", "body_bytes", "max_output", "prefix"]);
        }
        // It follows from the bodies, and was not measured always.
        EventData::RequestSent { .. } => without(&["prefix"]),
        EventData::BudgetReserved { .. } if blind => without(&["micro_usd", "tokens"]),
        EventData::BudgetReserved { .. } => without(&["micro_usd"]),
        EventData::RequestRetry { .. } => without(&["delay_ms"]),
        EventData::ResponseStopped { .. } => without(&["cost_micro_usd"]),
        _ => {}
    }
    payload
}

/// Where two values are first unlike each other; `None` where they are the same.
fn unequal_part(expected: &Value, got: &Value) -> Option<(String, Value, Value)> {
    match (expected, got) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one
                .keys()
                .chain(other.keys().filter(|key| !one.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                let part =
                    |of: &serde_json::Map<String, Value>| of.get(key).cloned().unwrap_or_default();
                let (path, expected, got) = unequal_part(&part(one), &part(other))?;
                Some((format!(".{key}{path}"), expected, got))
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => one
            .iter()
            .zip(other)
            .enumerate()
            .find_map(|(at, (one, other))| {
                let (path, expected, got) = unequal_part(one, other)?;
                Some((format!("[{at}]{path}"), expected, got))
            }),
        _ if expected == got => None,
        _ => Some((String::new(), expected.clone(), got.clone())),
    }
}

/// An event in a few words.
fn brief(data: &EventData) -> String {
    let kind = type_of(data);
    let what = match data {
        EventData::TurnEnded { .. } | EventData::ResponseBlock { .. } => {
            format!(" {}", shown(comparable(data, false)))
        }
        EventData::ToolAnnounced { tool, .. } | EventData::ToolOutcome { tool, .. } => {
            format!(" of `{tool}`")
        }
        _ => String::new(),
    };
    format!("{kind}{what}")
}

fn shown(value: Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MOST_SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
