//! A whole session, in this process: what the user's host rules let its commands reach, and what stands on record of it.

use std::path::Path;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use interline_agent::{Agent, Budget, Host, Request, Settings};
use interline_log::{CallStatus, EventData, Mode, SessionId, Tier, Visit};
use interline_policy::{Rule, RuleEffect, Rules};
use interline_tools::Confinement;
use interline_workspace::Workspace;
use interline_workspace::editor::{
    Abilities, Display, Editor, EditorError, PermissionPrompt, PermissionReply, Query, QueryAnswer,
    Question,
};
use interline_workspace::proposal::Landing;
use scripted_model::{Script, Server, Step};
use serde_json::json;

use crate::network::Small;
use crate::place::{Place, launcher};

/// Asks the proxy for `http://NAME/` of each argument, with what every Debian has: its bash.
const FETCH: &str = r#"
for name; do
    [ "$http_proxy" ] || { echo "$name: no proxy"; continue; }
    exec 3<>"/dev/tcp/127.0.0.1/${http_proxy##*:}"
    printf 'GET http://%s/ HTTP/1.1\r\n\r\n' "$name" >&3
    read -r _ status _ <&3
    echo "$name: $status"
    exec 3>&-
done
"#;

fn shell(command: &str) -> Step {
    Step::call("shell", json!({ "command": command }))
}

fn host(effect: RuleEffect, host: &str) -> Rule {
    Rule {
        host: Some(host.to_owned()),
        ..Rule::new(effect, "shell")
    }
}

/// The events of a session with these rules in which the model runs these commands.
async fn session(
    place: &Place,
    outside: &Small,
    rules: Rules,
    commands: &[&str],
) -> Vec<EventData> {
    let steps = commands.iter().map(|command| shell(command));
    let model = Server::launch(Script::of(steps.chain([Step::say("Done.")])), None).unwrap();
    let state = place.path("state");
    std::fs::create_dir_all(&state).unwrap();
    let home = place.path("home").to_string_lossy().into_owned();
    let env = [
        ("ANTHROPIC_API_KEY", "test"),
        ("ANTHROPIC_BASE_URL", &model.base_url()),
        ("HOME", &home),
        ("PATH", "/usr/bin:/bin"),
        // The user's own proxy is not for commands in the sandbox.
        ("http_proxy", "http://127.0.0.1:1"),
    ];
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let host = Host::new(Settings {
        version: "0".to_owned(),
        model: "auto".to_owned(),
        mode: Mode::Default,
        models: Vec::new(),
        budget: Arc::new(Budget::default),
        rules,
        hooks: Vec::new(),
        state: state.clone(),
        telemetry: None,
        launcher: Some(launcher().to_owned()),
        env: Arc::new(env.map(own).into()),
        trust: true,
        audit_key: None,
    });
    let confinement = Confinement::find(launcher(), &state).await.unwrap();
    host.confine(confinement.towards(Arc::new(outside.clone())));
    let workspace = Workspace::open(&place.path("workspace")).unwrap();
    let agent = Agent::new(Arc::clone(&host), workspace, Arc::new(Nobody));
    let started = agent.prompt(Request {
        title: "please".to_owned(),
        text: "please".to_owned(),
        ..Request::default()
    });
    let id = started.unwrap().session.unwrap();
    agent.idle().await;
    let events = host.store().read(id).unwrap();
    events.into_iter().map(|event| event.data).collect()
}

fn outcomes(events: &[EventData]) -> Vec<(CallStatus, &str)> {
    let outcomes = events.iter().filter_map(|event| match event {
        EventData::ToolOutcome {
            status, content, ..
        } => Some((*status, content.as_str())),
        _ => None,
    });
    outcomes.collect()
}

