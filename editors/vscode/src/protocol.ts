// Generated from server/lsp/src/protocol by `UPDATE=1 cargo test -p interline-lsp generated`. Not to be edited by hand.

import type { Diagnostic, Position, Range } from "vscode-languageclient/node";

/** How a tool call ended. Each call has exactly one. */
export type CallStatus = "succeeded" | "failed" | "denied" | "cancelled" | "unknown";

/** Argument of `interline.cancel`. */
export interface CancelArgs {
  /** The session; all of them where left out. */
  session?: string;
}

/** What a client handles beyond standard LSP, in `initializationOptions.interline`. Each flag is false where it is left out. Unknown fields are ignored: a newer shim may speak to an older server. */
export interface ClientOptions {
  /** Answers `interline/requestPermission`. */
  permission?: boolean;
  /** Answers `interline/query`. */
  query?: boolean;
  /** Answers `interline/save`. */
  save?: boolean;
  /** Takes `interline/event`. */
  event?: boolean;
  /** Asks for text itself when a command lacks it. */
  input?: boolean;
  /** Shows transcripts itself. */
  transcript?: boolean;
  /** As in section `interline` of the client's configuration. */
  settings?: Settings;
}

/** Argument of `interline.compact`. */
export interface CompactArgs {
  /** The session; the current one where left out. */
  session?: string;
}

/** Argument of `interline.complete`. */
export interface CompleteArgs {
  /** What is typed of the mention, without the `@`. */
  begun: string;
}

/** Result of `interline.complete`. */
export interface CompleteResult {
  /** The session that the command went to; null where none is concerned. */
  session: string | null;
  /** The turn that it started or steered; null where there is none. */
  turn: string | null;
  /** At most 50, best first. */
  items: MentionItem[];
}

/** What the other servers say of a document now. Interline's own are left out. */
export interface DiagnosticsParams {
  /** The document. */
  uri: string;
  /** The version that they are of. */
  version?: number;
  /** All of them. */
  diagnostics: Diagnostic[];
}

/** Argument of `interline.diff`. */
export interface DiffArgs {
  /** The document; all where left out. */
  uri?: string;
  /** The session; all of them where left out. */
  session?: string;
}

/** One file of the proposal, texts whole. */
export interface DiffFile {
  /** The file. */
  uri: string;
  /** Its path in the workspace. */
  path: string;
  /** The text as it is; empty where the proposal creates the file. */
  before: string;
  /** The text as proposed; empty where the proposal deletes the file. */
  after: string;
}

/** Result of `interline.diff`. */
export interface DiffResult {
  /** The session that the command went to; null where none is concerned. */
  session: string | null;
  /** The turn that it started or steered; null where there is none. */
  turn: string | null;
  /** The files that the proposal changes. */
  files: DiffFile[];
}

/** Argument of `interline.edit`. */
export interface EditArgs {
  /** What to do. */
  instruction: string;
  /** The document; the one that the user looks at where left out. */
  uri?: string;
  /** The range. Where left out, the selection if `uri` is too, else the whole document. */
  range?: Range;
  /** The session; the current one where left out. */
  session?: string;
}

/** Something that happened. */
export interface EventParams {
  /** The session; left out of a notice that belongs to none. */
  session?: string;
  /** What happened. */
  event: SessionEvent;
}

/** Argument of `interline.explain`. */
export interface ExplainArgs {
  /** The document; the one that the user looks at where left out. */
  uri?: string;
  /** Where. Left out, the selection if `uri` is too, else the whole document. */
  range?: Range;
  /** The diagnostics; else those known in the range, else those of the document. */
  diagnostics?: Diagnostic[];
  /** The session; the current one where left out. */
  session?: string;
}

/** Argument of `interline.fix`. */
export interface FixArgs {
  /** The document; the one that the user looks at where left out. */
  uri?: string;
  /** Where. Left out, the selection if `uri` is too, else the whole document. */
  range?: Range;
  /** The diagnostics; else those known in the range, else those of the document. */
  diagnostics?: Diagnostic[];
  /** The session; the current one where left out. */
  session?: string;
}

/** Where the user is. */
export interface FocusParams {
  /** The document. */
  uri: string;
  /** The main one first. */
  selections: Range[];
  /** What can be seen of it. */
  visibleRanges: Range[];
}

/** A pending hunk, in 0-based lines of the document as it is at the version it comes with. */
export interface HunkInfo {
  /** Its id. */
  id: string;
  /** The session that proposed it. */
  session: string;
  /** What it does. */
  kind: HunkKind;
  /** Where it stands. */
  state: HunkState;
  /** Its first line. */
  startLine: number;
  /** How many lines it replaces; 0 is an insertion before `startLine`. */
  lineCount: number;
  /** The lines that it replaces, without their line breaks. Of a binary file, and of a mode, one line for people. */
  oldLines: string[];
  /** The lines that it puts there, without line breaks. */
  newLines: string[];
  /** The new path in the workspace, of a move. */
  to?: string;
  /** What is known of it; left out where nobody has tried to check it, and where it is not pending. */
  verdict?: HunkVerdict;
}

