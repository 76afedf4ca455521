//! The mark that stands for a secret in what the model sees must not take the secret's place in a file.

use interline_log::REDACTED;

use crate::tool::Stop;

/// Fails where a replacement has the mark and the text before it has none.
pub(crate) fn keeps_secrets(before: &str, replacement: &str) -> Result<(), Stop> {
    if !replacement.contains(REDACTED) || before.contains(REDACTED) {
        return Ok(());
    }
    Err(Stop::Failed(format!(
        "`{REDACTED}` stands for a secret that you were not shown, and would take its place: leave such lines as they \
         are and edit the others"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_lands_only_where_it_stood() {
        assert!(keeps_secrets("TOKEN=abc", "TOKEN=[redacted]").is_err());
        assert!(keeps_secrets("say \"[redacted]\"", "tell \"[redacted]\"").is_ok());
        assert!(keeps_secrets("TOKEN=abc", "TOKEN=def").is_ok());
    }
}
