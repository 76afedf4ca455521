//! Proposals are held against the grammar of their file: the text parses no worse with them than without.
//!
//! A text that gets worse is refused before anybody is shown it. Grammars err on some valid code (macros, new syntax),
//! so a refusal is never the end: the same edit sent once more is proposed, and marked. What a command did is done:
//! it is marked at once. Where there is no grammar, nothing is said.

use std::time::{Duration, Instant};

use interline_log::{EventData, HunkRecord};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::{Origin, Outcome, Proposed};
use interline_workspace::shadow::{Change, Changes};
use interline_workspace::syntax::{Problem, Problems, problems};

use crate::Environment;
use crate::memory::hash;
use crate::tool::Stop;
use crate::visible;

/// Places that are told.
const TOLD: usize = 3;
/// Characters of a line beside a place.
const LINE: usize = 120;
/// A place that was broken before may grow by so much, in bytes, before it counts as worse.
const SLACK: usize = 200;
/// The changes of a command are looked at for so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// What came of a proposal.
pub(crate) struct Accepted {
    pub(crate) events: Vec<EventData>,
    pub(crate) hunks: Vec<HunkRecord>,
    pub(crate) summary: String,
}

/// [`interline_workspace::Workspace::propose`], unless the text with it parses worse than before.
pub(crate) fn propose(
    environment: &Environment,
    origin: Origin,
    path: &WorkspacePath,
    what: Proposed,
) -> Result<Accepted, Stop> {
    let unparsed = check(environment, path, &what)?;
    let outcome = environment.workspace.propose(origin, path, what)?;
    let (mut events, mut summary) = (vec![outcome.event], outcome.summary);
    if let Some(mark) = mark(path, &outcome.hunks, unparsed) {
        summary.push_str("; it is marked as not parsing, since you sent it twice");
        events.push(mark);
    }
    Ok(Accepted {
        events,
        hunks: outcome.hunks,
        summary,
    })
}

/// Puts on record that hunks were proposed although they don't parse.
pub(crate) fn mark(
    path: &WorkspacePath,
    hunks: &[HunkRecord],
    problems: Vec<String>,
) -> Option<EventData> {
    (!problems.is_empty()).then(|| EventData::EditUnparsed {
        path: path.to_string(),
        hunks: hunks.iter().map(|hunk| hunk.id).collect(),
        problems,
    })
}

/// Puts on record which of a command's changes don't parse. A command may change thousands of files: no new one is
/// looked at after a while.
pub(crate) fn mark_changes(changes: &Changes, outcomes: &[Outcome]) -> Vec<EventData> {
    let begun = Instant::now();
    let mut marks = Vec::new();
    for change in &changes.changes {
        let Change::Text {
            path,
            old,
            new: Some(new),
        } = change
        else {
            continue;
        };
        if begun.elapsed() > PATIENCE {
            break;
        }
        let of_it = |outcome: &&Outcome| matches!(&outcome.event, EventData::EditProposed { path: proposed, .. } if *proposed == path.as_str());
        let Some(outcome) = outcomes.iter().find(of_it) else {
            continue;
        };
        let worse = worse(path.as_str(), old.as_deref().unwrap_or_default(), new);
        marks.extend(mark(path, &outcome.hunks, worse));
    }
    marks
}

/// The places that don't parse any more, where the model has insisted on them. The error names them, and what to do.
pub(crate) fn check(
    environment: &Environment,
    path: &WorkspacePath,
    what: &Proposed,
) -> Result<Vec<String>, Stop> {
    let workspace = &environment.workspace;
    // What can't be proposed at all is for the proposing to say.
    let Ok(Some((before, after))) = workspace.preview(environment.session, path, what) else {
        return Ok(Vec::new());
    };
    let worse = worse(path.as_str(), &before, &after);
    if worse.is_empty() {
        return Ok(worse);
    }
    if environment.memory.insists(path, &hash(&after)) {
        return Ok(worse);
    }
    Err(Stop::Failed(format!(
        "nothing was changed: with this `{path}` would not parse any more:\n{}\nsend an edit that parses (all of a \
         change in one call). where this is right as it stands (a macro, a syntax that the parser does not know), send \
         the very same call again",
        worse.join("\n")
    )))
}

