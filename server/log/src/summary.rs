//! What a list of sessions shows: a fold of a session's events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Event, EventData, Lineage, SessionId, TurnId, Usage};

/// Tokens and money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spent {
    /// Tokens.
    pub usage: Usage,
    /// Millionths of a US dollar, for the responses whose price is known.
    pub cost_micro_usd: u64,
    /// Responses whose price is not known.
    pub unpriced: u64,
    /// Their tokens, which `usage` has too.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub unpriced_usage: Usage,
}

fn is_nothing(usage: &Usage) -> bool {
    *usage == Usage::default()
}

impl Spent {
    /// Adds a response, with its cost in millionths of a US dollar where the price is known.
    pub fn add(&mut self, usage: Usage, cost_micro_usd: Option<u64>) {
        self.usage += usage;
        match cost_micro_usd {
            Some(cost) => self.cost_micro_usd = self.cost_micro_usd.saturating_add(cost),
            None => {
                self.unpriced += 1;
                self.unpriced_usage += usage;
            }
        }
    }

    /// Adds what another has taken.
    pub fn merge(&mut self, other: &Self) {
        self.usage += other.usage;
        self.cost_micro_usd = self.cost_micro_usd.saturating_add(other.cost_micro_usd);
        self.unpriced += other.unpriced;
        self.unpriced_usage += other.unpriced_usage;
    }
}

/// A session in a few figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionSummary {
    /// Its id.
    pub id: SessionId,
    /// When its first event happened, in milliseconds since the Unix epoch; 0 if there is none.
    pub created: u64,
    /// When its last event happened, likewise.
    pub last_event: u64,
    /// Title of the first request; empty if there is none yet.
    pub title: String,
    /// Absolute paths of the workspace's folders.
    pub roots: Vec<String>,
    /// Turns that were begun.
    pub turns: u64,
    /// The turn that has begun and not ended. On a log that nobody writes: a turn that a crash cut.
    pub open_turn: Option<TurnId>,
    /// What the open turn asks permission for, where its last question has no answer.
    #[serde(default)]
    pub waiting: Option<String>,
    /// What it took, in all; of a fork: since then.
    pub spent: Spent,
    /// What each turn took.
    pub by_turn: BTreeMap<TurnId, Spent>,
    /// Why it can't be read.
    pub problem: Option<String>,
    #[serde(skip)]
    lineage: Lineage,
}

impl SessionSummary {
    /// A session without events.
    #[must_use]
    pub fn new(id: SessionId) -> Self {
        Self {
            id,
            created: 0,
            last_event: 0,
            title: String::new(),
            roots: Vec::new(),
            turns: 0,
            open_turn: None,
            waiting: None,
            spent: Spent::default(),
            by_turn: BTreeMap::new(),
            problem: None,
            lineage: Lineage::default(),
        }
    }

    /// Takes the next event in.
    pub fn apply(&mut self, event: &Event) {
        if event.seq == 0 {
            self.created = event.ts;
        }
        self.last_event = event.ts;
        self.lineage.apply(event.seq, &event.data);
        match &event.data {
            EventData::SessionCreated { roots, .. } => self.roots.clone_from(roots),
            EventData::InputUser { title, .. } => {
                if self.turns == 0 {
                    self.title.clone_from(title);
                }
                self.turns += 1;
                self.open_turn = event.turn;
                self.waiting = None;
            }
            EventData::ResponseStopped {
                usage,
                cost_micro_usd,
                ..
            } => {
                if self.lineage.made_in(event.seq).is_none() {
                    self.spent.add(*usage, *cost_micro_usd);
                }
                if let Some(turn) = event.turn {
                    self.by_turn
                        .entry(turn)
                        .or_default()
                        .add(*usage, *cost_micro_usd);
                }
            }
            EventData::PermissionAsked { text, .. } if self.open_turn.is_some() => {
                self.waiting = Some(text.clone());
            }
            EventData::PermissionDecided { .. } => self.waiting = None,
            EventData::TurnEnded { .. } => (self.open_turn, self.waiting) = (None, None),
            _ => {}
        }
    }
}
