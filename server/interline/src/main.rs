//! The binary: command line and composition root. Reads the environment once, builds the rooms, hands over.
//!
//! No logic of the agent's lives here. Stdout is the protocol's in `lsp` and the answer's elsewhere; logs go to stderr or
//! a file.

mod args;
mod command;
mod config;
#[cfg(unix)]
mod fatal;
mod terminal;
mod tracing_setup;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match command::run(args) {
        Ok(code) => code,
        Err(error) => {
            #[expect(
                clippy::print_stderr,
                reason = "the one place where the command line says what went wrong"
            )]
            {
                eprintln!("interline: {error:#}");
            }
            ExitCode::from(command::exit::FAILED)
        }
    }
}
