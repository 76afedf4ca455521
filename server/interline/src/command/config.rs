//! `interline config`: the merged configuration with the origin of each value.

use std::path::PathBuf;

use super::{exit, print};
use crate::config::{Config, Flags, root};

pub(super) fn run(folder: Option<PathBuf>) -> anyhow::Result<u8> {
    let config = Config::load(&root(folder)?, &Flags::default())?;
    for (name, value, origin) in config.lines() {
        print(&format!("{name} = {value}  # {origin}\n"));
    }
    for warning in &config.warnings {
        print(&format!("# warning: {warning}\n"));
    }
    Ok(exit::DONE)
}
