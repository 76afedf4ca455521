//! Questions on the terminal. Only the exact answer approves; an empty line, the end of input and anything else deny.
//!
//! One thread reads all lines, so that a question that is withdrawn leaves no reader behind that would take the answer to
//! the next one. What was typed before a question stood there answers nothing.

use std::io::{BufRead as _, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use interline_log::PermissionAnswer;
use interline_workspace::editor::{PermissionPrompt, PermissionReply, Question};

use super::style::Style;
use super::visible;

/// Does nobody wait for the answer any more?
pub(super) type Withdrawn<'a> = dyn Fn() -> bool + 'a;

/// Between two looks whether a question still stands.
const LOOK: Duration = Duration::from_millis(50);

pub(super) fn permission(
    prompt: &PermissionPrompt,
    style: Style,
    withdrawn: &Withdrawn<'_>,
) -> PermissionReply {
    let mut text = format!(
        "\n{}\n\n    {}\n\n",
        style.bold(&visible(&prompt.title)),
        visible(&prompt.detail).replace('\n', "\n    ")
    );
    for effect in &prompt.effects {
        text.push_str(&format!("  - {}\n", visible(effect)));
    }
    if let Some(rule) = &prompt.always {
        text.push_str(&format!("  always: keeps the rule  {}\n", visible(rule)));
    }
    for option in [
        PermissionAnswer::AcceptAndAllow,
        PermissionAnswer::AllowInSandbox,
    ] {
        if prompt.options.contains(&option) {
            text.push_str(&format!("  {}: {}\n", word(option), option.label()));
        }
    }
    let words: Vec<_> = prompt.options.iter().map(|&option| word(option)).collect();
    match ask(
        &format!("{text}Allow this? {}: ", words.join(", ")),
        withdrawn,
    ) {
        None => PermissionReply::none("the end of input"),
        Some(answer) => PermissionReply::user(meant(&answer, prompt)),
    }
}
/// What the user types, in full.
fn word(option: PermissionAnswer) -> &'static str {
    match option {
        PermissionAnswer::Deny => "[N]o",
        PermissionAnswer::Allow => "yes",
        PermissionAnswer::AllowAlways => "always",
        PermissionAnswer::AcceptAndAllow => "accept",
        PermissionAnswer::AllowInSandbox => "shadow",
    }
}

/// `y` is enough where nothing can be destroyed.
fn meant(answer: &str, prompt: &PermissionPrompt) -> PermissionAnswer {
    let answer = if answer == "y" && !prompt.danger {
        "yes"
    } else {
        answer
    };
    let mut options = prompt.options.iter();
    let chosen = options.find(|&&option| word(option) == answer);
    chosen.copied().unwrap_or(PermissionAnswer::Deny)
}

pub(super) fn question(question: &Question, withdrawn: &Withdrawn<'_>) -> Option<String> {
    let mut text = format!("\n{}\n", visible(&question.text));
    for (index, option) in question.options.iter().enumerate() {
        text.push_str(&format!("  {}: {}\n", index + 1, visible(option)));
    }
    let answer = ask(&format!("{text}> "), withdrawn)?;
    let chosen = answer
        .parse::<usize>()
        .ok()
        .and_then(|n| question.options.get(n.checked_sub(1)?));
    Some(chosen.cloned().unwrap_or(answer)).filter(|answer| !answer.is_empty())
}

/// One line from the terminal; `None` at the end of input, and once the question is withdrawn.
pub(super) fn ask(text: &str, withdrawn: &Withdrawn<'_>) -> Option<String> {
    let typed = typed().lock().unwrap_or_else(PoisonError::into_inner);
    while typed.try_recv().is_ok() {}
    let mut err = std::io::stderr();
    write!(err, "{text}").and_then(|()| err.flush()).ok()?;
    answer(&typed, withdrawn)
}

fn answer(typed: &Receiver<String>, withdrawn: &Withdrawn<'_>) -> Option<String> {
    loop {
        match typed.recv_timeout(LOOK) {
            Ok(line) => return Some(line.trim().to_owned()),
            Err(RecvTimeoutError::Timeout) if !withdrawn() => {}
            Err(_) => return None,
        }
    }
}

/// The lines of stdin. Its end closes them.
fn typed() -> &'static Mutex<Receiver<String>> {
    static TYPED: OnceLock<Mutex<Receiver<String>>> = OnceLock::new();
    TYPED.get_or_init(|| {
        let (line, typed) = channel();
        std::thread::spawn(move || {
            let mut lines = std::io::stdin().lock().lines().map_while(Result::ok);
            lines.try_for_each(|text| line.send(text))
        });
        Mutex::new(typed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_word_approves_what_can_destroy() {
        let mut prompt = PermissionPrompt {
            session: interline_log::SessionId::new(),
            call: interline_log::CallId::new(),
            tool: "shell".to_owned(),
            title: String::new(),
            detail: String::new(),
            effects: Vec::new(),
            danger: true,
            always: None,
            options: vec![PermissionAnswer::Deny, PermissionAnswer::Allow],
        };
        let deny = ["", "y", "Y", "n", "always", "shadow", "yes please", "[N]o"];
        for typed in deny {
            assert_eq!(meant(typed, &prompt), PermissionAnswer::Deny, "{typed}");
        }
        assert_eq!(meant("yes", &prompt), PermissionAnswer::Allow);
        prompt.danger = false;
        prompt.options.push(PermissionAnswer::AllowInSandbox);
        assert_eq!(meant("y", &prompt), PermissionAnswer::Allow);
        assert_eq!(meant("", &prompt), PermissionAnswer::Deny);
        assert_eq!(meant("shadow", &prompt), PermissionAnswer::AllowInSandbox);
    }

    #[test]
    fn a_withdrawn_question_leaves_the_next_line_to_the_next_one() {
        let (line, typed) = channel();
        assert_eq!(answer(&typed, &|| true), None);
        line.send(" blue\n".to_owned()).unwrap();
        assert_eq!(answer(&typed, &|| false).as_deref(), Some("blue"));
        drop(line);
        assert_eq!(answer(&typed, &|| false), None);
    }
}
