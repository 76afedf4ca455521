//! What programs are known to do to the world by their names and arguments: what the sandbox can't give them, what
//! they destroy, what they may not touch. Programs that are not here are unknown: they may do anything inside of
//! the workspace.

use super::hosts;
use super::programs::{base_name, is_interpreter, unversioned, without_global_options};
use crate::facts::{Effect, Facts};
use crate::wordlist::Words;

/// Programs whose every use has this need or danger.
const BY_NAME: &[(&str, Words)] = &[
    (
        "network",
        Words(
            "curl wget ssh scp sftp nc ncat netcat socat telnet ftp lftp tftp ping ping6 dig nslookup host drill \
             whois traceroute tracepath mtr nmap http https xh aria2c mail mailx sendmail msmtp rclone mosh \
             pnpx bunx uvx twine svn yt-dlp speedtest rsh rlogin ssh-keyscan ssh-copy-id websocat grpcurl iperf \
             iperf3",
        ),
    ),
    (
        "service",
        Words(
            "docker docker-compose podman buildah skopeo nerdctl kubectl helm k9s minikube kind terraform tofu \
             pulumi ansible ansible-playbook vagrant aws gcloud gsutil az doctl flyctl fly heroku vercel netlify \
             wrangler firebase supabase gh glab hub psql mysql mysqldump mariadb pg_dump redis-cli mongo mongosh \
             systemctl service launchctl loginctl journalctl systemd-run crontab at batch atq busctl gdbus \
             dbus-send virsh lxc multipass xdg-open open start code osascript notify-send wall write screen tmux \
             initctl rc-service update-rc.d chkconfig hostnamectl timedatectl nmcli ip ifconfig",
        ),
    ),
    (
        "install",
        Words(
            "apt apt-get aptitude dpkg dnf yum rpm zypper pacman apk brew port snap flatpak nix-env conda mamba \
             micromamba easy_install winget choco scoop pipx",
        ),
    ),
    (
        "privilege",
        Words(
            "sudo doas pkexec su runuser nsenter chroot setcap visudo passwd chpasswd usermod useradd userdel \
             groupadd groupdel groupmod adduser deluser chsh newgrp sg setpriv capsh mount umount mkfs mke2fs mkswap \
             swapon swapoff fdisk sfdisk gdisk parted blkdiscard losetup cryptsetup insmod rmmod modprobe kexec \
             sysctl iptables ip6tables nft ufw firewall-cmd shutdown reboot halt poweroff init telinit \
             wipefs lvremove vgremove zfs zpool hdparm setenforce aa-teardown bpftool bpftrace debugfs",
        ),
    ),
    (
        "user-secret",
        Words(
            "ssh-add ssh-agent gpg-connect-agent pass op bw lastpass lpass vault secret-tool security keyring \
             gnome-keyring kwallet-query aws-vault",
        ),
    ),
    (
        "persistence",
        Words(
            "crontab at batch systemctl systemd-run launchctl loginctl tmux screen nohup setsid update-rc.d chkconfig",
        ),
    ),
    (
        "destructive",
        Words(
            "rm rmdir unlink shred srm wipe dd truncate killall pkill skill kill dropdb dropuser mkfs mke2fs wipefs \
             fdisk sfdisk parted blkdiscard shutdown reboot halt poweroff",
        ),
    ),
];

