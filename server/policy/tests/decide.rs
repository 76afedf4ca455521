//! `decide` from outside: mode × access × trust × headless, the order of the pipeline, rules, and standing answers.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};

use interline_log::{Access, Mode, Tier};
use interline_policy::{
    AlwaysStore, ArgPattern, Bound, Call, Context, Decision, Effect, Facts, Opinion, PathFact,
    Raise, Rule, RuleEffect, Rules, StoreError, Verdict, analyse_shell, decide, decide_with,
};

const DEFAULT: Context = Context {
    mode: Mode::Default,
    trusted: true,
    headless: false,
    tainted: false,
    private: false,
    sandbox: false,
};

fn path(sent: &str, write: bool) -> PathFact {
    let inside = !sent.starts_with('/');
    PathFact {
        sent: sent.into(),
        resolved: Path::new("/w").join(sent),
        inside,
        write,
    }
}

fn file_call(access: Access, sent: &str) -> Call {
    Call {
        tool: if access == Access::Read {
            "read"
        } else {
            "edit"
        }
        .into(),
        input: "{}".into(),
        access,
        bound: Bound::default(),
        facts: Facts {
            paths: vec![path(sent, access == Access::Propose)],
            ..Facts::default()
        },
    }
}

fn command(words: &[&str], effects: &[Effect]) -> Call {
    Call {
        tool: "shell".into(),
        input: words.join(" "),
        access: Access::Execute,
        bound: Bound::default(),
        facts: Facts {
            argv: vec![words.iter().map(|&w| w.to_owned()).collect()],
            programs: vec![Path::new("/usr/bin").join(words[0])],
            effects: effects.to_vec(),
            ..Facts::default()
        },
    }
}

fn says(decision: &Decision) -> &'static str {
    match decision.verdict {
        Verdict::Allow(_) => "allow",
        Verdict::Ask(_) => "ask",
        Verdict::Deny => "deny",
    }
}

fn rules(tier: Tier, toml: &str) -> Result<Rules, String> {
    #[derive(serde::Deserialize)]
    struct File {
        rule: Vec<Rule>,
    }
    let file: File = toml::from_str(toml).map_err(|error| error.to_string())?;
    let mut rules = Rules::default();
    rules
        .add(tier, file.rule)
        .map_err(|error| error.to_string())?;
    Ok(rules)
}

#[test]
fn who_forbids_an_edit_means_every_tool_that_edits() {
    let forbids = |tool: &str| {
        let rule =
            format!("[[rule]]\neffect = \"deny\"\ntool = \"{tool}\"\npath = \"vendor/**\"\n");
        rules(Tier::User, &rule).unwrap()
    };
    let (edit, delete, read) = (forbids("edit"), forbids("delete"), forbids("read"));
    for tool in ["edit", "apply_patch", "rename", "quickfix"] {
        let call = |sent, write| Call {
            tool: tool.into(),
            facts: Facts {
                paths: vec![path("a.rs", false), path(sent, write)],
                ..Facts::default()
            },
            ..file_call(Access::Propose, sent)
        };
        let said = |call: &Call, rules: &Rules| says(&decide(call, rules, &DEFAULT));
        let vendored = call("vendor/a.rs", true);
        assert_eq!(said(&vendored, &edit), "deny", "{tool}");
        assert_eq!(said(&call("src/a.rs", true), &edit), "allow", "{tool}");
        assert_eq!(said(&vendored, &read), "allow", "{tool}");
        let others = if tool == "edit" { "allow" } else { "deny" };
        assert_eq!(said(&vendored, &delete), others, "{tool}");
    }
    // Fixes that are listed change nothing.
    let listed = Call {
        tool: "quickfix".into(),
        ..file_call(Access::Read, "vendor/a.rs")
    };
    assert_eq!(says(&decide(&listed, &edit, &DEFAULT)), "allow");
}

