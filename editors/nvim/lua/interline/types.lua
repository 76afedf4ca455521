---@meta
-- Generated from server/lsp/src/protocol by `UPDATE=1 cargo test -p interline-lsp generated`. Not to be edited by hand.

---How a tool call ended. Each call has exactly one.
---@alias interline.CallStatus 'succeeded'|'failed'|'denied'|'cancelled'|'unknown'

---Argument of `interline.cancel`.
---@class interline.CancelArgs
---@field session? string The session; all of them where left out.

---What a client handles beyond standard LSP, in `initializationOptions.interline`. Each flag is false where it is left out. Unknown fields are ignored: a newer shim may speak to an older server.
---@class interline.ClientOptions
---@field permission? boolean Answers `interline/requestPermission`.
---@field query? boolean Answers `interline/query`.
---@field save? boolean Answers `interline/save`.
---@field event? boolean Takes `interline/event`.
---@field input? boolean Asks for text itself when a command lacks it.
---@field transcript? boolean Shows transcripts itself.
---@field settings? interline.Settings As in section `interline` of the client's configuration.

---Argument of `interline.compact`.
---@class interline.CompactArgs
---@field session? string The session; the current one where left out.

---Argument of `interline.complete`.
---@class interline.CompleteArgs
---@field begun string What is typed of the mention, without the `@`.

---Result of `interline.complete`.
---@class interline.CompleteResult
---@field session? string The session that the command went to; null where none is concerned.
---@field turn? string The turn that it started or steered; null where there is none.
---@field items interline.MentionItem[] At most 50, best first.

---What the other servers say of a document now. Interline's own are left out.
---@class interline.DiagnosticsParams
---@field uri string The document.
---@field version? integer The version that they are of.
---@field diagnostics lsp.Diagnostic[] All of them.

---Argument of `interline.diff`.
---@class interline.DiffArgs
---@field uri? string The document; all where left out.
---@field session? string The session; all of them where left out.

---One file of the proposal, texts whole.
---@class interline.DiffFile
---@field uri string The file.
---@field path string Its path in the workspace.
---@field before string The text as it is; empty where the proposal creates the file.
---@field after string The text as proposed; empty where the proposal deletes the file.

---Result of `interline.diff`.
---@class interline.DiffResult
---@field session? string The session that the command went to; null where none is concerned.
---@field turn? string The turn that it started or steered; null where there is none.
---@field files interline.DiffFile[] The files that the proposal changes.

---Argument of `interline.edit`.
---@class interline.EditArgs
---@field instruction string What to do.
---@field uri? string The document; the one that the user looks at where left out.
---@field range? lsp.Range The range. Where left out, the selection if `uri` is too, else the whole document.
---@field session? string The session; the current one where left out.

---Something that happened.
---@class interline.EventParams
---@field session? string The session; left out of a notice that belongs to none.
---@field event interline.Event What happened.

---Argument of `interline.explain`.
---@class interline.ExplainArgs
---@field uri? string The document; the one that the user looks at where left out.
---@field range? lsp.Range Where. Left out, the selection if `uri` is too, else the whole document.
---@field diagnostics? lsp.Diagnostic[] The diagnostics; else those known in the range, else those of the document.
---@field session? string The session; the current one where left out.

---Argument of `interline.fix`.
---@class interline.FixArgs
---@field uri? string The document; the one that the user looks at where left out.
---@field range? lsp.Range Where. Left out, the selection if `uri` is too, else the whole document.
---@field diagnostics? lsp.Diagnostic[] The diagnostics; else those known in the range, else those of the document.
---@field session? string The session; the current one where left out.

---Where the user is.
---@class interline.FocusParams
---@field uri string The document.
---@field selections lsp.Range[] The main one first.
---@field visibleRanges lsp.Range[] What can be seen of it.

---A pending hunk, in 0-based lines of the document as it is at the version it comes with.
---@class interline.HunkInfo
---@field id string Its id.
---@field session string The session that proposed it.
---@field kind interline.HunkKind What it does.
---@field state interline.HunkState Where it stands.
---@field startLine integer Its first line.
---@field lineCount integer How many lines it replaces; 0 is an insertion before `startLine`.
---@field oldLines string[] The lines that it replaces, without their line breaks. Of a binary file, and of a mode, one line for people.
---@field newLines string[] The lines that it puts there, without line breaks.
---@field to? string The new path in the workspace, of a move.
---@field verdict? interline.HunkVerdict What is known of it; left out where nobody has tried to check it, and where it is not pending.

