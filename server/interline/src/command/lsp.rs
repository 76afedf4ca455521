//! `interline lsp`: the language server on stdio.

use std::path::Path;

use super::exit;
use crate::args::Lsp;
use crate::config::{Config, Flags};

pub(super) fn run(_args: &Lsp) -> anyhow::Result<u8> {
    // Started at the first `initialize`, which says what the folder is: nothing heavy before.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let flags = Flags::default();
    let armed = std::sync::Once::new();
    let open = move |root: &Path| -> Result<interline_lsp::Opened, String> {
        let config = Config::load(root, &flags).map_err(|error| format!("{error:#}"))?;
        crate::tracing_setup::init(&config.env, "warn");
        let settings = config.settings(root, &flags);
        armed.call_once(|| super::arm(&settings));
        Ok(interline_lsp::Opened {
            settings,
            warnings: config.warnings,
        })
    };
    runtime.block_on(interline_lsp::serve_stdio(open))?;
    // A worker that hangs on a blocking call must not keep the process.
    runtime.shutdown_background();
    Ok(exit::DONE)
}
