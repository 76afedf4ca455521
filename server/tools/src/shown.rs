//! Which texts of files the model knows: a fold of the session's log, so that a resumed session knows the same.
//!
//! Tools say by events what they show ([`Shown::event`]) and ask here whether a text is known; they change nothing here.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, OnceLock};

use interline_log::{EventData, Extent, HunkKind, ShownFile};
use interline_workspace::path::WorkspacePath;

use crate::Environment;
use crate::memory::{hash, lock};
use crate::tool::Stop;

/// Was the model told all of these in one message?
type Told = Box<dyn Fn(&[&str]) -> bool + Send + Sync>;

/// What is known. `Default`: nothing.
#[derive(Default)]
pub(crate) struct Shown {
    texts: Mutex<HashMap<String, Text>>,
    told: OnceLock<Told>,
}

#[derive(Debug)]
struct Text {
    sha256: String,
    extent: Extent,
}

/// What the model knows of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was shown as it is now, so much of it.
    Current(Extent),
    /// It was shown, and has changed since.
    Changed(Extent),
    /// It was never shown.
    Unread,
}

impl Known {
    /// After the model has changed a place in it, that it must have known.
    pub(crate) fn once_edited(self) -> Self {
        match self {
            Self::Unread | Self::Current(Extent::Lines) => Self::Current(Extent::Part),
            known => known,
        }
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown")
            .field("texts", &self.texts)
            .finish_non_exhaustive()
    }
}

impl Shown {
    pub(crate) fn ask(&self, told: Told) {
        // One recorder opens once.
        let _ = self.told.set(told);
    }

