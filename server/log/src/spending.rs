//! What a session has spent, by day: a fold of its events, from which budgets are checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{EventData, Lineage, Spent, Usage};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What a session has spent. Nothing but [`EventData::SessionCreated`], [`EventData::SessionForked`],
/// [`EventData::SessionResumed`], [`EventData::BudgetReserved`], [`EventData::ResponseStopped`] and
/// [`EventData::TurnEnded`] changes it. What a fork has copied counts for the session that it was spent in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spending {
    roots: Vec<String>,
    #[serde(default)]
    lineage: Lineage,
    days: BTreeMap<u64, Spent>,
    /// The request that is under way: its day, and the most that it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reserved: Option<(u64, Spent)>,
}

impl Spending {
    /// The day of a time in milliseconds since the Unix epoch. Days begin at midnight UTC.
    #[must_use]
    pub fn day_of(ts: u64) -> u64 {
        ts / DAY_MS
    }

    /// Takes the next event in, with this number, which happened at `ts`.
    pub fn apply(&mut self, seq: u64, ts: u64, data: &EventData) {
        self.lineage.apply(seq, data);
        match data {
            EventData::SessionCreated { roots, .. } => self.roots.clone_from(roots),
            _ if self.lineage.made_in(seq).is_some() => {}
            EventData::BudgetReserved { tokens, micro_usd } => {
                let mut most = Spent::default();
                let usage = Usage {
                    input: *tokens,
                    ..Usage::default()
                };
                most.add(usage, Some(*micro_usd));
                self.reserved = Some((Self::day_of(ts), most));
            }
            EventData::ResponseStopped {
                usage,
                cost_micro_usd,
                ..
            } => {
                self.reserved = None;
                let day = self.days.entry(Self::day_of(ts)).or_default();
                day.add(*usage, *cost_micro_usd);
            }
            EventData::TurnEnded { .. } | EventData::SessionResumed { .. } => self.reserved = None,
            _ => {}
        }
    }

    /// Leaves the request out that is under way: for who is about to say what the next one may take.
    pub fn release(&mut self) {
        self.reserved = None;
    }

    /// Does [`Self::apply`] look at events of this type?
    pub(crate) fn minds(kind: &str) -> bool {
        matches!(
            kind,
            "session.created"
                | "session.forked"
                | "session.resumed"
                | "budget.reserved"
                | "response.stopped"
                | "turn.ended"
        )
    }

    /// On one day. A request that is under way, or that a crash cut, counts with the most that it may take.
    #[must_use]
    pub fn on(&self, day: u64) -> Spent {
        let mut spent = self.days.get(&day).copied().unwrap_or_default();
        if let Some((_, most)) = self.reserved.filter(|(reserved, _)| *reserved == day) {
            spent.merge(&most);
        }
        spent
    }

    /// In all, likewise.
    #[must_use]
    pub fn total(&self) -> Spent {
        let reserved = self.reserved.iter().map(|(_, most)| most);
        let mut total = Spent::default();
        for spent in self.days.values().chain(reserved) {
            total.merge(spent);
        }
        total
    }

    /// Did the session work in this folder, an absolute path?
    #[must_use]
    pub fn is_in(&self, root: &str) -> bool {
        self.roots.iter().any(|folder| folder == root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SessionId, StopReason, TurnOutcome};

    fn stopped(tokens: u64, cost: Option<u64>) -> EventData {
        EventData::ResponseStopped {
            reason: StopReason::EndTurn,
            usage: Usage {
                output: tokens,
                ..Usage::default()
            },
            cost_micro_usd: cost,
        }
    }

    #[test]
    fn days_are_kept_apart_and_what_has_no_price_is_told() {
        let mut spending = Spending::default();
        spending.apply(0, 0, &stopped(1, Some(10)));
        spending.apply(0, DAY_MS - 1, &stopped(2, Some(20)));
        spending.apply(0, DAY_MS, &stopped(4, None));
        let first = spending.on(0);
        assert_eq!((first.usage.output, first.cost_micro_usd), (3, 30));
        let second = spending.on(1);
        assert_eq!((second.cost_micro_usd, second.unpriced), (0, 1));
        assert_eq!(second.unpriced_usage.output, 4);
        assert_eq!(spending.on(2), Spent::default());
        assert_eq!(spending.total().usage.output, 7);
    }

    #[test]
    fn what_is_reserved_counts_until_the_request_or_the_turn_ends() {
        let reserved = EventData::BudgetReserved {
            tokens: 100,
            micro_usd: 50,
        };
        let ends = [
            stopped(0, Some(0)),
            EventData::TurnEnded {
                outcome: TurnOutcome::Cancelled,
            },
            EventData::SessionResumed {
                version: String::new(),
            },
        ];
        for end in ends {
            let mut spending = Spending::default();
            spending.apply(0, DAY_MS, &reserved);
            assert_eq!(spending.on(1).cost_micro_usd, 50);
            assert_eq!(spending.on(0).cost_micro_usd, 0);
            assert_eq!(spending.total().usage.total(), 100);
            spending.apply(0, DAY_MS, &end);
            assert_eq!(spending.total().usage.total(), 0, "{end:?}");
        }
    }

    #[test]
    fn what_a_fork_has_copied_was_spent_by_another() {
        let mut spending = Spending::default();
        let events = [
            EventData::SessionForked {
                of: SessionId::new(),
                events: 3,
                damage: String::new(),
            },
            EventData::SessionCreated {
                version: String::new(),
                roots: vec!["/w".into()],
            },
            stopped(1, Some(10)),
            EventData::BudgetReserved {
                tokens: 100,
                micro_usd: 50,
            },
        ];
        for (seq, event) in events.iter().enumerate() {
            spending.apply(seq as u64, 0, event);
        }
        assert_eq!(spending.total(), Spent::default());
        assert!(spending.is_in("/w"));
        spending.apply(4, 0, &stopped(2, Some(20)));
        assert_eq!(spending.total().cost_micro_usd, 20);
    }
}
