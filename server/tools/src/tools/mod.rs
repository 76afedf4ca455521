//! The built-in tools, one file each or a small family. Their names and inputs are contract; the order that models
//! see is in `registry.rs`.

pub(crate) mod apply_patch;
pub(crate) mod ask;
pub(crate) mod diagnostics;
pub(crate) mod edit;
pub(crate) mod glob;
pub(crate) mod grep;
mod index;
pub(crate) mod language;
pub(crate) mod list;
pub(crate) mod move_delete;
pub(crate) mod quickfix;
pub(crate) mod read;
pub(crate) mod rename;
pub(crate) mod shell;
pub(crate) mod symbols;
#[cfg(test)]
mod tests;
pub(crate) mod todo;
#[cfg(test)]
mod told;
pub(crate) mod write;
