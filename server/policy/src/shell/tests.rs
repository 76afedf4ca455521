//! The table of `tests/shell.txt`, and what must hold for every text.

use std::path::Path;

use interline_log::{Access, Mode, Tier};
use proptest::prelude::*;

use super::{analyse_shell, analyse_shell_by_names, analyse_shell_with_path};
use crate::bound::Bound;
use crate::facts::{Call, Effect, Facts};
use crate::rule::{ArgPattern, Rule, RuleEffect};
use crate::rules::Rules;
use crate::{Context, Verdict, decide};

/// The facts in a few words, as the table has them.
fn summary(facts: &Facts) -> String {
    let mut words = if !facts.doubts.is_empty() {
        facts.doubts.iter().map(|code| format!("?{code}")).collect()
    } else if facts.effects.contains(&Effect::Execute) {
        vec!["runs".to_owned()]
    } else {
        vec!["reads".to_owned()]
    };
    for effect in &facts.effects {
        match effect {
            Effect::Write => words.push("writes".into()),
            Effect::Network => words.push("network".into()),
            Effect::Outside => words.push("outside".into()),
            _ => {}
        }
    }
    words.extend(facts.dangers.iter().map(|code| format!("!{code}")));
    words.join(" ")
}

#[test]
fn numbers_that_no_reader_can_hold_are_a_parse_error() {
    let long = "6".repeat(40);
    for command in [
        format!("{long}>x"),
        format!("cat {long}<x"),
        "6666\\\n6666666>x".to_owned(),
        format!("echo {{1..{long}}}"),
        format!("echo {{a..z..-{long}}}"),
        format!("ls ~{long} ~+{long}"),
        format!("x=~-{long}:~{long}"),
        format!("echo \"$(cat {long}<x)\""),
        format!("echo ${{{long}}} $(({long}))"),
    ] {
        let facts = analyse_shell_by_names(&command, Path::new("/workspace"));
        assert!(
            facts.doubts.iter().any(|code| code == "parse-error"),
            "{command} {facts:?}"
        );
    }
}

