//! The handlers. Text sync is applied before a handler's first await; everything else enqueues and returns.

use std::path::PathBuf;
use std::sync::Arc;

use interline_workspace::editor::{Display, Editor as _};
use lsp_types::*;
use serde_json::{Value, json};
use tower_lsp::LanguageServer;
use tower_lsp::jsonrpc::Result;

use crate::connection::{ClientSide, Connection, tighten};
use crate::protocol::{self, COMMANDS, DiagnosticsParams, FocusParams, InitOptions};
use crate::show::Show;
use crate::{code_action, code_lens, command, from_lsp, hunks, progress};

pub(crate) struct Backend(pub(crate) Arc<Connection>);

impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let root = root(&params);
        // A shim's options that can't be read are no reason to refuse it standard LSP.
        let options = params.initialization_options.unwrap_or_default();
        let options: InitOptions = serde_json::from_value(options).unwrap_or_default();
        self.0.start(
            root,
            ClientSide::new(options.interline, &params.capabilities),
        );
        if let Some(process) = params.process_id {
            self.0.watch_parent(process);
        }
        Ok(InitializeResult {
            capabilities: capabilities(),
            server_info: Some(ServerInfo {
                name: "interline".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        let (client, side) = (self.0.client.clone(), self.0.side());
        let Ok(folder) = self.0.folder() else {
            if let Some(problem) = self.0.problem() {
                let message = format!("Interline: {problem}");
                tokio::spawn(async move { client.show_message(MessageType::ERROR, message).await });
            }
            return;
        };
        if let Some(shown) = folder.take_shown() {
            tokio::spawn(Show::new(client.clone(), side.clone()).run(shown));
            tokio::spawn(hunks::publish(client, side, folder.workspace.clone()));
        }
        // A session, so that what is in use is shown: it stays in memory until something is asked.
        let Ok(started) = folder.agent.set_mode(None, folder.mode) else {
            return;
        };
        if let Some(session) = started.session {
            self.0.opened(session);
            for text in folder.warnings.clone() {
                folder.editor.show(
                    session,
                    Display::Notice {
                        text,
                        warning: true,
                    },
                );
            }
        }
    }

    async fn shutdown(&self) -> Result<()> {
        if let Some(agent) = self.0.agent() {
            agent.close().await;
        }
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let Ok(folder) = self.0.folder() else { return };
        let document = params.text_document;
        let file = from_lsp::file_path(&document.uri);
        let (uri, language) = (document.uri.as_str(), document.language_id.as_str());
        folder.workspace.did_open(
            uri,
            file.as_deref(),
            language,
            document.version,
            &document.text,
        );
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let Ok(folder) = self.0.folder() else { return };
        let changes: Vec<_> = params
            .content_changes
            .into_iter()
            .map(from_lsp::change)
            .collect();
        let VersionedTextDocumentIdentifier { uri, version } = params.text_document;
        if let Err(error) = folder.workspace.did_change(uri.as_str(), version, &changes) {
            tracing::warn!(uri = uri.as_str(), %error, "a change was not applied");
        }
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        let Ok(folder) = self.0.folder() else { return };
        folder
            .workspace
            .did_close(params.text_document.uri.as_str());
        self.0.forget_diagnostics(&params.text_document.uri);
    }

    async fn did_save(&self, _: DidSaveTextDocumentParams) {}

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        Ok(Some(code_action::code_actions(&self.0, &params)))
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        Ok(Some(code_lens::code_lenses(
            &self.0,
            &params.text_document.uri,
        )))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        command::execute(&self.0, &params.command, params.arguments)
            .await
            .map(Some)
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        let Ok(folder) = self.0.folder() else { return };
        let Some(section) = params.settings.get("interline") else {
            return;
        };
        let told = |text| {
            folder.editor.show(
                interline_log::SessionId::new(),
                Display::Notice {
                    text,
                    warning: true,
                },
            )
        };
        let settings: protocol::Settings = match serde_json::from_value(section.clone()) {
            Ok(settings) => settings,
            Err(error) => {
                return told(format!(
                    "the editor's settings of Interline can't be read: {error}"
                ));
            }
        };
        if let Some(model) = &settings.model
            && let Err(error) = folder.agent.model(None, Some(model))
        {
            told(error.to_string());
        }
        match settings.mode.map(|mode| tighten(folder.mode, mode)) {
            Some(Err(warning)) => told(warning),
            Some(Ok(mode)) => {
                if let Err(error) = folder.agent.set_mode(None, mode) {
                    told(error.to_string());
                }
            }
            None => {}
        }
    }
}

impl Backend {
    pub(crate) async fn did_change_diagnostics(&self, params: DiagnosticsParams) {
        self.0.set_diagnostics(&params.uri, params.diagnostics);
    }

    pub(crate) async fn did_change_focus(&self, _: FocusParams) {}

    pub(crate) async fn cancel_progress(&self, params: WorkDoneProgressCancelParams) {
        if let (Ok(folder), Some(session)) = (self.0.folder(), progress::session_of(&params.token))
        {
            folder.agent.cancel(Some(session));
        }
    }
}

/// First workspace folder, else `rootUri`.
fn root(params: &InitializeParams) -> Option<PathBuf> {
    let first = params
        .workspace_folders
        .as_ref()
        .and_then(|folders| folders.first())
        .map(|folder| &folder.uri);
    #[expect(
        deprecated,
        reason = "clients that know no workspace folders say it so"
    )]
    let uri = first.or(params.root_uri.as_ref());
    uri.and_then(from_lsp::file_path)
}

fn capabilities() -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        save: Some(TextDocumentSyncSaveOptions::Supported(true)),
        ..TextDocumentSyncOptions::default()
    };
    let actions = CodeActionOptions {
        code_action_kinds: Some(vec![code_action::QUICKFIX, code_action::REWRITE]),
        ..CodeActionOptions::default()
    };
    let commands = ExecuteCommandOptions {
        commands: COMMANDS.map(str::to_owned).to_vec(),
        work_done_progress_options: WorkDoneProgressOptions::default(),
    };
    ServerCapabilities {
        position_encoding: Some(PositionEncodingKind::UTF16),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        code_action_provider: Some(CodeActionProviderCapability::Options(actions)),
        code_lens_provider: Some(CodeLensOptions {
            resolve_provider: Some(false),
        }),
        execute_command_provider: Some(commands),
        experimental: Some(json!({ "interline": { "version": protocol::VERSION } })),
        ..ServerCapabilities::default()
    }
}
