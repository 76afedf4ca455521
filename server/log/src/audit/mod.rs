//! The audit of a log: who only has the public key can tell whether it is what was written.
//!
//! A Merkle tree stands over the log's lines; its root is signed in checkpoints, in forms that others can check too
//! (RFC 6962 tree, C2SP tlog-checkpoint, C2SP signed-note, ed25519). Must not know what events mean: that is for
//! the statement of a bundle alone.
//!
//! What this proves, and what not
//! - The chain of `line.rs` shows any change before its end to everybody, but who can write the log can write the
//!   whole chain anew. A signed checkpoint shows that too, and lines taken off the end.
//! - Log and checkpoints, both put back to older copies, look like an older log. Only a checkpoint that is kept
//!   elsewhere (an anchor) shows that.
//! - Who has the signing key can sign another log. A key that others must trust stands where the log's writer can't
//!   hand it on; the administrator's configuration names it.

mod bundle;
mod checkpoint;
mod key;
mod merkle;
mod note;
mod statement;
mod verify;

pub use bundle::{VerifiedBundle, verify_bundle};
pub use key::KeyFile;
pub use note::PublicKey;
pub use verify::{Against, Anchor, Verified};

pub(crate) use bundle::export;
pub(crate) use checkpoint::{Comparison, Signer};
pub(crate) use verify::verify;
