//! The events: everything that happens in a session, as it stands in the log.
//!
//! Each type has a version of its own. A change of a payload is a new one, with an upcaster (both in `codec`); types
//! and versions that a build doesn't know are kept as they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AssistantBlock, CallId, CallStatus, ClearedResult, CompactSummary, CompactTrigger, CrashId,
    Encoding, EventId, HunkId, Mode, RetryClass, SessionId, StopReason, TurnId, Usage, Visit, Wire,
};

/// Who made an event happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The person at the editor or the terminal.
    User,
    /// The model, through the turn loop.
    Agent,
    /// The harness itself.
    System,
}

/// One event, read back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Version of the payload, as it was written.
    pub version: u32,
    /// Position in the log, from 0, without gaps.
    pub seq: u64,
    /// Unique in the world.
    pub id: EventId,
    /// Milliseconds since the Unix epoch.
    pub ts: u64,
    /// The session whose log this is.
    pub session: SessionId,
    /// The turn that it belongs to.
    pub turn: Option<TurnId>,
    /// The tool call that it belongs to.
    pub call: Option<CallId>,
    /// Earlier events that it follows from.
    pub causes: Vec<EventId>,
    /// Who made it happen.
    pub actor: Actor,
    /// What happened.
    #[serde(flatten)]
    pub data: EventData,
}

/// That something happened, without what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventHead {
    /// The session that it is of.
    pub session: SessionId,
    /// Its position there.
    pub seq: u64,
    /// Milliseconds since the Unix epoch.
    pub ts: u64,
    /// Its type.
    pub r#type: String,
}

/// A file that went into the context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedFile {
    /// Workspace-relative path.
    pub path: String,
    /// Hash of the bytes that were loaded, hex.
    pub sha256: String,
}

/// A text of a file that the model was shown, or wrote itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownFile {
    /// Workspace-relative path.
    pub path: String,
    /// Hash of the whole text as the session saw it, hex.
    pub sha256: String,
    /// The open buffer's version; `None`: the file was closed.
    pub version: Option<i32>,
    /// How much of it.
    pub extent: Extent,
}

/// How much of a text was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// All of it.
    Whole,
    /// A part that was asked for.
    Part,
    /// Lines that something was found in.
    Lines,
}

/// What a hunk does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HunkKind {
    /// Replaces lines of a file.
    Text,
    /// Makes a new file with `new` as its text.
    Create,
    /// Deletes the file, whose text is `old`.
    Delete,
    /// Moves the file.
    Move {
        /// The new workspace-relative path.
        to: String,
    },
    /// Makes, replaces or deletes a file that is no text, as a whole.
    Binary {
        /// What it takes the place of; `None`: there is no such file.
        before: Option<FileBytes>,
        /// What stands there then; `None`: the file goes.
        after: Option<FileBytes>,
    },
    /// Makes the file executable, or takes that away.
    Mode {
        /// What it is then.
        executable: bool,
    },
}

impl HunkKind {
    /// Is it about a file's text, its being there or its name? What isn't has one line for people instead of a text.
    #[must_use]
    pub fn is_of_text(&self) -> bool {
        !matches!(self, Self::Binary { .. } | Self::Mode { .. })
    }
}

/// Bytes that are no text. They lie with the session's log ([`crate::Attachments`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileBytes {
    /// Their hash, hex.
    pub sha256: String,
    /// How many.
    pub bytes: u64,
}

impl std::fmt::Display for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (number, unit) = match self.bytes {
            1 => (1, "byte"),
            bytes @ 0..1_000 => (bytes, "bytes"),
            bytes @ 1_000..1_000_000 => (bytes.div_ceil(1_000), "kB"),
            bytes => (bytes.div_ceil(1_000_000), "MB"),
        };
        let hash = self.sha256.get(..12).unwrap_or(&self.sha256);
        write!(f, "binary file, {number} {unit}, sha256 {hash}…")
    }
}

