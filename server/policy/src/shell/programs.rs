//! What is known of programs by name: which start others, which write, destroy or reach the network.
//!
//! Names that are not here are unknown programs: they may do anything inside the workspace, and always ask.

use crate::wordlist::Words;

/// Builtins and keywords of the shell, by what is wrong with them.
const SHELL_WORDS: &[(&str, Words)] = &[
    (
        "evaluation",
        Words("eval source . exec trap command builtin"),
    ),
    ("shadowing", Words("alias unalias hash enable function")),
    // They run what stands in a subscript, even quoted.
    (
        "arithmetic",
        Words(
            "let read mapfile readarray declare typeset local readonly unset [[ test [ printf getopts wait",
        ),
    ),
    (
        "state",
        Words(
            "export set shopt cd pushd popd dirs umask ulimit bind complete compgen compopt history fc caller shift \
             suspend logout exit return break continue jobs bg fg disown times type help",
        ),
    ),
    (
        "compound",
        Words("if then elif else fi for while until do done case esac select time coproc ]] { } !"),
    ),
];

/// Programs that start what their arguments name.
const WRAPPERS: Words = Words(
    "env timeout nice ionice nohup setsid stdbuf xargs parallel sudo doas pkexec su runuser chroot nsenter \
     unshare command builtin exec eval busybox toybox script watch entr strace ltrace gdb lldb valgrind perf \
     flock chrt taskset numactl setarch linux32 linux64 unbuffer expect tmux screen ssh fd fdfind faketime \
     fakeroot proot bwrap firejail systemd-run at batch direnv mise asdf hyperfine catchsegv time ld.so open \
     xdg-open start",
);

/// Programs that run a text as code.
const INTERPRETERS: Words = Words(
    "sh bash dash zsh ksh mksh fish csh tcsh ash rbash nu elvish xonsh pwsh powershell cmd cmd.exe python \
     pypy perl ruby irb node nodejs deno bun tsx ts-node php lua luajit tclsh wish awk gawk mawk nawk sed \
     gsed ed ex vi vim nvim view emacs nano less more man osascript R Rscript julia ghci runghc scala groovy \
     jshell clojure elixir iex erl guile racket sqlite3 psql mysql mariadb m4 bc dc jq gnuplot octave",
);

/// Programs that run a project's or a package's scripts.
const RUNNERS: Words = Words(
    "npx npm pnpm pnpx yarn bunx corepack pip pip3 pipx uv uvx poetry pdm hatch rye conda mamba make gmake \
     cmake ninja meson just task rake bundle gem mvn gradle ant sbt bazel buck buck2 nix go composer mix \
     cabal stack dotnet swift docker podman kubectl helm terraform ansible ansible-playbook apt apt-get dpkg \
     dnf yum rpm pacman apk brew snap flatpak rustup git hg svn jj gh glab",
);

/// Many programs in one file, which may fetch a toolchain when they are merely called.
const SHIMS: Words = Words("cargo rustc rustup rustfmt node npm npx yarn pnpm python ruby go java");

const SHELLS: Words = Words("sh bash dash zsh ksh mksh fish csh tcsh ash rbash");

/// Programs all of whose operands are written (or removed).
const WRITES_ALL: Words = Words(
    "rm rmdir unlink shred mv touch mkdir mkfifo mknod tee truncate chmod chown chgrp sed gsed patch setfacl \
     chattr sponge gzip gunzip bzip2 xz zstd unzip dd ed ex vi vim nvim nano rustfmt prettier ln tar",
);

/// Programs whose last operand is written.
const WRITES_LAST: Words = Words("cp install rsync scp sort uniq");

/// The last part of a program's path, without `.exe`.
pub(crate) fn base_name(program: &str) -> &str {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    name.strip_suffix(".exe").unwrap_or(name)
}

/// `python3.12` is `python`.
pub(crate) fn unversioned(name: &str) -> &str {
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    if bare.is_empty() { name } else { bare }
}

/// Why a simple command is not plainly what it says.
pub(crate) fn doubts(program: &str, args: &[String]) -> Vec<&'static str> {
    let name = base_name(program);
    let mut doubts = Vec::new();
    if program.contains(['/', '\\']) {
        doubts.push("program-path");
    }
    let known = SHELL_WORDS.iter().filter(|(_, words)| words.has(name));
    doubts.extend(known.map(|(code, _)| *code));
    if !name.is_ascii() {
        doubts.push("look-alike");
    }
    if is_wrapper(name) {
        doubts.push("wrapper");
    }
    if is_interpreter(name) {
        doubts.push("interpreter");
    }
    // `+nightly` picks a toolchain, `--config` can name a runner.
    let configured = |arg: &String| arg.starts_with('+') || arg.starts_with("--config");
    if name == "cargo" && args.iter().any(configured) {
        doubts.push("toolchain-override");
    }
    if matches!(args, [only] if only == "--version") && SHIMS.has(name) {
        doubts.push("version-shim");
    }
    if name == "git"
        && args
            .first()
            .is_some_and(|arg| arg.starts_with('-') && arg != "--version")
    {
        doubts.push("git-option");
    }
    doubts
}

