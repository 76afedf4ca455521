//! The editor port on a terminal, for the command line: progress to stderr, the answer to stdout, questions where
//! somebody is there to answer.
//!
//! There are no buffers here: accepted hunks land on disk, by the workspace's one function for that.

pub(crate) mod count;
pub(crate) mod diff;
mod jsonl;
mod prompt;
pub(crate) mod review;
pub(crate) mod style;

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use interline_log::{SessionId, TurnOutcome, Usage};
use interline_workspace::editor::{
    Abilities, Display, Editor, EditorError, PermissionPrompt, PermissionReply, Query, QueryAnswer,
    Question,
};
use interline_workspace::proposal::Landing;

use crate::args::Output;
use count::counted;
use style::Style;

/// A terminal, or the lack of one.
pub(crate) struct Terminal {
    output: Output,
    interactive: bool,
    style: Style,
    seen: Mutex<Seen>,
}

/// What was shown so far.
#[derive(Default)]
struct Seen {
    /// A status line stands on stderr and must be wiped before anything else.
    status: bool,
    outcome: Option<TurnOutcome>,
    denied: bool,
    usage: Usage,
    cost_micro_usd: Option<u64>,
    ends_in_newline: bool,
}

impl Terminal {
    pub(crate) fn new(output: Output) -> Self {
        let interactive = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        Self {
            output,
            interactive,
            style: Style::detect(),
            seen: Mutex::default(),
        }
    }

    /// Somebody is there to answer.
    pub(crate) fn interactive(&self) -> bool {
        self.interactive
    }

    pub(crate) fn outcome(&self) -> Option<TurnOutcome> {
        self.seen().outcome.clone()
    }

    /// Something was denied, by policy or the user.
    pub(crate) fn denied(&self) -> bool {
        self.seen().denied
    }

    /// A yes-or-no question; only `y` and `yes` are a yes.
    pub(crate) fn confirm(&self, text: &str) -> bool {
        self.wipe_status();
        matches!(
            prompt::ask(&format!("{text} [y/N]: "), &|| false).as_deref(),
            Some("y" | "yes")
        )
    }

