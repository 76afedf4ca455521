//! The wire: what `opentelemetry-proto` generated, filled in.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue,
};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

/// Who sends.
pub(super) struct Resource {
    resource: v1::Resource,
    scope: InstrumentationScope,
}

impl Resource {
    pub(super) fn new(version: &str) -> Self {
        let attributes = vec![
            text("service.name", "interline"),
            text("service.version", version),
        ];
        Self {
            resource: v1::Resource {
                attributes,
                ..v1::Resource::default()
            },
            scope: InstrumentationScope {
                name: "interline".to_owned(),
                version: version.to_owned(),
                ..InstrumentationScope::default()
            },
        }
    }

    /// The body of a request to `/v1/traces`.
    pub(super) fn spans(&self, spans: Vec<Span>) -> Vec<u8> {
        let scope = ScopeSpans {
            scope: Some(self.scope.clone()),
            spans,
            ..ScopeSpans::default()
        };
        let resource = ResourceSpans {
            resource: Some(self.resource.clone()),
            scope_spans: vec![scope],
            ..ResourceSpans::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![resource],
        };
        request.encode_to_vec()
    }

    /// The body of a request to `/v1/metrics`.
    pub(super) fn metrics(&self, metrics: Vec<Metric>) -> Vec<u8> {
        let scope = ScopeMetrics {
            scope: Some(self.scope.clone()),
            metrics,
            ..ScopeMetrics::default()
        };
        let resource = ResourceMetrics {
            resource: Some(self.resource.clone()),
            scope_metrics: vec![scope],
            ..ResourceMetrics::default()
        };
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![resource],
        };
        request.encode_to_vec()
    }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

pub(super) fn number(key: &str, value: u64) -> KeyValue {
    attribute(
        key,
        Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)),
    )
}

pub(super) fn decimal(key: &str, value: f64) -> KeyValue {
    attribute(key, Value::DoubleValue(value))
}

pub(super) fn list(key: &str, value: &str) -> KeyValue {
    let values = vec![AnyValue {
        value: Some(Value::StringValue(value.to_owned())),
    }];
    attribute(key, Value::ArrayValue(ArrayValue { values }))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