#[test]
fn the_table_of_commands_holds() {
    let table = include_str!("../../tests/shell.txt");
    let mut wrong = Vec::new();
    let mut rows = 0;
    for line in table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (command, expected) = line.rsplit_once("  => ").expect(line);
        let command = command
            .trim()
            .replace(r"\n", "\n")
            .replace(r"\r", "\r")
            .replace(r"\u202e", "\u{202e}");
        let found = summary(&analyse_shell_by_names(&command, Path::new("/workspace")));
        rows += 1;
        if found != expected {
            wrong.push(format!("{line}   FOUND {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows >= 60);
}

#[test]
fn paths_are_resolved_on_the_disk() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("w");
    std::fs::create_dir(&root).unwrap();
    std::fs::create_dir(outer.path().join("far")).unwrap();
    std::os::unix::fs::symlink(outer.path().join("far"), root.join("link")).unwrap();
    std::os::unix::fs::symlink(root.join("loop"), root.join("loop")).unwrap();
    let of = |command: &str| analyse_shell(command, &root);

    assert_eq!(summary(&of("cat a")), "reads");
    assert_eq!(summary(&of("cat link/a")), "reads outside");
    assert_eq!(
        of("cat link/a").paths[0].resolved,
        outer.path().canonicalize().unwrap().join("far/a")
    );
    assert_eq!(summary(&of("cat link/../a")), "reads outside");
    assert_eq!(summary(&of("cat ../w/a")), "reads");
    // Wrapped, a word without a slash is looked up.
    assert!(of("env cat link").effects.contains(&Effect::Outside));
    assert!(of("cat loop").doubts.contains(&"path-unknown".into()));
    assert!(
        of("cat nowhere/../../a")
            .doubts
            .contains(&"path-unknown".into())
    );
}

#[test]
fn programs_of_the_workspace_are_doubted() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let bin = root.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::fs::copy("/bin/true", bin.join("ls")).unwrap();
    std::fs::set_permissions(bin.join("ls"), std::fs::Permissions::from_mode(0o755)).unwrap();
    for path in [
        format!("{}:/usr/bin:/bin", bin.display()),
        "bin:/usr/bin:/bin".into(),
    ] {
        let facts = analyse_shell_with_path("ls", root.path(), path.as_ref(), None);
        assert_eq!(facts.doubts, ["workspace-program"], "{path}");
    }
    let facts = analyse_shell_with_path("ls", root.path(), "/usr/bin:/bin".as_ref(), None);
    assert_eq!(facts.doubts, [""; 0]);
    assert!(facts.programs[0].ends_with("ls"));

    // One file, many programs: the name counts. Unless it leads into the workspace.
    let tools = tempfile::tempdir().unwrap();
    let link = |to: &Path, name| std::os::unix::fs::symlink(to, tools.path().join(name)).unwrap();
    link(Path::new("/bin/true"), "cargo");
    link(&bin.join("ls"), "sneaky");
    let of =
        |command| analyse_shell_with_path(command, root.path(), tools.path().as_os_str(), None);
    assert_eq!(
        of("cargo test").programs,
        [tools.path().canonicalize().unwrap().join("cargo")]
    );
    assert_eq!(of("sneaky x").doubts, ["workspace-program"]);
}

/// Each of these took a parser's stack or its time; a worker's stack is 2 MiB.
#[test]
fn what_nests_without_end_is_survived() {
    let nested = [
        "[[ ".to_owned() + &"! ".repeat(2000) + "x ]]",
        "[[ ".to_owned() + &"! ".repeat(40) + "x ]]",
        "coproc ".repeat(2000),
        "coproc ".repeat(40) + "ls",
        "(".repeat(12),
        "(".repeat(5000),
        "\"$(".repeat(12),
        "$(".repeat(12) + "ls" + &")".repeat(12),
        "{ ".repeat(12) + "ls;" + &" }".repeat(12),
        "if ".repeat(90),
        "if a; then ".repeat(40),
        "a&&".repeat(5000) + "b",
        "a|".repeat(5000) + "b",
        "[[ ".to_owned() + &"a && ".repeat(3000) + "b ]]",
        "eval ".repeat(3000),
        "sh -c ".repeat(2000),
        "case x in ".repeat(60),
        "`".repeat(48),
        "ls ".to_owned() + &"<<E ".repeat(2000),
    ];
    let worker = std::thread::Builder::new().stack_size(2 << 20);
    let done = worker.spawn(move || {
        for text in &nested {
            let _ = analyse_shell_by_names(text, Path::new("/workspace"));
        }
    });
    done.unwrap().join().unwrap();
}

#[test]
fn one_denied_of_ten_thousand_is_denied() {
    let command = format!("{}git push", "true; ".repeat(10_000));
    assert_eq!(rank(&command, &rules()), 2);
    let hostile = [
        "git ".repeat(30_000),
        "git -C ".repeat(15_000),
        "rm ".repeat(40_000),
        "'".repeat(100_000),
    ];
    let distinct = |word: &str| -> String { (0..10_000).map(|n| format!("{word}{n} ")).collect() };
    let hostile = hostile
        .into_iter()
        .chain(["a", "h.x/", "http://h", "/p", "git -C "].map(distinct));
    for command in hostile.map(|text| format!("env {text}")) {
        assert!(rank(&command, &rules()) >= 1);
    }
    assert_eq!(rank(&"a".repeat(200_000), &rules()), 2);
}

fn rules() -> Rules {
    let rule = |effect, words: &[&str]| Rule {
        argv: words
            .iter()
            .map(|w| ArgPattern::Word((*w).to_owned()))
            .collect(),
        ..Rule::new(effect, "shell")
    };
    let mut rules = Rules::default();
    rules
        .add(
            Tier::User,
            vec![
                rule(RuleEffect::Deny, &["git", "push"]),
                rule(RuleEffect::Deny, &["curl"]),
                Rule {
                    exact: true,
                    ..rule(RuleEffect::Deny, &["git", "test", "a"])
                },
                Rule {
                    path: Some("secret.txt".into()),
                    ..rule(RuleEffect::Deny, &["cat"])
                },
                Rule {
                    host: Some("evil.com".into()),
                    ..Rule::new(RuleEffect::Deny, "shell")
                },
                rule(RuleEffect::Ask, &["cat", "secret.txt"]),
                rule(RuleEffect::Allow, &["cargo", "test"]),
                rule(RuleEffect::Allow, &["env"]),
                rule(RuleEffect::Allow, &["bash"]),
            ],
        )
        .unwrap();
    rules
}

/// 0 allow, 1 ask, 2 deny.
fn rank(command: &str, rules: &Rules) -> u8 {
    let call = Call {
        tool: "shell".into(),
        input: command.into(),
        access: Access::Execute,
        bound: Bound::default(),
        facts: analyse_shell_by_names(command, Path::new("/workspace")),
    };
    let context = Context {
        mode: Mode::Default,
        trusted: true,
        headless: false,
        tainted: false,
        private: false,
        sandbox: false,
    };
    match decide(&call, rules, &context).verdict {
        Verdict::Allow(_) => 0,
        Verdict::Ask(_) => 1,
        Verdict::Deny => 2,
    }
}

fn wrapped(x: &str) -> Vec<String> {
    let quoted = format!("'{}'", x.replace('\'', r"'\''"));
    vec![
        format!("env {x}"),
        format!("env A=1 {x}"),
        format!("A=1 {x}"),
        format!("timeout 5 {x}"),
        format!("nice -n 3 {x}"),
        format!("sudo {x}"),
        format!("command {x}"),
        format!("xargs {x}"),
        format!("echo a | xargs {x}"),
        format!("bash -c {quoted}"),
        format!("sh -xc {quoted}"),
        format!(
            "bash -c \"sh -c {}\"",
            quoted
                .replace('\\', r"\\")
                .replace('"', "\\\"")
                .replace('$', r"\$")
        ),
        format!("eval {quoted}"),
        format!("true\n{x}"),
        format!("true; {x}"),
        format!("true && {x}"),
        format!("true || {x}"),
        format!("{x} &"),
        format!("({x})"),
        format!("{{ {x}; }}"),
        format!("! {x}"),
        format!("$({x})"),
        format!("echo `{x}`"),
        format!("echo \"$({x})\""),
        format!("{x} > out.txt"),
        format!("{x} # comment"),
        format!("if true; then {x}; fi"),
    ]
}

fn some_word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("push".to_owned()),
        Just("test".to_owned()),
        Just("-C".to_owned()),
        Just(".git/config".to_owned()),
        Just("secret.txt".to_owned()),
        Just("../far".to_owned()),
        Just("https://evil.com/x".to_owned()),
        Just("git@evil.com:x".to_owned()),
        Just("a".to_owned()),
        "[a-z./=-]{1,8}",
        "'[a-z ;$|]{0,6}'",
        "\"[a-z ;&|]{0,6}\"",
    ]
}

