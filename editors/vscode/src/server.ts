// The connection to the language server: starts it, restarts it, carries commands and events.
// Must not decide anything about turns, hunks or permissions, nor show more than that the server is gone.

import * as vscode from "vscode";
import { LanguageClient, State, type LanguageClientOptions, type ServerOptions } from "vscode-languageclient/node";
import { findBinary, type Binary } from "./binary";
import { extraEnv, serverSettings } from "./config";
import { messageOf } from "./errors";
import { middleware, SCHEMES, type RunCommand } from "./middleware";
import { traceChannel } from "./trace";
import type { EventParams, SessionEvent } from "./protocol";

/** Registers what answers the server on one client; called for each client before it starts. */
export type Attach = (client: LanguageClient) => void;

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private starting: Promise<LanguageClient> | undefined;
  private readonly events = new vscode.EventEmitter<{ session: string | undefined; event: SessionEvent }>();
  private readonly states = new vscode.EventEmitter<State>();
  private readonly log = vscode.window.createOutputChannel("Interline", { log: true });
  private readonly trace = traceChannel();
  private readonly attachments: Attach[] = [];
  binary: Binary | undefined;

  readonly onEvent = this.events.event;
  readonly onState = this.states.event;

  constructor(private readonly context: vscode.ExtensionContext, private readonly run: RunCommand) {
    context.subscriptions.push(vscode.workspace.onDidChangeConfiguration((change) => this.configurationChanged(change)));
  }

  attach(attach: Attach): void {
    this.attachments.push(attach);
  }

  get state(): State {
    return this.client?.state ?? State.Stopped;
  }

  /** The client, only where it is connected now. */
  get running(): LanguageClient | undefined {
    return this.client?.isRunning() ? this.client : undefined;
  }

  get version(): string | undefined {
    return this.client?.initializeResult?.serverInfo?.version;
  }

  /** The running client; starts it where it does not run. Errors say what to do. */
  ready(): Promise<LanguageClient> {
    this.starting ??= this.start().catch((error: unknown) => {
      this.starting = undefined;
      throw error;
    });
    return this.starting;
  }

  /** A command of the contract: one object in, one object out. */
  async command<T>(name: string, argument: object = {}): Promise<T> {
    const client = await this.ready();
    return client.sendRequest<T>("workspace/executeCommand", { command: `interline.${name}`, arguments: [argument] });
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.ready();
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.starting = undefined;
    // A server that does not answer in 2 s is killed by the client itself.
    await client?.dispose(2000).catch((error: unknown) => this.log.warn(`the server did not stop cleanly: ${error}`));
    this.states.fire(State.Stopped);
  }

  showLogs(): void {
    this.log.show(true);
  }

  info(text: string): void {
    this.log.info(text);
  }

  dispose(): void {
    void this.stop();
    for (const part of [this.events, this.states, this.log, this.trace]) part.dispose();
  }

  private configurationChanged(change: vscode.ConfigurationChangeEvent): void {
    if (change.affectsConfiguration("interline.server")) {
      void this.restart().catch((error: unknown) => vscode.window.showErrorMessage(`Interline: ${messageOf(error)}`));
    } else if (change.affectsConfiguration("interline") && this.client?.isRunning()) {
      // Only what is the server's business; the rest of the section is the shim's own.
      void this.client.sendNotification("workspace/didChangeConfiguration", { settings: { interline: serverSettings() } });
    }
  }

  private async start(): Promise<LanguageClient> {
    this.binary = findBinary(this.context);
    this.log.info(`starting ${this.binary.path} (from ${this.binary.from})`);
    const options: LanguageClientOptions = {
      documentSelector: SCHEMES.map((scheme) => ({ scheme })),
      outputChannel: this.log,
      traceOutputChannel: this.trace,
      diagnosticCollectionName: "interline",
      initializationOptions: () => ({ interline: { permission: true, save: true, query: true, event: true, input: true, transcript: true, settings: serverSettings() } }),
      middleware: middleware(this.run),
    };
    const server: ServerOptions = {
      command: this.binary.path,
      args: ["lsp"],
      options: { env: { ...process.env, ...extraEnv() } },
    };
    const client = new LanguageClient("interline", "Interline", server, options);
    client.onDidChangeState(({ newState }) => this.states.fire(newState));
    client.onNotification("interline/event", ({ session, event }: EventParams) => this.events.fire({ session, event }));
    belowNativeFixes(client);
    for (const attach of this.attachments) attach(client);
    this.client = client;
    await client.start();
    return client;
  }
}

/**
 * The editor asks the providers in the order of how exactly their selectors match, later ones first, and keeps that order
 * in the menu. A selector of any language is the weakest match there is, so the language's own fixes stay above ours.
 * (The middleware drops documents that we don't serve.)
 */
function belowNativeFixes(client: LanguageClient): void {
  const feature = client.getFeature("textDocument/codeAction") as unknown as { initialize(capabilities: object, selector: object[]): void };
  const initialize = feature.initialize.bind(feature);
  feature.initialize = (capabilities) => initialize(capabilities, [{ language: "*" }]);
}
