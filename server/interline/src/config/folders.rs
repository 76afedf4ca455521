//! Where configuration and state live (XDG base directories; `INTERLINE_HOME` moves both under one folder).

use std::path::{Path, PathBuf};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folders {
    pub(crate) config: PathBuf,
    pub(crate) state: PathBuf,
}

impl Folders {
    pub(crate) fn from_env(env: &[(String, String)]) -> Option<Self> {
        let get = |name: &str| {
            env.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        // The specification: relative paths in these variables are to be ignored.
        let absolute = |name: &str| {
            get(name)
                .filter(|path| Path::new(path).is_absolute())
                .map(PathBuf::from)
        };
        if let Some(home) = absolute("INTERLINE_HOME") {
            return Some(Self {
                config: home.join("config"),
                state: home.join("state"),
            });
        }
        let home = absolute("HOME");
        let base = |name: &str, default: &str| {
            absolute(name)
                .or_else(|| home.as_ref().map(|home| home.join(default)))
                .map(|base| base.join("interline"))
        };
        Some(Self {
            config: base("XDG_CONFIG_HOME", ".config")?,
            state: base("XDG_STATE_HOME", ".local/state")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(env: &[(&str, &str)]) -> Option<(String, String)> {
        let env: Vec<_> = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let Folders { config, state } = Folders::from_env(&env)?;
        Some((config.display().to_string(), state.display().to_string()))
    }

    #[test]
    fn one_folder_or_two() {
        let pair = |config: &str, state: &str| Some((config.to_owned(), state.to_owned()));
        assert_eq!(folders(&[]), None);
        assert_eq!(
            folders(&[("HOME", "/h")]),
            pair("/h/.config/interline", "/h/.local/state/interline")
        );
        assert_eq!(
            folders(&[
                ("HOME", "/h"),
                ("XDG_STATE_HOME", "/s"),
                ("XDG_CONFIG_HOME", "relative")
            ]),
            pair("/h/.config/interline", "/s/interline")
        );
        assert_eq!(
            folders(&[("HOME", "/h"), ("INTERLINE_HOME", "/i")]),
            pair("/i/config", "/i/state")
        );
    }
}
