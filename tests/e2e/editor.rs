//! `interline lsp` as an editor without a plugin has it, with the real configuration.

use scripted_model::Step;
use serde_json::{Value, json};

use crate::place::{Place, model, results};
use crate::server::Server;

fn prompt(server: &mut Server, text: &str) -> Value {
    let params = json!({"command": "interline.prompt", "arguments": [{"text": text}]});
    server.request("workspace/executeCommand", params)
}

#[test]
fn a_wrong_configuration_is_told_and_answered_and_the_editor_is_served() {
    let place = Place::new();
    place.config("model = \"auto\"\nmodle = \"x\"\n");
    let mut server = Server::initialized(&place);
    server.tells("config.toml:2: ");
    let answer = prompt(&mut server, "hello");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("config.toml:2: "), "{message}");
    server.left_alone();
}

#[test]
fn a_model_that_is_not_there_is_told_before_the_first_request() {
    let answers = model([Step::say("Done.")]);
    let place = Place::new().model(&answers);
    place.config("model = \"claude\"\n");
    let mut server = Server::with_options(&place, &json!({"settings": {"model": "auto"}}));
    server.tells(
        "the configuration's `model`: there is no model `claude`: the names are auto, builtin",
    );
    // The editor's setting is good, and counts.
    prompt(&mut server, "hello");
    server.tells("Done.");
    server.left_alone();
}

#[test]
fn where_no_language_server_can_be_asked_the_index_answers() {
    let at = json!({"path": "b.py", "line": 2, "symbol": "a.total"});
    let answers = model([
        Step::call("definition", at).and_call("symbols", json!({})),
        Step::say("Done."),
    ]);
    let place = Place::new().model(&answers);
    place.write("a.py", "def total(items):\n    return sum(items)\n");
    place.write("b.py", "import a\nprint(a.total([1]))\n");
    let mut server = Server::initialized(&place);
    prompt(&mut server, "where is total?");
    server.tells("Done.");
    let results = results(&answers.requests());
    let text = format!("{results:?}");
    assert!(text.contains("a.py:1:5: def total(items):"), "{text}");
    assert!(
        text.contains("answered by interline's index, by name"),
        "{text}"
    );
    server.left_alone();
}