/// A hunk as it was proposed, against the text with hash `base_sha256` of its event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HunkRecord {
    /// Its id.
    pub id: HunkId,
    /// What it does.
    #[serde(flatten)]
    pub kind: HunkKind,
    /// First line of `old` in the base text, 0-based.
    pub start_line: u32,
    /// The lines that it replaces, with their line breaks as in the base text; empty for an insertion.
    pub old: String,
    /// The lines that it puts there; empty for a deletion.
    pub new: String,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum TurnOutcome {
    /// The agent gave its answer.
    Done,
    /// A limit stopped it; it can go on.
    Stopped {
        /// `budget`, `context`, `loop`, `invalid_calls`, …
        reason: String,
        /// For the user, with what to do.
        message: String,
    },
    /// It could not go on.
    Failed {
        /// For the user, with what to do.
        message: String,
    },
    /// The user stopped it.
    Cancelled,
}

/// The answer to a permission prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PermissionAnswer {
    /// No. Also every dismissal and time-out.
    Deny,
    /// Yes, this once.
    Allow,
    /// Yes, and keep the rule that was shown.
    AllowAlways,
    /// Accept what the session has pending, save all, then yes.
    AcceptAndAllow,
    /// Yes, but in the sandbox, on the shadow.
    AllowInSandbox,
}

impl PermissionAnswer {
    /// The words on its button.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Deny => "Deny",
            Self::Allow => "Allow once",
            Self::AllowAlways => "Always allow",
            Self::AcceptAndAllow => "Accept and save all, then run",
            Self::AllowInSandbox => "Run in the shadow instead",
        }
    }
}

