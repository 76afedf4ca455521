//! Hooks before a call: they are asked in the sandbox, they can only object, and whatever goes wrong with them asks.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::place::{Place, model, results};
use scripted_model::Step;

/// A `[[hook]]` table that runs this script.
fn hook(script: &str) -> String {
    let command = json!(["sh", "-c", script]);
    format!(
        "[[hook]]\nevent = \"before-tool\"\ntool = \"shell\"\ntimeout_seconds = 2\ncommand = {command}\n"
    )
}

fn explain(place: &Place, command: &str) -> Value {
    let args = [
        "policy",
        "explain",
        "--sandbox",
        "on",
        "--json",
        "shell",
        command,
    ];
    serde_json::from_str(&place.interline(&args).with(0).out).unwrap()
}

fn says(decided: &Value) -> String {
    decided["says"].to_string()
}

const DENIES: &str = r#"echo '{"decision": "deny", "reason": "not on a Friday"}'"#;
const ASKS: &str = r#"echo '{"decision": "ask", "reason": "is it Friday?"}'"#;

#[test]
fn a_hook_denies_what_would_run_and_its_reason_reaches_the_model() {
    let server = model([
        Step::call("shell", json!({"command": "touch made.txt"})),
        Step::call("read", json!({"path": "notes.txt"})),
        Step::say("Done."),
    ]);
    let place = Place::new().model(&server);
    place.config(&hook(DENIES));
    place
        .interline(&["run", "--trust", "--diff", "please"])
        .with(3);
    let results = results(&server.requests());
    assert!(
        results[0]
            .0
            .contains("denied by user hook 1: not on a Friday"),
        "{results:?}"
    );
    assert!(
        results[1].0.contains("three"),
        "a hook for one tool: {results:?}"
    );
    let log = std::fs::read_to_string(place.log().unwrap()).unwrap();
    let gated = log
        .lines()
        .find(|line| line.contains("tool.gated"))
        .unwrap();
    assert!(
        gated.contains(r#""decision":"deny","by":"user hook 1","reasons":["hook"]"#),
        "{gated}"
    );
    let listed = place.interline(&["config"]).with(0).out;
    assert!(listed.contains("user hook 1 = "), "{listed}");
}

#[test]
fn hooks_only_raise() {
    let place = Place::new();
    let allows = r#"cat > /dev/null; echo '{"decision": "allow"}'"#;
    for (hooks, command, decision, by) in [
        (vec![allows], "ls", "allow", "built-in"),
        (vec!["echo '{}'"], "ls", "allow", "built-in"),
        (vec![allows], "sudo ls", "deny", "built-in: forbidden"),
        (vec![allows], "git push", "ask", "mode: default"),
        (vec![ASKS], "ls", "ask", "user hook 1"),
        (vec![ASKS], "git push", "ask", "mode: default"),
        (vec![ASKS, DENIES, allows], "ls", "deny", "user hook 2"),
        (vec![DENIES], "git push", "deny", "user hook 1"),
    ] {
        let config: String = hooks.iter().map(|script| hook(script)).collect();
        place.config(&config);
        let decided = explain(&place, command);
        let trust = by == "mode: default" && decided["by"] == "built-in: trust";
        assert_eq!(decided["decision"], decision, "{command} {decided}");
        assert!(
            trust || decided["by"].as_str().unwrap().starts_with(by),
            "{command} {decided}"
        );
        let asks = hooks == [ASKS];
        assert_eq!(
            says(&decided).contains("user hook 1 says: is it Friday?"),
            asks,
            "{decided}"
        );
    }
}

#[test]
fn whatever_goes_wrong_with_a_hook_asks_and_says_so() {
    let place = Place::new();
    place.write("check", "#!/bin/sh\necho '{}'\n");
    let file = place.project().join("check");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    let program = |program: &str| hook("").replace("\"sh\"", &format!("{program:?}"));
    for (config, part) in [
        (hook("exit 3"), "it failed"),
        (hook("kill -9 $$"), "it failed"),
        (hook("sleep 60"), "longer than 2 s"),
        (hook(r#"echo '{"decison": "allow"}'"#), "unknown field"),
        (hook(r#"echo '{"decision": "maybe"}'"#), "unknown variant"),
        (hook("echo yes"), "not understood"),
        (hook("true"), "not understood"),
        (hook("echo '{}'; echo '{}'"), "not understood"),
        (
            hook("echo '{}'; head -c 20000 /dev/zero | tr '\\0' ' '"),
            "longer than 16384 bytes",
        ),
        (program("interline-no-such"), "no program"),
        (program("/no/such"), "no program"),
        (program("./check"), "relative path"),
        (program(file.to_str().unwrap()), "in the workspace"),
    ] {
        place.config(&config);
        let decided = explain(&place, "ls");
        assert_eq!(decided["decision"], "ask", "{part} {decided}");
        assert_eq!(decided["by"], "user hook 1", "{part} {decided}");
        assert!(says(&decided).contains(part), "{part} {decided}");
    }
}

#[test]
fn a_hook_sees_the_call_and_the_workspace_and_can_touch_nothing() {
    let place = Place::new();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let secret = place.beside("secret");
    std::fs::create_dir_all(&secret).unwrap();
    let script = format!(
        r#"read -r call
        echo more >> notes.txt && found="wrote"
        ls '{}' > /dev/null && found="$found secret"
        bash -c 'echo > /dev/tcp/127.0.0.1/{}' && found="$found network"
        case "$call" in *'"decision":"allow"'*) found="$found decision" ;; esac
        case "$call" in *'"input":{{"command":"ls"}}'*) found="$found call" ;; esac
        echo "{{\"decision\": \"ask\", \"reason\": \"found:$found $(head -n 1 notes.txt)\"}}""#,
        secret.display(),
        listener.local_addr().unwrap().port()
    );
    place.config(&hook(&script));
    let decided = explain(&place, "ls");
    assert!(
        says(&decided).contains("found: decision call one"),
        "{decided}"
    );
    assert_eq!(place.read("notes.txt"), "one\ntwo\nthree\n");
}

#[test]
fn a_users_hook_may_be_a_script_of_theirs() {
    let place = Place::new();
    let script = place.beside("check.sh");
    place.write("../check.sh", DENIES);
    place.config(&hook("").replace("\"-c\",\"\"", &json!(script).to_string()));
    assert_eq!(explain(&place, "ls")["by"], "user hook 1");
}

#[test]
fn a_repositorys_hook_is_asked_in_a_trusted_folder_only() {
    let place = Place::new();
    let table = hook("").replace(r#"["sh","-c",""]"#, r#"[".interline/hooks/check"]"#);
    place.write(".interline/config.toml", table);
    place.write(".interline/hooks/check", format!("#!/bin/sh\n{DENIES}\n"));
    let file = place.project().join(".interline/hooks/check");
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o755)).unwrap();
    let call = ["shell", r#"{"command": "ls"}"#];
    let with = |flags: &[&str]| {
        let args = [&["tools", "call"], flags, &call].concat();
        place.interline(&args)
    };
    let trusted = with(&["--trust"]);
    let said = format!("{}{}", trusted.out, trusted.err);
    assert!(said.contains("repo hook 1"), "{said}");
    let untrusted = with(&[]).with(0);
    assert!(untrusted.out.contains("notes.txt"), "{}", untrusted.out);
}

#[test]
fn what_a_command_leaves_that_others_run_waits_in_every_mode() {
    let server = model([
        Step::call("shell", json!({"command": "sh gen.sh"})),
        Step::say("Done."),
    ]);
    let place = Place::new().model(&server);
    let script = "mkdir -p .vscode; echo {} > .vscode/tasks.json; echo 1 > a.txt";
    place.write("gen.sh", script);
    let args = [
        "run",
        "--trust",
        "--mode",
        "accept-edits",
        "--diff",
        "please",
    ];
    let ended = place.interline(&args).with(0);
    assert!(
        place.project().join("a.txt").exists(),
        "{}{}",
        ended.out,
        ended.err
    );
    assert!(
        !place.project().join(".vscode/tasks.json").exists(),
        "it landed by itself"
    );
    let said = format!("{}{}", ended.out, ended.err);
    assert!(said.contains("look at .vscode/tasks.json"), "{said}");
    let told = &results(&server.requests())[0].0;
    assert!(
        told.contains("other programs run or obey .vscode/tasks.json"),
        "{told}"
    );
}

#[test]
fn what_a_rule_forbids_to_edit_no_command_lands() {
    let server = model([
        Step::call("shell", json!({"command": "sh gen.sh"})),
        Step::say("Done."),
    ]);
    let place = Place::new().model(&server);
    place.config(
        "mode = \"accept-edits\"\n[[rule]]\neffect = \"deny\"\ntool = \"edit\"\npath = \"vendor/**\"\n\
         [[rule]]\neffect = \"ask\"\ntool = \"write\"\npath = \"api/**\"\n",
    );
    place.write("vendor/a.txt", "as delivered\n");
    place.write(
        "gen.sh",
        "mkdir api; echo 1 > api/new; echo 2 > vendor/a.txt; echo 3 > notes.txt",
    );
    let ended = place
        .interline(&["run", "--trust", "--diff", "please"])
        .with(0);
    let said = format!("{}{}", ended.out, ended.err);
    assert_eq!(place.read("notes.txt"), "3\n", "{said}");
    assert_eq!(
        place.read("vendor/a.txt"),
        "as delivered\n",
        "it landed by itself"
    );
    assert!(
        !place.project().join("api/new").exists(),
        "it landed by itself"
    );
    for waits in [
        "the change of vendor/a.txt waits for you: user rule 1 denies such a change",
        "the change of api/new waits for you: user rule 2",
    ] {
        assert!(said.contains(waits), "{said}");
    }
}