#[test]
fn every_mode_access_trust_and_absence() {
    let calls: [(&str, Call); 9] = [
        ("read", file_call(Access::Read, "a.rs")),
        ("read outside", file_call(Access::Read, "/etc/hosts")),
        ("read secret", file_call(Access::Read, ".env")),
        ("propose", file_call(Access::Propose, "a.rs")),
        (
            "propose protected",
            file_call(Access::Propose, ".vscode/tasks.json"),
        ),
        ("propose .git", file_call(Access::Propose, ".git/config")),
        (
            "interact",
            Call {
                tool: "todo".into(),
                input: "{}".into(),
                access: Access::Interact,
                bound: Bound::default(),
                facts: Facts::default(),
            },
        ),
        ("ls", command(&["ls"], &[Effect::Read])),
        (
            "cargo test",
            command(&["cargo", "test"], &[Effect::Execute]),
        ),
    ];
    // In the order: plan, default, accept-edits, auto; then the same in a folder that is not trusted.
    let expected = [
        ("read", "allow allow allow allow | allow allow allow allow"),
        ("read outside", "ask ask ask ask | ask ask ask ask"),
        ("read secret", "ask ask ask ask | ask ask ask ask"),
        ("propose", "deny allow allow allow | deny allow allow allow"),
        (
            "propose protected",
            "deny allow ask ask | deny allow ask ask",
        ),
        ("propose .git", "deny deny deny deny | deny deny deny deny"),
        (
            "interact",
            "allow allow allow allow | allow allow allow allow",
        ),
        ("ls", "allow allow allow allow | ask ask ask ask"),
        ("cargo test", "deny ask ask ask | deny ask ask ask"),
    ];
    for ((name, call), (expected_name, expected)) in calls.iter().zip(expected) {
        assert_eq!(*name, expected_name);
        for headless in [false, true] {
            let row = [true, false].map(|trusted| {
                [Mode::Plan, Mode::Default, Mode::AcceptEdits, Mode::Auto]
                    .map(|mode| {
                        let context = Context {
                            mode,
                            trusted,
                            headless,
                            ..DEFAULT
                        };
                        let decision = decide(call, &Rules::default(), &context);
                        let told = says(&decision) != "deny" || !decision.message.is_empty();
                        assert!(told && !decision.by.is_empty());
                        says(&decision)
                    })
                    .join(" ")
            });
            let expected = if headless {
                expected.replace("ask", "deny")
            } else {
                expected.into()
            };
            assert_eq!(row.join(" | "), expected, "{name}, headless: {headless}");
        }
    }
}

#[test]
fn denials_tell_the_model_what_to_do() {
    let plan = Context {
        mode: Mode::Plan,
        ..DEFAULT
    };
    let denied = decide(
        &file_call(Access::Propose, "a.rs"),
        &Rules::default(),
        &plan,
    );
    assert!(
        denied.message.contains("describe the change"),
        "{}",
        denied.message
    );
    let headless = Context {
        headless: true,
        ..DEFAULT
    };
    let denied = decide(
        &command(&["cargo", "test"], &[Effect::Execute]),
        &Rules::default(),
        &headless,
    );
    assert!(denied.reasons.contains(&"headless".to_owned()));
    assert!(
        denied.message.contains("nobody is there"),
        "{}",
        denied.message
    );
}

#[test]
fn a_permit_covers_its_very_call_only() {
    let call = command(&["ls"], &[Effect::Read]);
    let Verdict::Allow(permit) = decide(&call, &Rules::default(), &DEFAULT).verdict else {
        panic!()
    };
    assert!(permit.covers(&call));
    assert!(!permit.covers(&command(&["ls", "-a"], &[Effect::Read])));

    let call = command(&["cargo", "test"], &[Effect::Execute]);
    let Verdict::Ask(ask) = decide(&call, &Rules::default(), &DEFAULT).verdict else {
        panic!()
    };
    assert_eq!(ask.effects, ["runs `cargo test`"]);
    let permit = ask.approve();
    assert!(permit.covers(&call));
    let mut moved = call.clone();
    moved.facts.programs = vec!["/w/bin/cargo".into()];
    assert!(!permit.covers(&moved));
}