---What a hunk does.
---@alias interline.HunkKind 'text'|'create'|'delete'|'move'|'binary'|'mode'

---Argument of `interline.accept` and `interline.reject`: the first field that is given says which pending hunks; none: all of them.
---@class interline.HunkSelection
---@field hunk? string This hunk.
---@field uri? string Those of this document.
---@field session? string Those of this session.

---Where a hunk stands.
---@alias interline.HunkState 'pending'|'conflict'|'applying'

---What is known of a hunk, for the text as it is now.
---@class interline.HunkVerdict
---@field state interline.VerdictState In a word.
---@field text string One line to show, such as `clears E0308, no new problems, checked by cargo check`.

---Argument of `interline.hunks`.
---@class interline.HunksArgs
---@field uri? string The document; all where left out.

---The pending hunks of a document, all of them; none clears it.
---@class interline.HunksChanged
---@field uri string The document.
---@field version? integer The version that the lines are of; left out where the document is not open.
---@field hunks interline.HunkInfo[] In the order of their lines.

---Result of `interline.hunks`.
---@class interline.HunksResult
---@field session? string The session that the command went to; null where none is concerned.
---@field turn? string The turn that it started or steered; null where there is none.
---@field documents interline.HunksChanged[] Documents that have pending hunks.

---What a mention can become.
---@class interline.MentionItem
---@field text string The whole mention, without the `@`; of a folder with a `/` at its end.
---@field detail string What it is, in a few words.

---How far the agent goes without asking.
---@alias interline.Mode 'plan'|'default'|'accept-edits'|'auto'

---Argument of `interline.mode`.
---@class interline.ModeArgs
---@field mode interline.Mode How far the agent goes without asking.
---@field session? string The session; the current one where left out.

---Argument of `interline.model`.
---@class interline.ModelArgs
---@field model? string Name of the model; left out to ask for the names only.
---@field session? string The session; the current one where left out.

---Result of `interline.model`.
---@class interline.ModelResult
---@field session? string The session that the command went to; null where none is concerned.
---@field turn? string The turn that it started or steered; null where there is none.
---@field model string The model in use from now on.
---@field models string[] The names that can be set.

---How a turn ended.
---@alias interline.Outcome 'done'|'stopped'|'failed'|'cancelled'

---The answer to a permission prompt.
---@alias interline.PermissionAnswer 'deny'|'allow'|'allow_always'|'accept_and_allow'|'allow_in_sandbox'

---One answer to a permission prompt.
---@class interline.PermissionOption
---@field answer interline.PermissionAnswer What is sent back.
---@field label string The words on its button.

---What the user is asked to permit.
---@class interline.PermissionParams
---@field id string Of this prompt, for one use.
---@field session? string The session that asks; left out where it is the server itself.
---@field call? string The call that waits; left out with the session.
---@field tool string The tool's name.
---@field title string One line.
---@field detail string The command or the input in full, with nothing hidden.
---@field effects string[] What the call may do, one line each.
---@field danger boolean Whether to warn.
---@field always? string The rule that `allow_always` would keep; left out, that must not be offered.
---@field options interline.PermissionOption[] What may be answered, in this order: `deny` first.
---@field position integer Which of the prompts that wait for the user it is, from 1.
---@field total integer How many these are.

---The answer to a permission prompt.
---@class interline.PermissionResult
---@field id string As asked; any other is a denial.
---@field answer interline.PermissionAnswer One of the options.

---Argument of `interline.prompt`.
---@class interline.PromptArgs
---@field text string The request.
---@field uri? string The document that it is about; the one that the user looks at where left out.
---@field range? lsp.Range The range that it is about.
---@field session? string The session; the current one where left out.

---What a query asks for.
---@alias interline.QueryKind 'diagnostics'|'symbols'|'definition'|'references'|'hover'|'rename'|'quickFixes'

---A question to the other language servers.
---@class interline.QueryParams
---@field kind interline.QueryKind What is asked; it decides which of the other fields are there.
---@field uri? string The document.
---@field position? lsp.Position Where in it.
---@field query? string What to search for over the workspace.
---@field newName? string The new name.
---@field line? integer The line, 0-based.
---@field minVersion? integer Answer for this version of the document or a later one.
---@field timeoutMs integer How long to wait at most, in milliseconds.