/** What a hunk does. */
export type HunkKind = "text" | "create" | "delete" | "move" | "binary" | "mode";

/** Argument of `interline.accept` and `interline.reject`: the first field that is given says which pending hunks; none: all of them. */
export interface HunkSelection {
  /** This hunk. */
  hunk?: string;
  /** Those of this document. */
  uri?: string;
  /** Those of this session. */
  session?: string;
}

/** Where a hunk stands. */
export type HunkState = "pending" | "conflict" | "applying";

/** What is known of a hunk, for the text as it is now. */
export interface HunkVerdict {
  /** In a word. */
  state: VerdictState;
  /** One line to show, such as `clears E0308, no new problems, checked by cargo check`. */
  text: string;
}

/** Argument of `interline.hunks`. */
export interface HunksArgs {
  /** The document; all where left out. */
  uri?: string;
}

/** The pending hunks of a document, all of them; none clears it. */
export interface HunksChanged {
  /** The document. */
  uri: string;
  /** The version that the lines are of; left out where the document is not open. */
  version?: number;
  /** In the order of their lines. */
  hunks: HunkInfo[];
}

/** Result of `interline.hunks`. */
export interface HunksResult {
  /** The session that the command went to; null where none is concerned. */
  session: string | null;
  /** The turn that it started or steered; null where there is none. */
  turn: string | null;
  /** Documents that have pending hunks. */
  documents: HunksChanged[];
}

/** What a mention can become. */
export interface MentionItem {
  /** The whole mention, without the `@`; of a folder with a `/` at its end. */
  text: string;
  /** What it is, in a few words. */
  detail: string;
}

/** How far the agent goes without asking. */
export type Mode = "plan" | "default" | "accept-edits" | "auto";

/** Argument of `interline.mode`. */
export interface ModeArgs {
  /** How far the agent goes without asking. */
  mode: Mode;
  /** The session; the current one where left out. */
  session?: string;
}

/** Argument of `interline.model`. */
export interface ModelArgs {
  /** Name of the model; left out to ask for the names only. */
  model?: string;
  /** The session; the current one where left out. */
  session?: string;
}

/** Result of `interline.model`. */
export interface ModelResult {
  /** The session that the command went to; null where none is concerned. */
  session: string | null;
  /** The turn that it started or steered; null where there is none. */
  turn: string | null;
  /** The model in use from now on. */
  model: string;
  /** The names that can be set. */
  models: string[];
}

/** How a turn ended. */
export type Outcome = "done" | "stopped" | "failed" | "cancelled";

/** The answer to a permission prompt. */
export type PermissionAnswer = "deny" | "allow" | "allow_always" | "accept_and_allow" | "allow_in_sandbox";

/** One answer to a permission prompt. */
export interface PermissionOption {
  /** What is sent back. */
  answer: PermissionAnswer;
  /** The words on its button. */
  label: string;
}

/** What the user is asked to permit. */
export interface PermissionParams {
  /** Of this prompt, for one use. */
  id: string;
  /** The session that asks; left out where it is the server itself. */
  session?: string;
  /** The call that waits; left out with the session. */
  call?: string;
  /** The tool's name. */
  tool: string;
  /** One line. */
  title: string;
  /** The command or the input in full, with nothing hidden. */
  detail: string;
  /** What the call may do, one line each. */
  effects: string[];
  /** Whether to warn. */
  danger: boolean;
  /** The rule that `allow_always` would keep; left out, that must not be offered. */
  always?: string;
  /** What may be answered, in this order: `deny` first. */
  options: PermissionOption[];
  /** Which of the prompts that wait for the user it is, from 1. */
  position: number;
  /** How many these are. */
  total: number;
}

/** The answer to a permission prompt. */
export interface PermissionResult {
  /** As asked; any other is a denial. */
  id: string;
  /** One of the options. */
  answer: PermissionAnswer;
}

/** Argument of `interline.prompt`. */
export interface PromptArgs {
  /** The request. */
  text: string;
  /** The document that it is about; the one that the user looks at where left out. */
  uri?: string;
  /** The range that it is about. */
  range?: Range;
  /** The session; the current one where left out. */
  session?: string;
}

/** What a query asks for. */
export type QueryKind = "diagnostics" | "symbols" | "definition" | "references" | "hover" | "rename" | "quickFixes";

/** A question to the other language servers. */
export interface QueryParams {
  /** What is asked; it decides which of the other fields are there. */
  kind: QueryKind;
  /** The document. */
  uri?: string;
  /** Where in it. */
  position?: Position;
  /** What to search for over the workspace. */
  query?: string;
  /** The new name. */
  newName?: string;
  /** The line, 0-based. */
  line?: number;
  /** Answer for this version of the document or a later one. */
  minVersion?: number;
  /** How long to wait at most, in milliseconds. */
  timeoutMs: number;
}

/** What the other language servers answered. */
export interface QueryResult {
  /** The protocol says which shape each kind has. */
  items: unknown[];
  /** Names of those who answered, comma-separated. */
  source: string;
  /** The version of the document that the answer is for. */
  docVersion?: number;
  /** Whether the answer is complete: false rather than a guess. */
  settled: boolean;
}

