//! One decision: analysing, deciding, and both for a long hostile text. The bar is 200 µs for a decision.

use std::hint::black_box;
use std::path::Path;

use interline_log::{Access, Mode, Tier};
use interline_policy::{
    ArgPattern, Bound, Call, Context, Rule, RuleEffect, Rules, analyse_shell, decide,
};

fn main() {
    divan::main();
}

const CONTEXT: Context = Context {
    mode: Mode::Default,
    trusted: true,
    headless: false,
    tainted: false,
    private: false,
    sandbox: true,
};

fn call(command: &str) -> Call {
    Call {
        tool: "shell".into(),
        input: command.into(),
        access: Access::Execute,
        bound: Bound::default(),
        facts: analyse_shell(command, Path::new("/tmp")),
    }
}

/// As many rules as a long configuration has.
fn rules() -> Rules {
    let mut rules = Rules::default();
    let rule = |at: usize| Rule {
        argv: vec![
            ArgPattern::Word("git".into()),
            ArgPattern::Word(format!("x{at}")),
        ],
        path: at.is_multiple_of(2).then(|| format!("src/x{at}/**")),
        ..Rule::new(RuleEffect::Deny, "shell")
    };
    let added = rules.add(Tier::User, (0..200).map(rule).collect());
    assert!(added.is_ok());
    rules
}

const TYPICAL: [&str; 5] = [
    "ls -la src",
    "cargo test -q",
    "cd src && cargo test 2>&1 | tail -20",
    "rg -n 'fn main' src | head -5",
    "for f in src/*.rs; do echo \"$f\"; sed -i 's/a/b/' \"$f\"; done",
];

/// Parsers, lookups on the disk and the decision: what one call costs.
#[divan::bench(args = TYPICAL)]
fn pipeline(bencher: divan::Bencher<'_, '_>, command: &str) {
    let rules = rules();
    bencher.bench_local(|| decide(&call(black_box(command)), black_box(&rules), &CONTEXT));
}

#[divan::bench(args = TYPICAL)]
fn analysis(command: &str) -> Call {
    call(black_box(command))
}

#[divan::bench]
fn decision(bencher: divan::Bencher<'_, '_>) {
    let (call, rules) = (call("cargo test -q"), rules());
    bencher.bench_local(|| decide(black_box(&call), black_box(&rules), &CONTEXT));
}

#[divan::bench]
fn ten_thousand_subcommands(bencher: divan::Bencher<'_, '_>) {
    let (command, rules) = ("true; ".repeat(10_000) + "git push", rules());
    bencher.bench_local(|| decide(&call(black_box(&command)), &rules, &CONTEXT));
}
