//! Telemetry: what a collector gets, and that nobody gets anything unless the user says so.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use scripted_model::Step;
use serde_json::json;

use crate::place::{Place, edit, model};

const SECRET: &str = "s3cr3t-of-the-collector-78";

/// Path and body of each request that came.
type Came = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// An OTLP/HTTP collector on a free port. One that is deaf takes connections and never answers.
struct Collector {
    address: String,
    came: Came,
}

impl Collector {
    fn start(deaf: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let came = Came::default();
        let kept = came.clone();
        // It ends with the test's process.
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming().flatten() {
                kept.lock().unwrap().push((String::new(), Vec::new()));
                if deaf {
                    open.push(stream);
                } else {
                    let kept = kept.clone();
                    std::thread::spawn(move || serve(stream, &kept));
                }
            }
        });
        Self { address, came }
    }

    fn connections(&self) -> usize {
        self.came
            .lock()
            .unwrap()
            .iter()
            .filter(|(path, _)| path.is_empty())
            .count()
    }

    fn bodies(&self, path: &str) -> Vec<Vec<u8>> {
        let came = self.came.lock().unwrap();
        came.iter()
            .filter(|(at, _)| at == path)
            .map(|(_, body)| body.clone())
            .collect()
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.bodies("/v1/traces").into_iter();
        let requests =
            requests.map(|body| ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
        let scopes = requests
            .flat_map(|request| request.resource_spans)
            .flat_map(|it| it.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// As they were last.
    fn metrics(&self) -> Vec<Metric> {
        let last = self.bodies("/v1/metrics").pop().unwrap();
        let request = ExportMetricsServiceRequest::decode(last.as_slice()).unwrap();
        let scopes = request
            .resource_metrics
            .into_iter()
            .flat_map(|it| it.scope_metrics);
        scopes.flat_map(|scope| scope.metrics).collect()
    }
}

fn serve(stream: TcpStream, came: &Came) {
    let mut answers = stream.try_clone().unwrap();
    let mut input = BufReader::new(stream);
    loop {
        let (mut path, mut length, mut kind) = (String::new(), 0, String::new());
        loop {
            let mut line = String::new();
            if input.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim().to_lowercase();
            if path.is_empty() {
                path = line.split(' ').nth(1).unwrap().to_owned();
            } else if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            } else if let Some(value) = line.strip_prefix("content-type: ") {
                kind = value.to_owned();
            } else if line.is_empty() {
                break;
            }
        }
        assert_eq!(kind, "application/x-protobuf");
        let mut body = vec![0; length];
        input.read_exact(&mut body).unwrap();
        came.lock().unwrap().push((path, body));
        answers
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
    }
}

fn says<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    match says(attributes, key) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{key}: {other:?} in {attributes:?}"),
    }
}

fn a_turn(place: Place) -> Place {
    let server = model([
        edit("two", "zwei-the-text"),
        Step::call("glob", json!({"pattern": "*.the-pattern"})),
        Step::call("said-by-the-model", json!({})),
        Step::say("the-answer"),
    ]);
    let place = place.model(&server).env("MY_TOKEN", SECRET);
    place
        .interline(&["run", "--diff", &format!("please use {SECRET}")])
        .with(0);
    assert_eq!(server.steps_left(), 0);
    place
}