#[test]
fn deny_beats_ask_beats_allow_in_any_order_and_tier() {
    let table = [("allow", "cargo"), ("deny", "cargo"), ("ask", "cargo")];
    for start in 0..3 {
        for tier in [Tier::Managed, Tier::User] {
            let mut set = Rules::default();
            for at in 0..3 {
                let (effect, program) = table[(start + at) % 3];
                let toml = format!("[[rule]]\neffect='{effect}'\ntool='shell'\nargv=['{program}']");
                let more: Vec<Rule> = {
                    #[derive(serde::Deserialize)]
                    struct File {
                        rule: Vec<Rule>,
                    }
                    toml::from_str::<File>(&toml).unwrap().rule
                };
                set.add(if effect == "allow" { tier } else { Tier::Repo }, more)
                    .unwrap();
            }
            let decision = decide(
                &command(&["cargo", "test"], &[Effect::Execute]),
                &set,
                &DEFAULT,
            );
            assert_eq!(says(&decision), "deny");
            assert!(decision.by.starts_with("repo rule"), "{}", decision.by);
        }
    }
}

#[test]
fn allow_rules_match_tokens_of_proven_calls_only() {
    let set = rules(
        Tier::User,
        r#"
        [[rule]]
        effect = "allow"
        tool = "shell"
        argv = ["cargo", ["test", "check"]]
        match = ["cargo test -q", "cargo check"]
        not_match = ["cargo tests", "cargo run", "cargo", "env cargo test", "cargo test; rm x", "cargo test ../x/"]
        "#,
    )
    .unwrap();
    let test = command(&["cargo", "test", "-q"], &[Effect::Execute]);
    let with = |change: fn(&mut Facts)| {
        let mut call = test.clone();
        change(&mut call.facts);
        says(&decide(&call, &set, &DEFAULT))
    };
    let decision = decide(&test, &set, &DEFAULT);
    assert_eq!(
        (says(&decision), decision.by.as_str()),
        ("allow", "user rule 1")
    );
    assert_eq!(with(|f| f.doubts.push("new-doubt".into())), "ask");
    assert_eq!(with(|f| f.dangers.push("destructive".into())), "ask");
    assert_eq!(with(|f| f.effects.push(Effect::Network)), "ask");
    assert_eq!(with(|f| f.paths.push(path("/far/x", false))), "ask");
    assert_eq!(with(|f| f.hosts.push("example.com".into())), "ask");
    assert_eq!(with(|f| f.argv.push(vec!["rm".into()])), "ask");
    assert_eq!(
        with(|f| f.paths.push(path(".vscode/settings.json", true))),
        "ask"
    );
    for (context, expected) in [
        (
            Context {
                tainted: true,
                ..DEFAULT
            },
            "ask",
        ),
        (
            Context {
                trusted: false,
                ..DEFAULT
            },
            "ask",
        ),
        (
            Context {
                mode: Mode::Plan,
                ..DEFAULT
            },
            "deny",
        ),
        (
            Context {
                headless: true,
                ..DEFAULT
            },
            "allow",
        ),
    ] {
        assert_eq!(
            says(&decide(&test, &set, &context)),
            expected,
            "{context:?}"
        );
    }
}

