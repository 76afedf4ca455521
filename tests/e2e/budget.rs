//! Budgets on the real binary: each level stops before the request that would pass it, and there is a way to go on.
//!
//! The scripted server counts requests and says what each took. A response of 100,000 tokens costs a dollar
//! (claude-sonnet-5-5: 10 USD per million), and the largest that a request may take is 32,000 tokens: 0.32 USD.

use interline_log::{EventData, SessionId, Store};
use scripted_model::{Script, Server, Step, Usage};
use serde_json::json;

use crate::place::{Ended, Place, model};
use crate::server::Server as Lsp;

/// Costs a dollar.
fn dollar(step: Step) -> Step {
    took(step, 100_000)
}

/// So many tokens of output.
fn took(step: Step, output: u64) -> Step {
    let usage = Usage {
        output,
        ..Usage::default()
    };
    Step {
        usage: Some(usage),
        ..step
    }
}

/// With so many milliseconds before its first byte.
fn slow(step: Step, delay_ms: u64) -> Step {
    Step { delay_ms, ..step }
}

fn read() -> Step {
    dollar(Step::call("read", json!({"path": "notes.txt"})))
}

fn say() -> Step {
    dollar(Step::say("Done."))
}

/// A place with these limits in the user's configuration.
fn place(server: &Server, limits: &str) -> Place {
    let place = Place::new().model(server);
    place.config(limits);
    place
}

/// The ids of the sessions, newest first.
fn sessions(place: &Place) -> Vec<String> {
    let listed = place.interline(&["sessions"]).with(0);
    let ids = listed.out.lines().filter_map(|line| line.split(' ').next());
    ids.map(str::to_owned).collect()
}

#[track_caller]
fn stopped(ended: Ended, level: &str) -> Ended {
    let ended = ended.with(4);
    let text = format!("the {level}'s budget stops here: ");
    assert!(ended.err.contains(&text), "{}", ended.err);
    ended
}

#[test]
fn the_turn_stops_before_the_request_that_would_pass_its_limit() {
    let server = model([read(), read(), read()]);
    let place = place(&server, "[budget]\nmax_usd = 2.2\n");
    let ended = stopped(place.ask(), "turn");
    // After two dollars another request may cost 0.33: none is sent.
    assert_eq!(server.requests().len(), 2);
    assert!(
        ended.err.contains("2.00 USD of 2.20 spent"),
        "{}",
        ended.err
    );
}

#[test]
fn a_request_that_alone_would_pass_the_limit_is_not_sent() {
    let server = model([say()]);
    let place = place(&server, "[budget]\nmax_usd = 0.3\n");
    let ended = stopped(place.ask(), "turn");
    assert_eq!(server.requests().len(), 0);
    assert!(
        ended.err.contains("raise max_usd in [budget]"),
        "{}",
        ended.err
    );
}

