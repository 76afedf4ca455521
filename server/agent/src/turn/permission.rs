//! Asking for permission: what the user reads, what may be answered, and what an answer does.
//!
//! An approval is for the words that stood in the prompt: where deciding anew gives others, it asks again. Must not
//! decide what needs asking (that is `policy`), nor what an editor's reply means (that is the editor port).

use std::time::{Duration, Instant};

use interline_log::{Access, Actor, EventData, HunkId, PermissionAnswer};
use interline_policy::{Ask, Permit, Place, Verdict};
use interline_tools::{Output, Prepared};
use interline_workspace::editor::{PermissionPrompt, PermissionReply};

use super::calls::{Gated, Wanted, denied, refused};
use super::{End, Turn};

/// How long what the editor has saved may take to stand on disk; formatters run on save.
const SAVED_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks at the disk.
const LOOK: Duration = Duration::from_millis(50);

/// Stands first in a prompt that comes once more.
const AGAIN: &str = "asked again: something that this is about has changed since it was decided on";

/// What stands before the user and not on disk, where a command would run on the disk.
#[derive(PartialEq, Eq)]
struct Unseen {
    hunks: Vec<HunkId>,
    files: usize,
}

impl Turn {
    /// `again`: what the user said to it before is void.
    pub(super) async fn ask(
        &mut self,
        call: &Wanted,
        prepared: &mut Prepared,
        mut ask: Ask,
        mut again: bool,
    ) -> Result<Gated, End> {
        loop {
            let shown = self.unseen(prepared, &ask);
            let answer = self.reply(call, prepared, &ask, again).await?;
            match answer {
                PermissionAnswer::Deny => return Ok(Gated::Answer(refused())),
                PermissionAnswer::AcceptAndAllow => {
                    if let Err(reason) = self.accept_and_save(call).await {
                        let content = format!("not run: {reason}");
                        return Ok(Gated::Answer(Output::failed(content, "not run")));
                    }
                    // The files are others now: the call is made anew.
                    *prepared = match self.prepare_call(call) {
                        Ok(prepared) => prepared,
                        Err(message) => {
                            return Ok(Gated::Answer(Output::failed(message, "invalid call")));
                        }
                    };
                }
                PermissionAnswer::Allow
                | PermissionAnswer::AllowInSandbox
                | PermissionAnswer::AllowAlways => {
                    let policy = self.policy(prepared.info().access).await;
                    let holds = ask.made_under(&policy) && self.shows(&shown, prepared, &ask);
                    let kept = holds && answer == PermissionAnswer::AllowAlways && self.keep(&ask);
                    // A rule that was kept is the policy now, and has to say yes by itself.
                    if holds && !kept {
                        return Ok(Gated::Run(approved(ask, answer)));
                    }
                }
            }
            let decision = self.decide(call, prepared).await?;
            let anew = match decision.verdict {
                Verdict::Allow(permit) => return Ok(Gated::Run(permit)),
                Verdict::Deny => {
                    let output = denied(&decision.by, &decision.reasons, decision.message);
                    return Ok(Gated::Answer(output));
                }
                Verdict::Ask(anew) => anew,
            };
            let same = (&anew.effects, anew.danger, anew.place())
                == (&ask.effects, ask.danger, ask.place());
            let shown = shown.filter(|_| answer != PermissionAnswer::AcceptAndAllow);
            if same && self.shows(&shown, prepared, &anew) {
                return Ok(Gated::Run(approved(anew, answer)));
            }
            (ask, again) = (anew, true);
        }
    }

    /// Did a prompt that showed this say everything that a command would not see?
    fn shows(&self, shown: &Option<Unseen>, prepared: &Prepared, ask: &Ask) -> bool {
        let now = self.unseen(prepared, ask);
        now.is_none() || now == *shown
    }

    /// Asks, on record before and after.
    async fn reply(
        &mut self,
        call: &Wanted,
        prepared: &Prepared,
        ask: &Ask,
        again: bool,
    ) -> Result<PermissionAnswer, End> {
        let place = (self.id, call.id);
        let sandbox = self.policy_context(prepared.info().access).await.sandbox;
        let mut prompt = self.prompt(call, prepared, ask, sandbox);
        if again {
            prompt.effects.insert(0, AGAIN.to_owned());
        }
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

    /// Keeps the rule that was offered. False: there is none, or it can't be kept, which the user is told.
    fn keep(&self, ask: &Ask) -> bool {
        let root = self.session.workspace.root();
        let Some(rule) = &ask.always else {
            return false;
        };
        let kept = self.session.host.keep_rule(root, rule);
        if let Err(error) = &kept {
            self.session.warn(format!(
                "allowed this once; the rule could not be kept: {error}"
            ));
        }
        kept.is_ok()
    }
}

fn approved(ask: Ask, answer: PermissionAnswer) -> Permit {
    match answer {
        PermissionAnswer::AllowInSandbox => ask.approve_in_sandbox(),
        _ => ask.approve(),
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
