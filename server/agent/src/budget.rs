//! Limits on what a turn, a session, a day and a workspace may take. They are checked before each request, against the
//! most that it may take, so that no limit is ever passed by a request that was sent.
//!
//! What was spent is a fold of the logs; nothing here keeps a count of its own.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use interline_log::{BudgetLevel, BudgetLimit, BudgetStop, Others, Spending, Spent};
use interline_model::{ModelSpec, Price, cost_micro_usd};

/// All limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Model requests of a turn.
    pub max_steps: u32,
    /// Seconds of a turn's work; waiting for the user does not count.
    pub max_seconds: u64,
    /// One turn.
    pub turn: Limits,
    /// All turns of a session.
    pub session: Limits,
    /// All sessions since midnight UTC.
    pub day: Limits,
    /// All sessions in the folder, ever.
    pub workspace: Limits,
}

/// Limits of one level; `None`: there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Tokens, input and output, cached ones included.
    pub max_tokens: Option<u64>,
    /// US dollars. What has no known price counts by a high one.
    pub max_usd: Option<f64>,
}

impl Default for Budget {
    /// A turn that went astray costs 5 USD at most, and a day on which nobody looks ten such turns. A long session or
    /// an old workspace is no sign of anything, so those have no limits unless the user wants them.
    fn default() -> Self {
        Self {
            max_steps: 100,
            max_seconds: 1800,
            turn: Limits {
                max_tokens: Some(2_000_000),
                max_usd: Some(5.0),
            },
            session: Limits::default(),
            day: Limits {
                max_tokens: None,
                max_usd: Some(50.0),
            },
            workspace: Limits::default(),
        }
    }
}

impl Limits {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a turn has taken so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) steps: u32,
    pub(crate) spent: Spent,
    /// Without the time that the user took.
    pub(crate) worked: Duration,
}

/// Tokens and millionths of a US dollar, where what has no price counts by [`Price::ASSUMED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) tokens: u64,
    pub(crate) micro_usd: u64,
}

impl From<&Spent> for Amount {
    fn from(spent: &Spent) -> Self {
        let assumed = cost_micro_usd(&spent.unpriced_usage, &Price::ASSUMED);
        Self {
            tokens: spent.usage.total(),
            micro_usd: spent.cost_micro_usd.saturating_add(assumed),
        }
    }
}

/// What was spent at each level before a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Before {
    pub(crate) turn: Taken,
    pub(crate) session: Amount,
    pub(crate) day: Amount,
    pub(crate) workspace: Amount,
}

impl Before {
    /// The session's own figures, and those of all others.
    pub(crate) fn new(turn: Taken, total: &Spent, today: &Spent, others: &Others) -> Self {
        let both = |own: &Spent, other: &Spent| {
            let mut sum = *own;
            sum.merge(other);
            Amount::from(&sum)
        };
        Self {
            turn,
            session: Amount::from(total),
            day: both(today, &others.day),
            workspace: both(total, &others.workspace),
        }
    }
}

/// The most that a request with so many tokens may take: nothing of it in a cache, and an answer up to its limit.
pub(crate) fn projection(input: u64, max_output: u32, model: &ModelSpec) -> Amount {
    let price = model.price.unwrap_or(Price::ASSUMED);
    let dearest = Price {
        input: price.input.max(price.cache_write),
        ..price
    };
    let usage = interline_log::Usage {
        input,
        output: max_output.into(),
        ..Default::default()
    };
    Amount {
        tokens: usage.total(),
        micro_usd: cost_micro_usd(&usage, &dearest),
    }
}

impl Budget {
    /// Does any limit need to know what other sessions have spent?
    pub(crate) fn minds_others(&self) -> bool {
        !self.day.is_none() || !self.workspace.is_none()
    }

    /// Would this request pass a limit?
    pub(crate) fn stops(&self, before: &Before, request: Amount) -> Option<BudgetStop> {
        let turn = &before.turn;
        let seconds = turn.worked.as_secs();
        let of_turn = |limit, max, spent, projected| BudgetStop {
            level: BudgetLevel::Turn,
            limit,
            max,
            spent,
            projected,
        };
        if turn.steps >= self.max_steps {
            let (max, steps) = (self.max_steps.into(), turn.steps.into());
            return Some(of_turn(BudgetLimit::Steps, max, steps, 1));
        }
        if seconds >= self.max_seconds {
            return Some(of_turn(BudgetLimit::Seconds, self.max_seconds, seconds, 0));
        }
        let levels = [
            (BudgetLevel::Turn, &self.turn, Amount::from(&turn.spent)),
            (BudgetLevel::Session, &self.session, before.session),
            (BudgetLevel::Day, &self.day, before.day),
            (BudgetLevel::Workspace, &self.workspace, before.workspace),
        ];
        levels
            .into_iter()
            .find_map(|(level, limits, spent)| limits.stops(level, spent, request))
    }
}

