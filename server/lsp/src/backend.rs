//! The handlers. Text sync is applied before a handler's first await; everything else enqueues and returns.

use std::path::PathBuf;
use std::sync::Arc;

use lsp_types::*;
use serde_json::{Value, json};
use tower_lsp::LanguageServer;
use tower_lsp::jsonrpc::Result;

use crate::connection::{ClientSide, Connection};
use crate::protocol::{self, COMMANDS, DiagnosticsParams, FocusParams};
use crate::{
    code_action, code_lens, command, from_lsp, hover, interrupted, progress, settings,
    workspace_symbol,
};

pub(crate) struct Backend(pub(crate) Arc<Connection>);

impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let roots = roots(&params);
        let mut warnings = Vec::new();
        let options = settings::options(params.initialization_options, &mut warnings);
        let side = ClientSide::new(options, &params.capabilities);
        let has_shim = side.options.query;
        self.0.start(roots, side, warnings);
        if let Some(process) = params.process_id {
            self.0.watch_parent(process);
        }
        Ok(InitializeResult {
            capabilities: capabilities(has_shim),
            server_info: Some(ServerInfo {
                name: "interline".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        self.0.begin();
        for folder in self.0.folders.all() {
            interrupted::tell(&self.0, &folder);
        }
    }

    async fn shutdown(&self) -> Result<()> {
        self.0.close().await;
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        let file = from_lsp::file_path(&document.uri);
        // Opened again, it stays where it is: pending hunks do too.
        let known = self.0.folders.of_document(&document.uri);
        let folder = known.or_else(|| match &file {
            Some(file) => self.0.folder_for(file),
            None => None,
        });
        // Mirrored even where it is no file of a folder: it may become one.
        let folder = folder.or_else(|| self.0.folders.current().ok());
        let Some(folder) = folder else { return };
        folder.workspace.did_open(
            document.uri.as_str(),
            file.as_deref(),
            &document.language_id,
            document.version,
            &document.text,
        );
        self.0.folders.route(&document.uri, folder);
        self.0.seen.touch();
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let VersionedTextDocumentIdentifier { uri, version } = params.text_document;
        let Some(folder) = self.0.folders.of_document(&uri) else {
            return;
        };
        let changes: Vec<_> = params
            .content_changes
            .into_iter()
            .map(from_lsp::change)
            .collect();
        if let Err(error) = folder.workspace.did_change(uri.as_str(), version, &changes) {
            tracing::warn!(uri = uri.as_str(), %error, "a change was not applied");
        }
        self.0.seen.touch();
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        let uri = params.text_document.uri;
        if let Some(folder) = self.0.folders.unroute(&uri) {
            folder.workspace.did_close(uri.as_str());
        }
        self.0.seen.forget(&uri);
    }

    async fn did_save(&self, _: DidSaveTextDocumentParams) {
        self.0.seen.touch();
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        Ok(Some(code_action::code_actions(&self.0, &params)))
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        Ok(Some(code_lens::code_lenses(
            &self.0,
            &params.text_document.uri,
        )))
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let TextDocumentPositionParams {
            text_document,
            position,
        } = params.text_document_position_params;
        Ok(hover::hover(&self.0, &text_document.uri, position))
    }

    async fn symbol(
        &self,
        params: WorkspaceSymbolParams,
    ) -> Result<Option<OneOf<Vec<SymbolInformation>, Vec<WorkspaceSymbol>>>> {
        let found = workspace_symbol::symbols(self.0.folders.all(), params.query).await;
        Ok(Some(OneOf::Left(found)))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        command::execute(&self.0, &params.command, params.arguments)
            .await
            .map(Some)
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        let section = params.settings.get("interline");
        // Null is what clients send that wait to be asked.
        let Some(section) = section.filter(|section| !section.is_null()) else {
            return;
        };
        let mut warnings = Vec::new();
        let given = settings::settings(Some(section.clone()), &mut warnings);
        self.0.change_settings(given, warnings);
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        for removed in &params.event.removed {
            if let Some(root) = from_lsp::file_path(&removed.uri) {
                self.0.folders.closed(&root);
            }
        }
        for added in &params.event.added {
            if let Some(root) = from_lsp::file_path(&added.uri) {
                self.0.add_folder(&root);
                if let Some(folder) = self.0.folders.at(&root) {
                    interrupted::tell(&self.0, &folder);
                }
            }
        }
    }
}

impl Backend {
    pub(crate) async fn did_change_diagnostics(&self, params: DiagnosticsParams) {
        self.0.seen.set_diagnostics(&params.uri, params.diagnostics);
    }

    pub(crate) async fn did_change_focus(&self, params: FocusParams) {
        self.0.seen.set_focus(params);
    }

    pub(crate) async fn cancel_progress(&self, params: WorkDoneProgressCancelParams) {
        if let Some(session) = progress::session_of(&params.token) {
            for folder in self.0.folders.all() {
                folder.agent.cancel(Some(session));
            }
        }
    }
}

/// The workspace folders, else `rootUri`.
fn roots(params: &InitializeParams) -> Vec<PathBuf> {
    let folders = params.workspace_folders.as_deref().unwrap_or_default();
    let named = folders
        .iter()
        .filter_map(|folder| from_lsp::file_path(&folder.uri));
    let named: Vec<_> = named.collect();
    if !named.is_empty() {
        return named;
    }
    #[expect(
        deprecated,
        reason = "clients that know no workspace folders say it so"
    )]
    let root = params.root_uri.as_ref().and_then(from_lsp::file_path);
    root.into_iter().collect()
}

fn capabilities(has_shim: bool) -> ServerCapabilities {
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
    let workspace = WorkspaceServerCapabilities {
        workspace_folders: Some(WorkspaceFoldersServerCapabilities {
            supported: Some(true),
            change_notifications: Some(OneOf::Left(true)),
        }),
        file_operations: None,
    };
    ServerCapabilities {
        workspace: Some(workspace),
        position_encoding: Some(PositionEncodingKind::UTF16),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        code_action_provider: Some(CodeActionProviderCapability::Options(actions)),
        code_lens_provider: Some(CodeLensOptions {
            resolve_provider: Some(false),
        }),
        execute_command_provider: Some(commands),
        // A shim shows it by itself.
        hover_provider: (!has_shim).then_some(HoverProviderCapability::Simple(true)),
        // A shim's editor has native servers for it.
        workspace_symbol_provider: (!has_shim).then_some(OneOf::Left(true)),
        experimental: Some(json!({ "interline": { "version": protocol::VERSION } })),
        ..ServerCapabilities::default()
    }
}