    pub(crate) fn apply(&self, event: &EventData) {
        let mut texts = lock(&self.texts);
        match event {
            EventData::ContextShown { files } => {
                for file in files {
                    let (sha256, extent) = (file.sha256.clone(), file.extent);
                    texts.insert(file.path.clone(), Text { sha256, extent });
                }
            }
            EventData::EditProposed { path, hunks, .. } => {
                let leaves =
                    |kind: &HunkKind| matches!(kind, HunkKind::Delete | HunkKind::Move { .. });
                if hunks.iter().any(|hunk| leaves(&hunk.kind)) {
                    texts.remove(path);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn knows(&self, path: &WorkspacePath, text: &str) -> Known {
        // A text may be large: it is hashed without the lock, and only where there is something to compare with.
        let known = lock(&self.texts)
            .get(path.as_str())
            .map(|known| (known.sha256.clone(), known.extent));
        match known {
            None => Known::Unread,
            Some((sha256, extent)) if sha256 == hash(text) => Known::Current(extent),
            Some((_, extent)) => Known::Changed(extent),
        }
    }

    /// Has anything of the file been shown?
    pub(crate) fn has(&self, path: &WorkspacePath) -> bool {
        lock(&self.texts).contains_key(path.as_str())
    }

    /// A text is changed only where it was read, or where the model was told what it replaces: by a search, a command,
    /// the user's selection. A guess that fits somewhere is no edit.
    pub(crate) fn may_edit<'a>(
        &self,
        path: &WorkspacePath,
        known: Known,
        replaced: impl Iterator<Item = &'a str>,
    ) -> Result<(), Stop> {
        let read = |extent| extent != Extent::Lines;
        if let Known::Current(extent) | Known::Changed(extent) = known
            && read(extent)
        {
            return Ok(());
        }
        let pieces: Vec<_> = replaced
            .flat_map(str::lines)
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        if self.told.get().is_none_or(|told| told(&pieces)) {
            return Ok(());
        }
        Err(Stop::Failed(format!(
            "nothing was changed: you have not been shown what `old` would replace in `{path}`: read the file first, then \
             send the edit again"
        )))
    }
}

/// That the model is shown a text, or has made it: to be logged with the outcome of the call.
pub(crate) fn event(
    environment: &Environment,
    path: &WorkspacePath,
    text: &str,
    extent: Extent,
) -> EventData {
    EventData::ContextShown {
        files: vec![file(environment, path, text, extent)],
    }
}

pub(crate) fn file(
    environment: &Environment,
    path: &WorkspacePath,
    text: &str,
    extent: Extent,
) -> ShownFile {
    let document = environment.workspace.document_at(path);
    ShownFile {
        path: path.to_string(),
        sha256: hash(text),
        version: document.map(|document| document.version),
        extent,
    }
}

/// What the session's own change leaves known: what was known of the text before. `None`: as little as before.
pub(crate) fn after_change(
    environment: &Environment,
    path: &WorkspacePath,
    known: Known,
) -> Option<EventData> {
    let Known::Current(extent) = known else {
        return None;
    };
    let text = environment
        .workspace
        .proposed_text(environment.session, path)
        .ok()?;
    Some(event(environment, path, &text, extent))
}

#[cfg(test)]
mod tests {
    use interline_log::CallStatus;
    use serde_json::json;

    use super::*;
    use crate::Output;
    use crate::testing::Bench;

    /// A session that was told this one message, beside what tools showed it.
    fn bench(told: &'static str, files: &[(&str, &str)]) -> Bench {
        let bench = Bench::new(files);
        let told = move |pieces: &[&str]| pieces.iter().all(|piece| told.contains(piece));
        bench.environment.memory.ask(told);
        bench
    }

    async fn edit(bench: &Bench, path: &str, old: &str) -> Output {
        let edits = json!([{"old": old, "new": format!("{old}!")}]);
        bench
            .call("edit", json!({"path": path, "edits": edits}))
            .await
    }

    async fn patch(bench: &Bench, path: &str, old: &str) -> Output {
        let patch =
            format!("*** Begin Patch\n*** Update File: {path}\n-{old}\n+{old}!\n*** End Patch");
        bench.call("apply_patch", json!({ "patch": patch })).await
    }

    fn knows(bench: &Bench, path: &str) -> Known {
        let path = WorkspacePath::new(path).expect("a path");
        let text = bench.text(path.as_str());
        bench.environment.memory.shown.knows(&path, &text)
    }

    #[tokio::test]
    async fn what_was_never_shown_is_not_edited() {
        let bench = bench("", &[("a.txt", "one\ntwo\nthree\n")]);
        for refused in [
            edit(&bench, "a.txt", "two").await,
            patch(&bench, "a.txt", "two").await,
        ] {
            assert_eq!(refused.status, CallStatus::Failed);
            assert!(
                refused.content.contains("read the file first"),
                "{}",
                refused.content
            );
            assert!(refused.events.is_empty());
        }
        assert_eq!(bench.text("a.txt"), "one\ntwo\nthree\n");
        bench
            .call(
                "read",
                json!({"path": "a.txt", "start_line": 2, "end_line": 2}),
            )
            .await;
        assert_eq!(knows(&bench, "a.txt"), Known::Current(Extent::Part));
        assert_eq!(
            edit(&bench, "a.txt", "two").await.status,
            CallStatus::Succeeded
        );
        assert_eq!(
            patch(&bench, "a.txt", "three").await.status,
            CallStatus::Succeeded
        );
        // As it is after the edits.
        assert_eq!(knows(&bench, "a.txt"), Known::Current(Extent::Part));
    }

    #[tokio::test]
    async fn what_a_message_showed_is_edited_there_alone() {
        let bench = bench(
            "src: \n  7-  two\n  8:three",
            &[("a.txt", "one\n  two\nthree\n")],
        );
        assert_eq!(
            edit(&bench, "a.txt", "one").await.status,
            CallStatus::Failed
        );
        assert_eq!(
            edit(&bench, "a.txt", "  two\nthree").await.status,
            CallStatus::Succeeded
        );
    }

    #[tokio::test]
    async fn a_search_shows_its_lines_and_no_more() {
        let bench = bench("2:two", &[("a.txt", "one\ntwo\n"), ("b.txt", "two\n")]);
        bench.call("read", json!({"path": "b.txt"})).await;
        let found = bench.call("grep", json!({"pattern": "two"})).await;
        let [EventData::ContextShown { files }] = found.events.as_slice() else {
            panic!("{:?}", found.events)
        };
        let shown: Vec<_> = files
            .iter()
            .map(|file| (file.path.as_str(), file.extent))
            .collect();
        assert_eq!(
            shown,
            [("a.txt", Extent::Lines)],
            "the other is known whole"
        );
        assert_eq!(
            edit(&bench, "a.txt", "one").await.status,
            CallStatus::Failed
        );
        bench.put("a.txt", "zero\none\ntwo\n");
        let done = edit(&bench, "a.txt", "two").await;
        assert!(
            done.content.contains("has changed since"),
            "{}",
            done.content
        );
    }

    #[tokio::test]
    async fn what_is_known_is_a_fold_of_the_log() {
        let bench = bench(
            "",
            &[
                ("a.txt", "a\n"),
                ("b.txt", "b\n"),
                ("c.txt", "c\n"),
                ("d.txt", "d\n"),
            ],
        );
        let workspace = &bench.environment.workspace;
        let file = workspace.root().join("a.txt");
        workspace.did_open("file:///a.txt", Some(&file), "text", 7, "a\n");
        let mut log = Vec::new();
        for path in ["a.txt", "b.txt", "c.txt", "d.txt"] {
            log.extend(bench.call("read", json!({ "path": path })).await.events);
        }
        assert!(
            matches!(&log[0], EventData::ContextShown { files } if files[0].version == Some(7))
        );
        log.extend(edit(&bench, "a.txt", "a").await.events);
        log.extend(
            bench
                .call("move", json!({"from": "b.txt", "to": "e.txt"}))
                .await
                .events,
        );
        log.extend(bench.call("delete", json!({"path": "c.txt"})).await.events);
        log.extend(
            bench
                .call("write", json!({"path": "f.txt", "content": "f\n"}))
                .await
                .events,
        );
        let resumed = Shown::default();
        log.iter().for_each(|event| resumed.apply(event));
        for path in ["a.txt", "d.txt", "e.txt", "f.txt"] {
            let (name, text) = (WorkspacePath::new(path).expect("a path"), bench.text(path));
            assert_eq!(
                resumed.knows(&name, &text),
                Known::Current(Extent::Whole),
                "{path}"
            );
        }
        for gone in ["b.txt", "c.txt"] {
            let name = WorkspacePath::new(gone).expect("a path");
            assert_eq!(resumed.knows(&name, "b\n"), Known::Unread, "{gone}");
        }
    }
}
