//! Twenty kinds of secret in every place that reaches the disk: none is found there.

use interline_log::{
    Actor, AssistantBlock, AssistantContent, CallStatus, Entry, EventData, HunkId, HunkKind,
    HunkRecord, TurnOutcome,
};
use serde_json::json;

use crate::common::{Bench, close, entry};

/// What identifies each, which must not be found, and how it is written. Put together here, so that no scanner takes
/// this file for a leak.
fn secrets() -> Vec<(String, String)> {
    let word = "q7Rz2LmX9vT4bN8sKd3WfY6hJp1GcA5eUoQi0ZxV";
    let hex = "3f9a1c7e5b2d8046af13ce79b5d2084e";
    let of = |text: String| (text.clone(), text);
    let kept = |before: &str, secret: &str, after: &str| {
        (secret.to_owned(), format!("{before}{secret}{after}"))
    };
    let pem = |kind: &str| {
        let begin = format!("-----BEGIN {kind}PRIVATE{}KEY-----", " ");
        let end = format!("-----END {kind}PRIVATE{}KEY-----", " ");
        (
            word.repeat(2),
            format!("{begin}\n{}\n{word}\n{end}", word.repeat(2)),
        )
    };
    let short = word.get(..36).unwrap();
    vec![
        of(format!("AK{}", "IAQ3EGRZ7XW5TNB2MV")),
        kept("aws_secret_access_key = ", word, ""),
        of(format!("ghp{}{short}", "_")),
        of(format!("github{}{word}{word}", "_pat_")),
        of(format!("glpat{}{}", "-", short.get(..20).unwrap())),
        of(format!(
            "xoxb{}123456789012-{}",
            "-",
            short.get(..24).unwrap()
        )),
        of(format!("sk{}{}", "_live_", short.get(..24).unwrap())),
        of(format!("sk{}{word}", "-ant-api03-")),
        of(format!("sk{}{word}", "-proj-")),
        of(format!("AI{}{}", "za", short.get(..35).unwrap())),
        pem("RSA "),
        pem("OPENSSH "),
        of(format!(
            "ey{}.ey{}.{word}",
            "JhbGciOiJIUzI1NiJ9", "JzdWIiOiIxMjM0NSJ9"
        )),
        of(format!("npm{}{short}", "_")),
        of(format!("pypi{}{word}{word}", "-AgEIcHlwaS5vcmc")),
        kept("https://deploy:", "hunter2hunter2", "@example.com/x.git"),
        kept("Authorization: Bearer ", word, ""),
        kept("DB_PASSWORD=", "s3cr3t-Pa55word", "\nNEXT=1"),
        kept("postgres://app:", "Tr0ub4dor-3", "@db.internal:5432/app"),
        kept(
            "AccountKey=",
            &format!("{word}{word}=="),
            ";EndpointSuffix=core.windows.net",
        ),
        of(format!("SK{hex}")),
        of(format!("SG.{}.{word}", short.get(..22).unwrap())),
        of("the value of our own variable".to_owned()),
    ]
}

/// An event for each place.
fn places(text: &str) -> Vec<EventData> {
    let owned = || text.to_owned();
    let block = |content, raw| EventData::ResponseBlock {
        block: AssistantBlock {
            content,
            raw: Some(raw),
        },
    };
    let input = json!({"path": "x", "content": text, "nested": json!({"inner": text}).to_string()});
    vec![
        EventData::InputUser {
            title: owned(),
            text: format!("please use {text} there"),
            context: format!("selected:\n{text}\n"),
        },
        EventData::InputSteer { text: owned() },
        EventData::InputEditor { text: owned() },
        block(
            AssistantContent::Text {
                text: format!("I see `{text}`."),
            },
            json!({"type": "text", "text": format!("I see `{text}`.")}),
        ),
        block(
            AssistantContent::ToolUse {
                id: "a".into(),
                name: "write".into(),
                arguments: input.to_string(),
            },
            json!({"type": "tool_use", "input": input}),
        ),
        EventData::ToolOutcome {
            tool: "read".into(),
            tool_use_id: "a".into(),
            status: CallStatus::Succeeded,
            content: format!("1\t{text}\n2\t{{\"inner\": {}}}", json!(text)),
            summary: owned(),
        },
        EventData::ToolOutcome {
            tool: "shell".into(),
            tool_use_id: "b".into(),
            status: CallStatus::Failed,
            content: format!("{}\n{text}\n", "long ".repeat(2_000)),
            summary: String::new(),
        },
        EventData::EditProposed {
            path: "x".into(),
            base_sha256: String::new(),
            replaces: Vec::new(),
            hunks: vec![HunkRecord {
                id: HunkId::new(),
                kind: HunkKind::Text,
                start_line: 0,
                old: format!("{text}\n"),
                new: format!("{text}\n# more\n"),
            }],
        },
        EventData::PermissionAsked {
            text: format!("run `curl {text}`"),
            digest: String::new(),
        },
        EventData::RequestRetry {
            attempt: 1,
            delay_ms: 1,
            reason: format!("the server said: {text}"),
        },
        EventData::TurnEnded {
            outcome: TurnOutcome::Failed { message: owned() },
        },
    ]
}

#[test]
fn none_of_them_reaches_the_disk() {
    let bench = Bench::new().redacting("the value of our own variable");
    let mut log = bench.store.create(bench.id).unwrap();
    let secrets = secrets();
    assert!(secrets.len() >= 20);
    for (_, written) in &secrets {
        for data in places(written) {
            log.append(entry(data)).unwrap();
        }
    }
    // Where the name says that it is one, and the value stands by itself.
    let by_name = "s3cr3t-Pa55word";
    log.append(Entry {
        actor: Actor::Agent,
        ..entry(EventData::ResponseBlock {
            block: AssistantBlock {
                content: AssistantContent::Other,
                raw: Some(json!({"input": {"db_password": by_name}})),
            },
        })
    })
    .unwrap();
    close(log);
    let mut folders = vec![bench.folder()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for (secret, written) in &secrets {
                assert!(!text.contains(secret), "{written} is in {}", path.display());
            }
            assert!(!text.contains(by_name));
        }
    }
    assert!(files > 2, "blobs are among them");
}

#[test]
fn what_is_cleaned_stays_as_it_is() {
    let bench = Bench::new();
    let mut log = bench.store.create(bench.id).unwrap();
    for (_, written) in secrets() {
        for data in places(&written) {
            let once = log.append(entry(data)).unwrap();
            let again = log.append(entry(once.data.clone())).unwrap();
            assert_eq!(once.data, again.data);
        }
    }
}