/// What does not parse in `after` and did in `before`, a line each; empty where it is no worse.
fn worse(path: &str, before: &str, after: &str) -> Vec<String> {
    let (Some(old), Some(new)) = (problems(path, before), problems(path, after)) else {
        return Vec::new();
    };
    let grown = new.bytes > old.bytes.saturating_mul(2).saturating_add(SLACK);
    if new.count <= old.count && !(new.count > 0 && grown) {
        return Vec::new();
    }
    let known = |place: &&Problem| !old_lines(&old, before).contains(&line(after, place));
    let mut places: Vec<_> = new.places.iter().filter(known).take(TOLD).collect();
    if places.is_empty() {
        places.extend(new.places.iter().take(TOLD));
    }
    places.into_iter().map(|place| told(place, after)).collect()
}

fn old_lines<'a>(old: &Problems, before: &'a str) -> Vec<&'a str> {
    old.places.iter().map(|place| line(before, place)).collect()
}

fn line<'a>(text: &'a str, place: &Problem) -> &'a str {
    text.split('\n')
        .nth(place.line as usize)
        .unwrap_or_default()
}

/// `LINE:COLUMN: what: the line's text`, 1-based.
fn told(place: &Problem, text: &str) -> String {
    let what = match &place.missing {
        Some(missing) => format!("missing `{missing}`"),
        None => "unexpected".to_owned(),
    };
    let (row, column) = (place.line.saturating_add(1), place.column.saturating_add(1));
    format!(
        "{row}:{column}: {what}: {}",
        visible::line(line(text, place), LINE)
    )
}

#[cfg(test)]
mod tests {
    use interline_log::CallStatus;
    use serde_json::json;

    use super::*;
    use crate::testing::Bench;