#[test]
fn rules_speak_of_paths_hosts_and_effects() {
    let set = rules(
        Tier::User,
        r#"
        [[rule]]
        effect = "deny"
        tool = "*"
        path = "private/**"
        match = ["private/a/b"]
        not_match = ["public/a", "privates/a"]
        [[rule]]
        effect = "allow"
        tool = "read"
        path = "/usr/include/**"
        match = ["/usr/include/stdio.h"]
        [[rule]]
        effect = "deny"
        tool = "fetch"
        host = "evil.com"
        match = ["evil.com", "a.EVIL.com."]
        not_match = ["devil.com", "evil.com.org"]
        [[rule]]
        effect = "ask"
        tool = "shell"
        effects = ["network"]
        [[rule]]
        effect = "ask"
        tool = "mcp__x__*"
        when_tainted = true
        "#,
    )
    .unwrap();
    let of = |call: &Call| says(&decide(call, &set, &DEFAULT));
    assert_eq!(of(&file_call(Access::Propose, "private/x")), "deny");
    assert_eq!(of(&file_call(Access::Read, "./private/x")), "deny");
    let mut linked = file_call(Access::Read, "link");
    linked.facts.paths[0].resolved = "/w/private/x".into();
    assert_eq!(of(&linked), "deny");
    assert_eq!(
        of(&file_call(Access::Read, "/usr/include/stdio.h")),
        "allow"
    );
    let mut escaped = file_call(Access::Read, "/usr/include/x");
    escaped.facts.paths[0].resolved = "/etc/passwd".into();
    assert_eq!(of(&escaped), "ask");
    assert_eq!(of(&file_call(Access::Read, "/usr/include/id_rsa")), "ask");
}

#[test]
fn weak_tiers_may_only_tighten_and_errors_name_the_rule() {
    let allow = "[[rule]]\neffect='deny'\ntool='shell'\nargv=['rm']\n[[rule]]\neffect='allow'\ntool='shell'\nargv=['ls']";
    for tier in [Tier::Plugin, Tier::Skill, Tier::Repo] {
        let error = rules(tier, allow).unwrap_err();
        assert!(
            error.contains("rule 2") && error.contains("never allow"),
            "{error}"
        );
    }
    for tier in [Tier::Managed, Tier::BuiltIn, Tier::User] {
        rules(tier, allow).unwrap();
    }
    for (toml, part) in [
        ("effect='allow'\ntool='shell'", "needs `argv`"),
        ("effect='allow'\ntool='*'\nargv=['a']", "names one tool"),
        (
            "effect='deny'\ntool='shell'\nargv=['a']\nmatch=['b']",
            "does not match `b`",
        ),
        (
            "effect='allow'\ntool='shell'\nargv=['python3']\nmatch=['python3 x.py']",
            "interpreter",
        ),
        (
            "effect='deny'\ntool='shell'\nargv=['a']\nnot_match=['a b']",
            "matches `a b`",
        ),
        ("effect='deny'\ntool='read'\npath='[x'", "no glob"),
        ("effect='deny'\ntool='read'\npath='~/x'", "absolute path"),
        (
            "effect='deny'\ntool='read'\nmatch=['x']",
            "test `argv`, `path` or `host`",
        ),
        (
            "effect='deny'\ntool='read'\ncolour='x'",
            "unknown field `colour`",
        ),
        ("effect='deny'\ntool='shell'\nexact=true", "add `argv`"),
        (
            "effect='allow'\ntool='shell'\nargv=['curl']\nhost='a.b'\neffects=['network']",
            "remove `path` and `effects`",
        ),
        (
            "effect='allow'\ntool='shell'\nhost='*.a.b'",
            "write `.example.com`",
        ),
        (
            "effect='allow'\ntool='shell'\nhost='https://a.b/'",
            "write its name alone",
        ),
        (
            "effect='allow'\ntool='shell'\nhost='10.0.0.1'",
            "no host name",
        ),
        ("effect='allow'\ntool='shell'\nhost=''", "no host name"),
        ("effect='allow'\ntool='shell'\nhost='a.b:0'", "no port"),
        (
            "effect='deny'\ntool='shell'\nhost='a.b:80'",
            "leave the port out",
        ),
        (
            "effect='allow'\ntool='shell'\nhost='a.b'\nmatch=['curl https://c.a.b']",
            "does not match",
        ),
    ] {
        let error = rules(Tier::User, &format!("[[rule]]\n{toml}")).unwrap_err();
        assert!(error.contains(part), "{toml}: {error}");
    }
}

