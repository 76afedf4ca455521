//! The past of a conversation stays as it was; rules and steps find their requests.

use scripted_model::{Check, Rule, Script, Server, Step, When};
use serde_json::{Value, json};

use crate::client::{ANTHROPIC, Answer, anthropic, post, results, said, user};

fn text(answer: &Answer) -> String {
    answer.joined("/delta/text")
}

fn id(message: &Value) -> String {
    message["content"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|block| block["id"].as_str())
        .unwrap()
        .to_owned()
}

fn reading() -> Step {
    Step::call("read", json!({"path": "a"}))
}

#[tokio::test]
async fn the_prefix_only_grows() {
    let steps = [reading(), Step::say("one"), Step::say("two")];
    let server = Server::start(Script::of(steps)).await;
    let ask = |messages: &Value| post(&server, ANTHROPIC, &anthropic(messages.clone()));
    let mut messages = json!([user("hi")]);
    let call = said(&ask(&messages));
    messages
        .as_array_mut()
        .unwrap()
        .extend([call.clone(), results(&[&id(&call)])]);
    // A breakpoint comes, the next time it has moved on.
    let mut marked = messages.clone();
    marked[2]["content"][0]["cache_control"] = json!({"type": "ephemeral"});
    let one = said(&ask(&marked));
    messages.as_array_mut().unwrap().extend([one, user("more")]);
    for (bad, value) in [
        ("/0/content/0/text", json!("hi, it is 10:42")),
        ("/2/content/0/content", json!("cleared")),
    ] {
        let mut changed = messages.clone();
        *changed.pointer_mut(bad).unwrap() = value;
        assert_eq!(ask(&changed).status, 400, "{bad}");
        assert_eq!(server.take_violations()[0].check, Check::Prefix);
    }
    let mut system = anthropic(messages.clone());
    system["system"][0]["text"] = json!("it is 10:42");
    let mut tools = anthropic(messages.clone());
    tools["tools"][0]["description"] = json!("reads well");
    let spaced = anthropic(messages.clone())
        .to_string()
        .replace("\"tools\":[{", "\"tools\":[ {");
    let headers = "content-type: application/json\r\nx-api-key: k\r\nanthropic-version: x\r\n";
    for bad in [system.to_string(), tools.to_string(), spaced] {
        assert_eq!(
            crate::client::send(&server, ANTHROPIC, headers, &bad).status,
            400,
            "{bad}"
        );
        assert_eq!(server.take_violations()[0].check, Check::Prefix);
    }
    assert_eq!(text(&ask(&messages)), "two");
}

#[tokio::test]
async fn a_step_may_allow_a_new_past() {
    let after = Step {
        allow: vec![Check::Prefix],
        ..Step::say("compacted")
    };
    let server = Server::start(Script::of([Step::say("one"), after, Step::say("on")])).await;
    let ask = |messages: Value| post(&server, ANTHROPIC, &anthropic(messages));
    let one = said(&ask(json!([user("hi")])));
    let summary = json!([user("summary of it all"), one, user("go on")]);
    let compacted = ask(summary.clone());
    assert_eq!(text(&compacted), "compacted");
    let mut longer = summary;
    longer
        .as_array_mut()
        .unwrap()
        .extend([said(&compacted), user("and on")]);
    assert_eq!(
        text(&ask(longer)),
        "on",
        "the new past is the one that counts"
    );
}

#[tokio::test]
async fn conversations_with_the_same_beginning_do_not_disturb_each_other() {
    let server = Server::start(Script {
        repeat: true,
        ..Script::of([reading()])
    })
    .await;
    let ask = |messages: &Value| said(&post(&server, ANTHROPIC, &anthropic(messages.clone())));
    let mut both = [json!([user("hi")]), json!([user("hi")])];
    for _ in 0..4 {
        for messages in &mut both {
            let call = ask(messages);
            messages
                .as_array_mut()
                .unwrap()
                .extend([call.clone(), results(&[&id(&call)])]);
        }
    }
    assert_eq!(server.requests().len(), 8);
}

#[tokio::test]
async fn a_retry_and_a_cancelled_request_go_on_with_their_conversation() {
    let server = Server::start(Script::of([
        Step::status(529),
        Step::say("half"),
        Step::say("three"),
    ]))
    .await;
    let ask = |messages: Value| post(&server, ANTHROPIC, &anthropic(messages));
    assert_eq!(ask(json!([user("hi")])).status, 529);
    assert_eq!(text(&ask(json!([user("hi")]))), "half");
    let both = json!({"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "anew"}]});
    assert_eq!(text(&ask(json!([both]))), "three");
}

#[tokio::test]
async fn after_a_pause_the_assistant_may_be_last() {
    let pause = Step {
        stop: Some(scripted_model::Stop::PauseTurn),
        ..Step::say("wait")
    };
    let server = Server::start(Script::of([pause, Step::say("done")])).await;
    let paused = said(&post(&server, ANTHROPIC, &anthropic(json!([user("hi")]))));
    assert_eq!(
        text(&post(
            &server,
            ANTHROPIC,
            &anthropic(json!([user("hi"), paused]))
        )),
        "done"
    );
}

#[tokio::test]
async fn rules_walk_with_the_turn() {
    let script = Script::of([Step::say("by the way")])
        .rule(
            "rename",
            [reading(), Step::status(529), Step::say("renamed")],
        )
        .rule("explain", [Step::say("explained")]);
    let server = Server::start(script).await;
    let ask = |messages: &Value| post(&server, ANTHROPIC, &anthropic(messages.clone()));
    let mut messages = json!([user("please rename it")]);
    for _ in 0..2 {
        let call = said(&ask(&messages));
        let mut answered = results(&[&id(&call)]);
        answered["content"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "text", "text": "context: now at line 7"}));
        messages.as_array_mut().unwrap().extend([call, answered]);
        assert_eq!(ask(&messages).status, 529);
        let end = ask(&messages);
        assert_eq!(text(&end), "renamed");
        messages
            .as_array_mut()
            .unwrap()
            .extend([said(&end), user("rename it again")]);
    }
    assert_eq!(text(&ask(&json!([user("do explain")]))), "explained");
    assert_eq!(text(&ask(&json!([user("something else")]))), "by the way");
    assert_eq!(text(&ask(&json!([user("yet another")]))), "script is over");
}

#[tokio::test]
async fn of_several_rules_the_text_said_last_wins_and_results_beat_it() {
    let on_result = When {
        last_result_contains: Some("fine".to_owned()),
        ..When::default()
    };
    let mut script = Script::default()
        .rule("a", [reading()])
        .rule("b", [Step::say("B")]);
    script.rules.push(Rule {
        when: on_result,
        steps: vec![Step::say("result")],
    });
    let server = Server::start(script).await;
    let ask = |messages: Value| post(&server, ANTHROPIC, &anthropic(messages));
    assert_eq!(text(&ask(json!([user("a, then b")]))), "B");
    let call = said(&ask(json!([user("b, then a")])));
    assert_eq!(
        text(&ask(json!([
            user("b, then a"),
            call,
            results(&[&id(&call)])
        ]))),
        "result"
    );
}