    /// Text for stdout.
    pub(crate) fn say(&self, text: &str) {
        self.wipe_status();
        // A closed pipe ends nothing: what was done stays on record.
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// A line for stderr.
    pub(crate) fn note(&self, text: &str) {
        self.wipe_status();
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    fn wipe_status(&self) {
        let shown = std::mem::take(&mut self.seen().status);
        if shown {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }

    fn status(&self, text: &str) {
        if !self.interactive {
            return;
        }
        let line: String = visible(text).replace('\n', " ").chars().take(76).collect();
        let _ = write!(std::io::stderr(), "\r\x1b[2K{}", self.style.dim(&line));
        self.seen().status = true;
    }

    fn show_text(&self, display: Display) {
        match display {
            Display::Text { delta, .. } => {
                self.say(&visible(&delta));
                let ends = delta.ends_with('\n');
                self.seen().ends_in_newline = ends;
            }
            Display::Activity { text, .. } => self.status(&text),
            Display::CallStarted { title, .. } => self.status(&title),
            Display::CallEnded { summary, .. } => {
                self.end_line();
                self.note(&self.style.dim(&format!("· {}", visible(&summary))));
            }
            Display::Notice { text, warning } => {
                self.end_line();
                let text = visible(&text);
                self.note(&if warning {
                    self.style.warning(&text)
                } else {
                    text
                });
            }
            Display::Checked { verdict, .. } => {
                self.end_line();
                self.note(&self.style.dim(&format!("· the edits: {verdict}")));
            }
            Display::NotChecked { reason, .. } => {
                self.end_line();
                let reason = visible(&reason);
                self.note(
                    &self
                        .style
                        .dim(&format!("· the edits were not checked: {reason}")),
                );
            }
            Display::Spent {
                usage,
                cost_micro_usd,
                ..
            } => {
                let mut seen = self.seen();
                (seen.usage, seen.cost_micro_usd) = (usage, cost_micro_usd);
            }
            Display::TurnEnded { outcome, .. } => {
                self.end_line();
                self.note_end(&outcome);
            }
            Display::TurnStarted { .. } | Display::HunksChanged | Display::Configured { .. } => {}
        }
    }

    /// The answer's last line is ended before anything else is said.
    fn end_line(&self) {
        let ended = std::mem::replace(&mut self.seen().ends_in_newline, true);
        if !ended {
            self.say("\n");
        }
    }

    fn note_end(&self, outcome: &TurnOutcome) {
        match outcome {
            TurnOutcome::Done => {}
            TurnOutcome::Cancelled => self.note(&self.style.warning("cancelled")),
            TurnOutcome::Stopped { message, .. } | TurnOutcome::Failed { message } => {
                self.note(&self.style.error(&visible(message)));
            }
        }
        let (usage, cost) = {
            let seen = self.seen();
            (seen.usage, seen.cost_micro_usd)
        };
        if usage.total() > 0 {
            let cost = cost
                .filter(|cost| *cost > 0)
                .map(|cost| format!(", {:.4} USD", cost as f64 / 1e6))
                .unwrap_or_default();
            let tokens = counted(usage.total(), "token");
            self.note(&self.style.dim(&format!("{tokens}{cost}")));
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Editor for Terminal {
    fn abilities(&self) -> Abilities {
        Abilities {
            query: false,
            // There are no buffers: what is accepted stands on disk.
            save: true,
            headless: !self.interactive,
        }
    }

    fn apply(&self, landing: Landing) -> BoxFuture<'static, Result<(), EditorError>> {
        // There are no buffers, so this is never reached; if it were, nothing may be lost.
        let reason = format!("no editor has {} open", landing.path);
        std::future::ready(Err(EditorError::Unsupported(reason))).boxed()
    }

    fn permission(&self, prompt: PermissionPrompt) -> BoxFuture<'static, PermissionReply> {
        if !self.interactive {
            return std::future::ready(PermissionReply::none("headless")).boxed();
        }
        self.wipe_status();
        let style = self.style;
        on_a_thread(
            move |withdrawn| prompt::permission(&prompt, style, withdrawn),
            PermissionReply::none("the end of input"),
        )
    }

    fn save(&self, _documents: Vec<String>) -> BoxFuture<'static, Result<(), EditorError>> {
        std::future::ready(Ok(())).boxed()
    }

    fn question(&self, question: Question) -> BoxFuture<'static, Option<String>> {
        if !self.interactive {
            return std::future::ready(None).boxed();
        }
        self.wipe_status();
        on_a_thread(
            move |withdrawn| prompt::question(&question, withdrawn),
            None,
        )
    }

    fn query(&self, _query: Query) -> BoxFuture<'static, Result<QueryAnswer, EditorError>> {
        let reason = "there is no editor, so no language server can be asked".to_owned();
        std::future::ready(Err(EditorError::Unsupported(reason))).boxed()
    }

    fn show(&self, session: SessionId, display: Display) {
        {
            let mut seen = self.seen();
            match &display {
                Display::TurnEnded { outcome, .. } => seen.outcome = Some(outcome.clone()),
                Display::CallEnded {
                    status: interline_log::CallStatus::Denied,
                    ..
                } => seen.denied = true,
                Display::TurnStarted { .. } => seen.ends_in_newline = true,
                _ => {}
            }
        }
        match self.output {
            Output::Jsonl => {
                if let Some(line) = jsonl::line(session, &display) {
                    self.say(&line);
                }
            }
            Output::Text => self.show_text(display),
        }
    }
}

/// Waiting for a line blocks, so it has a thread of its own; the question is withdrawn with the future.
fn on_a_thread<T: Send + 'static>(
    ask: impl FnOnce(&prompt::Withdrawn<'_>) -> T + Send + 'static,
    otherwise: T,
) -> BoxFuture<'static, T> {
    let (answer, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let answered = ask(&|| answer.is_closed());
        let _ = answer.send(answered);
    });
    async move { wait.await.unwrap_or(otherwise) }.boxed()
}

/// Model text on a terminal: control sequences are shown, never obeyed, and nothing turns the line around.
pub(crate) fn visible(text: &str) -> String {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|c| {
            if (c.is_control() && !matches!(c, '\n' | '\t')) || turns(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn control_sequences_are_not_obeyed() {
        assert_eq!(
            visible("a\x1b[31mb\r\n\tc\u{9b}\u{202e}"),
            "a\u{fffd}[31mb\u{fffd}\n\tc\u{fffd}\u{fffd}"
        );
    }
}
