//! The server as a program, for tests that are not written in Rust.
//! Prints its base URL on the first line of stdout and nothing more; ends when stdin closes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use scripted_model::{Script, Server};

/// A model server that answers from a script and validates every request.
#[derive(Parser)]
struct Args {
    /// The script: JSON, or one step per line.
    script: PathBuf,
    /// Where to write the base URL, as one line; the file appears complete.
    #[arg(long)]
    port_file: Option<PathBuf>,
    /// Where to write each request and the end of each answer, as JSON Lines.
    #[arg(long)]
    record: Option<PathBuf>,
    /// Ends by itself after so many seconds.
    #[arg(long, default_value_t = 600)]
    max_seconds: u64,
}

const VIOLATIONS: u8 = 3;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::from(1)
        }
    }
}

fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let text = fs::read_to_string(&args.script)
        .with_context(|| format!("cannot read {}", args.script.display()))?;
    let script = Script::parse(&text)?;
    let record = args
        .record
        .as_ref()
        .map(File::create)
        .transpose()
        .context("cannot create the record file")?;
    let server = Server::launch(script, record)?;
    announce(&server.base_url(), args.port_file.as_deref())?;
    wait_for_end(Duration::from_secs(args.max_seconds));
    if server.steps_left() > 0 {
        complain(&format!(
            "{} steps of the script were not asked for",
            server.steps_left()
        ));
    }
    let violations = server.take_violations();
    for violation in &violations {
        complain(&violation.to_string());
    }
    Ok(if violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(VIOLATIONS)
    })
}

fn announce(url: &str, port_file: Option<&Path>) -> anyhow::Result<()> {
    if let Some(path) = port_file {
        let unfinished = path.with_extension("unfinished");
        File::create(&unfinished)
            .and_then(|mut file| writeln!(file, "{url}"))
            .and_then(|()| fs::rename(&unfinished, path))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let mut stdout = io::stdout();
    writeln!(stdout, "{url}")?;
    Ok(stdout.flush()?)
}

/// Returns when stdin has closed or the time is over.
fn wait_for_end(limit: Duration) {
    let (closed, wait) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        drop(closed);
    });
    let _ = wait.recv_timeout(limit);
}

fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "scripted-model: {message}");
}
