//! From a specification to a client.

use std::sync::Arc;

use crate::{ModelClient, ModelError, ModelSpec};

/// A client for a model. Cheap: connections and TLS roots are made when first used.
///
/// # Errors
/// [`crate::ErrorKind::Config`] for a base URL or a key that can't work.
pub fn client(spec: ModelSpec) -> Result<Arc<dyn ModelClient>, ModelError> {
    let _ = spec;
    todo!()
}