/// Subcommands: program, words, need. The first word that is no option counts.
const SUBCOMMANDS: &[(&str, &str, Words)] = &[
    (
        "git",
        "network",
        Words(
            "push send-pack pull fetch fetch-pack clone ls-remote submodule request-pull send-email svn p4 lfs upload-pack daemon",
        ),
    ),
    (
        "git",
        "git-history",
        Words(
            "commit merge rebase cherry-pick revert reset am update-ref gc prune filter-branch filter-repo replace \
             init add rm mv checkout switch commit-tree update-index symbolic-ref pack-refs repack fast-import \
             hash-object mktag write-tree mktree read-tree maintenance sparse-checkout rerere citool gui",
        ),
    ),
    (
        "git",
        "user-secret",
        Words("credential credential-store credential-cache"),
    ),
    ("cargo", "install", Words("install uninstall publish")),
    (
        "cargo",
        "network",
        Words(
            "add update fetch search login logout owner yank info install publish remote-registry",
        ),
    ),
    (
        "npm",
        "install",
        Words(
            "install i in ins isntall add ci cit it install-test uninstall un remove rm update up upgrade link ln dedupe prune publish unpublish deprecate",
        ),
    ),
    (
        "npm",
        "network",
        Words(
            "install i add ci publish audit login logout adduser view info show v search outdated init create whoami owner access token dist-tag ping update doctor star unpublish deprecate",
        ),
    ),
    (
        "pnpm",
        "install",
        Words("install i add update up remove rm link publish import"),
    ),
    (
        "pnpm",
        "network",
        Words("install i add update up dlx create audit outdated publish fetch store"),
    ),
    (
        "yarn",
        "install",
        Words("install add upgrade up remove link publish import"),
    ),
    (
        "yarn",
        "network",
        Words("install add upgrade up dlx create audit outdated info npm publish"),
    ),
    (
        "bun",
        "install",
        Words("install i add a update remove rm link"),
    ),
    (
        "bun",
        "network",
        Words("install i add a update x create publish outdated"),
    ),
    (
        "deno",
        "network",
        Words("install add cache upgrade publish deploy"),
    ),
    ("pip", "install", Words("install uninstall download wheel")),
    (
        "pip",
        "network",
        Words("install download search index wheel"),
    ),
    (
        "uv",
        "network",
        Words("sync add remove lock publish tool self python build"),
    ),
    ("uv", "install", Words("pip add remove sync tool")),
    ("poetry", "install", Words("install add remove update self")),
    (
        "poetry",
        "network",
        Words("install add publish update lock search"),
    ),
    (
        "pdm",
        "network",
        Words("install add update lock publish sync"),
    ),
    (
        "pipenv",
        "network",
        Words("install update lock sync upgrade"),
    ),
    ("go", "network", Words("get install mod")),
    (
        "gem",
        "install",
        Words("install uninstall push update cleanup"),
    ),
    ("gem", "network", Words("install push update fetch search")),
    ("bundle", "network", Words("install update add outdated")),
    (
        "composer",
        "network",
        Words("install require update create-project global"),
    ),
    (
        "rustup",
        "install",
        Words("update install uninstall toolchain target component self default override set"),
    ),
    (
        "rustup",
        "network",
        Words("update install toolchain target component self"),
    ),
    ("jj", "network", Words("git")),
    (
        "jj",
        "git-history",
        Words("commit new describe abandon rebase squash split bookmark edit restore op undo"),
    ),
    ("hg", "network", Words("push pull clone incoming outgoing")),
    (
        "hg",
        "git-history",
        Words("commit ci update up merge rebase strip branch bookmark tag"),
    ),
    ("mvn", "network", Words("deploy")),
    (
        "dotnet",
        "network",
        Words("restore add nuget publish new tool"),
    ),
    (
        "corepack",
        "network",
        Words("enable prepare install use up"),
    ),
    ("nvm", "network", Words("install uninstall")),
    ("fnm", "network", Words("install")),
    ("volta", "network", Words("install pin")),
    ("pyenv", "network", Words("install")),
    (
        "nix",
        "network",
        Words("build run shell develop flake profile"),
    ),
    ("hatch", "network", Words("publish")),
    ("flit", "network", Words("publish")),
];

/// Subcommands that only read without further words, and change history with these.
const GIT_LISTS: &[(&str, Words)] = &[
    (
        "branch",
        Words(
            "-a --all -r --remotes -v -vv --verbose --list -l --show-current --merged --no-merged --contains --sort --format",
        ),
    ),
    (
        "tag",
        Words("-l --list -n --sort --contains --merged --points-at --format"),
    ),
    ("stash", Words("list show")),
    ("remote", Words("-v --verbose show get-url")),
    ("worktree", Words("list")),
    ("notes", Words("show list")),
    ("reflog", Words("show --all -n")),
    ("bisect", Words("log view")),
    (
        "config",
        Words(
            "--get --get-all --get-regexp --list -l get list --show-origin --show-scope --global --local --name-only",
        ),
    ),
];

