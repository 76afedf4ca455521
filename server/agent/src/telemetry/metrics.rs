//! Counters and histograms since the process began (cumulative), with the names of the GenAI semantic conventions
//! where they have one.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
};

use super::otlp;

/// Boundaries of the semantic conventions.
const TOKENS: &[f64] = &[
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0,
    16777216.0, 67108864.0,
];
const SECONDS: &[f64] = &[
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];

/// Name and unit.
type Instrument = (&'static str, &'static str);
type Attributes = Vec<(&'static str, String)>;

pub(super) const TOKEN_USAGE: Instrument = ("gen_ai.client.token.usage", "{token}");
pub(super) const OPERATION: Instrument = ("gen_ai.client.operation.duration", "s");
pub(super) const TOOL: Instrument = ("interline.tool.duration", "s");
pub(super) const COST: Instrument = ("interline.cost", "USD");
pub(super) const DECISIONS: Instrument = ("interline.decisions", "{decision}");
pub(super) const TURNS: Instrument = ("interline.turns", "{turn}");
pub(super) const CRASHES: Instrument = ("interline.crashes", "{crash}");
const DROPPED: Instrument = ("interline.telemetry.dropped", "{item}");

pub(super) struct Metrics {
    since: u64,
    changed: bool,
    sums: BTreeMap<(Instrument, Attributes), f64>,
    histograms: BTreeMap<(Instrument, Attributes), Buckets>,
}

struct Buckets {
    bounds: &'static [f64],
    counts: Vec<u64>,
    sum: f64,
}

impl Metrics {
    /// Nothing yet, since this moment in nanoseconds.
    pub(super) fn new(since: u64) -> Self {
        Self {
            since,
            changed: false,
            sums: BTreeMap::new(),
            histograms: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, instrument: Instrument, attributes: Attributes, value: f64) {
        *self.sums.entry((instrument, attributes)).or_default() += value;
        self.changed = true;
    }

    pub(super) fn observe(&mut self, instrument: Instrument, attributes: Attributes, value: f64) {
        let bounds = if instrument == TOKEN_USAGE {
            TOKENS
        } else {
            SECONDS
        };
        let buckets = self.histograms.entry((instrument, attributes));
        let buckets = buckets.or_insert_with(|| Buckets {
            bounds,
            counts: vec![0; bounds.len() + 1],
            sum: 0.0,
        });
        let at = bounds.partition_point(|bound| *bound < value);
        if let Some(count) = buckets.counts.get_mut(at) {
            *count += 1;
        }
        buckets.sum += value;
        self.changed = true;
    }

    /// So many facts and spans were dropped so far.
    pub(super) fn dropped(&mut self, count: u64) {
        let count = count as f64;
        if count > 0.0 && self.sums.insert((DROPPED, Vec::new()), count) != Some(count) {
            self.changed = true;
        }
    }

    /// All of them, if there is anything new.
    pub(super) fn changed(&mut self, now: u64) -> Option<Vec<Metric>> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let mut metrics = Vec::new();
        for ((instrument, attributes), value) in &self.sums {
            let point = NumberDataPoint {
                attributes: written(attributes),
                start_time_unix_nano: self.since,
                time_unix_nano: now,
                value: Some(Value::AsDouble(*value)),
                ..NumberDataPoint::default()
            };
            let sum = Sum {
                data_points: Vec::new(),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
            };
            if let Some(Data::Sum(sum)) = stream(&mut metrics, *instrument, Data::Sum(sum)) {
                sum.data_points.push(point);
            }
        }
        for ((instrument, attributes), buckets) in &self.histograms {
            let point = HistogramDataPoint {
                attributes: written(attributes),
                start_time_unix_nano: self.since,
                time_unix_nano: now,
                count: buckets.counts.iter().sum(),
                sum: Some(buckets.sum),
                bucket_counts: buckets.counts.clone(),
                explicit_bounds: buckets.bounds.to_vec(),
                ..HistogramDataPoint::default()
            };
            let histogram = Histogram {
                data_points: Vec::new(),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
            };
            let data = Data::Histogram(histogram);
            if let Some(Data::Histogram(histogram)) = stream(&mut metrics, *instrument, data) {
                histogram.data_points.push(point);
            }
        }
        Some(metrics)
    }
}

/// The metric of an instrument, which all its points stand in: one name comes once in an export. `empty`: what it is
/// where this is the first point. The points of an instrument come one after the other.
fn stream(metrics: &mut Vec<Metric>, instrument: Instrument, empty: Data) -> Option<&mut Data> {
    if metrics.last().is_none_or(|last| last.name != instrument.0) {
        metrics.push(metric(instrument, empty));
    }
    metrics.last_mut()?.data.as_mut()
}

fn metric((name, unit): Instrument, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn written(attributes: &Attributes) -> Vec<opentelemetry_proto::tonic::common::v1::KeyValue> {
    attributes
        .iter()
        .map(|(key, value)| otlp::text(key, value))
        .collect()
}
