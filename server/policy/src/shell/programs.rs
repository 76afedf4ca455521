//! What is known of programs by name: which start others, which write, destroy or reach the network.
//!
//! Names that are not here are unknown programs: they may do anything inside the workspace, and always ask.

use crate::facts::{Effect, Facts};
use crate::wordlist::Words;

/// More hosts than a person would read in a prompt.
const MAX_HOSTS: usize = 256;

/// Words of the shell's own: keywords, and builtins that change its state or evaluate their arguments.
const SHELL_WORDS: Words = Words(
    "if then elif else fi for while until do done case esac select function time coproc [[ ]] [ test cd pushd \
     popd dirs export alias unalias hash enable trap set unset shopt source . : let read mapfile readarray \
     declare typeset local readonly printf umask ulimit wait jobs bg fg disown suspend logout exit return \
     break continue shift getopts bind complete compgen compopt history fc times type caller help kill",
);

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

const NETWORK: Words = Words(
    "curl wget ssh scp sftp rsync nc ncat netcat socat telnet ftp lftp ping ping6 dig nslookup host drill \
     whois traceroute nmap openssl http https xh aria2c mail sendmail gh glab aws gcloud gsutil az doctl \
     flyctl heroku vercel netlify wrangler kubectl helm terraform docker podman rclone npx pnpx bunx uvx \
     twine apt apt-get dnf yum pacman apk brew snap flatpak svn mosh rustup",
);

/// Subcommands that reach the network.
const NETWORK_SUBCOMMANDS: &[(&str, Words)] = &[
    (
        "git",
        Words(
            "push send-pack pull fetch fetch-pack clone ls-remote submodule remote request-pull \
        send-email svn p4 lfs archive",
        ),
    ),
    (
        "cargo",
        Words("install publish add update fetch search login logout owner yank info"),
    ),
    (
        "npm",
        Words(
            "install i ci add publish update audit login view exec x init create unpublish deprecate \
        owner access token",
        ),
    ),
    (
        "pnpm",
        Words("install i add publish update dlx exec create audit"),
    ),
    (
        "yarn",
        Words("install add publish upgrade up dlx create npm audit"),
    ),
    ("bun", Words("install add update x create publish")),
    ("pip", Words("install download search index wheel")),
    ("pip3", Words("install download search index wheel")),
    ("pipx", Words("install run upgrade inject")),
    ("uv", Words("pip add sync publish tool lock run")),
    ("poetry", Words("install add publish update lock")),
    ("go", Words("get install mod")),
    ("gem", Words("install push update fetch")),
    ("bundle", Words("install update add")),
    ("composer", Words("install require update")),
    ("jj", Words("git")),
    ("hg", Words("push pull clone incoming outgoing")),
];

const DESTRUCTIVE: Words = Words(
    "rm rmdir unlink shred srm wipe dd mkfs mke2fs mkswap wipefs fdisk sfdisk gdisk parted blkdiscard \
     truncate killall pkill skill shutdown reboot halt poweroff init telinit umount mount iptables nft \
     userdel groupdel dropdb dropuser losetup cryptsetup lvremove vgremove zfs zpool hdparm insmod rmmod \
     modprobe sysctl",
);

/// A program, and words any of which among its arguments makes it destroy.
const DESTRUCTIVE_WORDS: &[(&str, Words)] = &[
    (
        "git",
        Words(
            "--hard --force -f --force-with-lease --delete -D -d clean restore filter-branch \
        filter-repo gc prune reflog update-ref drop clear rebase --mirror --prune rm --orphan \
        replace checkout switch stash --amend",
        ),
    ),
    ("chmod", Words("-R --recursive")),
    ("chown", Words("-R --recursive")),
    ("chgrp", Words("-R --recursive")),
    (
        "find",
        Words("-delete -exec -execdir -ok -okdir -fprint -fprint0 -fprintf -fls"),
    ),
    ("rsync", Words("--delete --remove-source-files")),
    ("mv", Words("-f --force")),
    ("cp", Words("-f --force --remove-destination")),
    ("ln", Words("-f --force -sf -fs")),
    ("docker", Words("rm rmi prune kill down")),
    ("podman", Words("rm rmi prune kill down")),
    ("kubectl", Words("delete drain replace apply scale")),
    ("terraform", Words("destroy apply")),
    ("cargo", Words("clean uninstall publish yank")),
    ("npm", Words("publish unpublish uninstall deprecate")),
    ("gh", Words("delete merge close")),
    ("jj", Words("abandon restore")),
];

const PRIVILEGE: Words = Words(
    "sudo doas pkexec su runuser nsenter chroot unshare setcap setfacl visudo passwd usermod",
);

