//! Code lenses over pending hunks: what can be done, and what is known of them.

use interline_workspace::proposal::HunkState;
use lsp_types::{CodeLens, Command, Uri};
use serde_json::json;

use crate::connection::Connection;
use crate::hunks::{self, Shown};
use crate::protocol::{ACCEPT, REJECT, REVISE, TRANSCRIPT};

pub(crate) fn code_lenses(connection: &Connection, uri: &Uri) -> Vec<CodeLens> {
    let Some(folder) = connection.folders.of_document(uri) else {
        return Vec::new();
    };
    let input = connection.side().options.input;
    hunks::of(&folder.workspace, uri)
        .iter()
        .flat_map(|hunk| of_hunk(hunk, input))
        .collect()
}

fn of_hunk(Shown { hunk, verdict }: &Shown, input: bool) -> Vec<CodeLens> {
    let commands: &[(&str, &str)] = match hunk.state {
        HunkState::Pending => &[("Accept", ACCEPT), ("Reject", REJECT), ("Revise", REVISE)],
        HunkState::Conflict => &[("Reject", REJECT), ("Revise", REVISE)],
        HunkState::Applying | HunkState::Applied => &[],
    };
    let range = hunks::range(hunk.start_line, 0);
    let lens = |title: &str, command: &str, argument| CodeLens {
        range,
        command: Some(Command::new(
            title.to_owned(),
            command.to_owned(),
            Some(vec![argument]),
        )),
        data: None,
    };
    let offered = commands
        .iter()
        .filter(|(_, command)| input || *command != REVISE);
    let mut lenses: Vec<_> = offered
        .map(|(title, command)| lens(title, command, json!({ "hunk": hunk.id })))
        .collect();
    // More of it stands in the transcript.
    if let Some(verdict) = verdict {
        let argument = json!({ "session": hunk.session });
        lenses.push(lens(verdict.brief(), TRANSCRIPT, argument));
    }
    lenses
}
