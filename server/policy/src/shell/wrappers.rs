//! Programs that start what their arguments name: what they would start. Recursion is the caller's.

use super::programs::{base_name, is_shell};
use super::script::Word;
use crate::wordlist::Words;

/// What stands inside of a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    /// Another command.
    Command(Vec<Word>),
    /// A text that is run.
    Text(String),
}

/// A program in front of another one.
struct Wrapper {
    name: &'static str,
    /// Options that take the next word.
    valued: Words,
    /// Words of its own before the program.
    own: usize,
}

const fn wrapper(name: &'static str, valued: &'static str, own: usize) -> Wrapper {
    Wrapper {
        name,
        valued: Words(valued),
        own,
    }
}

const WRAPPERS: &[Wrapper] = &[
    wrapper("env", "-u --unset -C --chdir", 0),
    wrapper("timeout", "-k --kill-after -s --signal", 1),
    wrapper("gtimeout", "-k --kill-after -s --signal", 1),
    wrapper("nice", "-n --adjustment", 0),
    wrapper("ionice", "-c --class -n --classdata -p -P -u", 0),
    wrapper("nohup", "", 0),
    wrapper("setsid", "", 0),
    wrapper("stdbuf", "-i --input -o --output -e --error", 0),
    wrapper("time", "-f --format -o --output", 0),
    wrapper("command", "", 0),
    wrapper("builtin", "", 0),
    wrapper("exec", "-a", 0),
    wrapper(
        "sudo",
        "-u --user -g --group -h --host -p --prompt -C -D --chdir -R -T -U -r -t",
        0,
    ),
    wrapper("doas", "-u -C", 0),
    wrapper("pkexec", "--user", 0),
    wrapper(
        "xargs",
        "-a --arg-file -d --delimiter -E -I -L --max-lines -n --max-args -P --max-procs -s --max-chars",
        0,
    ),
    wrapper(
        "parallel",
        "-j --jobs -I -a --arg-file -N -n -S --sshlogin --results --joblog",
        0,
    ),
    wrapper("busybox", "", 0),
    wrapper("toybox", "", 0),
    wrapper("watch", "-n --interval", 0),
    wrapper("entr", "", 0),
    wrapper("strace", "-o -e -p -s -u -E -P", 0),
    wrapper("ltrace", "-o -e -p -s -u", 0),
    wrapper("valgrind", "", 0),
    wrapper("perf", "", 1),
    wrapper("gdb", "-x -ex", 0),
    wrapper("flock", "-w --timeout -E", 1),
    wrapper("chrt", "-T -P -D", 1),
    wrapper("taskset", "", 1),
    wrapper("numactl", "-m -N -C -i", 0),
    wrapper("setarch", "", 1),
    wrapper("linux32", "", 0),
    wrapper("linux64", "", 0),
    wrapper("unbuffer", "", 0),
    wrapper("unshare", "--mount-proc -R --root -w --wd -S -G", 0),
    wrapper("nsenter", "-t --target -S -G", 0),
    wrapper("chroot", "--userspec --groups", 1),
    wrapper("fakeroot", "-l -s -i -b", 0),
    wrapper("proot", "-r -b -w -q", 0),
    wrapper("firejail", "", 0),
    wrapper("systemd-run", "-p --property -u --unit -M", 0),
    wrapper("faketime", "-f", 1),
    wrapper(
        "hyperfine",
        "-w --warmup -r --runs -m -M -p --prepare -c --cleanup -s --setup -n --export-json --export-markdown",
        0,
    ),
    wrapper("catchsegv", "", 0),
    wrapper("script", "-c --command -O -I -B -o -m -T -E", 0),
    wrapper("su", "-c --command -s --shell -g -G -w", 1),
    wrapper("runuser", "-c --command -u --user -g -G -s --shell", 0),
    wrapper("tmux", "-f -L -S -c", 1),
    wrapper("screen", "-S -c -s -T -e -h -p", 0),
    wrapper(
        "ssh",
        "-B -b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w",
        1,
    ),
    wrapper("direnv", "", 2),
    wrapper("mise", "-C", 1),
    wrapper("asdf", "", 1),
    wrapper("rustup", "", 2),
    wrapper("uv", "--with --python -p --directory --project", 1),
    wrapper("poetry", "-C -P", 1),
    wrapper("pipenv", "", 1),
    wrapper("pdm", "-p", 1),
    wrapper("hatch", "-e", 1),
    wrapper("bundle", "", 1),
    wrapper("npx", "-p --package -c --call -w", 0),
    wrapper("bunx", "", 0),
    wrapper("corepack", "", 0),
    wrapper("dotenv", "-e -f", 0),
    wrapper("cross-env", "", 0),
    wrapper("ld.so", "--library-path --preload --argv0", 0),
];

