//! From parsed commands to facts: each one, and what stands inside of it, in the folder where it would run.

use std::path::PathBuf;

use super::lookup::Lookup;
use super::script::{Command, Joint, Redirect, Script, Word};
use super::wrappers::{self, Inner};
use super::{brush, effects, hosts, paths, programs, readonly, sketch};
use crate::facts::{Effect, Facts};

/// How deep commands in commands are followed.
const MAX_DEPTH: usize = 8;
/// More commands than anybody writes by hand.
const MAX_COMMANDS: usize = 2048;

pub(crate) struct Walk<'a> {
    lookup: &'a Lookup,
    /// Where the next command runs; `None` where that can't be known.
    folder: Option<PathBuf>,
    depth: usize,
    commands: usize,
    pub(crate) facts: Facts,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(lookup: &'a Lookup, facts: Facts) -> Self {
        Self {
            lookup,
            folder: Some(lookup.root().to_owned()),
            depth: 0,
            commands: 0,
            facts,
        }
    }

    pub(crate) fn script(&mut self, script: &Script) {
        if script.commands.len() > 1 {
            self.facts.shell = true;
        }
        for (at, command) in script.commands.iter().enumerate() {
            let next = script.commands.get(at + 1).map(|command| command.joint);
            if command.joint == Joint::Pipe && is_bare_interpreter(command) {
                self.facts.doubt("decode-and-run");
            }
            self.command(command, next);
        }
    }

    fn command(&mut self, command: &Command, next: Option<Joint>) {
        self.commands += 1;
        if self.commands > MAX_COMMANDS {
            self.facts.doubt("too-many-commands");
            return;
        }
        for (name, value) in &command.assignments {
            if programs::is_risky_variable(name) {
                self.facts.doubt("assignment-code");
            }
            hosts::note_addresses(std::slice::from_ref(&value.text), &mut self.facts);
        }
        command
            .redirects
            .iter()
            .for_each(|redirect| self.redirect(redirect));
        let Some(program) = command.words.first() else {
            return;
        };
        if program.text == "cd" && self.change_folder(command, next) {
            self.facts.shell = true;
            self.facts.effect(Effect::Read);
            self.push(&command.words, Some(PathBuf::from("cd")));
            return;
        }
        if programs::is_shell(programs::base_name(&program.text)) && !command.input.is_empty() {
            self.facts.doubt("heredoc-code");
            command.input.iter().for_each(|text| self.text(text));
        }
        self.words(&command.words);
    }

    /// Folds `cd` into the folder of what follows; false where it is no plain one.
    fn change_folder(&mut self, command: &Command, next: Option<Joint>) -> bool {
        let target = match command.words.as_slice() {
            [_, target]
                if !target.dynamic && !target.text.starts_with('-') && !target.text.is_empty() =>
            {
                target
            }
            _ => {
                self.folder = None;
                return false;
            }
        };
        let here = self.folder.clone();
        let there = here
            .as_deref()
            .and_then(|folder| self.lookup.resolve(folder, &target.text));
        let Some(there) = there.filter(|there| self.lookup.is_folder(there)) else {
            self.folder = None;
            self.facts.doubt("path-unknown");
            return false;
        };
        let plain = command.joint != Joint::Pipe
            && command.joint != Joint::Or
            && matches!(next, None | Some(Joint::And | Joint::Then | Joint::Nested))
            && command.redirects.is_empty();
        if !self.lookup.contains(&there) {
            paths::add(
                &mut self.facts,
                self.lookup,
                self.lookup.root(),
                &target.text,
                false,
            );
        }
        self.folder = Some(there);
        if !plain {
            self.facts.doubt("state");
        }
        true
    }

    fn redirect(&mut self, redirect: &Redirect) {
        self.facts.shell = true;
        if redirect.is_copy() {
            return;
        }
        let target = &redirect.target.text;
        if target.starts_with("/dev/tcp/") || target.starts_with("/dev/udp/") {
            self.facts.doubt("redirect-odd");
            hosts::note_addresses(std::slice::from_ref(target), &mut self.facts);
            self.facts.need("network");
            return;
        }
        let odd = matches!(redirect.operator, ">|" | "<>" | "<&" | ">&")
            || redirect.number.is_some_and(|n| n > 2);
        if odd {
            self.facts.doubt("redirect-odd");
        }
        if redirect.writes() && target == "/dev/null" {
            return;
        }
        if redirect.writes() {
            self.facts.doubt("redirect");
        }
        self.path(target, redirect.writes());
    }

    fn path(&mut self, sent: &str, write: bool) {
        match &self.folder {
            Some(folder) => paths::add(&mut self.facts, self.lookup, folder, sent, write),
            None => {
                self.facts.doubt("path-unknown");
                paths::add(
                    &mut self.facts,
                    self.lookup,
                    self.lookup.root(),
                    sent,
                    write,
                );
            }
        }
    }

    fn push(&mut self, words: &[Word], program: Option<PathBuf>) {
        let argv = words.iter().map(|word| word.text.clone()).collect();
        if self.depth > 0 {
            self.facts.inside.push(argv);
            return;
        }
        self.facts.argv.push(argv);
        self.facts.programs.push(program.unwrap_or_default());
    }

    /// Facts of one command, its words known.
    fn words(&mut self, words: &[Word]) {
        let Some((program, args)) = words.split_first() else {
            return;
        };
        if program.text.is_empty() {
            self.facts.doubt("empty");
        }
        if program.dynamic {
            let pattern = program.text.contains(['*', '?', '[', '{']);
            self.facts.doubt(if pattern {
                "pattern-program"
            } else {
                "variable-program"
            });
        }
        let texts: Vec<String> = args.iter().map(|word| word.text.clone()).collect();
        let name = program.text.as_str();
        let spec = readonly::spec(name).and_then(|spec| spec.operands(&texts));
        let found = self.lookup.program(name);
        if found
            .as_deref()
            .is_some_and(|path| self.lookup.contains(path))
        {
            self.facts.doubt("workspace-program");
        }
        match spec.filter(|_| found.is_some()) {
            Some(operands) => {
                self.facts.effect(Effect::Read);
                let operands: Vec<String> = operands.into_iter().map(str::to_owned).collect();
                operands
                    .iter()
                    .for_each(|operand| self.path(operand, false));
            }
            None => self.unproven(name, &texts, found.is_some()),
        }
        self.push(words, found);
        for inner in wrappers::inner(words) {
            self.inner(inner);
        }
    }

    /// A program that is not known to only read.
    fn unproven(&mut self, name: &str, args: &[String], found: bool) {
        if readonly::spec(name).is_some() && found {
            self.facts.doubt("unknown-option");
        }
        for doubt in programs::doubts(name, args) {
            self.facts.doubt(doubt);
        }
        self.facts.effect(Effect::Execute);
        effects::note(name, args, true, &mut self.facts);
        hosts::note_addresses(args, &mut self.facts);
        if !self.facts.hosts.is_empty() {
            self.facts.need("network");
        }
        if programs::writes(name) {
            self.facts.effect(Effect::Write);
        }
        for (path, write) in programs::path_arguments(name, args) {
            self.path(path, write);
        }
    }

    fn inner(&mut self, inner: Inner) {
        if self.depth >= MAX_DEPTH {
            self.facts.doubt("too-deep");
            return;
        }
        self.depth += 1;
        match inner {
            Inner::Command(words) => {
                // `script -qc 'git push'`: one word that is a text.
                if let Some(first) = words.first().filter(|word| word.text.contains(' ')) {
                    self.text(&first.text);
                }
                self.words(&words);
            }
            Inner::Text(text) => self.text(&text),
        }
        self.depth -= 1;
    }

    /// A text that a shell inside would read.
    fn text(&mut self, text: &str) {
        match brush::read(text) {
            Some(script) => {
                for code in &script.doubts {
                    self.facts.doubt(code);
                }
                self.script(&script);
            }
            None => {
                self.facts.doubt("parse-error");
                for argv in sketch::sketch(text).commands.into_iter().take(MAX_COMMANDS) {
                    let words: Vec<Word> = argv
                        .into_iter()
                        .map(|text| Word {
                            text,
                            dynamic: false,
                        })
                        .collect();
                    self.words(&words);
                }
            }
        }
    }
}

/// An interpreter that would run what it is fed.
fn is_bare_interpreter(command: &Command) -> bool {
    command.words.split_first().is_some_and(|(program, args)| {
        let name = programs::base_name(&program.text);
        let no_file = args.iter().all(|arg| arg.text.starts_with('-'));
        let runs_stdin = programs::is_interpreter(name)
            && !matches!(
                name,
                "sed" | "awk" | "gawk" | "mawk" | "jq" | "less" | "more" | "bc"
            );
        runs_stdin && no_file
    })
}
