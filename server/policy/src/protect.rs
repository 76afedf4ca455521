//! Paths that are more than text: what other programs run or obey, secrets, devices, our own files.
//!
//! Names compare without case, and without the dots and spaces at the end that some file systems drop.

use std::path::{Component, Path, PathBuf};

use crate::facts::PathFact;
use crate::wordlist::Words;

/// What is special about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    /// Interline's own configuration, policy and log.
    Own,
    /// Below `.git`.
    Git,
    /// Devices, `/proc`, `/sys`.
    Device,
    /// The shell or the desktop runs it by itself.
    Start,
    /// Configuration of an editor or an agent.
    Config,
    /// Other programs run or obey it: build files, what runs on save.
    Obeyed,
}

impl Special {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Own => "own-state",
            Self::Git => "git-internals",
            Self::Device => "device",
            Self::Start => "shell-start",
            Self::Config => "editor-config",
            Self::Obeyed => "protected",
        }
    }
}

/// What is special about a path, as sent or as resolved.
pub(crate) fn special(path: &PathFact, own: &[PathBuf]) -> Option<Special> {
    if own.iter().any(|folder| path.resolved.starts_with(folder)) {
        return Some(Special::Own);
    }
    if is_device(&path.resolved) {
        return Some(Special::Device);
    }
    let both = [names(Path::new(&path.sent)), names(&path.resolved)];
    if both
        .iter()
        .any(|names| names.iter().any(|name| name == ".git"))
    {
        return Some(Special::Git);
    }
    let any = |is: fn(&[String]) -> bool| both.iter().any(|names| is(names));
    if any(is_start) {
        return Some(Special::Start);
    }
    if any(is_config) {
        return Some(Special::Config);
    }
    any(is_obeyed).then_some(Special::Obeyed)
}

/// Do other programs run this file of the workspace, or obey what it says? Hooks, tasks of an editor, build files,
/// what agents read: what an attacker would leave behind.
#[must_use]
pub fn is_executable_config(path: &Path) -> bool {
    let fact = PathFact {
        sent: path.to_string_lossy().into_owned(),
        resolved: path.to_owned(),
        inside: true,
        write: true,
    };
    special(&fact, &[]).is_some()
}

/// Keys, tokens and passwords, by name; as sent or as resolved.
pub(crate) fn is_secret(path: &PathFact) -> bool {
    [names(Path::new(&path.sent)), names(&path.resolved)]
        .iter()
        .any(|names| secret_names(names))
}

fn names(path: &Path) -> Vec<String> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        })
        .map(|name| name.trim_end_matches(['.', ' ']).to_lowercase())
        .collect()
}

fn is_device(path: &Path) -> bool {
    ["/dev", "/proc", "/sys"]
        .iter()
        .any(|top| path.starts_with(top))
        && path != Path::new("/dev/null")
}

const START_FILES: Words = Words(
    ".bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin \
     .zlogout .kshrc .cshrc .tcshrc .login .inputrc .xprofile .xinitrc .xsession config.fish .gitconfig .envrc",
);

const START_FOLDERS: Words = Words(".ssh .gnupg .githooks .husky");

fn is_start(names: &[String]) -> bool {
    let below_config = |pair: &[String]| {
        let places = Words("fish git systemd autostart environment.d");
        matches!(pair, [a, b] if a == ".config" && places.has(b))
    };
    names.last().is_some_and(|file| START_FILES.has(file))
        || names.iter().any(|name| START_FOLDERS.has(name))
        || names.windows(2).any(below_config)
        || names
            .iter()
            .any(|name| Words("cron.d crontabs cron.daily").has(name))
}

const CONFIG_FOLDERS: Words = Words(
    ".vscode .idea .zed .fleet .interline .claude .cursor .codex .gemini .devcontainer .vim .nvim .emacs.d",
);

const CONFIG_FILES: Words = Words(
    "agents.md claude.md gemini.md .mcp.json .cursorrules .vimrc .gvimrc .exrc .nvimrc .nvim.lua .lvimrc \
     .emacs .dir-locals.el",
);

fn is_config(names: &[String]) -> bool {
    let nvim = |pair: &[String]| matches!(pair, [a, b] if a == ".config" && b == "nvim");
    names.last().is_some_and(|file| CONFIG_FILES.has(file))
        || names.iter().any(|name| CONFIG_FOLDERS.has(name))
        || names.windows(2).any(nvim)
}

/// Whole folders of this name are obeyed, wherever they are.
const OBEYED_FOLDERS: Words = Words(".cargo .yarn");

const OBEYED_FILES: Words = Words(
    ".tool-versions \
     mise.toml .mise.toml .editorconfig .gitattributes .gitmodules .pre-commit-config.yaml \
     lefthook.yml build.rs cargo.toml rust-toolchain rust-toolchain.toml package.json .npmrc .yarnrc \
     .yarnrc.yml .pnpmfile.cjs tsconfig.json jsconfig.json setup.py conftest.py pyvenv.cfg .flake8 \
     build.gradle build.gradle.kts settings.gradle settings.gradle.kts .clangd compile_commands.json \
     .rubocop.yml mix.exs build.zig",
);

