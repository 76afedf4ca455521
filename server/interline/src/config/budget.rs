//! `[budget]`: the limits of a turn, and in tables of its own those of a session, a day and a workspace; each merged by
//! itself and with its own origin.

use std::collections::BTreeMap;

use interline_agent::{Budget, Limits};
use serde::{Deserialize, Deserializer, de};

/// `[budget]` of a file.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    max_steps: Option<u32>,
    max_tokens: Option<u64>,
    #[serde(default, deserialize_with = "usd")]
    max_usd: Option<f64>,
    max_seconds: Option<u64>,
    #[serde(default)]
    session: Level,
    #[serde(default)]
    day: Level,
    #[serde(default)]
    workspace: Level,
}

/// `[budget.session]` and the like.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Level {
    max_tokens: Option<u64>,
    #[serde(default, deserialize_with = "usd")]
    max_usd: Option<f64>,
}

/// An amount of US dollars; `inf` is no limit.
fn usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let usd = f64::deserialize(deserializer)?;
    if usd >= 0.0 {
        return Ok(Some(usd));
    }
    Err(de::Error::custom(
        "expected an amount in US dollars, or inf for no limit",
    ))
}

/// Merged limits.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Merged {
    pub(crate) value: Budget,
    /// Of what is not the default, by key.
    origins: BTreeMap<&'static str, String>,
}

impl Merged {
    /// The file's limits in place of those so far.
    pub(super) fn replace(&mut self, table: &Table, origin: &str) {
        let now = self.value;
        let limits = |now: Limits, by: Limits| Limits {
            max_tokens: by.max_tokens.or(now.max_tokens),
            max_usd: by.max_usd.or(now.max_usd),
        };
        self.set(
            origin,
            Budget {
                max_steps: table.max_steps.unwrap_or(now.max_steps),
                max_seconds: table.max_seconds.unwrap_or(now.max_seconds),
                turn: limits(now.turn, table.turn()),
                session: limits(now.session, table.session.limits()),
                day: limits(now.day, table.day.limits()),
                workspace: limits(now.workspace, table.workspace.limits()),
            },
        );
    }

    /// The file's limits where they are lower.
    pub(super) fn bound(&mut self, table: &Table, origin: &str) {
        let now = self.value;
        let limits = |now: Limits, by: Limits| Limits {
            max_tokens: lower(now.max_tokens, by.max_tokens),
            max_usd: lower(now.max_usd, by.max_usd),
        };
        self.set(
            origin,
            Budget {
                max_steps: now.max_steps.min(table.max_steps.unwrap_or(u32::MAX)),
                max_seconds: now.max_seconds.min(table.max_seconds.unwrap_or(u64::MAX)),
                turn: limits(now.turn, table.turn()),
                session: limits(now.session, table.session.limits()),
                day: limits(now.day, table.day.limits()),
                workspace: limits(now.workspace, table.workspace.limits()),
            },
        );
    }

    /// So much for one turn, whatever else was spent: the user said so just now.
    pub(super) fn allow(&mut self, max_usd: f64, origin: &str) {
        let turn = Limits {
            max_usd: Some(max_usd),
            ..self.value.turn
        };
        self.set(
            origin,
            Budget {
                turn,
                session: Limits::default(),
                day: Limits::default(),
                workspace: Limits::default(),
                ..self.value
            },
        );
    }

    fn set(&mut self, origin: &str, value: Budget) {
        for ((key, before), (_, after)) in entries(&self.value).into_iter().zip(entries(&value)) {
            if before != after {
                self.origins.insert(key, origin.to_owned());
            }
        }
        self.value = value;
    }

    /// Each key with its value and its origin.
    pub(super) fn lines(&self) -> impl Iterator<Item = (String, String, String)> + '_ {
        entries(&self.value).into_iter().map(|(key, value)| {
            let origin = self.origins.get(key).map_or("default", String::as_str);
            (format!("budget.{key}"), value, origin.to_owned())
        })
    }
}

impl Table {
    fn turn(&self) -> Limits {
        Limits {
            max_tokens: self.max_tokens,
            max_usd: self.max_usd,
        }
    }
}

impl Level {
    fn limits(&self) -> Limits {
        Limits {
            max_tokens: self.max_tokens,
            max_usd: self.max_usd,
        }
    }
}

fn lower<T: PartialOrd>(now: Option<T>, by: Option<T>) -> Option<T> {
    match (now, by) {
        (Some(now), Some(by)) if now <= by => Some(now),
        (now, None) => now,
        (_, by) => by,
    }
}

fn entries(budget: &Budget) -> [(&'static str, String); 10] {
    fn shown<T: ToString>(limit: Option<T>) -> String {
        limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string())
    }
    let Budget {
        max_steps,
        max_seconds,
        turn,
        session,
        day,
        workspace,
    } = budget;
    [
        ("max_steps", max_steps.to_string()),
        ("max_tokens", shown(turn.max_tokens)),
        ("max_usd", shown(turn.max_usd)),
        ("max_seconds", max_seconds.to_string()),
        ("session.max_tokens", shown(session.max_tokens)),
        ("session.max_usd", shown(session.max_usd)),
        ("day.max_tokens", shown(day.max_tokens)),
        ("day.max_usd", shown(day.max_usd)),
        ("workspace.max_tokens", shown(workspace.max_tokens)),
        ("workspace.max_usd", shown(workspace.max_usd)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        toml::from_str(text).unwrap()
    }

    fn line(merged: &Merged, key: &str) -> String {
        let line = merged.lines().find(|(name, ..)| name == key);
        let (_, value, origin) = line.unwrap();
        format!("{value} # {origin}")
    }

    #[test]
    fn each_limit_is_merged_by_itself_and_only_lowered_by_a_bound() {
        let mut merged = Merged::default();
        merged.replace(&table("day.max_usd = 20.0\nsession.max_tokens = 9"), "user");
        merged.bound(
            &table(
                "max_steps = 5\nday.max_usd = 99.0\nworkspace.max_usd = 7\nsession.max_tokens = 8",
            ),
            "repo",
        );
        assert_eq!(line(&merged, "budget.day.max_usd"), "20 # user");
        assert_eq!(line(&merged, "budget.session.max_tokens"), "8 # repo");
        assert_eq!(line(&merged, "budget.workspace.max_usd"), "7 # repo");
        assert_eq!(line(&merged, "budget.max_steps"), "5 # repo");
        assert_eq!(line(&merged, "budget.max_usd"), "5 # default");
        assert_eq!(line(&merged, "budget.session.max_usd"), "none # default");
    }

    #[test]
    fn what_the_user_allows_now_goes_before_what_the_user_wrote_but_not_before_a_bound() {
        let mut merged = Merged::default();
        merged.replace(&table("session.max_usd = 1.0"), "user");
        merged.allow(30.0, "--budget");
        merged.bound(&table("max_usd = 25.0\nday.max_usd = 40.0"), "managed");
        assert_eq!(merged.value.turn.max_usd, Some(25.0));
        assert_eq!(merged.value.session, Limits::default());
        assert_eq!(merged.value.day.max_usd, Some(40.0));
    }

    #[test]
    fn a_limit_in_usd_is_an_amount_or_none_at_all() {
        for bad in [
            "max_usd = -1.0",
            "day.max_usd = nan",
            "max_usd = \"5\"",
            "day.max_steps = 1",
            "week.max_usd = 1",
        ] {
            assert!(toml::from_str::<Table>(bad).is_err(), "{bad}");
        }
        assert_eq!(table("day.max_usd = inf").day.max_usd, Some(f64::INFINITY));
    }
}