/// Those of the list that start a program only after this word.
const ONLY_AFTER: &[(&str, Words)] = &[
    ("rustup", Words("run")),
    ("uv", Words("run")),
    ("poetry", Words("run")),
    ("pipenv", Words("run")),
    ("pdm", Words("run")),
    ("hatch", Words("run")),
    ("bundle", Words("exec")),
    ("direnv", Words("exec")),
    ("mise", Words("exec x")),
    ("asdf", Words("exec")),
    ("perf", Words("record stat trace")),
    (
        "tmux",
        Words("new-session new new-window neww split-window splitw run-shell run"),
    ),
];

/// Words after which programs run a text or a command, wherever they stand.
const TEXT_OPTIONS: &[(&str, Words)] = &[
    ("script", Words("-c --command")),
    ("su", Words("-c --command")),
    ("runuser", Words("-c --command")),
    ("flock", Words("-c --command")),
    ("watch", Words("")),
    ("npx", Words("-c --call")),
    ("env", Words("-S --split-string")),
];

const EXEC_OPTIONS: &[(&str, Words)] = &[
    ("find", Words("-exec -execdir -ok -okdir")),
    ("fd", Words("-x --exec -X --exec-batch")),
    ("fdfind", Words("-x --exec -X --exec-batch")),
];

/// Every command and text that stands inside of this one.
pub(crate) fn inner(words: &[Word]) -> Vec<Inner> {
    let Some((program, args)) = words.split_first() else {
        return Vec::new();
    };
    let name = base_name(&program.text);
    let mut found = Vec::new();
    if is_shell(name) {
        found.extend(shell_text(args).map(Inner::Text));
    }
    if matches!(name, "eval" | "trap") {
        let words: Vec<&str> = args.iter().map(|word| word.text.as_str()).collect();
        found.push(Inner::Text(words.join(" ")));
        found.extend(args.iter().map(|word| Inner::Text(word.text.clone())));
    }
    let listed = |table: &'static [(&str, Words)]| table.iter().find(|(known, _)| *known == name);
    if let Some((_, options)) = listed(TEXT_OPTIONS) {
        found.extend(values(args, *options).map(Inner::Text));
    }
    if let Some((_, options)) = listed(EXEC_OPTIONS) {
        found.extend(executed(args, *options).map(Inner::Command));
    }
    if let Some(wrapper) = WRAPPERS.iter().find(|wrapper| {
        wrapper.name == name || (wrapper.name == "ld.so" && name.starts_with("ld-linux"))
    }) {
        let starts = listed(ONLY_AFTER).is_none_or(|(_, words)| {
            args.iter()
                .find(|word| !word.text.starts_with('-'))
                .is_some_and(|word| words.has(&word.text))
        });
        if starts {
            found.extend(wrapped(wrapper, args));
        }
    }
    found
}

/// What is left after the wrapper's own options and words.
fn wrapped(wrapper: &Wrapper, args: &[Word]) -> Vec<Inner> {
    let (mut own, mut at) = (wrapper.own, 0);
    while let Some(word) = args.get(at) {
        let text = word.text.as_str();
        let assigns = text.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        if text == "--" {
            at += 1;
            if own == 0 {
                break;
            }
        } else if text.starts_with('-') {
            at += if wrapper.valued.has(text) { 2 } else { 1 };
        } else if assigns && own == 0 {
            at += 1;
        } else if own > 0 {
            own -= 1;
            at += 1;
        } else {
            break;
        }
    }
    let Some(rest) = args.get(at..).filter(|rest| !rest.is_empty()) else {
        return Vec::new();
    };
    let mut found = vec![Inner::Command(rest.to_vec())];
    // These hand their words to a shell.
    if matches!(
        wrapper.name,
        "watch" | "ssh" | "hyperfine" | "tmux" | "parallel"
    ) {
        let words: Vec<&str> = rest.iter().map(|word| word.text.as_str()).collect();
        found.push(Inner::Text(words.join(" ")));
        if wrapper.name == "hyperfine" {
            found.extend(words.into_iter().map(|text| Inner::Text(text.to_owned())));
        }
    }
    found
}

