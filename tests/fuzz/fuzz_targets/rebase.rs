//! Hunks under typing: each stands where its text stands or is in conflict, and taking back all that was accepted gives
//! the text back.
#![no_main]

use arbitrary::Arbitrary;
use interline_fuzz::folder;
use interline_log::{CallId, SessionId, TurnId};
use interline_workspace::Workspace;
use interline_workspace::document::{Change, Position, Range};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::{HunkState, LandingChange, Origin, Proposed};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Write(&'a str),
    Type {
        start: (u8, u8),
        end: (u8, u8),
        text: &'a str,
    },
    Accept(u8),
    Reject(u8),
    Undo,
    Delete,
}

fn position((line, character): (u8, u8)) -> Position {
    Position {
        line: line.into(),
        character: character.into(),
    }
}

struct Desk {
    workspace: std::sync::Arc<Workspace>,
    uri: String,
    version: i32,
}

impl Desk {
    fn change(&mut self, range: Range, text: &str) {
        self.version += 1;
        let change = Change {
            range: Some(range),
            text: text.to_owned(),
        };
        self.workspace
            .did_change(&self.uri, self.version, &[change])
            .expect("it is open");
    }

    fn text(&self) -> String {
        self.workspace
            .document(&self.uri)
            .expect("it is open")
            .text()
    }

    fn land(&mut self, landings: Vec<interline_workspace::proposal::Landing>) {
        for landing in landings {
            let LandingChange::Text { edits, after } = &landing.change else {
                // A file that goes away: the editor of this test does not do that.
                self.workspace.landed(&landing, false);
                continue;
            };
            for edit in edits.iter().rev() {
                self.change(edit.range, &edit.text);
            }
            assert_eq!(
                self.text(),
                *after,
                "the edits give the text that was promised"
            );
            assert!(self.workspace.confirms(&landing));
            self.workspace.landed(&landing, true);
        }
    }
}

fuzz_target!(|input: (&str, Vec<Step>)| {
    let (first, steps) = input;
    let folder = folder();
    let root = folder.path().canonicalize().expect("it is there");
    std::fs::write(root.join("a"), first).expect("written");
    let path = WorkspacePath::new("a").expect("a path");
    let mut desk = Desk {
        workspace: Workspace::open(&root).expect("it is there"),
        uri: format!("file://{}/a", root.display()),
        version: 1,
    };
    desk.workspace
        .did_open(&desk.uri, Some(&root.join("a")), "text", 1, first);
    let origin = Origin {
        session: SessionId::new(),
        turn: TurnId::new(),
        call: CallId::new(),
    };
    for step in steps {
        let ids = |n: u8| {
            let hunks = desk
                .workspace
                .hunks()
                .into_iter()
                .flat_map(|file| file.hunks);
            let ids: Vec<_> = hunks.map(|hunk| hunk.id).collect();
            ids.into_iter().skip(n.into()).collect::<Vec<_>>()
        };
        match step {
            Step::Write(text) => {
                let _ = desk
                    .workspace
                    .propose(origin, &path, Proposed::Write(text.to_owned()));
            }
            Step::Delete => {
                let _ = desk.workspace.propose(origin, &path, Proposed::Delete);
            }
            Step::Type { start, end, text } => desk.change(
                Range {
                    start: position(start),
                    end: position(end),
                },
                text,
            ),
            Step::Accept(n) => {
                if let Ok(landings) = desk.workspace.accept(&ids(n)) {
                    desk.land(landings);
                }
            }
            Step::Reject(n) => drop(desk.workspace.reject(&ids(n))),
            Step::Undo => {
                let (landings, _) = desk.workspace.undo(origin.session, None);
                desk.land(landings);
            }
        }
        let text = desk.text();
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        for hunk in desk
            .workspace
            .hunks()
            .into_iter()
            .flat_map(|file| file.hunks)
        {
            if hunk.state == HunkState::Pending && !hunk.old.is_empty() {
                let from = hunk.start_line as usize;
                let stands = lines[from..from + hunk.line_count as usize].concat();
                assert_eq!(
                    stands.replace("\r\n", "\n"),
                    hunk.old.replace("\r\n", "\n"),
                    "{hunk:?}"
                );
            }
        }
    }
});
