//! `[[rule]]` tables: any text is refused, or makes rules that decide every call without a panic; none lets a secret out.
#![no_main]

use std::path::Path;

use interline_log::{Access, Mode, Tier};
use interline_policy::{Bound, Call, Context, Rule, Rules, decide};
use libfuzzer_sys::fuzz_target;

#[derive(serde::Deserialize)]
struct File {
    rule: Vec<Rule>,
}

fuzz_target!(|input: (&str, &str)| {
    let (text, command) = input;
    let Ok(File { rule }) = toml::from_str(text) else {
        return;
    };
    let root = Path::new("/nowhere");
    for tier in [Tier::User, Tier::Repo] {
        let mut rules = Rules::default();
        if rules.add(tier, rule.clone()).is_err() {
            continue;
        }
        let facts = interline_policy::analyse_shell(command, root);
        let call = Call {
            tool: "shell".to_owned(),
            input: command.to_owned(),
            access: Access::Execute,
            facts,
            bound: Bound::default(),
        };
        let context = Context {
            mode: Mode::Default,
            trusted: false,
            headless: false,
            tainted: true,
            private: true,
            sandbox: false,
        };
        let _ = decide(&call, &rules, &context);
    }
});