/// What happened. The serialised form is `{"type": …, "data": {…}}`.
///
/// The derived functions know the known types alone; the traits, which add [`EventData::Unknown`], are in `codec`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "type", content = "data")]
pub enum EventData {
    /// The first event of each log.
    #[serde(rename = "session.created")]
    SessionCreated {
        /// Version of the binary.
        version: String,
        /// Absolute paths of the workspace's folders.
        roots: Vec<String>,
    },
    /// Model, mode and the frozen prompt prefix; again whenever one of them changes.
    #[serde(rename = "session.config")]
    SessionConfig {
        /// Name in `[models]`, or `builtin`.
        model: String,
        /// The provider's model id.
        model_id: String,
        /// Its wire format.
        wire: Wire,
        /// The mode.
        mode: Mode,
        /// System prompt, as sent.
        system: String,
        /// Tool definitions, as sent, in order.
        tools: Vec<crate::ToolDefinition>,
        /// What else the bytes of a request depend on; `None` before version 2.
        encoding: Option<Encoding>,
    },
    /// The session was opened again.
    #[serde(rename = "session.resumed")]
    SessionResumed {
        /// Version of the binary.
        version: String,
    },
    /// The first event of a log that was made from the beginning of another one, which follows.
    #[serde(rename = "session.forked")]
    SessionForked {
        /// The other session.
        of: SessionId,
        /// So many of its events follow.
        events: u64,
        /// What is wrong with the other log behind them; empty where nothing is.
        damage: String,
    },
    /// What is in the session from here on, of what policy minds. Labels only grow.
    #[serde(rename = "session.labelled")]
    SessionLabelled {
        /// Content that others wrote, such as from the network.
        untrusted: bool,
        /// Private data: a secret, or a file from outside of the workspace.
        private: bool,
    },
    /// A request that starts a turn.
    #[serde(rename = "input.user")]
    InputUser {
        /// A few words for lists.
        title: String,
        /// What the user asked.
        text: String,
        /// What the editor adds (focus, selection, diagnostics, instructions), sent after `text`.
        context: String,
    },
    /// Something that the user added while a turn ran; sent after the results of the step.
    #[serde(rename = "input.steer")]
    InputSteer {
        /// What the user said.
        text: String,
    },
    /// Something that the harness tells the model, such as changed diagnostics; sent like steering.
    #[serde(rename = "input.editor")]
    InputEditor {
        /// As sent.
        text: String,
    },
    /// Files that went into the context.
    #[serde(rename = "context.loaded")]
    ContextLoaded {
        /// In the order in which they were loaded.
        files: Vec<LoadedFile>,
    },
    /// Texts that the model knows from here on. What it knows of them is a fold of these and of `edit.proposed`.
    #[serde(rename = "context.shown")]
    ContextShown {
        /// Each path once.
        files: Vec<ShownFile>,
    },
    /// A model request, before it goes out.
    #[serde(rename = "request.sent")]
    RequestSent {
        /// Hash of the body, hex.
        body_sha256: String,
        /// Length of the body in bytes.
        body_bytes: u64,
        /// Most tokens of the response, where it is not what the model's encoding says. Since version 2.
        max_output: Option<u32>,
        /// What it has in common with the request before. Since version 3.
        prefix: Option<Prefix>,
    },
    /// A request failed and will be sent again.
    #[serde(rename = "request.retry")]
    RequestRetry {
        /// Counts from 1.
        attempt: u32,
        /// The wait before it, in milliseconds.
        delay_ms: u64,
        /// What failed.
        reason: String,
    },
    /// The provider refuses a thinking block: from here on the conversation goes without those so far.
    #[serde(rename = "request.thinking_stripped")]
    ThinkingStripped {
        /// What the provider said.
        reason: String,
    },
    /// One block of a response that came to its end. Blocks of a response that was cut are never logged.
    #[serde(rename = "response.block")]
    ResponseBlock {
        /// The block.
        block: AssistantBlock,
    },
    /// The response came to its end.
    #[serde(rename = "response.stopped")]
    ResponseStopped {
        /// Why.
        reason: StopReason,
        /// What it took.
        usage: Usage,
        /// What it cost in millionths of a US dollar, where the price is known.
        cost_micro_usd: Option<u64>,
    },
    /// The model asked for a tool.
    #[serde(rename = "tool.announced")]
    ToolAnnounced {
        /// The tool.
        tool: String,
        /// The provider's id, to be answered once.
        tool_use_id: String,
    },
    /// Policy has decided.
    #[serde(rename = "tool.gated")]
    ToolGated {
        /// `allow`, `ask` or `deny`.
        decision: String,
        /// The rule or check that made it.
        by: String,
        /// Reason codes.
        reasons: Vec<String>,
        /// Digest of the exact call, hex.
        digest: String,
    },
    /// The call starts. Durable before a mutating effect.
    #[serde(rename = "tool.intent")]
    ToolIntent {
        /// The tool.
        tool: String,
        /// Digest of the exact call, hex.
        digest: String,
        /// What a resumed session does with it.
        retry: RetryClass,
    },
    /// The call's one outcome, as the model is told.
    #[serde(rename = "tool.outcome")]
    ToolOutcome {
        /// The tool.
        tool: String,
        /// The provider's id that it answers.
        tool_use_id: String,
        /// How it ended.
        status: CallStatus,
        /// As sent.
        content: String,
        /// One line for people.
        summary: String,
    },
    /// What a command in the sandbox asked of its proxy; before its outcome.
    #[serde(rename = "tool.visited")]
    ToolVisited {
        /// In the order of the first connection of each.
        visits: Vec<Visit>,
        /// Connections beyond those that are kept.
        left_out: u64,
    },
    /// The user is asked.
    #[serde(rename = "permission.asked")]
    PermissionAsked {
        /// What for, in words.
        text: String,
        /// Digest of the exact call, hex.
        digest: String,
    },
    /// The user has answered, or can't.
    #[serde(rename = "permission.decided")]
    PermissionDecided {
        /// The answer.
        answer: PermissionAnswer,
        /// `user`, `timeout`, `headless`, …
        by: String,
    },
    /// Something came that looks like an answer to a prompt and is none: nobody asked, or not any more.
    #[serde(rename = "permission.refused")]
    PermissionRefused {
        /// What was wrong with it.
        reason: String,
    },
    /// Hunks were added to the proposal.
    #[serde(rename = "edit.proposed")]
    EditProposed {
        /// Workspace-relative path.
        path: String,
        /// Hash of the user's text that the hunks stand against, hex.
        base_sha256: String,
        /// Pending hunks of the same file that these ones take up into themselves.
        replaces: Vec<HunkId>,
        /// The hunks.
        hunks: Vec<HunkRecord>,
    },
    /// Hunks that can't be placed any more because the user changed their lines.
    #[serde(rename = "edit.conflicted")]
    EditConflicted {
        /// The hunks.
        hunks: Vec<HunkId>,
    },
    /// Accepting of hunks begins. Durable before the text changes.
    #[serde(rename = "edit.accepting")]
    EditAccepting {
        /// Workspace-relative path.
        path: String,
        /// The hunks.
        hunks: Vec<HunkId>,
        /// Hash of the text or the bytes before, hex; empty where only the file's mode changes.
        pre_sha256: String,
        /// Hash of the text or the bytes after, hex.
        post_sha256: String,
    },
    /// Hunks stand in the text now.
    #[serde(rename = "edit.applied")]
    EditApplied {
        /// Workspace-relative path.
        path: String,
        /// The hunks.
        hunks: Vec<HunkId>,
        /// Hash of the text after, hex.
        post_sha256: String,
    },
    /// Accepting failed; the hunks are pending again.
    #[serde(rename = "edit.refused")]
    EditRefused {
        /// The hunks.
        hunks: Vec<HunkId>,
        /// Why.
        reason: String,
    },
    /// The user dropped hunks.
    #[serde(rename = "edit.rejected")]
    EditRejected {
        /// The hunks.
        hunks: Vec<HunkId>,
    },
    /// Applied hunks were taken back.
    #[serde(rename = "edit.undone")]
    EditUndone {
        /// Workspace-relative path.
        path: String,
        /// The hunks.
        hunks: Vec<HunkId>,
        /// Hash of the text after, hex.
        post_sha256: String,
    },
    /// What the edits of a turn do to the project's diagnostics was looked at.
    #[serde(rename = "edit.checked")]
    EditChecked {
        /// What was found; `None`: nothing could be checked.
        verdict: Option<EditVerdict>,
        /// Why nothing could be checked; empty otherwise.
        reason: String,
    },
    /// Hunks were proposed although the text with them has more syntax errors than without: the model insisted.
    #[serde(rename = "edit.unparsed")]
    EditUnparsed {
        /// Workspace-relative path.
        path: String,
        /// The hunks.
        hunks: Vec<HunkId>,
        /// The errors that came, each with its place; at most a few.
        problems: Vec<String>,
    },
    /// What the turn's answer says was done was compared with what is on record.
    #[serde(rename = "answer.checked")]
    AnswerChecked {
        /// Claims that the record bears out.
        supported: u32,
        /// Claims that it does not, in the order of the answer.
        unsupported: Vec<UnsupportedClaim>,
    },
    /// The next request may take so much at most. It counts as spent until the response or the turn ends.
    #[serde(rename = "budget.reserved")]
    BudgetReserved {
        /// Tokens, input and output.
        tokens: u64,
        /// Millionths of a US dollar; where the price is not known, by an assumed one.
        micro_usd: u64,
    },
    /// The next request would pass a limit, so it was not sent.
    #[serde(rename = "budget.stopped")]
    BudgetStopped(BudgetStop),
    /// The agent's list of things to do, whole.
    #[serde(rename = "todo.set")]
    TodoSet {
        /// In order.
        items: Vec<TodoItem>,
    },
    /// The model is asked for a summary of the conversation so far, in a request of its own without tools.
    #[serde(rename = "compact.asked")]
    CompactAsked {
        /// The system prompt of that request.
        system: String,
        /// Its one message.
        text: String,
        /// Most tokens of the summary.
        max_output: u32,
    },
    /// The request for a summary, before it goes out. Its answer is a `response.stopped`, and the texts of
    /// `compact.committed`.
    #[serde(rename = "compact.sent")]
    CompactSent {
        /// Hash of the body, hex.
        body_sha256: String,
        /// Length of the body in bytes.
        body_bytes: u64,
    },
    /// From here on the conversation goes on in a shorter form. The log keeps everything.
    #[serde(rename = "compact.committed")]
    CompactCommitted {
        /// Why.
        trigger: CompactTrigger,
        /// Tokens of a request with the conversation before, as estimated.
        before: u64,
        /// The same after.
        after: u64,
        /// Results that notes stand for. Comes first.
        cleared: Vec<ClearedResult>,
        /// What stands for older messages; `None`: all stay.
        summary: Option<CompactSummary>,
    },
    /// The conversation could not be made shorter, or not enough for it to be worth losing what it says.
    #[serde(rename = "compact.abandoned")]
    CompactAbandoned {
        /// Why.
        trigger: CompactTrigger,
        /// What was in the way.
        reason: String,
    },
    /// The turn came to its end.
    #[serde(rename = "turn.ended")]
    TurnEnded {
        /// How.
        #[serde(flatten)]
        outcome: TurnOutcome,
    },
    /// A torn end of the log was set aside.
    #[serde(rename = "log.recovered")]
    LogRecovered {
        /// Bytes that were set aside.
        bytes: u64,
        /// Where they are now.
        kept_in: String,
    },
    /// The process ended unexpectedly, or a panic ended a turn.
    #[serde(rename = "crash")]
    Crash {
        /// `panic`, the name of a signal, or `unknown`: it ended without a word.
        cause: String,
        /// What the panic said and where; empty otherwise.
        message: String,
        /// The crash's file, where there is one.
        report: Option<CrashId>,
        /// The last events of the process, of all its sessions, oldest first.
        last: Vec<EventHead>,
    },
    /// A type that this build doesn't know.
    #[serde(skip)]
    Unknown {
        /// Its name.
        r#type: String,
        /// Its payload.
        data: serde_json::Value,
    },
}