#[test]
fn a_collector_gets_the_turn_and_none_of_its_words() {
    let collector = Collector::start(false);
    let place = Place::new();
    place.config(&format!(
        "[telemetry]\nendpoint = \"{}\"\n",
        collector.address
    ));
    let place = a_turn(place);

    let spans = collector.spans();
    let named = |name: &str| {
        spans
            .iter()
            .filter(|span| span.name.starts_with(name))
            .collect::<Vec<_>>()
    };
    let [root] = named("invoke_agent interline")[..] else {
        panic!("{spans:?}")
    };
    assert!(root.parent_span_id.is_empty());
    assert_eq!(text(&root.attributes, "gen_ai.provider.name"), "anthropic");
    assert_eq!(text(&root.attributes, "interline.outcome"), "done");
    assert_eq!(
        text(&root.attributes, "gen_ai.conversation.id"),
        place.session()
    );
    let steps = named("step");
    assert_eq!(steps.len(), 4);
    assert!(steps.iter().all(|step| step.parent_span_id == root.span_id));
    let chats = named("chat claude-");
    assert_eq!(chats.len(), 4);
    let tools = named("execute_tool ");
    let names: Vec<_> = tools.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "execute_tool edit",
            "execute_tool glob",
            "execute_tool unknown"
        ]
    );
    for (index, child) in chats.iter().chain(&tools).enumerate() {
        let parent = steps
            .iter()
            .find(|step| step.span_id == child.parent_span_id);
        let parent = parent.unwrap_or_else(|| panic!("{index}: {child:?}"));
        assert!(parent.start_time_unix_nano <= child.start_time_unix_nano);
        assert!(parent.end_time_unix_nano >= child.end_time_unix_nano);
    }
    assert!(
        spans
            .iter()
            .all(|span| span.trace_id == root.trace_id && span.span_id.len() == 8)
    );
    assert_eq!(text(&tools[0].attributes, "interline.decision"), "allow");
    assert_eq!(text(&tools[2].attributes, "error.type"), "failed");

    let metrics = collector.metrics();
    let metric = |name: &'static str| metrics.iter().filter(move |metric| metric.name == name);
    let tokens: f64 = metric("gen_ai.client.token.usage")
        .flat_map(|metric| match &metric.data {
            Some(Data::Histogram(histogram)) => histogram.data_points.iter(),
            other => panic!("{other:?}"),
        })
        .map(|point| point.sum.unwrap())
        .sum();
    let used = chats.iter().flat_map(|chat| {
        ["input", "output"].map(|kind| {
            match says(&chat.attributes, &format!("gen_ai.usage.{kind}_tokens")) {
                Some(Value::IntValue(count)) => *count as f64,
                other => panic!("{other:?}"),
            }
        })
    });
    assert_eq!(tokens, used.sum::<f64>());
    for name in [
        "gen_ai.client.operation.duration",
        "interline.tool.duration",
        "interline.decisions",
        "interline.turns",
    ] {
        assert_eq!(metric(name).count(), 1, "{name}");
    }

    let all = [
        collector.bodies("/v1/traces"),
        collector.bodies("/v1/metrics"),
    ]
    .concat()
    .concat();
    let all = String::from_utf8_lossy(&all).into_owned();
    for said in [
        SECRET,
        "test-key-1234",
        "please",
        "zwei",
        "the-pattern",
        "said-by-the-model",
        "the-answer",
        "notes.txt",
    ] {
        assert!(!all.contains(said), "{said}");
    }
}

#[test]
fn nothing_is_sent_unless_the_user_says_so() {
    let collector = Collector::start(false);
    let place = Place::new().env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address.clone());
    let repo = format!(
        "[telemetry]\nenabled = true\nendpoint = \"{}\"\n",
        collector.address
    );
    place.write(".interline/config.toml", repo);
    let server = model([Step::say("Done."), Step::say("Done.")]);
    let place = place.model(&server);
    let ended = place
        .interline(&["run", "--trust", "--diff", "please"])
        .with(0);
    assert!(
        ended.err.contains("[telemetry] is ignored"),
        "{}",
        ended.err
    );
    assert_eq!(collector.connections(), 0);

    place.config("[telemetry]\nenabled = true\n");
    place.ask().with(0);
    assert!(collector.connections() > 0);
    assert!(!collector.spans().is_empty());
}

#[test]
fn a_collector_that_never_answers_holds_nobody_up() {
    let collector = Collector::start(true);
    let place = Place::new();
    place.config(&format!(
        "[telemetry]\nendpoint = \"{}\"\n",
        collector.address
    ));
    a_turn(place);
    assert!(collector.connections() > 0);
}
