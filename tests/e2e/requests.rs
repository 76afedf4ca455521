//! What goes to the model: its size, and that each request begins with the one before.

use scripted_model::Step;
use serde_json::{Value, json};

use crate::place::{Place, edit, model, results};

/// Bytes of tools and system prompt together.
const FIXED_PART: usize = 12_000;

#[test]
fn tools_and_system_prompt_are_small() {
    let server = model([Step::say("Done.")]);
    Place::new().model(&server).ask().with(0);
    let body = &server.requests()[0].body;
    let bytes = body["tools"].to_string().len() + body["system"].to_string().len();
    assert!(
        bytes <= FIXED_PART,
        "{bytes} bytes of tools and system prompt"
    );
}

#[test]
fn every_request_begins_with_the_one_before() {
    let read = || Step::call("read", json!({"path": "notes.txt"}));
    let server = model([
        read(),
        edit("two", "2"),
        read().think("Once more."),
        edit("three", "3"),
        Step::say("Done."),
    ]);
    Place::new().model(&server).ask().with(0);
    let requests = server.requests();
    assert_eq!(requests.len(), 5);
    let parts: Vec<_> = requests
        .iter()
        .map(|request| parts(request.body.clone()))
        .collect();
    let pairs = parts.windows(2);
    let stable = pairs.filter(|pair| pair[1].starts_with(&pair[0])).count();
    assert_eq!(
        stable,
        requests.len() - 1,
        "prefix stability {:.3}",
        stable as f64 / (requests.len() - 1) as f64
    );
}

#[test]
fn a_model_edits_in_the_format_that_its_configuration_names() {
    let patch = "*** Begin Patch\n*** Delete File: vendor/a.txt\n*** End Patch";
    let deletes = json!({"patch": patch});
    for (format, other) in [("apply_patch", "edit"), ("edit", "apply_patch")] {
        let server = model([
            Step::call("apply_patch", deletes.clone()),
            Step::say("Done."),
        ]);
        let place = Place::new().env("KEY", "test-key-1234");
        place.write("vendor/a.txt", "as delivered\n");
        place.config(&format!(
            "model = \"m\"\n[models.m]\nprovider = \"anthropic\"\nid = \"x\"\nbase_url = \"{}\"\n\
             api_key_env = \"KEY\"\nedit_format = \"{format}\"\n\
             [[rule]]\neffect = \"deny\"\ntool = \"delete\"\npath = \"vendor/**\"\n",
            server.base_url()
        ));
        let ended = place.ask();
        let requests = server.requests();
        let tools = requests[0].body["tools"].as_array().unwrap();
        let has = |name: &str| tools.iter().any(|tool| tool["name"] == name);
        assert!(has(format) && !has(other), "{format}: {tools:?}");
        let answer = &results(&requests)[0].0;
        if format == "apply_patch" {
            assert!(answer.contains("denied by user rule 1"), "{answer}");
        }
        assert!(
            place.project().join("vendor/a.txt").exists(),
            "{}",
            ended.out
        );
    }
}

/// Tools, system, then each content block of each message, as text and without the marks that only tell the cache what to keep.
fn parts(mut body: Value) -> Vec<String> {
    strip(&mut body);
    let mut parts = vec![body["tools"].to_string(), body["system"].to_string()];
    for message in body["messages"].as_array().unwrap() {
        parts.push(message.to_string());
    }
    parts
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("cache_control");
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}