pub(crate) fn is_wrapper(name: &str) -> bool {
    WRAPPERS.has(name) || name.starts_with("ld-linux")
}

pub(crate) fn is_interpreter(name: &str) -> bool {
    INTERPRETERS.has(name) || INTERPRETERS.has(unversioned(name))
}

pub(crate) fn is_shell(name: &str) -> bool {
    SHELLS.has(name)
}

/// May "always allow" be offered for this command?
pub(crate) fn may_always_run(argv: &[String]) -> bool {
    argv.first().is_some_and(|program| {
        let name = base_name(program);
        let runs_scripts = RUNNERS.has(name) || RUNNERS.has(unversioned(name));
        !runs_scripts && !is_wrapper(name) && !is_interpreter(name)
    })
}

/// The arguments after git's own options (`git -C elsewhere -c a=b push` is `push`).
pub(crate) fn without_global_options<'a>(program: &str, args: &'a [String]) -> &'a [String] {
    if program != "git" {
        return args;
    }
    let valued = [
        "-C",
        "-c",
        "--git-dir",
        "--work-tree",
        "--namespace",
        "--config-env",
        "--super-prefix",
        "--exec-path",
    ];
    let mut rest = args;
    // More options than anybody gives: a bound for hostile texts.
    for _ in 0..32 {
        let Some((first, after)) = rest.split_first() else {
            break;
        };
        if !first.starts_with('-') {
            break;
        }
        rest = if valued.contains(&first.as_str()) {
            after.get(1..).unwrap_or_default()
        } else {
            after
        };
    }
    rest
}

/// Arguments that are, or may be, paths; and whether they are written.
pub(crate) fn path_arguments<'a>(program: &str, args: &'a [String]) -> Vec<(&'a str, bool)> {
    let name = base_name(program);
    let in_place = |arg: &String| arg.starts_with("-i") || arg.starts_with("--in-place");
    let all = WRITES_ALL.has(name) && (name != "sed" || args.iter().any(in_place));
    let last = args.iter().rposition(|arg| !arg.starts_with('-'));
    let mut paths = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        let write = all || (WRITES_LAST.has(name) && last == Some(at));
        let path = path_in(arg);
        if looks_like_path(path) || (write && !arg.starts_with('-')) {
            paths.push((path, write));
        }
        paths.extend(sent_file(arg).map(|sent| (sent, false)));
    }
    paths
}

/// The file whose content `curl` and the like send: `@file`, `name=@file`, `name=<file`, `-d@file`.
fn sent_file(arg: &str) -> Option<&str> {
    let value = match arg.split_once('=') {
        Some((_, value)) => value,
        None if arg.starts_with('-') && !arg.starts_with("--") => arg.get(2..)?,
        None => arg,
    };
    let file = value.strip_prefix(['@', '<'])?;
    (!file.is_empty()).then_some(file)
}

/// The same for words of which any may be a program: what follows one that writes may be written.
pub(crate) fn paths_anywhere(words: &[String]) -> Vec<(&str, bool)> {
    let mut write = false;
    let mut paths = Vec::new();
    for word in words {
        let path = path_in(word);
        if looks_like_path(path) || (write && !word.starts_with('-')) {
            paths.push((path, write));
        }
        paths.extend(sent_file(word).map(|sent| (sent, false)));
        let name = base_name(word);
        write |= WRITES_ALL.has(name) || WRITES_LAST.has(name);
    }
    paths
}

/// The value of `--option=value` and `of=value`, else the argument.
pub(crate) fn path_in(arg: &str) -> &str {
    match arg.split_once('=') {
        Some((_, value)) if !value.is_empty() => value,
        _ => arg,
    }
}

fn looks_like_path(text: &str) -> bool {
    let option = text.starts_with('-');
    let address = text.contains("://");
    !option && !address && (text.contains('/') || text.starts_with(['.', '~']))
}

/// Does it change the files that it names?
pub(crate) fn writes(program: &str) -> bool {
    let name = base_name(program);
    WRITES_ALL.has(name) || WRITES_LAST.has(name)
}

/// Variables that make programs load, run or send something.
pub(crate) fn is_risky_variable(name: &str) -> bool {
    let starts = [
        "LD_",
        "DYLD_",
        "GIT_",
        "BASH_",
        "PYTHON",
        "NODE_",
        "PERL",
        "RUBY",
        "CARGO_",
        "RUSTC",
        "RUSTUP_",
        "npm_config_",
        "NPM_CONFIG_",
        "PIP_",
        "XDG_",
        "SSH_",
        "GCONV_",
    ];
    let ends = [
        "OPTS", "OPTIONS", "_WRAPPER", "_COMMAND", "_EDITOR", "_PROXY", "_proxy", "_PATH",
    ];
    let whole = Words(
        "PATH ENV IFS SHELL HOME EDITOR VISUAL PAGER BROWSER LESSOPEN LESSCLOSE MANPAGER PS4 PROMPT_COMMAND SHELLOPTS CC CXX AR LD MAKEFLAGS RUSTFLAGS TERMINFO TMPDIR CDPATH GLOBIGNORE",
    );
    whole.has(name)
        || starts.iter().any(|start| name.starts_with(start))
        || ends.iter().any(|end| name.ends_with(end))
}