/// How much of a request stands at the beginning of the next one. Counted are the bytes of tools, system and messages,
/// without the marks for the provider's cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefix {
    /// Those of this request.
    pub bytes: u64,
    /// Those of the request before; 0: this is the first one of the process.
    pub before: u64,
    /// How many of these this request begins with. Exact where it is all of them, else rounded down to 4 KiB.
    pub kept: u64,
    /// Why it is not all of them: `model`, `tools`, `mode`, `thinking_stripped`, `compaction` or `unexplained`; empty
    /// where it is.
    pub reason: String,
}

impl Prefix {
    /// The part of the request before that was kept, 0 to 1; `None` where there was no request before.
    #[must_use]
    pub fn stability(&self) -> Option<f64> {
        (self.before > 0).then(|| self.kept as f64 / self.before as f64)
    }
}

/// A request that would pass a limit. Figures are in the unit of `limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetStop {
    /// Whose limit.
    pub level: BudgetLevel,
    /// What it limits.
    pub limit: BudgetLimit,
    /// The limit.
    pub max: u64,
    /// What was spent before the request, by what counts at this level.
    pub spent: u64,
    /// The most that the request may take.
    pub projected: u64,
}

/// What a budget counts over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetLevel {
    /// One turn.
    Turn,
    /// All turns of the session.
    Session,
    /// All sessions since midnight UTC.
    Day,
    /// All sessions in the folder, ever.
    Workspace,
}