#[test]
fn the_session_stops_over_its_turns_and_goes_on_with_a_budget() {
    let server = model([say(), say(), say()]);
    let place = place(&server, "[budget.session]\nmax_usd = 2.2\n");
    place.ask().with(0);
    let session = sessions(&place).remove(0);
    let resume = |more: &[&str]| {
        let args = ["sessions", "resume", &session, "go on", "--diff"];
        place.interline(&[&args, more].concat())
    };
    resume(&[]).with(0);
    let ended = stopped(resume(&[]), "session");
    assert_eq!(server.requests().len(), 2);
    let way_on = format!("interline sessions resume {session} --budget 5 \"go on\"");
    assert!(ended.err.contains(&way_on), "{}", ended.err);

    let shown = place.interline(&["sessions", "show", &session]).with(0).out;
    let (_, figures) = shown.split_once("**Budgets**").unwrap();
    let figures: Vec<_> = figures.trim().lines().collect();
    // The turn that was stopped took nothing.
    let expected = [
        "- last turn: 0 of 2000000 tokens, 0.00 of 5.00 USD",
        "- session: 200000 tokens, 2.00 of 2.20 USD",
        "- today, all sessions: 200000 tokens, 2.00 of 50.00 USD",
        "- this folder, all sessions: 200000 tokens, 2.00 USD",
    ];
    assert_eq!(figures, expected);

    // What it says works; a budget that doesn't suffice stops too.
    resume(&["--budget", "0.2"]).with(4);
    assert_eq!(server.requests().len(), 2);
    resume(&["--budget", "5"]).with(0);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn the_reason_is_on_record_with_its_figures() {
    let server = model([read(), read()]);
    let place = place(&server, "[budget.session]\nmax_tokens = 130000\n");
    stopped(place.ask(), "session");
    let id: SessionId = sessions(&place).remove(0).parse().unwrap();
    let store = Store::new(place.beside("home/state/sessions"));
    let events = store.read(id).unwrap();
    let stop = events.iter().find_map(|event| match &event.data {
        EventData::BudgetStopped(stop) => Some(serde_json::to_value(stop).unwrap()),
        _ => None,
    });
    let stop = stop.unwrap();
    assert_eq!(stop["level"], "session");
    assert_eq!(stop["limit"], "tokens");
    assert_eq!(
        (&stop["max"], &stop["spent"]),
        (&json!(130_000), &json!(100_000))
    );
    assert!(stop["projected"].as_u64().unwrap() > 32_000, "{stop}");
}

#[test]
fn all_sessions_share_the_day_and_those_of_a_folder_the_workspace() {
    let server = model([say(), say(), say(), say()]);
    let place = place(
        &server,
        "[budget.day]\nmax_usd = 3.1\n[budget.workspace]\nmax_usd = 2.2\n",
    );
    place.ask().with(0);
    place.ask().with(0);
    stopped(place.ask(), "workspace");
    // Another folder has its own, and the day goes on.
    std::fs::create_dir(place.beside("other")).unwrap();
    let other = place.beside("other").display().to_string();
    let elsewhere = || place.interline(&["-C", &other, "run", "--diff", "please"]);
    elsewhere().with(0);
    stopped(elsewhere(), "day");
    assert_eq!(server.requests().len(), 3);
    // The cache is nobody's authority.
    std::fs::remove_file(place.beside("home/state/spent-2.jsonl")).unwrap();
    stopped(elsewhere(), "day");
    place.config("");
    elsewhere().with(0);
}

#[test]
fn of_processes_at_the_same_time_only_so_many_ask_as_the_day_allows() {
    // Each request may cost 0.33, so that two fit into 0.7 at once. The answers are slow enough for all to begin.
    let answer = || slow(Step::say("Done."), 1500);
    let server =
        Server::launch(Script::of([answer(), answer(), answer(), answer()]), None).unwrap();
    let place = place(&server, "[budget.day]\nmax_usd = 0.7\n");
    let mut running: Vec<_> = (0..4)
        .map(|_| place.start(&["run", "--diff", "please"]))
        .collect();
    let codes = running
        .iter_mut()
        .map(|process| process.wait().unwrap().code().unwrap());
    let mut codes: Vec<_> = codes.collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 0, 4, 4]);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_request_that_a_crash_cut_counts_until_its_session_goes_on() {
    let server = Server::launch(
        Script::of([slow(Step::say("never"), 60_000), say(), say()]),
        None,
    )
    .unwrap();
    let place = place(&server, "[budget.day]\nmax_usd = 0.5\n");
    let mut killed = place.start(&["run", "--diff", "please"]);
    crate::place::wait("the request", || server.requests().len() == 1);
    killed.kill().unwrap();
    killed.wait().unwrap();
    stopped(place.ask(), "day");
    let session = sessions(&place).pop().unwrap();
    place
        .interline(&["sessions", "resume", &session, "--diff"])
        .with(0);
    place.ask().with(0);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_model_without_a_price_is_dear_and_is_told_once() {
    let step = || took(read(), 10_000);
    let server = model([step(), step(), step(), step()]);
    let place = Place::new().env("KEY", "test-key-1234");
    let base = server.base_url();
    let table = format!(
        "model = \"m\"\n[models.m]\nprovider = \"anthropic\"\nid = \"m-1\"\nbase_url = \"{base}\"\napi_key_env = \"KEY\"\nmax_output = 10000\n"
    );
    place.config(&format!("{table}[budget]\nmax_usd = 1.5\n"));
    // 75 USD per million: 0.75 for each answer, and once more for the one that is not asked for.
    let ended = stopped(place.ask(), "turn");
    assert_eq!(server.requests().len(), 1);
    assert_eq!(
        ended
            .err
            .matches("what model `m` costs is not known")
            .count(),
        1,
        "{}",
        ended.err
    );
    // With a price there is nothing to assume.
    place.config(&format!("{table}price = {{ input = 0, output = 0, cache_read = 0, cache_write = 0 }}\n[budget]\nmax_usd = 1.5\nmax_steps = 2\n"));
    let ended = place.ask().with(4);
    assert!(!ended.err.contains("is not known"), "{}", ended.err);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn the_repository_only_lowers_limits_and_the_configuration_shows_whose_they_are() {
    let place = Place::new();
    place.config("[budget.day]\nmax_usd = 20.0\n");
    place.write(
        ".interline/config.toml",
        "[budget.day]\nmax_usd = 90.0\n[budget.session]\nmax_tokens = 5\n",
    );
    let server = model([]);
    let place = place.model(&server);
    // Where the folder is trusted its file counts.
    let ended = stopped(
        place.interline(&["run", "--trust", "--diff", "please"]),
        "session",
    );
    assert!(ended.err.contains("0 tokens of 5 spent"), "{}", ended.err);
    assert_eq!(server.requests().len(), 0);
    let shown = place.interline(&["config"]).with(0).out;
    let line = |key: &str| {
        let line = shown.lines().find(|line| line.starts_with(key));
        line.unwrap_or_default().to_owned()
    };
    let day = line("budget.day.max_usd");
    assert!(
        day.starts_with("budget.day.max_usd = 20  # ") && day.ends_with("home/config/config.toml"),
        "{day}"
    );
    assert_eq!(
        line("budget.session.max_usd"),
        "budget.session.max_usd = none  # default"
    );
}

#[test]
fn in_an_editor_a_raised_limit_counts_from_the_next_turn_on() {
    let server = model([say(), say()]);
    let place = place(&server, "[budget.day]\nmax_usd = 1.2\n");
    let mut lsp = Lsp::initialized(&place);
    let prompt = |lsp: &mut Lsp| {
        let prompt = json!({"command": "interline.prompt", "arguments": [{"text": "please"}]});
        lsp.request("workspace/executeCommand", prompt);
    };
    prompt(&mut lsp);
    lsp.tells("Done.");
    prompt(&mut lsp);
    lsp.tells("raise max_usd in [budget.day] of the configuration and say \"go on\"");
    assert_eq!(server.requests().len(), 1);
    place.config("[budget.day]\nmax_usd = 3.0\n");
    prompt(&mut lsp);
    lsp.tells("Done.");
    assert_eq!(server.requests().len(), 2);
}