    #[test]
    fn only_what_gets_worse_is_told() {
        let fine = "fn a() {\n    b();\n}\n";
        assert_eq!(worse("a.rs", fine, "fn a() {\n    c();\n}\n"), [""; 0]);
        assert_eq!(worse("a.unknown", fine, "fn a( {"), [""; 0]);
        let told = worse("a.rs", fine, "fn a() {\n    b(;\n}\n");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("2:"), "{told:?}");
        // A new file has to parse, too; an empty one does.
        assert_ne!(worse("a.json", "", "{\"a\": 1"), [""; 0]);
        assert_eq!(worse("a.json", "", "{\"a\": 1}\n"), [""; 0]);
    }

    #[test]
    fn a_text_that_did_not_parse_may_be_edited() {
        let broken = "fn a() {\n    b(;\n}\nfn c() {}\n";
        assert_eq!(
            worse("a.rs", broken, &broken.replace("fn c", "fn d")),
            [""; 0]
        );
        assert_eq!(
            worse("a.rs", broken, &broken.replace("b(;", "b();")),
            [""; 0]
        );
        assert_ne!(
            worse("a.rs", broken, &broken.replace("c() {}", "c( {}")),
            [""; 0]
        );
    }

    #[tokio::test]
    async fn what_a_command_broke_is_marked() {
        let bench = Bench::new(&[("a.rs", "fn a() {}\n"), ("b.rs", "fn b( {\n")]);
        let text = |path: &str, old: &str, new: &str| Change::Text {
            path: WorkspacePath::new(path).expect("a path"),
            old: Some(old.to_owned()),
            new: Some(new.to_owned()),
        };
        let changes = Changes {
            changes: vec![
                text("a.rs", "fn a() {}\n", "fn a( {}\n"),
                text("b.rs", "fn b( {\n", "fn c( {\n"),
            ],
            notes: Vec::new(),
        };
        let origin = Origin {
            session: bench.environment.session,
            turn: bench.environment.turn,
            call: interline_log::CallId::new(),
        };
        let taken = changes.propose(&bench.environment.workspace, origin);
        assert_eq!(taken.outcomes.len(), 2);
        let marks = mark_changes(&changes, &taken.outcomes);
        let [EventData::EditUnparsed { path, hunks, .. }] = marks.as_slice() else {
            panic!("{marks:?}")
        };
        assert_eq!(path, "a.rs", "the other one was broken before");
        assert_eq!(*hunks, [taken.outcomes[0].hunks[0].id]);
    }

    #[tokio::test]
    async fn what_does_not_parse_is_refused_once() {
        let text = "fn a() {\n    b();\n}\n";
        let bench = Bench::new(&[("a.rs", text)]);
        let edits = json!({"path": "a.rs", "edits": [{"old": "b();", "new": "b(;"}]});
        let refused = bench.call("edit", edits.clone()).await;
        assert_eq!(refused.status, CallStatus::Failed);
        assert!(refused.content.contains("2:"), "{}", refused.content);
        assert!(refused.content.contains("again"), "{}", refused.content);
        assert!(refused.events.is_empty());
        assert_eq!(bench.text("a.rs"), text, "nothing was changed");
        // Another edit is no insisting.
        let other = json!({"path": "a.rs", "edits": [{"old": "b();", "new": "c(;"}]});
        assert_eq!(bench.call("edit", other).await.status, CallStatus::Failed);
        let insisted = bench.call("edit", edits.clone()).await;
        assert_eq!(
            insisted.status,
            CallStatus::Succeeded,
            "{}",
            insisted.content
        );
        assert_eq!(bench.text("a.rs"), "fn a() {\n    b(;\n}\n");
        let [
            EventData::EditProposed { hunks, .. },
            EventData::EditUnparsed {
                hunks: marked,
                problems,
                ..
            },
            ..,
        ] = insisted.events.as_slice()
        else {
            panic!("{:?}", insisted.events)
        };
        assert_eq!(*marked, [hunks[0].id]);
        assert!(problems[0].starts_with("2:"), "{problems:?}");
    }

    #[tokio::test]
    async fn valid_code_that_looks_odd_is_no_dead_end() {
        for (path, text) in [
            (
                "a.rs",
                "macro_rules! m { ($($x:tt)*) => { $($x)* } }\nm! { fn ? : 1 => }\n",
            ),
            ("b.rs", "async gen fn f() -> u8 { yield 1; }\n"),
            (
                "c.rs",
                "fn f() { let x = if let Some(1) = a && b {} else {}; r#try(x) }\n",
            ),
            (
                "d.ts",
                "using x = f();\nenum A { B }\nconst a = <T,>(x: T) => x satisfies U;\n",
            ),
            (
                "e.py",
                "match x:\n    case {'a': [*_, b]} if b: print(f'{b!r:>{10}}')\ntype A[T] = list[T]\n",
            ),
            ("f.json", "// a comment\n{\"a\": 1}\n"),
            (
                "g.c",
                "#define BEGIN {\n#define END }\nint main(void) BEGIN return 0; END\n",
            ),
            ("h.md", "# <a\n\n```rust\nfn (\n```\n"),
            ("i.toml", "a = 1979-05-27T07:32:00-08:00\n[b.\"c d\"]\n"),
            ("j.txt", "{{{{"),
        ] {
            let bench = Bench::new(&[]);
            let write = json!({"path": path, "content": text});
            let first = bench.call("write", write.clone()).await;
            if first.status == CallStatus::Failed {
                let second = bench.call("write", write).await;
                assert_eq!(
                    second.status,
                    CallStatus::Succeeded,
                    "{path}: {}",
                    second.content
                );
            }
            assert_eq!(bench.text(path), text);
        }
    }
}
