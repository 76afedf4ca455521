//! What of a call's changes lands without the user, in the modes that let edits land.
//!
//! A call is decided on for the files that it names. What else it changed (a command, a rename in other files) is held to
//! what an edit tool would be held to here: what policy would ask about or deny waits for the user, and so does what
//! other programs run or obey. Records nothing: it sorts hunks and lands them.

use interline_log::{Access, EventData, HunkId, HunkKind, HunkRecord, Mode};
use interline_policy::{Bound, Call, Context, Effect, Facts, PathFact, Rules, Verdict};
use interline_tools::Output;
use interline_workspace::path::WorkspacePath;

use super::{End, Turn};

impl Turn {
    pub(super) fn lands_by_itself(&self) -> bool {
        matches!(self.session.mode(), Mode::AcceptEdits | Mode::Auto)
    }

    /// The files of the workspace that a call says it changes: what was decided on, and asked for where need be.
    pub(super) fn named(&self, call: &Call) -> Vec<String> {
        let paths = call.facts.paths.iter();
        let written = paths.filter(|path| path.write);
        written
            .filter_map(|path| self.session.workspace.path_of(&path.resolved))
            .map(|path| path.to_string())
            .collect()
    }

    /// The hunks that a call added, without those that wait for the user in every mode. `named`: files that it was
    /// decided on for.
    pub(super) async fn unsuspected(&self, output: &Output, named: &[String]) -> Vec<HunkId> {
        let proposes = |event: &EventData| matches!(event, EventData::EditProposed { .. });
        // Nearly always: finding out what policy goes by reads the disk.
        if !output.events.iter().any(proposes) {
            return Vec::new();
        }
        let context = self.policy_context(Access::Propose).await;
        let rules = self.rules();
        let mut lands = Vec::new();
        for event in &output.events {
            let EventData::EditProposed { path, hunks, .. } = event else {
                continue;
            };
            let mut obeyed = interline_tools::obeyed(event);
            obeyed.retain(|path| !named.contains(path));
            if !obeyed.is_empty() {
                let why = "other programs run or obey that file";
                self.waits(&obeyed.join(", "), why);
                continue;
            }
            let objects =
                |hunk: &HunkRecord| self.objection(path, &hunk.kind, named, &rules, &context);
            match hunks.iter().find_map(objects) {
                Some(why) => self.waits(path, &why),
                None => lands.extend(hunks.iter().map(|hunk| hunk.id)),
            }
        }
        lands
    }

    fn waits(&self, names: &str, why: &str) {
        let names = interline_policy::visible(names);
        self.session
            .warn(format!("the change of {names} waits for you: {why}"));
    }

    /// Why a change of files that were not decided on does not land unasked; `None`: it may.
    fn objection(
        &self,
        path: &str,
        kind: &HunkKind,
        named: &[String],
        rules: &Rules,
        context: &Context,
    ) -> Option<String> {
        let (tool, mut paths) = match kind {
            HunkKind::Move { to } => ("move", vec![path, to.as_str()]),
            HunkKind::Create | HunkKind::Binary { before: None, .. } => ("write", vec![path]),
            HunkKind::Delete | HunkKind::Binary { after: None, .. } => ("delete", vec![path]),
            HunkKind::Text | HunkKind::Binary { .. } | HunkKind::Mode { .. } => {
                ("edit", vec![path])
            }
        };
        paths.retain(|path| !named.iter().any(|named| named == path));
        if paths.is_empty() {
            return None;
        }
        let facts = paths.into_iter().map(|path| self.written(path));
        let call = Call {
            tool: tool.to_owned(),
            input: String::new(),
            access: Access::Propose,
            facts: Facts {
                paths: facts.collect::<Option<_>>().unwrap_or_default(),
                effects: vec![Effect::Write],
                ..Facts::default()
            },
            bound: Bound::default(),
        };
        if call.facts.paths.is_empty() {
            return Some("it is not known where it would land".to_owned());
        }
        let decision = interline_policy::decide(&call, rules, context);
        let would = match decision.verdict {
            Verdict::Allow(_) => return None,
            Verdict::Ask(_) => "asks before such a change",
            Verdict::Deny => "denies such a change",
        };
        Some(format!("{} {would}", decision.by))
    }

    /// `None` where a link on the way leads outside.
    fn written(&self, path: &str) -> Option<PathFact> {
        let workspace = &self.session.workspace;
        let resolved = workspace.resolve(&WorkspacePath::new(path).ok()?).ok()?;
        Some(PathFact {
            sent: path.to_owned(),
            inside: resolved.starts_with(workspace.root()),
            resolved,
            write: true,
        })
    }

    /// Lands hunks at once. What can't be landed stays pending, and the user is told.
    pub(super) async fn land(&self, hunks: &[HunkId]) -> Result<(), End> {
        if let Err(reason) = self.session.accept(self.id.into(), hunks).await {
            self.session.warn(reason);
        }
        Ok(())
    }
}
