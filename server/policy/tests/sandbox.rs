//! Decisions with a sandbox: what stays in it, what leaves it, modes, trust and taint.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use interline_log::{Access, Mode, Tier};
use interline_policy::{
    ArgPattern, Bound, Call, Context, Decision, Effect, FileId, Grant, Labels, Place, Rule,
    RuleEffect, Rules, Stale, Verdict, analyse_shell_by_names, analyse_shell_with_path, decide,
};

const DEFAULT: Context = Context {
    mode: Mode::Default,
    trusted: true,
    headless: false,
    tainted: false,
    private: false,
    sandbox: true,
};

fn shell(command: &str) -> Call {
    Call {
        tool: "shell".into(),
        input: command.into(),
        access: Access::Execute,
        facts: analyse_shell_by_names(command, Path::new("/workspace")),
        bound: Bound::default(),
    }
}

fn allow(words: &[&str], effects: &[Effect]) -> Rules {
    let mut rules = Rules::default();
    let rule = Rule {
        argv: words
            .iter()
            .map(|&word| ArgPattern::Word(word.into()))
            .collect(),
        effects: effects.to_vec(),
        ..Rule::new(RuleEffect::Allow, "shell")
    };
    rules.add(Tier::User, vec![rule]).unwrap();
    rules
}

/// `allow sandbox`, `ask outside`, `deny`.
fn says(decision: &Decision) -> String {
    match &decision.verdict {
        Verdict::Allow(permit) => format!("allow {}", permit.place().name()),
        Verdict::Ask(ask) => format!("ask {}", ask.place().name()),
        Verdict::Deny => "deny".into(),
    }
}

fn of(command: &str, rules: &Rules, context: &Context) -> String {
    says(&decide(&shell(command), rules, context))
}

#[test]
fn what_stays_runs_there_and_what_leaves_asks_for_the_outside() {
    let none = Rules::default();
    for (command, inside, without) in [
        ("ls", "allow sandbox", "allow outside"),
        ("cd src && ls | head -3", "allow sandbox", "allow outside"),
        ("cargo test", "allow sandbox", "ask outside"),
        ("for f in *; do rm $f; done", "allow sandbox", "ask outside"),
        ("ls 'a", "allow sandbox", "ask outside"),
        ("git push", "ask outside", "ask outside"),
        ("cat .env", "ask sandbox", "ask outside"),
        ("sudo ls", "deny", "ask outside"),
        ("echo x > .git/config", "deny", "deny"),
    ] {
        assert_eq!(of(command, &none, &DEFAULT), inside, "{command}");
        let context = Context {
            sandbox: false,
            ..DEFAULT
        };
        assert_eq!(of(command, &none, &context), without, "{command}");
    }
}

#[test]
fn the_transcript_names_what_the_sandbox_bears() {
    for (command, code) in [
        ("rm -rf src", "destructive"),
        ("echo $(ls)", "command-substitution"),
        ("echo x | sh", "decode-and-run"),
    ] {
        let decision = decide(&shell(command), &Rules::default(), &DEFAULT);
        assert!(
            decision.reasons.iter().any(|reason| reason == code),
            "{command}: {:?}",
            decision.reasons
        );
    }
    let denied = decide(&shell("sudo ls"), &Rules::default(), &DEFAULT);
    assert!(
        denied
            .message
            .contains("no command may take on other rights"),
        "{}",
        denied.message
    );
}

#[test]
fn only_auto_lets_rules_about_a_command_cover_the_outside() {
    let rules = allow(&["git", "commit"], &[]);
    let auto = Context {
        mode: Mode::Auto,
        ..DEFAULT
    };
    assert_eq!(of("git commit -m x", &rules, &DEFAULT), "ask outside");
    assert_eq!(of("git commit -m x", &rules, &auto), "allow outside");
    assert_eq!(
        of("git commit -m x && git push", &rules, &auto),
        "ask outside"
    );
    assert_eq!(of("git commit --amend -m x", &rules, &auto), "ask outside");
    assert_eq!(of("git commit -m \"$(id)\"", &rules, &auto), "ask outside");
    assert_eq!(
        of(
            "git commit -m x",
            &rules,
            &Context {
                tainted: true,
                ..auto
            }
        ),
        "ask outside"
    );
    let named = allow(&["git", "fetch"], &[Effect::Execute, Effect::Network]);
    assert_eq!(of("git fetch", &named, &DEFAULT), "allow outside");
    assert_eq!(
        of("cargo test", &allow(&["cargo"], &[]), &DEFAULT),
        "allow sandbox"
    );
}

#[test]
fn the_code_of_an_untrusted_folder_asks_even_there() {
    let context = Context {
        trusted: false,
        ..DEFAULT
    };
    let none = Rules::default();
    assert_eq!(of("cargo test", &none, &context), "ask sandbox");
    assert_eq!(of("git status", &none, &context), "ask sandbox");
    assert_eq!(of("ls | head", &none, &context), "allow sandbox");
    assert_eq!(of("./x", &allow(&["./x"], &[]), &context), "ask sandbox");
    let headless = Context {
        headless: true,
        ..context
    };
    assert_eq!(of("cargo test", &none, &headless), "deny");
}

