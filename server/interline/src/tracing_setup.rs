//! Logs: to stderr, or to the file that `INTERLINE_LOG_FILE` names. Never to stdout, which is the protocol's.

use std::fs::OpenOptions;
use std::sync::Mutex;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{Layer, writer::BoxMakeWriter};
use tracing_subscriber::prelude::*;

/// `INTERLINE_LOG` has the filter (`info`, `interline_lsp=debug`, …); `default` counts where it is not set.
pub(crate) fn init(env: &[(String, String)], default: &str) {
    let get = |name: &str| {
        env.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    // Not `EnvFilter`: its patterns would stand in the memory of an idle server.
    let filter = |text: &str| text.parse::<Targets>().ok();
    let filter = get("INTERLINE_LOG")
        .and_then(filter)
        .or_else(|| filter(default))
        .unwrap_or_default();
    let file = get("INTERLINE_LOG_FILE")
        .and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
    let writer = match file {
        Some(file) => BoxMakeWriter::new(Mutex::new(file)),
        None => BoxMakeWriter::new(std::io::stderr),
    };
    let lines = Layer::new().with_ansi(false).with_writer(writer);
    // A second initialisation, as in tests, is no failure.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .try_init();
}
