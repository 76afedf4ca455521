// Finds the `interline` program: setting, PATH, the one in the extension, a build above the extension (development).
// Must not start it, nor take a path from the workspace (the setting has machine scope).

import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import * as vscode from "vscode";

export interface Binary {
  path: string;
  from: "setting" | "PATH" | "extension" | "build";
}

const program = process.platform === "win32" ? "interline.exe" : "interline";

export function findBinary(context: vscode.ExtensionContext): Binary {
  const setting = vscode.workspace.getConfiguration("interline").get<string>("server.path", "").trim();
  if (setting !== "") {
    const path = expandHome(setting);
    if (!isAbsolute(path)) throw new Error(`interline.server.path must be an absolute path, but is ${setting}`);
    if (!isProgram(path)) throw new Error(`interline.server.path names no program that can be run: ${path}`);
    return { path, from: "setting" };
  }
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    // Relative entries would let the opened folder choose the program.
    const path = join(folder, program);
    if (isAbsolute(folder) && isProgram(path)) return { path, from: "PATH" };
  }
  const bundled = context.asAbsolutePath(join("server", program));
  if (isProgram(bundled)) return { path: bundled, from: "extension" };
  if (context.extensionMode === vscode.ExtensionMode.Development) {
    for (const profile of ["release", "debug"]) {
      const path = join(context.extensionPath, "..", "..", "target", profile, program);
      if (isProgram(path)) return { path, from: "build" };
    }
  }
  throw new Error("the interline program was not found: put it on PATH, or set interline.server.path");
}

function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
