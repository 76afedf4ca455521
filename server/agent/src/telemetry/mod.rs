//! Telemetry: spans and metrics as a fold of the events of the log, sent by OTLP where the user says so.
//!
//! Off unless configured. What leaves the recording thread is a [`Fact`]: kinds, counts and ids, never a text of the
//! user's, the model's or a tool's. Nothing here slows a turn: the queue is bounded, what does not fit is dropped and
//! counted, and a collector that is away costs nothing but what it would have got.

mod fact;
mod metrics;
mod otlp;
mod spans;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use interline_log::Event;
use interline_model::Endpoint;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use fact::Fact;
use metrics::Metrics;
use otlp::Resource;
use spans::Spans;

/// Facts that may wait.
const QUEUE: usize = 2_048;
/// Finished spans that are sent without waiting for the clock.
const BATCH: usize = 256;
/// Between two exports.
const EVERY: Duration = Duration::from_secs(5);

/// Where telemetry goes. One per process and folder.
pub(crate) struct Telemetry {
    queue: mpsc::Sender<Job>,
    dropped: Arc<AtomicU64>,
    /// The work, until somebody is on a runtime to start it.
    idle: Mutex<Option<Work>>,
    started: AtomicBool,
}

enum Job {
    Fact(Fact),
    Flush(oneshot::Sender<()>),
}

struct Work {
    jobs: mpsc::Receiver<Job>,
    exporter: Exporter,
}

impl Telemetry {
    /// Sends to this OTLP/HTTP endpoint. Starts nothing yet.
    pub(crate) fn new(endpoint: &str, version: &str) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let exporter = Exporter {
            endpoint: endpoint.to_owned(),
            client: None,
            resource: Resource::new(version),
            spans: Spans::default(),
            metrics: Metrics::new(fact::now()),
            dropped: dropped.clone(),
        };
        Self {
            queue,
            dropped,
            idle: Mutex::new(Some(Work { jobs, exporter })),
            started: AtomicBool::new(false),
        }
    }

    /// Takes an event in. Never waits.
    pub(crate) fn note(&self, event: &Event) {
        let Some(fact) = Fact::of(event) else { return };
        self.start();
        if self.queue.try_send(Job::Fact(fact)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends what there is. The caller bounds the wait.
    pub(crate) async fn flush(&self) {
        if !self.started.load(Ordering::Relaxed) {
            return;
        }
        let (done, flushed) = oneshot::channel();
        if self.queue.send(Job::Flush(done)).await.is_ok() {
            // The work is gone with the runtime: nothing is left to send.
            let _ = flushed.await;
        }
    }

    fn start(&self) {
        if self.started.load(Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let work = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(work) = work {
            self.started.store(true, Ordering::Relaxed);
            runtime.spawn(work.run());
        }
    }
}

impl Work {
    async fn run(mut self) {
        let mut clock = interval(EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        clock.tick().await;
        loop {
            tokio::select! {
                job = self.jobs.recv() => match job {
                    None => return,
                    Some(Job::Fact(fact)) => {
                        self.exporter.take(fact);
                        if self.exporter.spans.finished() >= BATCH {
                            self.exporter.send_spans().await;
                        }
                    }
                    Some(Job::Flush(done)) => {
                        self.exporter.send().await;
                        // Who asked may have given up.
                        let _ = done.send(());
                    }
                },
                _ = clock.tick() => self.exporter.send().await,
            }
        }
    }
}

struct Exporter {
    endpoint: String,
    /// Made at the first export: it reads the TLS roots.
    client: Option<Endpoint>,
    resource: Resource,
    spans: Spans,
    metrics: Metrics,
    dropped: Arc<AtomicU64>,
}

impl Exporter {
    fn take(&mut self, fact: Fact) {
        self.spans.take(&fact, &mut self.metrics);
    }

    async fn send(&mut self) {
        self.send_spans().await;
        self.metrics.dropped(self.dropped.load(Ordering::Relaxed));
        if let Some(metrics) = self.metrics.changed(fact::now()) {
            let body = self.resource.metrics(metrics);
            self.post("/v1/metrics", body).await;
        }
    }

    async fn send_spans(&mut self) {
        let spans = self.spans.drain();
        if spans.is_empty() {
            return;
        }
        let count = spans.len() as u64;
        let body = self.resource.spans(spans);
        if !self.post("/v1/traces", body).await {
            self.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// False: it was not taken.
    async fn post(&mut self, path: &str, body: Vec<u8>) -> bool {
        if self.client.is_none() {
            self.client = Endpoint::new(&self.endpoint).ok();
        }
        let Some(client) = &self.client else {
            return false;
        };
        let sent = client
            .post(path, "application/x-protobuf", body.into())
            .await;
        if let Err(error) = &sent {
            tracing::info!(path, %error, "telemetry was not taken");
        }
        sent.is_ok()
    }
}