impl Limits {
    fn stops(&self, level: BudgetLevel, spent: Amount, request: Amount) -> Option<BudgetStop> {
        // A cast from float saturates: an absurd limit is none, or the strictest.
        let max_micro_usd = self.max_usd.map(|usd| (usd * 1e6) as u64);
        let tokens = (
            BudgetLimit::Tokens,
            self.max_tokens,
            spent.tokens,
            request.tokens,
        );
        let usd = (
            BudgetLimit::MicroUsd,
            max_micro_usd,
            spent.micro_usd,
            request.micro_usd,
        );
        [tokens, usd]
            .into_iter()
            .find_map(|(limit, max, spent, projected)| {
                let max = max?;
                let stop = BudgetStop {
                    level,
                    limit,
                    max,
                    spent,
                    projected,
                };
                (spent.saturating_add(projected) > max).then_some(stop)
            })
    }
}

/// The day by which spending counts: see [`Spending::day_of`].
pub(crate) fn today() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let ms = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    Spending::day_of(ms)
}

/// What the levels have taken, of what they may: a line each, in Markdown.
pub(crate) fn figures(budget: &Budget, before: &Before) -> String {
    let levels = [
        ("last turn", &budget.turn, Amount::from(&before.turn.spent)),
        ("session", &budget.session, before.session),
        ("today, all sessions", &budget.day, before.day),
        (
            "this folder, all sessions",
            &budget.workspace,
            before.workspace,
        ),
    ];
    let mut text = "**Budgets**\n\n".to_owned();
    for (level, limits, spent) in levels {
        let of =
            |limit: Option<String>| limit.map_or_else(String::new, |limit| format!(" of {limit}"));
        let tokens = of(limits.max_tokens.map(|tokens| tokens.to_string()));
        let dollars = of(limits.max_usd.map(|usd| format!("{usd:.2}")));
        // Writing into a String fails never.
        let _ = writeln!(
            text,
            "- {level}: {}{tokens} tokens, {}{dollars} USD",
            spent.tokens,
            usd(spent.micro_usd)
        );
    }
    text
}

/// The stop in words, with a way to go on.
pub(crate) fn message(stop: &BudgetStop) -> String {
    let (level, table) = match stop.level {
        BudgetLevel::Turn => ("turn", "[budget]"),
        BudgetLevel::Session => ("session", "[budget.session]"),
        BudgetLevel::Day => ("day", "[budget.day]"),
        BudgetLevel::Workspace => ("workspace", "[budget.workspace]"),
    };
    let (key, max, spent, projected) = match stop.limit {
        BudgetLimit::Steps => (
            "max_steps",
            stop.max.to_string(),
            format!("{} steps", stop.spent),
            String::new(),
        ),
        BudgetLimit::Seconds => (
            "max_seconds",
            stop.max.to_string(),
            format!("{} s", stop.spent),
            String::new(),
        ),
        BudgetLimit::Tokens => (
            "max_tokens",
            stop.max.to_string(),
            format!("{} tokens", stop.spent),
            format!(", the next request may take {}", stop.projected),
        ),
        BudgetLimit::MicroUsd => (
            "max_usd",
            usd(stop.max),
            format!("{} USD", usd(stop.spent)),
            format!(", the next request may cost {}", usd(stop.projected)),
        ),
    };
    let mut text = format!("the {level}'s budget stops here: {spent} of {max} spent{projected}. ");
    // Writing into a String fails never.
    let _ = match stop.level {
        BudgetLevel::Turn if stop.projected <= stop.max => {
            write!(
                text,
                "say \"go on\" for another turn, or raise {key} in {table} of the configuration"
            )
        }
        BudgetLevel::Day => write!(
            text,
            "raise {key} in {table} of the configuration and say \"go on\", or wait until midnight UTC"
        ),
        BudgetLevel::Session => write!(
            text,
            "start a new session, or raise {key} in {table} of the configuration and say \"go on\""
        ),
        _ => write!(
            text,
            "raise {key} in {table} of the configuration and say \"go on\""
        ),
    };
    text
}