#[test]
fn the_network_and_the_outside_are_allowed_only_by_name() {
    let set = rules(
        Tier::User,
        r#"
        [[rule]]
        effect = "allow"
        tool = "shell"
        argv = ["git", "fetch"]
        effects = ["execute", "network"]
        [[rule]]
        effect = "allow"
        tool = "shell"
        argv = [["cat", "mine"]]
        path = "/usr/include/**"
        "#,
    )
    .unwrap();
    let network = [Effect::Execute, Effect::Network];
    let of = |call: &Call, context: &Context| says(&decide(call, &set, context));
    assert_eq!(of(&command(&["git", "fetch"], &network), &DEFAULT), "allow");
    let tainted = Context {
        tainted: true,
        ..DEFAULT
    };
    assert_eq!(of(&command(&["git", "fetch"], &network), &tainted), "ask");
    for (program, effect, expected) in [
        ("cat", Effect::Read, "allow"),
        ("mine", Effect::Execute, "ask"),
    ] {
        let mut call = command(&[program, "/usr/include/a.h"], &[effect, Effect::Outside]);
        call.facts.paths.push(path("/usr/include/a.h", false));
        assert_eq!(of(&call, &DEFAULT), expected, "{program}");
    }
}

#[test]
fn own_folders_are_out_of_reach() {
    let mut set = Rules::default();
    set.protect([PathBuf::from("/home/u/.local/state/interline")]);
    let log = "/home/u/.local/state/interline/sessions/x.jsonl";
    assert_eq!(
        says(&decide(&file_call(Access::Propose, log), &set, &DEFAULT)),
        "deny"
    );
    assert_eq!(
        says(&decide(&file_call(Access::Read, log), &set, &DEFAULT)),
        "ask"
    );
    let mut remove = command(&["rm", log], &[Effect::Write]);
    remove.facts.paths.push(path(log, true));
    assert_eq!(says(&decide(&remove, &set, &DEFAULT)), "deny");
}

fn always_of(command: &str, context: &Context) -> Option<Rule> {
    let root = tempfile::tempdir().unwrap();
    let call = Call {
        tool: "shell".into(),
        input: command.into(),
        access: Access::Execute,
        bound: Bound::default(),
        facts: analyse_shell(command, root.path()),
    };
    match decide(&call, &Rules::default(), context).verdict {
        Verdict::Ask(ask) => ask.always,
        _ => None,
    }
}

#[test]
fn always_is_offered_for_exact_harmless_programs_only() {
    // `id` is on every system, and is not on the list of those that are known to only read.
    let rule = always_of("id -u", &DEFAULT).unwrap();
    assert!(rule.exact && rule.program.is_some());
    assert_eq!(rule.argv, ["id", "-u"].map(|w| ArgPattern::Word(w.into())));
    for command in [
        "python3 x.py",
        "bash x",
        "env id",
        "sudo id",
        "timeout 5 id",
        "npm test",
        "npx x",
        "pip install x",
        "make",
        "git status",
        "rm x",
        "curl http://a.b/",
        "id; id",
        "id > x",
        "cat /etc/hosts",
        "id ../x",
        "no-such-program-here x",
    ] {
        assert_eq!(always_of(command, &DEFAULT), None, "{command}");
    }
    assert_eq!(
        always_of(
            "id -u",
            &Context {
                tainted: true,
                ..DEFAULT
            }
        ),
        None
    );
    assert_eq!(
        always_of(
            "id -u",
            &Context {
                trusted: false,
                ..DEFAULT
            }
        ),
        None
    );
}

