//! Notices a model that goes in circles: the same call again and again, or calls that are never valid.

use interline_log::TurnOutcome;

const MAX_IDENTICAL: u32 = 5;
const MAX_INVALID: u32 = 3;

#[derive(Default)]
pub(super) struct Guard {
    last: Option<(String, String)>,
    identical: u32,
    invalid: u32,
}

impl Guard {
    /// Takes note of a call. An error ends the turn.
    pub(super) fn called(&mut self, tool: &str, arguments: &str) -> Result<(), TurnOutcome> {
        let same = self
            .last
            .as_ref()
            .is_some_and(|(name, input)| name == tool && input == arguments);
        if same {
            self.identical += 1;
        } else {
            self.identical = 1;
            self.last = Some((tool.to_owned(), arguments.to_owned()));
        }
        if self.identical < MAX_IDENTICAL {
            return Ok(());
        }
        Err(super::stopped(
            "loop",
            &format!(
                "the model called `{tool}` with the same input {MAX_IDENTICAL} times in a row: say what it should do instead"
            ),
        ))
    }

    /// Takes note of whether the call could be run at all. An error ends the turn.
    pub(super) fn prepared(&mut self, valid: bool) -> Result<(), TurnOutcome> {
        self.invalid = if valid { 0 } else { self.invalid + 1 };
        if self.invalid < MAX_INVALID {
            return Ok(());
        }
        Err(super::stopped(
            "invalid_calls",
            &format!(
                "{MAX_INVALID} calls in a row were invalid: ask again, or use a model that is better with tools"
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_identical_calls_stop_and_another_in_between_resets() {
        let mut guard = Guard::default();
        for _ in 0..4 {
            guard.called("read", "{}").unwrap();
        }
        guard.called("list", "{}").unwrap();
        for _ in 0..4 {
            guard.called("read", "{}").unwrap();
        }
        guard.called("read", "{}").unwrap_err();
    }

    #[test]
    fn three_invalid_calls_in_a_row_stop() {
        let mut guard = Guard::default();
        for valid in [false, false, true, false, false] {
            guard.prepared(valid).unwrap();
        }
        guard.prepared(false).unwrap_err();
    }
}
