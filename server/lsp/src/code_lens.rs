//! Code lenses over pending hunks.

use interline_workspace::proposal::{Hunk, HunkState};
use lsp_types::{CodeLens, Command, Uri};
use serde_json::json;

use crate::connection::Connection;
use crate::hunks;
use crate::protocol::{ACCEPT, REJECT, REVISE};

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

fn of_hunk(hunk: &Hunk, input: bool) -> Vec<CodeLens> {
    let commands: &[(&str, &str)] = match hunk.state {
        HunkState::Pending => &[("Accept", ACCEPT), ("Reject", REJECT), ("Revise", REVISE)],
        HunkState::Conflict => &[("Reject", REJECT), ("Revise", REVISE)],
        HunkState::Applying | HunkState::Applied => &[],
    };
    let range = hunks::range(hunk.start_line, 0);
    let lens = |&(title, command): &(&str, &str)| CodeLens {
        range,
        command: Some(Command::new(
            title.to_owned(),
            command.to_owned(),
            Some(vec![json!({ "hunk": hunk.id })]),
        )),
        data: None,
    };
    commands
        .iter()
        .filter(|(_, command)| input || *command != REVISE)
        .map(lens)
        .collect()
}
