//! Questions on the terminal. Only the exact answer approves; an empty line, the end of input and anything else deny.

use std::io::{BufRead as _, Write as _};

use interline_log::PermissionAnswer;
use interline_workspace::editor::{PermissionPrompt, Question};

use super::style::Style;
use super::visible;

pub(super) fn permission(prompt: &PermissionPrompt, style: Style) -> PermissionAnswer {
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
    let choices = if prompt.always.is_some() {
        "[N]o, yes, always"
    } else {
        "[N]o, yes"
    };
    match ask(&format!("{text}Allow this? {choices}: ")).as_deref() {
        Some("yes") => PermissionAnswer::Allow,
        Some("y") if !prompt.danger => PermissionAnswer::Allow,
        Some("always") if prompt.always.is_some() => PermissionAnswer::AllowAlways,
        _ => PermissionAnswer::Deny,
    }
}

pub(super) fn question(question: &Question) -> Option<String> {
    let mut text = format!("\n{}\n", visible(&question.text));
    for (index, option) in question.options.iter().enumerate() {
        text.push_str(&format!("  {}: {}\n", index + 1, visible(option)));
    }
    let answer = ask(&format!("{text}> "))?;
    let chosen = answer
        .parse::<usize>()
        .ok()
        .and_then(|n| question.options.get(n.checked_sub(1)?));
    Some(chosen.cloned().unwrap_or(answer)).filter(|answer| !answer.is_empty())
}

/// One line from the terminal; `None` at the end of input.
pub(super) fn ask(text: &str) -> Option<String> {
    let mut err = std::io::stderr();
    write!(err, "{text}").and_then(|()| err.flush()).ok()?;
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim().to_owned())
}