#[test]
fn standing_answers_are_kept_and_revoked() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let state = home.path().join("state");
    let file = state.join("always.toml");
    let store = AlwaysStore::new(&state);
    let rule = always_of("id -u", &DEFAULT).unwrap();
    assert_eq!(store.rules(one.path()).unwrap(), []);
    store.add(one.path(), &rule).unwrap();
    store.add(one.path(), &rule).unwrap();
    assert_eq!(
        store.rules(one.path()).unwrap(),
        std::slice::from_ref(&rule)
    );
    assert_eq!(store.rules(two.path()).unwrap(), []);
    assert_eq!(store.list().unwrap().len(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    // It holds for that command, and for nothing else.
    let mut set = Rules::default();
    set.add(Tier::User, store.rules(one.path()).unwrap())
        .unwrap();
    let of = |command: &str| {
        let call = Call {
            tool: "shell".into(),
            input: command.into(),
            access: Access::Execute,
            bound: Bound::default(),
            facts: analyse_shell(command, one.path()),
        };
        says(&decide(&call, &set, &DEFAULT))
    };
    assert_eq!(of("id -u"), "allow");
    assert_eq!(of("id -u root"), "ask");
    assert_eq!(of("id"), "ask");

    assert!(store.remove(one.path(), &rule).unwrap());
    assert!(!store.remove(one.path(), &rule).unwrap());
    assert_eq!(store.list().unwrap(), []);
}

#[test]
fn a_spoilt_store_is_an_error_and_stays_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("always.toml");
    let store = AlwaysStore::new(home.path());
    let rule = always_of("id -u", &DEFAULT).unwrap();
    store.add(home.path(), &rule).unwrap();
    let good = std::fs::read_to_string(&file).unwrap();
    let put = |text: &str| {
        use std::io::Write;
        std::fs::File::create(&file)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    };
    let spoilt = [
        "not toml [".to_owned(),
        good.replace("exact = true", "exact = false"),
        good.replace("\"allow\"", "\"deny\""),
        good.replace("workspace", "workspaces"),
        good[..good.len() / 2].to_owned(),
    ];
    for text in spoilt {
        put(&text);
        assert!(
            matches!(store.rules(home.path()), Err(StoreError::Corrupt { .. })),
            "{text}"
        );
        assert!(store.add(home.path(), &rule).is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
    let loose = Rule::new(RuleEffect::Allow, "shell");
    assert!(matches!(
        store.add(home.path(), &loose),
        Err(StoreError::NotKeepable(_))
    ));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        put(&good);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(
            store.rules(home.path()),
            Err(StoreError::Corrupt { .. })
        ));
    }
}

#[test]
fn opinions_raise_and_never_lower() {
    let opinion = |raise| Opinion {
        by: "user hook 1".into(),
        raise,
        reason: "because\u{202e}".into(),
    };
    let says = |decision: &Decision| match decision.verdict {
        Verdict::Allow(_) => 0,
        Verdict::Ask(_) => 1,
        Verdict::Deny => 2,
    };
    let mut rules = Rules::default();
    let deny = Rule {
        argv: vec![ArgPattern::Word("rm".into())],
        ..Rule::new(RuleEffect::Deny, "shell")
    };
    rules.add(Tier::User, vec![deny]).unwrap();
    let calls = [
        command(&["ls"], &[Effect::Read]),
        command(&["cargo", "test"], &[Effect::Execute]),
        command(&["rm", "x"], &[Effect::Write]),
    ];
    for (before, call) in calls.iter().enumerate() {
        assert_eq!(says(&decide(call, &rules, &DEFAULT)), before);
        for (raise, least) in [(Raise::Ask, 1), (Raise::Deny, 2)] {
            let after = decide_with(call, &rules, &DEFAULT, &[opinion(raise)]);
            assert_eq!(says(&after), before.max(least), "{call:?}");
            assert_eq!(after.by == "user hook 1", least > before, "{}", after.by);
            if let Verdict::Ask(ask) = &after.verdict {
                let line = "user hook 1 says: because\\u{202e}".to_owned();
                assert!(ask.effects.contains(&line), "{:?}", ask.effects);
                assert!(ask.always.is_none(), "it would ask anyhow");
            }
            let headless = Context {
                headless: true,
                ..DEFAULT
            };
            let alone = decide_with(call, &rules, &headless, &[opinion(raise)]);
            assert_eq!(says(&alone), 2, "{call:?}");
        }
    }
}