fn visits(events: &[EventData]) -> Vec<&Visit> {
    let visits = events.iter().filter_map(|event| match event {
        EventData::ToolVisited { visits, .. } => Some(visits),
        _ => None,
    });
    visits.flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_open_hosts_to_commands_and_the_log_has_the_visits() {
    let (place, outside) = (Place::new(), Small::start().await);
    place.write("workspace/fetch.sh", FETCH);
    let mut rules = Rules::default();
    let user = vec![
        host(RuleEffect::Allow, ".example.com"),
        host(RuleEffect::Allow, "other.org"),
    ];
    rules.add(Tier::User, user).unwrap();
    let repo = vec![host(RuleEffect::Deny, "other.org")];
    rules.add(Tier::Repo, repo).unwrap();
    let commands = [
        "bash fetch.sh api.example.com evil.org other.org inside.example.com",
        "bash fetch.sh api.example.com",
        "curl -sS http://api.example.com/",
    ];
    let events = session(&place, &outside, rules, &commands).await;
    let outcomes = outcomes(&events);
    let (status, content) = outcomes[0];
    assert_eq!(status, CallStatus::Succeeded, "{content}");
    for part in [
        "api.example.com: 200\nevil.org: 403\nother.org: 403\ninside.example.com: 403\n",
        "(api.example.com:80 was reached: ",
        "(evil.org:80 was refused: no rule allows evil.org:80 (the user can, in config.toml",
        "(other.org:80 was refused: repo rule 1 denies it)",
        "(inside.example.com:80 was refused: inside.example.com leads to no address of the public internet)",
    ] {
        assert!(content.contains(part), "{part}\n{content}");
    }
    let visits = visits(&events);
    let hosts: Vec<_> = visits
        .iter()
        .map(|visit| (visit.host.as_str(), visit.port, visit.refused.is_none()))
        .collect();
    let expected = [
        ("api.example.com", 80, true),
        ("evil.org", 80, false),
        ("other.org", 80, false),
        ("inside.example.com", 80, false),
    ];
    assert_eq!(hosts, expected);
    assert!(visits[0].sent > 0 && visits[0].received > 0);
    assert_eq!(outside.connected(), ["93.184.216.34:80"]);
    // What came from the network is untrusted: from here on the network is the user's to give, each time.
    let tainted = |event: &EventData| {
        matches!(
            event,
            EventData::SessionLabelled {
                untrusted: true,
                ..
            }
        )
    };
    assert!(events.iter().any(tainted));
    assert!(
        outcomes[1].1.contains("api.example.com: no proxy"),
        "{}",
        outcomes[1].1
    );
    assert_eq!(outcomes[2].0, CallStatus::Denied, "{}", outcomes[2].1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_of_open_hosts_runs_unasked() {
    if !Path::new("/usr/bin/curl").exists() {
        return;
    }
    let (place, outside) = (Place::new(), Small::start().await);
    let mut rules = Rules::default();
    rules
        .add(Tier::User, vec![host(RuleEffect::Allow, "example.com")])
        .unwrap();
    let commands = ["curl -sS http://evil.org/", "curl -sS http://example.com/a"];
    let events = session(&place, &outside, rules, &commands).await;
    let outcomes = outcomes(&events);
    assert_eq!(outcomes[0].0, CallStatus::Denied, "{}", outcomes[0].1);
    assert_eq!(outcomes[1].0, CallStatus::Succeeded, "{}", outcomes[1].1);
    assert!(
        outcomes[1].1.contains("GET /a HTTP/1.1"),
        "{}",
        outcomes[1].1
    );
    let mut by = events.iter().filter_map(|event| match event {
        EventData::ToolGated { decision, by, .. } => Some((decision.as_str(), by.as_str())),
        _ => None,
    });
    assert_eq!(by.next_back(), Some(("allow", "user rule 1")));
    assert_eq!(visits(&events).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_there_is_no_socket() {
    let (place, outside) = (Place::new(), Small::start().await);
    place.write("workspace/fetch.sh", FETCH);
    let sockets =
        "bash fetch.sh api.example.com; tail -n +2 /proc/net/tcp | wc -l; env | grep -ci _proxy=";
    let events = session(&place, &outside, Rules::default(), &[sockets]).await;
    let content = outcomes(&events)[0].1;
    assert!(
        content.starts_with("api.example.com: no proxy\n0\n0\n"),
        "{content}"
    );
    assert!(visits(&events).is_empty() && outside.connected().is_empty());
}

/// Nobody is there.
struct Nobody;

impl Editor for Nobody {
    fn abilities(&self) -> Abilities {
        Abilities {
            headless: true,
            ..Abilities::default()
        }
    }

    fn apply(&self, _: Landing) -> BoxFuture<'static, Result<(), EditorError>> {
        ready(Err(EditorError::Unsupported("no".to_owned()))).boxed()
    }

    fn permission(&self, _: PermissionPrompt) -> BoxFuture<'static, PermissionReply> {
        ready(PermissionReply::none("test")).boxed()
    }

    fn save(&self, _: Vec<String>) -> BoxFuture<'static, Result<(), EditorError>> {
        ready(Err(EditorError::Unsupported("no".to_owned()))).boxed()
    }

    fn question(&self, _: Question) -> BoxFuture<'static, Option<String>> {
        ready(None).boxed()
    }

    fn query(&self, _: Query) -> BoxFuture<'static, Result<QueryAnswer, EditorError>> {
        ready(Err(EditorError::Unsupported("no".to_owned()))).boxed()
    }

    fn show(&self, _: SessionId, _: Display) {}
}