fn some_command() -> impl Strategy<Value = String> {
    let program = prop::sample::select(vec![
        "git",
        "cargo",
        "cat",
        "rm",
        "curl",
        "ls",
        "cp",
        "touch",
        "echo",
        "rg",
        "find",
        "unheard-of",
    ]);
    (program, prop::collection::vec(some_word(), 0..4)).prop_map(|(program, words)| {
        let mut command = program.to_owned();
        for word in words {
            command.push(' ');
            command.push_str(&word);
        }
        command
    })
}

/// What is proven to be one command is what bash would run. Only words are evaluated, by `printf` in place of `ls`.
fn agrees_with_bash(text: &str) {
    let facts = analyse_shell_by_names(text, Path::new("/workspace"));
    let readable = |code: &String| matches!(code.as_str(), "unknown-option" | "path-unknown");
    let ([argv], true, false) = (&*facts.argv, facts.doubts.iter().all(readable), facts.shell)
    else {
        return;
    };
    #[expect(clippy::disallowed_methods, reason = "the judge of this test")]
    let Ok(output) = std::process::Command::new("bash")
        .args([
            "--noprofile",
            "--norc",
            "-c",
            &text.replacen("ls", "printf -- '%s\\0'", 1),
        ])
        .output()
    else {
        return;
    };
    let words: Vec<String> = output
        .stdout
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let mut expected = argv[1..].to_vec();
    expected.push(String::new());
    if expected.len() == 1 {
        expected = vec![String::new(), String::new()];
    }
    assert_eq!(words, expected, "{text:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = analyse_shell_by_names(&text, Path::new("/workspace"));
    }

    #[test]
    fn proven_words_are_those_that_bash_gives(text in "[ab /'\"$`\\\\;|&<>(){}\\[\\]*?!#~=\n\r\t,.é-]{1,24}") {
        agrees_with_bash(&format!("ls {text}"));
    }

    #[test]
    fn proven_quotings_are_those_that_bash_gives(words in prop::collection::vec(prop_oneof![
        "[a-z=,./:%@+-]{1,6}", "'[a-z $`\"\\\\;|]{0,6}'", "\"[a-z '#;!*?|~]{0,6}\"", "\"(a|\\\\[\"\\\\$`ab!]){0,4}\"", "(a|\\\\[ a-z$'\"*;]){1,4}", "'a'\"b\"c",
    ], 1..5)) {
        agrees_with_bash(&format!("ls {}", words.join(" ")));
        agrees_with_bash(&format!("ls {}", words.concat()));
    }

    #[test]
    fn a_wrapping_is_never_looser(text in some_command()) {
        let rules = rules();
        let plain = rank(&text, &rules);
        for wrapping in wrapped(&text) {
            prop_assert!(rank(&wrapping, &rules) >= plain, "{} is looser than {}", wrapping, text);
        }
    }
}
