//! Managed policy: forbids, forces to ask, never loosens; and what holds where its files can't be used.

#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::disallowed_methods, reason = "the test's own files")]

use std::path::Path;

use interline_log::{Access, Mode, Tier};
use interline_policy::{
    ArgPattern, Bound, Call, Context, Decision, Facts, Managed, Rule, RuleEffect, Rules, Verdict,
    analyse_shell_by_names, decide,
};

const CONTEXT: Context = Context {
    mode: Mode::Default,
    trusted: true,
    headless: false,
    tainted: false,
    private: false,
    sandbox: true,
};

fn call(tool: &str, access: Access, command: &str) -> Call {
    let facts = match access {
        Access::Execute => analyse_shell_by_names(command, Path::new("/workspace")),
        _ => Facts::default(),
    };
    Call {
        tool: tool.into(),
        input: command.into(),
        access,
        facts,
        bound: Bound::default(),
    }
}

fn says(decision: &Decision) -> &'static str {
    match decision.verdict {
        Verdict::Allow(_) => "allow",
        Verdict::Ask(_) => "ask",
        Verdict::Deny => "deny",
    }
}

fn with(policies: &[(&str, &str)]) -> (tempfile::TempDir, Rules) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in policies {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut rules = Rules::default();
    rules.manage(Managed::at(folder.path()).unwrap());
    (folder, rules)
}

fn shell(rules: &Rules, command: &str) -> Decision {
    decide(&call("shell", Access::Execute, command), rules, &CONTEXT)
}

#[test]
fn run_denies_and_auto_asks() {
    let (_folder, mut rules) = with(&[
        (
            "a.cedar",
            r#"forbid (principal, action == Action::"run", resource == Tool::"shell") when { context.programs.contains("terraform") };"#,
        ),
        (
            "b.cedar",
            r#"forbid (principal, action == Action::"auto", resource) when { context.programs.contains("cargo") };
               forbid (principal, action, resource) when { context.reasons.contains("install") };"#,
        ),
        ("notes.txt", "not a policy"),
    ]);
    assert_eq!(rules.managed().unwrap().check(), Ok(3));
    let allow = Rule {
        argv: vec![ArgPattern::Word("cargo".into())],
        ..Rule::new(RuleEffect::Allow, "shell")
    };
    rules.add(Tier::User, vec![allow]).unwrap();
    for (command, expected) in [
        ("ls", "allow"),
        ("make test", "allow"),
        ("cargo test", "ask"),
        ("env cargo test", "ask"),
        ("terraform plan", "deny"),
        ("env terraform plan", "deny"),
        ("bash -c 'terraform plan'", "deny"),
        ("npm install", "deny"),
    ] {
        let decision = shell(&rules, command);
        assert_eq!(says(&decision), expected, "{command}: {decision:?}");
        assert!(expected == "allow" || decision.by == "managed policy");
    }
}

#[test]
fn a_permit_for_everything_loosens_nothing() {
    let (_folder, rules) = with(&[("a.cedar", "permit (principal, action, resource);")]);
    assert_eq!(says(&shell(&rules, "git push")), "ask");
    assert_eq!(says(&shell(&rules, "sudo ls")), "deny");
}

#[test]
fn what_can_not_be_used_leaves_reading_alone() {
    for bad in [
        "forbid (",
        r#"forbid (principal, action == Action::"fly", resource);"#,
        "forbid (principal, action, resource) when { context.nonsense };",
        "forbid (principal, action, resource) when { context.mode == 1 };",
        "forbid (principal, action, resource == ?resource);",
    ] {
        let (_folder, rules) = with(&[
            (
                "a.cedar",
                "forbid (principal, action, resource) when { false };",
            ),
            ("b.cedar", bad),
        ]);
        let error = rules.managed().unwrap().check().unwrap_err();
        assert!(
            error.contains("b.cedar") && error.contains("only reading tools"),
            "{error}"
        );
        assert_eq!(says(&shell(&rules, "ls")), "deny", "{bad}");
        let of = |tool, access| says(&decide(&call(tool, access, ""), &rules, &CONTEXT));
        assert_eq!(of("edit", Access::Propose), "deny");
        assert_eq!(of("read", Access::Read), "allow");
    }
}

#[test]
fn the_last_good_policy_stays() {
    let (folder, mut rules) = with(&[(
        "a.cedar",
        r#"forbid (principal, action == Action::"auto", resource) when { context.programs.contains("make") };"#,
    )]);
    assert_eq!(says(&shell(&rules, "make")), "ask");
    let good = rules.digest();
    assert!(!rules.managed().unwrap().changed());
    std::fs::write(folder.path().join("a.cedar"), "forbid (").unwrap();
    assert!(rules.managed().unwrap().changed());
    let again = rules.managed().unwrap().reloaded();
    rules.manage(again);
    let error = rules.managed().unwrap().check().unwrap_err();
    assert!(error.contains("last good policy stays"), "{error}");
    assert_eq!(says(&shell(&rules, "make")), "ask");
    assert_eq!(says(&shell(&rules, "ls")), "allow");
    assert_eq!(rules.digest(), good);
    // And once more, still broken; then gone; then good again.
    let again = rules.managed().unwrap().reloaded();
    rules.manage(again);
    assert_eq!(says(&shell(&rules, "make")), "ask");
    assert!(!rules.managed().unwrap().changed());
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert!(rules.managed().unwrap().changed());
    let again = rules.managed().unwrap().reloaded();
    rules.manage(again);
    assert_eq!(says(&shell(&rules, "make")), "ask");
    std::fs::create_dir(folder.path()).unwrap();
    let free = "forbid (principal, action, resource) when { false };";
    std::fs::write(folder.path().join("b.cedar"), free).unwrap();
    assert!(rules.managed().unwrap().changed());
    let again = rules.managed().unwrap().reloaded();
    rules.manage(again);
    assert_eq!(says(&shell(&rules, "make")), "allow");
}

#[test]
fn a_policy_that_fails_at_run_time_denies() {
    // Overflows: an error that no validation sees; the engine would skip the policy.
    let (_folder, rules) = with(&[(
        "a.cedar",
        "forbid (principal, action, resource) when { 9223372036854775807 + (if context.trusted then 1 else 0) > 0 };",
    )]);
    assert!(rules.managed().unwrap().check().is_ok());
    let decision = shell(&rules, "ls");
    assert_eq!(says(&decision), "deny");
    assert_eq!(decision.reasons, ["policy-error"]);
}

#[test]
fn no_folder_no_policy_and_the_digest_tells_them_apart() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Managed::at(&folder.path().join("none")).is_none());
    let (_folder, rules) = with(&[(
        "a.cedar",
        "forbid (principal, action, resource) when { false };",
    )]);
    assert_ne!(rules.digest(), Rules::default().digest());
    assert!(rules.managed().unwrap().check().is_ok());
}
