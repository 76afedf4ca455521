//! From a specification to a client.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;

use crate::builtin::Builtin;
use crate::codec;
use crate::http::{Clocks, Endpoint};
use crate::{ModelClient, ModelError, ModelEvent, ModelSpec, Provider, Request};

/// A client for a model. Cheap: connections and TLS roots are made when first used. Clients don't share
/// connections, so make one per model and keep it.
///
/// # Errors
/// [`crate::ErrorKind::Config`] for a base URL or a key that can't work.
pub fn client(spec: ModelSpec) -> Result<Arc<dyn ModelClient>, ModelError> {
    if spec.provider == Provider::Builtin {
        return Ok(Arc::new(Builtin::new(spec)));
    }
    Ok(Arc::new(Remote(Arc::new(Endpoint::new(
        spec,
        Clocks::default(),
    )?))))
}

/// A model that is reached over HTTP.
pub(crate) struct Remote(pub(crate) Arc<Endpoint>);

impl ModelClient for Remote {
    fn spec(&self) -> &ModelSpec {
        self.0.spec()
    }

    fn encode(&self, request: &Request) -> Result<Bytes, ModelError> {
        codec::encode(self.spec(), request)
    }

    fn send(&self, body: Bytes) -> BoxStream<'static, Result<ModelEvent, ModelError>> {
        Arc::clone(&self.0).attempt(body)
    }
}