const PERSISTENCE: Words = Words(
    "crontab at batch systemctl systemd-run launchctl loginctl tmux screen nohup setsid disown update-rc.d \
     chkconfig",
);

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
fn unversioned(name: &str) -> &str {
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
    if SHELL_WORDS.has(name) {
        doubts.push("shell-word");
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
        doubts.push("unknown-option");
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

fn is_wrapper(name: &str) -> bool {
    WRAPPERS.has(name) || name.starts_with("ld-linux")
}

fn is_interpreter(name: &str) -> bool {
    INTERPRETERS.has(name) || INTERPRETERS.has(unversioned(name))
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

/// Effects and dangers that the name and the arguments tell of. Not `proven`: any argument may be the subcommand.
pub(crate) fn note_effects(program: &str, args: &[String], proven: bool, facts: &mut Facts) {
    let name = base_name(program);
    if reaches_network(name, args, proven) {
        facts.effect(Effect::Network);
        for host in args.iter().filter_map(|arg| bare_host(arg)) {
            add_host(host, facts);
        }
    }
    if facts.effects.contains(&Effect::Network) {
        facts.need("network");
    }
    if destroys(name, args) {
        facts.effect(Effect::Destroy);
        facts.danger("destructive");
    }
    if PRIVILEGE.has(name) {
        facts.danger("privilege");
    }
    if PERSISTENCE.has(name) {
        facts.danger("persistence");
    }
    if WRITES_ALL.has(name) || WRITES_LAST.has(name) {
        facts.effect(Effect::Write);
    }
}

fn reaches_network(name: &str, args: &[String], proven: bool) -> bool {
    if NETWORK.has(name) {
        return true;
    }
    let Some((_, words)) = NETWORK_SUBCOMMANDS
        .iter()
        .find(|(program, _)| *program == name)
    else {
        return false;
    };
    let mut candidates = without_global_options(name, args)
        .iter()
        .filter(|arg| !arg.starts_with(['-', '+']))
        .take(if proven { 1 } else { usize::MAX });
    candidates.any(|word| words.has(word))
}

fn destroys(name: &str, args: &[String]) -> bool {
    DESTRUCTIVE.has(name)
        || name.starts_with("mkfs.")
        || DESTRUCTIVE_WORDS.iter().any(|(program, words)| {
            *program == name && args.iter().any(|arg| is_destructive_word(arg, *words))
        })
        // `git push origin +main`, `git push origin :main`
        || (name == "git" && args.iter().any(|arg| arg.starts_with(['+', ':'])))
}

/// The word itself, with a value (`--force=x`), or clustered (`-fdx`).
fn is_destructive_word(arg: &str, words: Words) -> bool {
    let name = arg.split_once('=').map_or(arg, |(name, _)| name);
    let clustered = |word: &str| {
        let (Some(arg), Some(word)) = (arg.strip_prefix('-'), word.strip_prefix('-')) else {
            return false;
        };
        word.len() == 1 && !arg.starts_with('-') && arg.contains(word)
    };
    words.has(name) || words.iter().any(clustered)
}

/// The host part of something like a URL, with everything that is odd about it.
fn host_in_url(arg: &str) -> Option<&str> {
    let (_, rest) = arg.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

/// The host of `evil.com/x` and `git@evil.com:x`, as programs of the network take it.
fn bare_host(arg: &str) -> Option<String> {
    let host = arg.split(['/', ':']).next()?;
    let host = host.rsplit('@').next()?;
    let plain = host
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    let is_host =
        plain && host.contains('.') && host.starts_with(|c: char| c.is_ascii_alphanumeric());
    is_host.then(|| host.to_ascii_lowercase())
}

/// Hosts of the addresses among the words, whatever program gets them.
pub(crate) fn note_addresses(words: &[String], facts: &mut Facts) {
    for authority in words.iter().filter_map(|word| host_in_url(word)) {
        note_host(authority, facts);
        facts.effect(Effect::Network);
    }
}

fn note_host(authority: &str, facts: &mut Facts) {
    if authority.contains(['@', '\\', '%', '[']) {
        facts.doubt("odd-address");
    }
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    add_host(host, facts);
}

fn add_host(host: String, facts: &mut Facts) {
    if host.is_empty() || facts.hosts.contains(&host) {
        return;
    }
    if facts.hosts.len() < MAX_HOSTS {
        facts.hosts.push(host);
    } else {
        facts.doubt("too-many-hosts");
    }
}

/// Arguments that are, or may be, paths; and whether they are written.
pub(crate) fn path_arguments<'a>(program: &str, args: &'a [String]) -> Vec<(&'a str, bool)> {
    let name = base_name(program);
    let all = WRITES_ALL.has(name);
    let last = args.iter().rposition(|arg| !arg.starts_with('-'));
    let mut paths = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        let write = all || (WRITES_LAST.has(name) && last == Some(at));
        let path = path_in(arg);
        if looks_like_path(path) || (write && !arg.starts_with('-')) {
            paths.push((path, write));
        }
    }
    paths
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
        let name = base_name(word);
        write |= WRITES_ALL.has(name) || WRITES_LAST.has(name);
    }
    paths
}

/// The value of `--option=value` and `of=value`, else the argument.
fn path_in(arg: &str) -> &str {
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
