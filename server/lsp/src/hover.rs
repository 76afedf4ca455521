//! Hover over pending hunks, for editors without a shim: what is proposed, and what is known of it.

use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind, Position, Uri};

use crate::connection::Connection;
use crate::hunks;

/// Nothing elsewhere: the other servers know.
pub(crate) fn hover(connection: &Connection, uri: &Uri, position: Position) -> Option<Hover> {
    let folder = connection.folders.of_document(uri)?;
    let here = hunks::of(&folder.workspace, uri)
        .into_iter()
        .find(|shown| shown.touches(position.line))?;
    // Plain: what is proposed comes from anywhere.
    let value = here.message()?;
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent {
            kind: MarkupKind::PlainText,
            value,
        }),
        range: Some(hunks::range(here.hunk.start_line, here.hunk.line_count)),
    })
}
