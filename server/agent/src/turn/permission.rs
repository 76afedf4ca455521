//! Asking for permission: what the user reads, what may be answered, and what an answer does.
//!
//! An approval is for the words that stood in the prompt: where deciding anew gives others, it asks again. Must not
//! decide what needs asking (that is `policy`), nor what an editor's reply means (that is the editor port).

use std::time::{Duration, Instant};

use interline_log::{Access, Actor, EventData, HunkId, PermissionAnswer};
use interline_policy::{Ask, Place, Verdict};
use interline_tools::{Output, Prepared};
use interline_workspace::editor::{PermissionPrompt, PermissionReply};

use super::calls::{Gated, Wanted, denied, refused};
use super::{End, Turn};

/// How long what the editor has saved may take to stand on disk; formatters run on save.
const SAVED_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks at the disk.
const LOOK: Duration = Duration::from_millis(50);

/// What stands before the user and not on disk, where a command would run on the disk.
struct Unseen {
    hunks: Vec<HunkId>,
    files: usize,
}

impl Turn {
    pub(super) async fn ask(
        &mut self,
        call: &Wanted,
        prepared: &mut Prepared,
        mut ask: Ask,
    ) -> Result<Gated, End> {
        loop {
            let reply = self.reply(call, prepared, &ask).await?;
            match reply {
                PermissionAnswer::Deny => return Ok(Gated::Answer(refused())),
                PermissionAnswer::Allow => return Ok(Gated::Run(ask.approve())),
                PermissionAnswer::AllowInSandbox => {
                    return Ok(Gated::Run(ask.approve_in_sandbox()));
                }
                PermissionAnswer::AllowAlways => {
                    self.keep_rule(&ask);
                    return Ok(Gated::Run(ask.approve()));
                }
                PermissionAnswer::AcceptAndAllow => {}
            }
            if let Err(reason) = self.accept_and_save(call).await {
                let content = format!("not run: {reason}");
                return Ok(Gated::Answer(Output::failed(content, "not run")));
            }
            // The files are others now: the call is made and decided on anew.
            let anew = self.prepare_call(call);
            *prepared = match anew {
                Ok(prepared) => prepared,
                Err(message) => return Ok(Gated::Answer(Output::failed(message, "invalid call"))),
            };
            let decision = self.decide(call, prepared).await?;
            let again = match decision.verdict {
                Verdict::Allow(permit) => return Ok(Gated::Run(permit)),
                Verdict::Deny => {
                    let output = denied(&decision.by, &decision.reasons, decision.message);
                    return Ok(Gated::Answer(output));
                }
                Verdict::Ask(again) => again,
            };
            let same = (&again.effects, again.danger, again.place())
                == (&ask.effects, ask.danger, ask.place());
            if same && self.unseen(prepared, &again).is_none() {
                return Ok(Gated::Run(again.approve()));
            }
            ask = again;
        }
    }