/// The text after `-c`, clustered or not.
fn shell_text(args: &[Word]) -> Option<String> {
    let at = args.iter().position(|word| {
        word.text
            .strip_prefix('-')
            .is_some_and(|flags| !flags.starts_with('-') && flags.contains('c'))
    })?;
    let mut rest = args.get(at + 1..)?.iter();
    let mut text = rest.next()?;
    // `bash -c -x text`, `bash -co posix text`
    while text.text.starts_with(['-', '+']) {
        text = rest.next()?;
    }
    Some(text.text.clone())
}

fn values(args: &[Word], options: Words) -> impl Iterator<Item = String> {
    args.iter().enumerate().filter_map(move |(at, word)| {
        // `-qc text`: the last of a cluster.
        let clustered = options.has("-c")
            && !word.text.starts_with("--")
            && word.text.starts_with('-')
            && word.text.ends_with('c');
        if clustered || options.has(&word.text) {
            return args.get(at + 1).map(|word| word.text.clone());
        }
        options.iter().find_map(|option| {
            let rest = word.text.strip_prefix(option)?;
            let value = if option.starts_with("--") {
                rest.strip_prefix('=')?
            } else {
                rest
            };
            (!value.is_empty()).then(|| value.to_owned())
        })
    })
}

/// What stands after `-exec`, up to `;` or `+`.
fn executed(args: &[Word], options: Words) -> impl Iterator<Item = Vec<Word>> {
    args.iter()
        .enumerate()
        .filter(move |(_, word)| options.has(&word.text))
        .filter_map(|(at, _)| {
            let rest = args.get(at + 1..)?;
            let command: Vec<Word> = rest
                .iter()
                .take_while(|word| !matches!(word.text.as_str(), ";" | "+"))
                .cloned()
                .collect();
            (!command.is_empty()).then_some(command)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let words: Vec<Word> = text
            .split(' ')
            .map(|word| Word {
                text: word.replace('_', " "),
                dynamic: false,
            })
            .collect();
        inner(&words)
            .into_iter()
            .map(|inner| match inner {
                Inner::Command(words) => words
                    .iter()
                    .map(|word| word.text.as_str())
                    .collect::<Vec<_>>()
                    .join(" "),
                Inner::Text(text) => format!("`{text}`"),
            })
            .collect()
    }

    #[test]
    fn what_is_inside_is_found() {
        for (text, expected) in [
            ("ls -la", vec![]),
            ("env -i A=1 -u B git push", vec!["git push"]),
            ("env -S_git_push", vec!["` git push`"]),
            ("timeout -k 5 10 git push", vec!["git push"]),
            ("timeout --signal=9 10 git push", vec!["git push"]),
            ("nice -n 5 git push", vec!["git push"]),
            ("nice -5 git push", vec!["git push"]),
            ("xargs -0 -I {} git push {}", vec!["git push {}"]),
            (
                "find . -name x -exec rm {} ; -o -exec git push +",
                vec!["rm {}", "git push"],
            ),
            ("fd -x git push", vec!["git push"]),
            ("bash -xc git_push a", vec!["`git push`"]),
            ("/bin/sh -e -c git_push", vec!["`git push`"]),
            ("eval git_push x", vec!["`git push x`", "`git push`", "`x`"]),
            ("busybox wget x", vec!["wget x"]),
            ("rustup run nightly cargo publish", vec!["cargo publish"]),
            ("rustup show", vec![]),
            ("uv run --with x git push", vec!["git push"]),
            ("flock /tmp/l git push", vec!["git push"]),
            ("script -qc x", vec!["`x`", "x"]),
            ("sudo -u root git push", vec!["git push"]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }
}