/// A program, and words any of which among its arguments makes it destroy.
const DESTRUCTIVE_WORDS: &[(&str, Words)] = &[
    (
        "git",
        Words(
            "--hard --force -f --force-with-lease --delete -D -d clean restore filter-branch filter-repo gc prune \
             reflog update-ref drop clear rebase --mirror --prune rm --orphan replace checkout switch stash --amend",
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

/// Options by which harmless programs run others or load code. With `=` or clustered they count too.
const ESCAPES: &[(&str, Words)] = &[
    (
        "tar",
        Words(
            "--checkpoint-action --to-command --use-compress-program -I --rsh-command --rmt-command --info-script -F --new-volume-script",
        ),
    ),
    ("rsync", Words("-e --rsh --rsync-path")),
    ("sort", Words("--compress-program")),
    ("man", Words("--html -H --pager -P")),
    ("rg", Words("--pre --hostname-bin")),
    ("find", Words("-exec -execdir -ok -okdir")),
    ("vim", Words("-c --cmd -S -u +")),
    ("vi", Words("-c")),
    ("nvim", Words("-c --cmd -S -u -l")),
    ("emacs", Words("--eval --load -l -f --funcall --batch")),
    ("zip", Words("-TT --unzip-command")),
    ("make", Words("--eval -f SHELL=")),
    ("gcc", Words("-wrapper -fplugin -B")),
    ("split", Words("--filter")),
    ("xz", Words("")),
    ("ssh", Words("-o")),
    ("less", Words("+ -k --lesskey-src")),
    ("date", Words("-s --set")),
    ("tcpdump", Words("-z")),
    ("strace", Words("-o")),
    ("mysql", Words("-e")),
    ("cargo", Words("--config")),
    (
        "npm",
        Words("--script-shell --node-options --prefix -g --global"),
    ),
    ("pip", Words("--target --prefix --root --user")),
];

/// Programs that fetch the addresses that they are given, by HTTP.
const FETCHERS: Words = Words("curl wget http https xh aria2c");

/// Is all that uses the network in it such a program?
pub(crate) fn only_fetches(facts: &Facts) -> bool {
    let fetches = |argv: &[String]| {
        let (program, args) = argv.split_first()?;
        let mut own = Facts::default();
        note(program, args, true, &mut own);
        (!own.needs.is_empty()).then(|| FETCHERS.has(base_name(program)))
    };
    let all = facts.argv.iter().chain(&facts.inside);
    let mut found = all.filter_map(|argv| fetches(argv)).peekable();
    found.peek().is_some() && found.all(|fetches| fetches)
}

/// Notes what a command does. Not `proven`: any argument may be the subcommand.
pub(crate) fn note(program: &str, args: &[String], proven: bool, facts: &mut Facts) {
    let name = base_name(program);
    let name = if is_interpreter(name) || name.starts_with("pip") {
        unversioned(name)
    } else {
        name
    };
    let bare_query =
        matches!(args, [only] if matches!(only.as_str(), "--version" | "-V" | "--help"));
    for (code, names) in BY_NAME {
        if names.has(name) || (*code == "privilege" && name.starts_with("mkfs.")) {
            by_code(code, bare_query, facts);
        }
    }
    let words = without_global_options(name, args);
    if !bare_query {
        subcommands(name, words, proven, facts);
        if name == "git" {
            git(args, words, facts);
        }
        special(name, args, facts);
    }
    if destroys(name, args) {
        facts.effect(Effect::Destroy);
        facts.danger("destructive");
    }
    if ESCAPES
        .iter()
        .any(|(known, options)| *known == name && args.iter().any(|arg| is_word(arg, *options)))
    {
        facts.doubt("program-escape");
    }
    if facts.effects.contains(&Effect::Network) {
        facts.need("network");
    }
}

fn by_code(code: &str, bare_query: bool, facts: &mut Facts) {
    match code {
        "network" | "service" | "install" if bare_query => {}
        "network" => facts.effect(Effect::Network),
        "service" | "install" => {
            facts.need(code);
            facts.effect(Effect::Network);
        }
        "destructive" => {
            facts.effect(Effect::Destroy);
            facts.danger(code);
        }
        code => facts.danger(code),
    }
}

fn subcommands(name: &str, words: &[String], proven: bool, facts: &mut Facts) {
    let offline = words
        .iter()
        .any(|word| word == "--offline" || word == "--dry-run" || word == "--no-index");
    for (program, need, known) in SUBCOMMANDS.iter().filter(|(program, ..)| *program == name) {
        let mut candidates = words
            .iter()
            .filter(|word| !word.starts_with(['-', '+']))
            .take(if proven { 1 } else { usize::MAX });
        if !candidates.any(|word| known.has(word)) {
            continue;
        }
        match *need {
            "network" if offline && *program != "git" => {}
            "network" => facts.effect(Effect::Network),
            "user-secret" => facts.danger(need),
            need => facts.need(need),
        }
    }
}

fn git(args: &[String], words: &[String], facts: &mut Facts) {
    let given = args.len().saturating_sub(words.len());
    let global = args.get(..given).unwrap_or_default();
    if global.iter().any(|arg| {
        matches!(arg.as_str(), "-c" | "--exec-path" | "--config-env")
            || arg.starts_with("--exec-path=")
    }) {
        facts.doubt("git-code");
    }
    if args.iter().any(|arg| {
        arg.contains("ext::")
            || arg.starts_with("--upload-pack")
            || arg.starts_with("--receive-pack")
            || arg.starts_with("--ext-diff")
            || arg.starts_with("--textconv")
            || arg.starts_with("-O")
            || arg.starts_with("--open-files-in-pager")
            || arg.starts_with("--output")
    }) {
        facts.doubt("git-code");
    }
    let Some((subcommand, rest)) = words.split_first() else {
        return;
    };
    if let Some((_, harmless)) = GIT_LISTS.iter().find(|(known, _)| known == subcommand) {
        let first = rest
            .first()
            .map(|word| word.split_once('=').map_or(word.as_str(), |(name, _)| name));
        let lists = match subcommand.as_str() {
            "stash" | "worktree" | "notes" | "bisect" => {
                first.is_some_and(|word| harmless.has(word))
            }
            "config" => rest
                .iter()
                .any(|word| harmless.has(word) && !word.ends_with("al")),
            _ => first.is_none_or(|word| harmless.has(word)),
        };
        if !lists {
            facts.need("git-history");
            if matches!(subcommand.as_str(), "config" | "worktree") {
                facts.doubt("git-persistence");
            }
        }
    }
}

/// What is not told by a name or a first word.
fn special(name: &str, args: &[String], facts: &mut Facts) {
    let has = |wanted: &[&str]| args.iter().any(|arg| wanted.contains(&arg.as_str()));
    let is_remote = |arg: &&String| {
        arg.split_once(':')
            .is_some_and(|(host, _)| !host.is_empty() && !host.contains(['/', '=']))
            && !arg.starts_with('-')
    };
    match name {
        "rsync" if args.iter().any(|arg| is_remote(&arg)) => facts.effect(Effect::Network),
        "openssl" if has(&["s_client", "ocsp"]) => facts.effect(Effect::Network),
        "npx"
            if has(&["-y", "--yes", "-p", "--package"])
                || args
                    .iter()
                    .any(|arg| arg.starts_with("create-") || arg.starts_with("--package=")) =>
        {
            facts.effect(Effect::Network);
        }
        "python" | "pypy" => python(args, facts),
        "gpg"
            if args
                .iter()
                .any(|arg| arg.contains("secret") || arg.contains("private")) =>
        {
            facts.danger("user-secret")
        }
        "npm" | "pnpm" | "yarn" if has(&["-g", "--global"]) => facts.need("install"),
        "git" if has(&["--remote"]) => facts.effect(Effect::Network),
        _ => {}
    }
    if (name == "npm" || name == "pnpm" || name == "yarn")
        && args
            .first()
            .is_some_and(|arg| arg == "create" || arg == "init")
    {
        facts.effect(Effect::Network);
    }
    if name == "yarn" && args.is_empty() {
        facts.need("install");
    }
    if facts.effects.contains(&Effect::Network) {
        for host in args.iter().filter_map(|arg| hosts::bare_host(arg)) {
            hosts::add_host(host, facts);
        }
    }
}

/// `python -m pip install x`
fn python(args: &[String], facts: &mut Facts) {
    let Some(at) = args.iter().position(|arg| arg == "-m") else {
        return;
    };
    if let Some((module, rest)) = args.get(at + 1..).and_then(<[String]>::split_first) {
        match module.as_str() {
            "pip" | "pipx" | "ensurepip" => note(module, rest, true, facts),
            "http.server" | "smtplib" | "webbrowser" | "ftplib" => facts.effect(Effect::Network),
            _ => {}
        }
    }
}

fn destroys(name: &str, args: &[String]) -> bool {
    DESTRUCTIVE_WORDS
        .iter()
        .any(|(program, words)| *program == name && args.iter().any(|arg| is_word(arg, *words)))
        // `git push origin +main`, `git push origin :main`
        || (name == "git" && args.iter().any(|arg| arg.starts_with(['+', ':'])))
}

/// The word itself, with a value (`--force=x`), or clustered (`-fdx`).
fn is_word(arg: &str, words: Words) -> bool {
    let name = arg.split_once('=').map_or(arg, |(name, _)| name);
    let clustered = |word: &str| {
        let (Some(arg), Some(word)) = (arg.strip_prefix('-'), word.strip_prefix('-')) else {
            return false;
        };
        word.len() == 1 && !arg.starts_with('-') && arg.contains(word)
    };
    words.has(name) || words.iter().any(clustered)
}