/// Tools that run their configuration as code, whatever its extension.
const OBEYED_STEMS: Words = Words(
    ".eslintrc. eslint.config. .prettierrc. prettier.config. vite.config. vitest.config. jest.config. \
     webpack.config. rollup.config. babel.config. postcss.config. tailwind.config. svelte.config. \
     next.config. nuxt.config. astro.config.",
);

fn is_obeyed(names: &[String]) -> bool {
    let Some((file, folders)) = names.split_last() else {
        return false;
    };
    names.iter().any(|name| OBEYED_FOLDERS.has(name))
        || OBEYED_FILES.has(file)
        || OBEYED_STEMS.iter().any(|stem| file.starts_with(stem))
        || folders.windows(2).any(
            |pair| matches!(pair, [a, b] if a == ".github" && (b == "workflows" || b == "actions")),
        )
}

const SECRET_FOLDERS: Words = Words(".ssh .gnupg .aws .azure .kube .password-store");

const SECRET_FILES: Words = Words(
    ".netrc _netrc .pgpass .my.cnf .npmrc .pypirc .git-credentials .htpasswd id_rsa id_dsa id_ecdsa \
     id_ed25519 credentials credentials.json credentials.toml credentials.db secrets secrets.json \
     secrets.yaml secrets.yml secrets.toml service-account.json shadow gshadow environ .envrc .dockercfg \
     hosts.yml kubeconfig terraform.tfstate terraform.tfvars master.key",
);

const SECRET_EXTENSIONS: Words = Words("pem key p12 pfx jks keystore kdbx ppk asc gpg age");

fn secret_names(names: &[String]) -> bool {
    let Some((file, folders)) = names.split_last() else {
        return false;
    };
    let below = |first: &str, second: &str| {
        folders.last().is_some_and(|folder| folder == first) && file == second
    };
    let extension = file.rsplit_once('.').map(|(_, extension)| extension);
    names.iter().any(|name| SECRET_FOLDERS.has(name))
        || (SECRET_FILES.has(file))
        || extension.is_some_and(|extension| SECRET_EXTENSIONS.has(extension))
        || is_dotenv(file)
        || below(".git", "config")
        || below(".docker", "config.json")
}

/// `.env` and `.env.local`, not the samples that are made to be read.
fn is_dotenv(file: &str) -> bool {
    let samples = [".env.example", ".env.sample", ".env.template", ".env.dist"];
    (file == ".env" || file.starts_with(".env.") || file.ends_with(".env"))
        && !samples.contains(&file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(sent: &str, resolved: &str) -> PathFact {
        PathFact {
            sent: sent.into(),
            resolved: resolved.into(),
            inside: true,
            write: true,
        }
    }

    #[test]
    fn special_paths_are_found_by_either_name() {
        let own = [PathBuf::from("/home/u/.config/interline")];
        let of = |sent: &str, resolved: &str| special(&fact(sent, resolved), &own);
        assert_eq!(of("src/a.rs", "/w/src/a.rs"), None);
        assert_eq!(of(".gitignore", "/w/.gitignore"), None);
        assert_eq!(of("x", "/w/.git/hooks/pre-commit"), Some(Special::Git));
        assert_eq!(of(".GIT/config", "/w/.GIT/config"), Some(Special::Git));
        assert_eq!(of(".git./config", "/w/.git./config"), Some(Special::Git));
        assert_eq!(
            of("x", "/home/u/.config/interline/config.toml"),
            Some(Special::Own)
        );
        assert_eq!(of("notes", "/home/u/.bashrc"), Some(Special::Start));
        assert_eq!(of("AGENTS.md", "/w/AGENTS.md"), Some(Special::Config));
        assert_eq!(
            of("a/.vscode/x/y.json", "/w/a/.vscode/x/y.json"),
            Some(Special::Config)
        );
        assert_eq!(
            of("eslint.config.mjs", "/w/eslint.config.mjs"),
            Some(Special::Obeyed)
        );
        assert_eq!(of("x", "/dev/sda"), Some(Special::Device));
        assert_eq!(of("x", "/dev/null"), None);
    }

    #[test]
    fn executable_config_is_known_by_name() {
        for config in [
            ".vscode/tasks.json",
            ".git/hooks/post-checkout",
            ".envrc",
            "sub/.envrc",
            ".cargo/config.toml",
            "package.json",
            ".interline/config.toml",
            ".github/workflows/a.yml",
            "AGENTS.md",
        ] {
            assert!(is_executable_config(Path::new(config)), "{config}");
        }
        for plain in ["src/main.rs", "README.md", "Cargo.lock", "tasks.json"] {
            assert!(!is_executable_config(Path::new(plain)), "{plain}");
        }
    }

    #[test]
    fn secrets_are_known_by_name() {
        for secret in [
            ".env",
            ".env.local",
            "prod.env",
            "k.pem",
            "a/id_rsa",
            ".netrc",
            ".aws/config",
            ".git/config",
        ] {
            assert!(is_secret(&fact(secret, "/w/x")), "{secret}");
            assert!(is_secret(&fact("x", &format!("/w/{secret}"))), "{secret}");
        }
        for open in [
            ".env.example",
            "src/env.rs",
            "environment",
            "key.rs",
            "secrets.rs",
        ] {
            assert!(!is_secret(&fact(open, &format!("/w/{open}"))), "{open}");
        }
    }
}
