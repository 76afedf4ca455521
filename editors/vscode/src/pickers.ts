// Pick lists for mode, model and session. Must not know which ones there are: the server tells.

import * as vscode from "vscode";
import type { ModelResult, SessionInfo } from "./protocol";
import type { Hunks } from "./hunks";
import type { Server } from "./server";
import type { Transcript } from "./transcript";
import type { Turns } from "./turns";

const MODES: Record<string, string> = {
  plan: "reads and plans, proposes nothing",
  default: "edits are proposals; what leaves the workspace asks",
  "accept-edits": "edits land as they come; they can be undone",
  auto: "also runs what your own rules allow; needs a working sandbox",
};

export async function selectMode(server: Server, turns: Turns): Promise<void> {
  const items = Object.entries(MODES).map(([label, detail]) => ({ label, detail, description: label === turns.mode ? "now" : "" }));
  const picked = await vscode.window.showQuickPick(items, { title: "Interline: Mode of this Session" });
  if (picked) await server.command("mode", { mode: picked.label });
}

export async function selectModel(server: Server): Promise<void> {
  const { model, models } = await server.command<ModelResult>("model");
  const items = models.map((label) => ({ label, description: label === model ? "now" : "" }));
  const picked = await vscode.window.showQuickPick(items, { title: "Interline: Model of this Session", placeHolder: "Models are configured in config.toml" });
  if (picked) await server.command("model", { model: picked.label });
}

export async function resumeSession(server: Server, hunks: Hunks, transcript: Transcript): Promise<void> {
  const { sessions } = await server.command<{ sessions: SessionInfo[] }>("sessions");
  const items = sessions.map((info) => ({ label: info.title || "(no title)", description: when(info.updated), detail: info.id, id: info.id }));
  const picked = await vscode.window.showQuickPick(items, { title: "Interline: Resume Session", placeHolder: items.length > 0 ? "Newest first" : "No sessions yet", matchOnDetail: true });
  if (!picked) return;
  await server.command("resume", { session: picked.id });
  await hunks.refresh();
  await transcript.show(picked.id);
}

function when(time: number | string | undefined): string {
  return time === undefined ? "" : new Date(time).toLocaleString();
}
