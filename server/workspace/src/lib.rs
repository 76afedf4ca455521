//! Documents over disk, the proposals on them, search, and the port to the editor.
//!
//! What the user sees is the truth: an open buffer shadows its file. This crate never writes a file of the
//! workspace but in [`landing`], after the user's acceptance. It knows no LSP and no model.

pub mod checks;
mod disk;
pub mod document;
mod documents;
mod edit;
pub mod editor;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod indexing;
pub mod landing;
mod lines;
pub mod patch;
pub mod path;
pub mod proposal;
pub mod search;
pub mod shadow;
pub mod symbols;
pub mod syntax;
#[cfg(target_os = "linux")]
mod watch;
mod workspace;

pub use workspace::Workspace;
