//! How long the language server takes to be there, what it holds while idle, and when a run asks its model.

use std::time::Duration;

use scripted_model::{RecordedRequest, Script, Server, Step};

use crate::editor::Editor;
use crate::place::{Place, memory};
use crate::table::{Bar, line, milliseconds};

const RUNS: usize = 30;

pub(crate) fn bench() {
    language_server();
    first_request("small folder", |_| {});
    first_request("20,000 files", |place| {
        for file in 0..20_000 {
            let name = format!("src/part{}/file{file}.rs", file / 100);
            place.write(&name, &format!("pub fn f{file}() {{}}\n"));
        }
    });
}

fn language_server() {
    let (mut starts, mut idle, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let place = Place::new();
        let mut editor = Editor::new(&place);
        starts.push(milliseconds(editor.start));
        editor.open("notes.rs", "fn one() {}\n");
        editor.barrier();
        std::thread::sleep(Duration::from_millis(50));
        idle.extend(memory(editor.process(), "VmRSS"));
        own.extend(memory(editor.process(), "RssAnon"));
        editor.end();
    }
    line(
        "lsp: spawn to `initialize` answered, ms",
        Bar::Median(5.0),
        starts,
    );
    if !idle.is_empty() {
        line("lsp: idle resident memory, MB", Bar::Max(12.0), idle);
        // The rest is pages of the binary: how many of them come along with one that is touched is the kernel's choice.
        line("lsp: of that not of the binary, MB", Bar::None, own);
    }
}

fn first_request(folder: &str, fill: impl Fn(&Place)) {
    let server = Server::launch(Script::of((0..RUNS).map(|_| Step::say("Done."))), None).unwrap();
    let place = Place::new().model(&server);
    place.write("notes.rs", "fn one() {}\n");
    fill(&place);
    let started: Vec<_> = (0..RUNS).map(|_| place.run("please").started).collect();
    let requests = server.requests();
    assert_eq!(requests.len(), RUNS);
    let times = started.iter().zip(&requests);
    line(
        &format!("run: spawn to first model request, {folder}, ms"),
        Bar::Median(15.0),
        times
            .map(|(start, request)| milliseconds(request.at - *start))
            .collect(),
    );
    let sizes = requests.iter().map(preamble).collect();
    line(
        &format!("run: tools and system prompt, {folder}, kB"),
        Bar::Max(12.0),
        sizes,
    );
}

/// Bytes of what stands before the conversation, in thousands.
fn preamble(request: &RecordedRequest) -> f64 {
    let (tools, system) = (&request.body["tools"], &request.body["system"]);
    assert!(tools.is_array() && !system.is_null());
    (tools.to_string().len() + system.to_string().len()) as f64 / 1e3
}
