//! What changes between a decision and its run is decided on anew, and asked anew where the answer was for it.

use interline_policy::{Managed, Rules};
use scripted_model::{Server, Step};
use serde_json::{Value, json};

use super::permission::{ASKS, ask, model, on_record, shell};
use super::{Client, Setup, TEXT};

const AGAIN: &str = "asked again";

/// A turn that wants to copy `w/a.txt` out of the folder, and its prompt.
async fn copies(steps: impl IntoIterator<Item = Step>) -> (Server, Client, Value, Value) {
    copies_under(steps, Rules::default()).await
}

async fn copies_under(
    steps: impl IntoIterator<Item = Step>,
    rules: Rules,
) -> (Server, Client, Value, Value) {
    let model = model(steps).await;
    let mut setup = Setup::new(Some(model.base_url()));
    setup.rules = rules;
    setup.folders = vec!["w"];
    let work = setup.root.path().join("w");
    std::fs::create_dir(&work).unwrap();
    for name in ["a.txt", "Cargo.toml"] {
        std::fs::write(work.join(name), TEXT).unwrap();
    }
    let (mut client, _) = setup.start().await;
    let session = ask(&mut client, "do it").await;
    let prompt = client.sees(ASKS, |_| true).await;
    assert!(!text(&prompt).contains(AGAIN), "{}", text(&prompt));
    (model, client, session, prompt)
}

fn copy() -> [Step; 2] {
    [shell("cp a.txt ../copy.txt"), Step::say("done")]
}

fn text(prompt: &Value) -> &str {
    prompt["params"]["message"].as_str().unwrap()
}

async fn yes(client: &mut Client, prompt: &Value, title: &str) {
    client.answer(prompt, json!({ "title": title })).await;
}

fn copied(client: &Client) -> Option<String> {
    std::fs::read_to_string(client.root.path().join("copy.txt")).ok()
}

/// Another file under the same name, as a link that was swapped.
fn swap(client: &Client, text: &str) {
    let work = client.root.path().join("w");
    std::fs::write(work.join("other"), text).unwrap();
    std::fs::rename(work.join("other"), work.join("a.txt")).unwrap();
}

#[tokio::test]
async fn a_file_that_was_swapped_while_it_was_asked_for_asks_again() {
    let (_model, mut client, session, prompt) = copies(copy()).await;
    swap(&client, "other\n");
    yes(&mut client, &prompt, "Allow once").await;
    let again = client.sees(ASKS, |_| true).await;
    assert!(text(&again).contains(AGAIN), "{}", text(&again));
    assert_eq!(copied(&client), None, "nothing ran");
    yes(&mut client, &again, "Allow once").await;
    client.told("done").await;
    assert_eq!(copied(&client).as_deref(), Some("other\n"));
    assert_eq!(on_record(&client, &session, "permission.asked").len(), 2);
}

#[tokio::test]
async fn a_buffer_that_was_typed_into_asks_again() {
    let (_model, mut client, _, prompt) = copies(copy()).await;
    client.open("w/a.txt", TEXT).await;
    yes(&mut client, &prompt, "Allow once").await;
    let again = client.sees(ASKS, |_| true).await;
    let typed = json!({ "text": "typed\n" });
    client.change("w/a.txt", 2, typed).await;
    yes(&mut client, &again, "Allow once").await;
    let third = client.sees(ASKS, |_| true).await;
    let told = text(&third);
    assert!(told.contains(AGAIN), "{told}");
    assert!(told.contains("1 unsaved file is not seen"), "{told}");
    yes(&mut client, &third, "Deny").await;
    client.told("done").await;
    assert_eq!(copied(&client), None);
}

#[tokio::test]
async fn what_keeps_changing_ends_in_a_clear_failure() {
    let (_model, mut client, session, mut prompt) = copies(copy()).await;
    for text in ["1\n", "2\n", "3\n"] {
        swap(&client, text);
        yes(&mut client, &prompt, "Allow once").await;
        if text != "3\n" {
            prompt = client.sees(ASKS, |_| true).await;
        }
    }
    client.told("done").await;
    assert_eq!(copied(&client), None);
    let outcome = on_record(&client, &session, "tool.outcome");
    let said = outcome[0]["data"]["content"].as_str().unwrap();
    assert!(said.contains("kept changing"), "{said}");
}