/// What is limited, with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetLimit {
    /// Model requests.
    Steps,
    /// Tokens, input and output, cached ones included.
    Tokens,
    /// Millionths of a US dollar.
    MicroUsd,
    /// Seconds of work.
    Seconds,
}

/// What edits do to a project's diagnostics, by comparison with the text before them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EditVerdict {
    /// Who checked, such as `cargo check`.
    pub by: String,
    /// Errors and warnings that are gone.
    pub cleared: u32,
    /// Errors that were not there before.
    pub new_errors: u32,
    /// Warnings that were not there before.
    pub new_warnings: u32,
    /// Errors that are there as before.
    pub left: u32,
    /// Codes of what is gone, such as `E0308`, each once; at most 8. Empty before version 2.
    pub cleared_codes: Vec<String>,
    /// Codes of the new errors, likewise.
    pub new_codes: Vec<String>,
}

/// Something that an answer says and nothing on record bears out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnsupportedClaim {
    /// The words of the answer.
    pub claim: String,
    /// What the record says instead, such as `no command ran in this turn`.
    pub record: String,
}

impl std::fmt::Display for EditVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |number: u32, word: &str| match number {
            0 => format!("no {word}s"),
            1 => format!("1 {word}"),
            number => format!("{number} {word}s"),
        };
        match self.cleared_codes.join(", ") {
            codes if codes.is_empty() => write!(f, "clears {}", count(self.cleared, "problem"))?,
            codes if self.cleared == 1 => write!(f, "clears {codes}")?,
            codes => write!(f, "clears {} ({codes})", count(self.cleared, "problem"))?,
        }
        if self.new_errors == 0 && self.new_warnings == 0 {
            f.write_str(", no new problems")?;
        } else {
            write!(f, ", {}", count(self.new_errors, "new error"))?;
            if !self.new_codes.is_empty() {
                write!(f, " ({})", self.new_codes.join(", "))?;
            }
            write!(f, ", {}", count(self.new_warnings, "new warning"))?;
        }
        if self.left > 0 {
            write!(f, ", {} left", count(self.left, "error"))?;
        }
        write!(f, ", checked by {}", self.by)
    }
}

/// One line of the agent's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TodoItem {
    /// What is to be done.
    pub text: String,
    /// How far it is.
    pub status: TodoStatus,
}

/// How far a thing to do is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TodoStatus {
    /// Not begun.
    Pending,
    /// Being done.
    Active,
    /// Done.
    Done,
}