/** Argument of `interline.resume`. */
export interface ResumeArgs {
  /** The session to open again. */
  session: string;
}

/** Argument of `interline.revise`. */
export interface ReviseArgs {
  /** The hunk to do again. */
  hunk: string;
  /** What is wrong with it. */
  text: string;
}

/** Documents that the user wants saved, by an answer to a permission prompt. */
export interface SaveParams {
  /** The documents, as the client named them. */
  uris: string[];
}

/** What came of saving. */
export interface SaveResult {
  /** Why something was not saved; left out, everything was. */
  problem?: string;
}

/** What happened. */
export type SessionEvent =
  /** A turn began. */
  | { type: "turnStarted"; turn: string; title: string }
  /** The model says more, at most about 20 times a second. */
  | { type: "text"; turn: string; delta: string }
  /** What the agent is at. */
  | { type: "activity"; turn: string; text: string }
  /** A tool runs. */
  | { type: "callStarted"; turn: string; call: string; tool: string; title: string }
  /** A tool is done. */
  | { type: "callEnded"; turn: string; call: string; status: CallStatus; summary: string }
  /** What the turn's edits do to the project's diagnostics, beside the text before them. */
  | { type: "checked"; turn: string; by: string; cleared: number; newErrors: number; newWarnings: number; left: number; summary: string }
  /** Nothing could say what the turn's edits do to the project's diagnostics. */
  | { type: "notChecked"; turn: string; reason: string }
  /** Pending hunks changed. */
  | { type: "hunksChanged"; documents: HunksChanged[] }
  /** Tokens were spent. */
  | { type: "spent"; turn: string; usage: Usage; costUsd?: number; sessionCostUsd?: number }
  /** Something that the user should know. */
  | { type: "notice"; text: string; warning: boolean }
  /** The model asks, and waits: the next `interline.prompt` to the session is the answer. */
  | { type: "question"; text: string }
  /** What is in use from now on; first sent after `initialized`. */
  | { type: "configured"; model: string; mode: Mode }
  /** A turn ended. */
  | { type: "turnEnded"; turn: string; outcome: Outcome; message?: string };

/** A session in a list. */
export interface SessionInfo {
  /** Its id. */
  id: string;
  /** A few words of its first request; may be empty. */
  title: string;
  /** When something last happened in it, in milliseconds since the Unix epoch. */
  updated: number;
  /** How many turns it has. */
  turns: number;
  /** Whether this server has it open. */
  open: boolean;
  /** What it asks permission for; left out where it waits for none. `interline.resume` asks again. */
  waiting?: string;
}

/** Argument of `interline.sessions`. */
export type SessionsArgs = Record<string, never>;

/** Result of `interline.sessions`. */
export interface SessionsResult {
  /** The session that the command went to; null where none is concerned. */
  session: string | null;
  /** The turn that it started or steered; null where there is none. */
  turn: string | null;
  /** Newest first. */
  sessions: SessionInfo[];
}

/** Section `interline` of the client's configuration. It may tighten, never loosen. */
export interface Settings {
  /** Name of a model. */
  model?: string;
  /** `plan` or `default`; above that it is ignored with a warning. */
  mode?: Mode;
}

/** What every command answers. */
export interface Started {
  /** The session that the command went to; null where none is concerned. */
  session: string | null;
  /** The turn that it started or steered; null where there is none. */
  turn: string | null;
}

/** Argument of `interline.transcript`. */
export interface TranscriptArgs {
  /** The session; the current one where left out. */
  session?: string;
}

/** Result of `interline.transcript`. */
export interface TranscriptResult {
  /** The session that the command went to; null where none is concerned. */
  session: string | null;
  /** The turn that it started or steered; null where there is none. */
  turn: string | null;
  /** Where the transcript can be read again. */
  uri: string;
  /** Markdown. */
  text: string;
}

/** Argument of `interline.trust`. */
export interface TrustArgs {
  /** What to set; left out to ask only. True is confirmed by a prompt. */
  trusted?: boolean;
  /** A document of the folder; the folder of the last request where left out. */
  uri?: string;
}

/** Result of `interline.trust`. */
export interface TrustResult {
  /** The session that the command went to; null where none is concerned. */
  session: string | null;
  /** The turn that it started or steered; null where there is none. */
  turn: string | null;
  /** Whether the folder is trusted now. */
  trusted: boolean;
}

/** Argument of `interline.undo`. */
export interface UndoArgs {
  /** The session; the current one where left out. */
  session?: string;
  /** The turn; the last one that landed hunks where left out. */
  turn?: string;
}

/** Tokens of one response. Input counts exclude what was read from or written to a cache. */
export interface Usage {
  /** Uncached input tokens. */
  input: number;
  /** Output tokens, thinking included. */
  output: number;
  /** Input tokens read from the prompt cache. */
  cacheRead: number;
  /** Input tokens written to the prompt cache. */
  cacheWrite: number;
}

/** What is known of a hunk, in a word. */
export type VerdictState = "checking" | "checked" | "worse" | "notChecked" | "outdated";