#[tokio::test]
async fn a_mode_that_became_stricter_counts_for_what_was_asked_before() {
    let steps = [shell("python3 -c ''"), Step::say("done")];
    for title in ["Allow once", "Deny"] {
        let (_model, mut client, session, prompt) = copies(steps.clone()).await;
        let plan = json!({ "session": session, "mode": "plan" });
        client.command("interline.mode", plan).await;
        yes(&mut client, &prompt, title).await;
        client.told("done").await;
        assert!(on_record(&client, &session, "tool.intent").is_empty());
        let gated = on_record(&client, &session, "tool.gated");
        let by = gated.last().unwrap()["data"]["by"].clone();
        let expected = match title {
            "Deny" => "mode: default",
            _ => "mode: plan",
        };
        assert_eq!(by, expected);
    }
}

#[tokio::test]
async fn always_keeps_no_rule_where_the_policy_is_another_now() {
    for (mode, kept) in [("plan", false), ("default", true)] {
        let (_model, mut client, session, prompt) =
            copies([shell("touch made.txt"), Step::say("done")]).await;
        let to = json!({ "session": session, "mode": mode });
        client.command("interline.mode", to).await;
        let actions = prompt["params"]["actions"].as_array().unwrap();
        let always = actions.last().unwrap()["title"].as_str().unwrap();
        assert!(always.starts_with("Always"), "{actions:?}");
        yes(&mut client, &prompt, always).await;
        client.told("done").await;
        let rules = interline_policy::AlwaysStore::new(client.state.path());
        let root = client.root.path().join("w").canonicalize().unwrap();
        assert_eq!(!rules.rules(&root).unwrap().is_empty(), kept, "{mode}");
        assert_eq!(
            on_record(&client, &session, "tool.intent").len(),
            usize::from(kept)
        );
        assert_eq!(on_record(&client, &session, "permission.asked").len(), 1);
    }
}

#[tokio::test]
async fn a_managed_policy_that_changes_counts_at_once_and_a_broken_one_leaves_the_last_good() {
    let policy = tempfile::tempdir().unwrap();
    let forbids = r#"forbid (principal, action == Action::"run", resource) when { context.programs.contains("cp") };"#;
    for (before, after, told, runs) in [
        ("", forbids, None, false),
        ("", "forbid (", Some("the last good policy stays"), true),
    ] {
        let file = policy.path().join("a.cedar");
        std::fs::write(&file, before).unwrap();
        let mut rules = Rules::default();
        rules.manage(Managed::at(policy.path()).unwrap());
        let (_model, mut client, session, prompt) = copies_under(copy(), rules).await;
        std::fs::write(&file, after).unwrap();
        yes(&mut client, &prompt, "Allow once").await;
        if let Some(told) = told {
            client.told(told).await;
        }
        client.told("done").await;
        assert_eq!(copied(&client).is_some(), runs, "{after}");
        let gated = on_record(&client, &session, "tool.gated");
        let by = gated.last().unwrap()["data"]["by"].as_str().unwrap();
        assert_eq!(by == "managed policy", !runs, "{by}");
        assert_eq!(on_record(&client, &session, "permission.asked").len(), 1);
    }
}

#[tokio::test]
async fn a_hook_that_can_not_be_asked_asks_the_user() {
    let read = Step::call("read", json!({ "path": "a.txt" }));
    let model = model([read, Step::say("done")]).await;
    let mut setup = Setup::new(Some(model.base_url()));
    let ran = setup.root.path().join("ran");
    setup.hooks = vec![interline_agent::Hook {
        name: "user hook 1".to_owned(),
        tier: interline_log::Tier::User,
        tool: None,
        command: vec!["touch".to_owned(), ran.display().to_string()],
        seconds: 5,
    }];
    std::fs::write(setup.root.path().join("a.txt"), TEXT).unwrap();
    let (mut client, _) = setup.start().await;
    ask(&mut client, "read it").await;
    let prompt = client.sees(ASKS, |_| true).await;
    let told = text(&prompt);
    assert!(
        told.contains("user hook 1 says: it could not be asked: there is no sandbox for it"),
        "{told}"
    );
    yes(&mut client, &prompt, "Deny").await;
    client.told("done").await;
    assert!(!ran.exists(), "it ran outside of a sandbox");
}
