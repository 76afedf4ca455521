//! The toolchains of the user: what lies on the search path outside of the workspace and the system, and the homes of
//! the usual version managers. To read only; Cargo's home copy-on-write, since even an offline build locks and unpacks
//! there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Mount;

/// Homes of toolchains: the variable that moves them (or none), and where they are in the user's home.
const HOMES: &[(&str, &str)] = &[
    ("RUSTUP_HOME", ".rustup"),
    ("PYENV_ROOT", ".pyenv"),
    ("NVM_DIR", ".nvm"),
    ("VOLTA_HOME", ".volta"),
    ("BUN_INSTALL", ".bun"),
    ("PNPM_HOME", ".local/share/pnpm"),
    ("RBENV_ROOT", ".rbenv"),
    ("GOROOT", ""),
    ("GOMODCACHE", "go/pkg/mod"),
    ("JAVA_HOME", ""),
    ("", ".asdf"),
    ("", ".deno/bin"),
    ("", ".dotnet"),
    ("", ".elan"),
    ("", ".ghcup"),
    ("", ".juliaup"),
    ("", ".local/bin"),
    ("", ".local/lib"),
    ("", ".local/share/fnm"),
    ("", ".local/share/mise"),
    ("", ".local/share/pipx"),
    ("", ".local/share/uv"),
    ("", ".nodenv"),
    ("", ".sdkman"),
    ("", "go/bin"),
];

/// Of Cargo's home: never shown.
const CREDENTIALS: &[&str] = &["credentials", "credentials.toml"];
/// Of Cargo's home: what a command must not change for the next one.
const FIXED: &[&str] = &["bin", "env", "config", "config.toml"];

/// The mounts for a user with this environment and home; nothing that a workspace at `places` has in it.
pub(super) fn toolchains(
    env: &[(String, String)],
    home: &Path,
    places: &[&Path],
    scratch: &Path,
) -> std::io::Result<Vec<Mount>> {
    let value = |name: &str| {
        env.iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let cargo = value("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let homes = HOMES.iter().filter_map(|(name, folder)| match value(name) {
        Some(moved) => Some(PathBuf::from(moved)),
        None => (!folder.is_empty()).then(|| home.join(folder)),
    });
    let on_path = std::env::split_paths(value("PATH").unwrap_or_default());
    let on_path = on_path.filter_map(|folder| prefix(&folder, home));
    let mut wanted: BTreeSet<_> = homes.chain(on_path).collect();
    wanted.retain(|folder| may_show(folder, home, places) && !folder.starts_with(&cargo));
    // What lies in another one is shown with it: parents come first in this order.
    let mut shown: Vec<PathBuf> = Vec::new();
    for folder in wanted {
        if !shown.iter().any(|known| folder.starts_with(known)) {
            shown.push(folder);
        }
    }
    let mut mounts: Vec<_> = shown.into_iter().map(Mount::ReadOnly).collect();
    if may_show(&cargo, home, places) {
        mounts.extend(cargo_home(&cargo, scratch)?);
    }
    Ok(mounts)
}

/// What a folder of the search path needs to work: the folder above a `bin`, if that is not a home.
fn prefix(folder: &Path, home: &Path) -> Option<PathBuf> {
    let above = folder.parent()?;
    let is_bin = folder.file_name().is_some_and(|name| name == "bin");
    let is_home =
        home.starts_with(above) || above.parent() == home.parent() || above == home.join(".local");
    let shallow = above.components().count() < 3;
    Some(
        if is_bin && !is_home && !shallow {
            above
        } else {
            folder
        }
        .to_owned(),
    )
}

fn may_show(folder: &Path, home: &Path, places: &[&Path]) -> bool {
    const KNOWN: &[&str] = &[
        "/usr", "/bin", "/sbin", "/lib", "/opt", "/nix", "/etc", "/dev", "/proc", "/sys",
    ];
    folder.is_absolute()
        && folder.is_dir()
        && !home.starts_with(folder)
        && !KNOWN.iter().any(|known| folder.starts_with(known))
        && !places
            .iter()
            .any(|place| folder.starts_with(place) || place.starts_with(folder))
}

/// Cargo's home, copy-on-write, without its secrets.
fn cargo_home(cargo: &Path, scratch: &Path) -> std::io::Result<Vec<Mount>> {
    let [upper, work] = ["upper", "work"].map(|name| scratch.join("cargo").join(name));
    std::fs::create_dir_all(&upper)?;
    std::fs::create_dir_all(&work)?;
    let at = cargo.to_owned();
    let mut mounts = vec![Mount::Overlay {
        lower: vec![at.clone()],
        upper,
        work,
        at,
    }];
    let fixed = FIXED
        .iter()
        .map(|name| cargo.join(name))
        .filter(|path| path.exists());
    mounts.extend(fixed.map(|path| {
        if has_token(&path) {
            Mount::Hidden(path)
        } else {
            Mount::ReadOnly(path)
        }
    }));
    mounts.extend(
        CREDENTIALS
            .iter()
            .map(|name| Mount::Hidden(cargo.join(name))),
    );
    Ok(mounts)
}

/// A configuration may have a registry's token in it, though it should not.
fn has_token(path: &Path) -> bool {
    path.is_file() && std::fs::read_to_string(path).is_ok_and(|text| text.contains("token"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_on_the_path_brings_its_prefix_but_never_a_home() {
        let home = Path::new("/home/u");
        let of = |folder: &str| prefix(Path::new(folder), home).expect("a folder");
        assert_eq!(
            of("/home/u/tools/node-20/bin"),
            Path::new("/home/u/tools/node-20")
        );
        for own in [
            "/home/u/bin",
            "/home/other/bin",
            "/home/u/.local/bin",
            "/srv/bin",
            "/home/u/scripts",
        ] {
            assert_eq!(of(own), Path::new(own));
        }
    }

    #[test]
    fn cargo_is_shown_without_credentials() {
        let home = tempfile::tempdir().expect("a folder");
        let cargo = home.path().join(".cargo");
        std::fs::create_dir_all(cargo.join("bin")).expect("a new folder");
        std::fs::create_dir_all(cargo.join("registry")).expect("a new folder");
        let env = [("PATH".to_owned(), format!("{}/bin", cargo.display()))];
        let scratch = home.path().join("scratch");
        let mounts = toolchains(&env, home.path(), &[], &scratch).expect("a scratch folder");
        assert!(matches!(mounts.first(), Some(Mount::Overlay { at, .. }) if *at == cargo));
        assert!(mounts.contains(&Mount::ReadOnly(cargo.join("bin"))));
        assert!(mounts.contains(&Mount::Hidden(cargo.join("credentials.toml"))));
        let inside = toolchains(&env, home.path(), &[&cargo], &scratch).expect("nothing to do");
        assert!(inside.is_empty());
    }
}