/// With as many digits as tell it from nothing.
fn usd(micro: u64) -> String {
    let usd = micro as f64 / 1e6;
    if micro != 0 && micro < 10_000 {
        format!("{usd:.6}")
    } else {
        format!("{usd:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use interline_log::Usage;

    fn spent(tokens: u64, cost: Option<u64>) -> Spent {
        let mut spent = Spent::default();
        let usage = Usage {
            output: tokens,
            ..Usage::default()
        };
        spent.add(usage, cost);
        spent
    }

    const NONE: Budget = Budget {
        max_steps: u32::MAX,
        max_seconds: u64::MAX,
        turn: Limits {
            max_tokens: None,
            max_usd: None,
        },
        session: Limits {
            max_tokens: None,
            max_usd: None,
        },
        day: Limits {
            max_tokens: None,
            max_usd: None,
        },
        workspace: Limits {
            max_tokens: None,
            max_usd: None,
        },
    };

    #[test]
    fn each_level_stops_before_the_request_that_would_pass_it() {
        let tokens = Limits {
            max_tokens: Some(1000),
            max_usd: None,
        };
        let usd = Limits {
            max_tokens: None,
            max_usd: Some(0.001),
        };
        // The turn is a part of the session, and it of the day; others add to the day and the workspace.
        let turn = Taken {
            spent: spent(100, Some(100)),
            ..Taken::default()
        };
        let others = Others {
            day: spent(200, Some(200)),
            workspace: spent(300, Some(300)),
        };
        let before = Before::new(
            turn,
            &spent(200, Some(200)),
            &spent(150, Some(150)),
            &others,
        );
        let levels = [
            (BudgetLevel::Turn, 100),
            (BudgetLevel::Session, 200),
            (BudgetLevel::Day, 350),
            (BudgetLevel::Workspace, 500),
        ];
        for (level, spent) in levels {
            for (limits, limit) in [(tokens, BudgetLimit::Tokens), (usd, BudgetLimit::MicroUsd)] {
                let mut budget = NONE;
                match level {
                    BudgetLevel::Turn => budget.turn = limits,
                    BudgetLevel::Session => budget.session = limits,
                    BudgetLevel::Day => budget.day = limits,
                    BudgetLevel::Workspace => budget.workspace = limits,
                }
                let request = |amount| Amount {
                    tokens: amount,
                    micro_usd: amount,
                };
                assert_eq!(budget.stops(&before, request(1000 - spent)), None);
                let stop = BudgetStop {
                    level,
                    limit,
                    max: 1000,
                    spent,
                    projected: 1001 - spent,
                };
                assert_eq!(budget.stops(&before, request(1001 - spent)), Some(stop));
            }
        }
    }

    #[test]
    fn steps_and_seconds_stop_the_turn() {
        let budget = Budget {
            max_steps: 2,
            max_seconds: 10,
            ..NONE
        };
        let stops = |steps, seconds| {
            let turn = Taken {
                steps,
                worked: Duration::from_secs(seconds),
                ..Taken::default()
            };
            let before = Before {
                turn,
                ..Before::default()
            };
            budget
                .stops(&before, Amount::default())
                .map(|stop| stop.limit)
        };
        assert_eq!(stops(1, 9), None);
        assert_eq!(stops(2, 9), Some(BudgetLimit::Steps));
        assert_eq!(stops(1, 10), Some(BudgetLimit::Seconds));
    }

    #[test]
    fn a_request_is_projected_with_its_whole_answer_and_nothing_cached() {
        let mut model = ModelSpec::builtin();
        model.price = Some(Price {
            input: 1.0,
            output: 10.0,
            cache_read: 0.1,
            cache_write: 2.0,
        });
        let projected = projection(1001, 100, &model);
        assert_eq!(
            (projected.tokens, projected.micro_usd),
            (1101, 1001 * 2 + 1000)
        );
        model.price = None;
        assert!(projection(1001, 100, &model).micro_usd > projected.micro_usd);
    }

    #[test]
    fn what_has_no_price_counts_by_a_high_one() {
        let known = Amount::from(&spent(1000, Some(5)));
        let unknown = Amount::from(&spent(1000, None));
        assert_eq!((known.micro_usd, unknown.micro_usd), (5, 75_000));
    }

    #[test]
    fn a_message_names_the_figures_and_the_way_on() {
        let stop = BudgetStop {
            level: BudgetLevel::Day,
            limit: BudgetLimit::MicroUsd,
            max: 50_000_000,
            spent: 49_900_000,
            projected: 350_000,
        };
        assert_eq!(
            message(&stop),
            "the day's budget stops here: 49.90 USD of 50.00 spent, the next request may cost 0.35. raise max_usd in \
             [budget.day] of the configuration and say \"go on\", or wait until midnight UTC",
        );
        let steps = BudgetStop {
            level: BudgetLevel::Turn,
            limit: BudgetLimit::Steps,
            max: 2,
            spent: 2,
            projected: 1,
        };
        assert_eq!(
            message(&steps),
            "the turn's budget stops here: 2 steps of 2 spent. say \"go on\" for another turn, or raise max_steps in \
             [budget] of the configuration",
        );
        // Another turn would stop at once too.
        let first = BudgetStop {
            level: BudgetLevel::Turn,
            max: 300_000,
            spent: 0,
            ..stop
        };
        assert!(
            !message(&first).contains("another turn"),
            "{}",
            message(&first)
        );
    }
}