#[test]
fn untrusted_content_and_private_data_close_the_way_out() {
    let rules = allow(&["git", "fetch"], &[Effect::Execute, Effect::Network]);
    let both = Context {
        tainted: true,
        private: true,
        ..DEFAULT
    };
    for context in [
        both,
        Context {
            mode: Mode::Auto,
            ..both
        },
    ] {
        let decision = decide(&shell("git fetch"), &rules, &context);
        assert_eq!(
            (says(&decision).as_str(), decision.by.as_str()),
            ("ask outside", "built-in: taint")
        );
        let Verdict::Ask(ask) = decision.verdict else {
            panic!()
        };
        assert!(ask.danger && ask.always.is_none());
    }
    assert_eq!(of("cargo test", &rules, &both), "allow sandbox");
    let exposed = Context {
        sandbox: false,
        ..both
    };
    assert_eq!(
        decide(&shell("cargo test"), &rules, &exposed).by,
        "built-in: taint"
    );
    assert_eq!(of("ls", &rules, &exposed), "allow outside");

    let labels = |command: &str| {
        let Labels { untrusted, private } = Labels::of(&shell(command));
        (untrusted, private)
    };
    assert_eq!(labels("curl https://example.com"), (true, false));
    assert_eq!(labels("cat .env"), (false, true));
    assert_eq!(labels("cat /home/user/notes"), (false, true));
    assert_eq!(labels("npm install x"), (false, false));
    assert_eq!(labels("cargo test"), (false, false));
}

#[test]
fn a_permit_is_for_its_place_its_call_and_its_policy() {
    let permit = |command: &str, context: &Context| match decide(
        &shell(command),
        &Rules::default(),
        context,
    )
    .verdict
    {
        Verdict::Allow(permit) => permit,
        Verdict::Ask(ask) => ask.approve(),
        Verdict::Deny => panic!("denied"),
    };
    let rules = Rules::default();
    let redeem =
        |command: &str, call: &Call, policy: &str| permit(command, &DEFAULT).redeem(call, policy);
    let holds = DEFAULT.policy(&rules);
    assert!(matches!(
        redeem("make", &shell("make"), &holds),
        Ok(Grant::Sandbox(_))
    ));
    assert!(matches!(
        redeem("git push", &shell("git push"), &holds),
        Ok(Grant::Outside(_))
    ));
    let mut moved = shell("make");
    moved.bound.folder = FileId::of(Path::new("/"));
    let mut typed = shell("make");
    typed.bound.documents.push(("/workspace/a".into(), 2));
    for other in [shell("make x"), moved, typed] {
        assert_eq!(redeem("make", &other, &holds).unwrap_err(), Stale);
    }
    let changes: [fn(&mut Context); 4] = [
        |now| now.mode = Mode::Plan,
        |now| now.trusted = false,
        |now| now.headless = true,
        |now| now.sandbox = false,
    ];
    let mut others = vec![DEFAULT.policy(&allow(&["x"], &[]))];
    for change in changes {
        let mut now = DEFAULT;
        change(&mut now);
        others.push(now.policy(&rules));
    }
    for policy in others {
        assert_eq!(
            redeem("make", &shell("make"), &policy).unwrap_err(),
            Stale,
            "{policy}"
        );
    }
    let Verdict::Ask(ask) = decide(&shell("git push"), &Rules::default(), &DEFAULT).verdict else {
        panic!()
    };
    assert!(ask.made_under(&holds));
    assert!(!ask.made_under(&rules.digest()));
    assert_eq!(ask.approve_in_sandbox().place(), Place::Sandbox);
}

#[cfg(unix)]
#[test]
fn links_are_named_by_what_they_lead_to() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("work");
    std::fs::create_dir(&root).unwrap();
    std::os::unix::fs::symlink(home.path().join(".bashrc"), root.join("notes")).unwrap();
    std::os::unix::fs::symlink(".git/hooks", root.join("hooks")).unwrap();
    std::fs::create_dir_all(root.join(".git/hooks")).unwrap();
    let decision = |command: &str, sandbox| {
        let call = Call {
            facts: analyse_shell_with_path(
                command,
                &root,
                "/usr/bin:/bin".as_ref(),
                Some(home.path()),
            ),
            ..shell(command)
        };
        decide(&call, &Rules::default(), &Context { sandbox, ..DEFAULT })
    };
    for command in [
        "tee hooks/pre-commit",
        "cd hooks && tee pre-commit",
        "echo x >> notes",
        "echo x >> ~/.bashrc",
    ] {
        assert_eq!(says(&decision(command, true)), "deny", "{command}");
    }
    // Without a sandbox the user reads where it leads.
    let Verdict::Ask(ask) = decision("echo x >> notes", false).verdict else {
        panic!()
    };
    let target = home.path().canonicalize().unwrap().join(".bashrc");
    assert!(
        ask.effects
            .iter()
            .any(|line| line.contains(&*target.to_string_lossy())),
        "{:?}",
        ask.effects
    );
}
