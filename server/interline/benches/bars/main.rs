//! The figures that Interline promises, measured on the real binary: start, turnaround, streaming, text sync, busy typing,
//! a slow disk.
//!
//! `cargo bench -p interline`, or a part of it: `cargo bench -p interline -- start` (`run`, `sync`, `busy`, `slow`). Prints one
//! line a figure beside its bar. No time is asserted, for machines differ; a run that did not do its work panics.
//! Folders are made below `TMPDIR`: its disk is what the durable log waits for.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that can't do its work fails loudly"
)]

mod busy;
mod editor;
mod place;
mod run;
mod slow;
mod start;
mod sync;
mod table;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // Built as a test (`--all-targets`), there is nothing to do.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let wanted = args.iter().find(|arg| !arg.starts_with('-'));
    let parts: [(&str, fn()); 5] = [
        ("start", start::bench),
        ("run", run::bench),
        ("sync", sync::bench),
        ("busy", busy::bench),
        ("slow", slow::bench),
    ];
    table::head();
    for (name, part) in parts {
        if wanted.is_none_or(|wanted| name == wanted) {
            part();
        }
    }
}
