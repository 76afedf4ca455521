//! placeholder
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{ModelClient, ModelError, ModelEvent, ModelSpec, Request};
pub(crate) struct Builtin(ModelSpec);
impl Builtin {
    pub(crate) fn new(spec: ModelSpec) -> Self {
        Self(spec)
    }
}
impl ModelClient for Builtin {
    fn spec(&self) -> &ModelSpec {
        &self.0
    }
    fn encode(&self, request: &Request) -> Result<Bytes, ModelError> {
        crate::codec::encode(&self.0, request)
    }
    fn send(&self, _: Bytes) -> BoxStream<'static, Result<ModelEvent, ModelError>> {
        Box::pin(futures::stream::empty())
    }
}
