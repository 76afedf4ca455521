//! Logs: to stderr, or to the file that `INTERLINE_LOG_FILE` names. Never to stdout, which is the protocol's.

use std::fs::OpenOptions;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// `INTERLINE_LOG` has the filter (`info`, `interline_lsp=debug`, …); `default` counts where it is not set.
pub(crate) fn init(env: &[(String, String)], default: &str) {
    let get = |name: &str| {
        env.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let filter = EnvFilter::try_new(get("INTERLINE_LOG").unwrap_or(default))
        .unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(false);
    let file = get("INTERLINE_LOG_FILE")
        .and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
    // A second initialisation, as in tests, is no failure.
    let _ = match file {
        Some(file) => builder.with_writer(Mutex::new(file)).try_init(),
        None => builder.with_writer(std::io::stderr).try_init(),
    };
}