    /// Asks, on record before and after.
    async fn reply(
        &mut self,
        call: &Wanted,
        prepared: &Prepared,
        ask: &Ask,
    ) -> Result<PermissionAnswer, End> {
        let place = (self.id, call.id);
        let sandbox = self.policy_context(prepared.info().access).await.sandbox;
        let prompt = self.prompt(call, prepared, ask, sandbox);
        let options = prompt.options.clone();
        let asked = EventData::PermissionAsked {
            text: prompt.title.clone(),
            digest: prepared.call().digest(),
        };
        self.recorder.record(place, Actor::System, asked)?;
        self.recorder.durable().await?;
        self.show_activity("waiting for your permission");
        let waiting = Instant::now();
        let reply = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(self.withdrawn()),
            reply = self.session.editor.permission(prompt) => reply,
        };
        self.waited += waiting.elapsed();
        // Whatever the editor says, only what was offered counts.
        let PermissionReply { answer, by } = if options.contains(&reply.answer) {
            reply
        } else {
            PermissionReply::none("Interline: the answer was not among those that were offered")
        };
        let actor = if by == "user" {
            Actor::User
        } else {
            Actor::System
        };
        let decided = EventData::PermissionDecided { answer, by };
        self.recorder.record(place, actor, decided)?;
        self.recorder.durable().await?;
        Ok(answer)
    }

    fn prompt(
        &self,
        call: &Wanted,
        prepared: &Prepared,
        ask: &Ask,
        sandbox: bool,
    ) -> PermissionPrompt {
        let unseen = self.unseen(prepared, ask);
        let executes = prepared.info().access == Access::Execute;
        let place = executes.then(|| place(ask.place()).to_owned());
        let effects = place.into_iter().chain(unseen.as_ref().map(words));
        let mut options = vec![PermissionAnswer::Deny, PermissionAnswer::Allow];
        if unseen.is_some() && self.session.editor.abilities().save {
            options.push(PermissionAnswer::AcceptAndAllow);
        }
        if executes && ask.place() == Place::Outside && sandbox {
            options.push(PermissionAnswer::AllowInSandbox);
        }
        if ask.always.is_some() {
            options.push(PermissionAnswer::AllowAlways);
        }
        PermissionPrompt {
            session: self.session.id,
            call: call.id,
            tool: interline_policy::visible(&call.tool),
            title: interline_policy::visible(prepared.title()),
            detail: prepared.detail(),
            effects: effects.chain(ask.effects.iter().cloned()).collect(),
            danger: ask.danger,
            always: ask.always.as_ref().map(ToString::to_string),
            options,
        }
    }

    /// What a command on the real tree would not see.
    fn unseen(&self, prepared: &Prepared, ask: &Ask) -> Option<Unseen> {
        if prepared.info().access != Access::Execute || ask.place() != Place::Outside {
            return None;
        }
        let unseen = Unseen {
            hunks: self.pending(),
            files: self.session.workspace.unsaved().len(),
        };
        (!unseen.hunks.is_empty() || unseen.files > 0).then_some(unseen)
    }

    /// The session's own hunks that wait for the user.
    fn pending(&self) -> Vec<HunkId> {
        let all = self.session.workspace.hunks().into_iter();
        let hunks = all.flat_map(|file| file.hunks);
        hunks
            .filter(|hunk| hunk.session == self.session.id)
            .map(|hunk| hunk.id)
            .collect()
    }

    /// Lands what the session proposes and has all of it saved, so that the disk is what the user sees.
    async fn accept_and_save(&self, call: &Wanted) -> Result<(), String> {
        let hunks = self.pending();
        if !hunks.is_empty() {
            let place = (self.id, call.id).into();
            self.session.accept(place, &hunks).await?;
        }
        let workspace = &self.session.workspace;
        let unsaved = workspace.unsaved();
        if unsaved.is_empty() {
            return Ok(());
        }
        let uris = unsaved.iter().map(|document| document.uri.to_string());
        let saved = self.session.editor.save(uris.collect()).await;
        saved.map_err(|error| error.to_string())?;
        let waiting = Instant::now();
        loop {
            let left = workspace.unsaved();
            let Some(first) = left.first().and_then(|document| document.path.as_ref()) else {
                return Ok(());
            };
            if waiting.elapsed() > SAVED_WITHIN {
                return Err(format!(
                    "`{first}` is not saved: the user has to save it first"
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn keep_rule(&self, ask: &Ask) {
        let root = self.session.workspace.root();
        if let Some(rule) = &ask.always
            && let Err(error) = self.session.host.keep_rule(root, rule)
        {
            self.session.warn(format!(
                "allowed this once; the rule could not be kept: {error}"
            ));
        }
    }
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Sandbox => "runs in the sandbox: nothing that it does leaves the shadow workspace",
        Place::Outside => "runs outside of the sandbox, on your real files",
    }
}

fn words(unseen: &Unseen) -> String {
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {many}")),
    };
    let parts = [
        counted(unseen.hunks.len(), "hunk pending", "hunks pending"),
        counted(unseen.files, "unsaved file", "unsaved files"),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let are = match unseen.hunks.len() + unseen.files {
        1 => "is",
        _ => "are",
    };
    format!("{} {are} not seen by this command", parts.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_counted() {
        let said = |hunks: usize, files| {
            words(&Unseen {
                hunks: (0..hunks).map(|_| HunkId::new()).collect(),
                files,
            })
        };
        assert_eq!(said(1, 0), "1 hunk pending is not seen by this command");
        assert_eq!(said(0, 2), "2 unsaved files are not seen by this command");
        assert_eq!(
            said(2, 1),
            "2 hunks pending and 1 unsaved file are not seen by this command"
        );
    }
}