---What the other language servers answered.
---@class interline.QueryResult
---@field items any[] The protocol says which shape each kind has.
---@field source string Names of those who answered, comma-separated.
---@field docVersion? integer The version of the document that the answer is for.
---@field settled boolean Whether the answer is complete: false rather than a guess.

---Argument of `interline.resume`.
---@class interline.ResumeArgs
---@field session string The session to open again.

---Argument of `interline.revise`.
---@class interline.ReviseArgs
---@field hunk string The hunk to do again.
---@field text string What is wrong with it.

---Documents that the user wants saved, by an answer to a permission prompt.
---@class interline.SaveParams
---@field uris string[] The documents, as the client named them.

---What came of saving.
---@class interline.SaveResult
---@field problem? string Why something was not saved; left out, everything was.

---What happened.
---@class interline.Event
---@field type 'turnStarted'|'text'|'activity'|'callStarted'|'callEnded'|'checked'|'notChecked'|'hunksChanged'|'spent'|'notice'|'question'|'configured'|'turnEnded' which of the others are there
---@field turn string The turn.
---@field title string A few words of the request.
---@field delta string What comes after what it said so far.
---@field text string One line.
---@field call string The call.
---@field tool string The tool's name.
---@field status interline.CallStatus How it ended.
---@field summary string One line.
---@field by string Who checked, such as `cargo check`.
---@field cleared integer Errors and warnings that are gone.
---@field newErrors integer Errors that were not there before.
---@field newWarnings integer Warnings that were not there before.
---@field left integer Errors that are there as before.
---@field reason string Why, one line.
---@field documents interline.HunksChanged[] All documents that changed.
---@field usage interline.Usage By the turn so far.
---@field costUsd? number In US dollars, where the prices are known.
---@field sessionCostUsd? number The whole session's, likewise.
---@field warning boolean Whether something is wrong.
---@field model string Name of the model.
---@field mode interline.Mode The mode.
---@field outcome interline.Outcome How.
---@field message? string For the user, with what to do.

---A session in a list.
---@class interline.SessionInfo
---@field id string Its id.
---@field title string A few words of its first request; may be empty.
---@field updated integer When something last happened in it, in milliseconds since the Unix epoch.
---@field turns integer How many turns it has.
---@field open boolean Whether this server has it open.
---@field waiting? string What it asks permission for; left out where it waits for none. `interline.resume` asks again.

---Argument of `interline.sessions`.
---@class interline.SessionsArgs

---Result of `interline.sessions`.
---@class interline.SessionsResult
---@field session? string The session that the command went to; null where none is concerned.
---@field turn? string The turn that it started or steered; null where there is none.
---@field sessions interline.SessionInfo[] Newest first.

---Section `interline` of the client's configuration. It may tighten, never loosen.
---@class interline.Settings
---@field model? string Name of a model.
---@field mode? interline.Mode `plan` or `default`; above that it is ignored with a warning.

---What every command answers.
---@class interline.Started
---@field session? string The session that the command went to; null where none is concerned.
---@field turn? string The turn that it started or steered; null where there is none.

---Argument of `interline.transcript`.
---@class interline.TranscriptArgs
---@field session? string The session; the current one where left out.

---Result of `interline.transcript`.
---@class interline.TranscriptResult
---@field session? string The session that the command went to; null where none is concerned.
---@field turn? string The turn that it started or steered; null where there is none.
---@field uri string Where the transcript can be read again.
---@field text string Markdown.

---Argument of `interline.trust`.
---@class interline.TrustArgs
---@field trusted? boolean What to set; left out to ask only. True is confirmed by a prompt.
---@field uri? string A document of the folder; the folder of the last request where left out.

---Result of `interline.trust`.
---@class interline.TrustResult
---@field session? string The session that the command went to; null where none is concerned.
---@field turn? string The turn that it started or steered; null where there is none.
---@field trusted boolean Whether the folder is trusted now.

---Argument of `interline.undo`.
---@class interline.UndoArgs
---@field session? string The session; the current one where left out.
---@field turn? string The turn; the last one that landed hunks where left out.

---Tokens of one response. Input counts exclude what was read from or written to a cache.
---@class interline.Usage
---@field input integer Uncached input tokens.
---@field output integer Output tokens, thinking included.
---@field cacheRead integer Input tokens read from the prompt cache.
---@field cacheWrite integer Input tokens written to the prompt cache.

---What is known of a hunk, in a word.
---@alias interline.VerdictState 'checking'|'checked'|'worse'|'notChecked'|'outdated'
