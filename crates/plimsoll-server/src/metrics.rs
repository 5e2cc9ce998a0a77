//! What is counted, in OpenMetrics text. No label takes a value from outside: a repository or digest would be a series
//! each.

use std::collections::BTreeMap;
use std::time::Instant;

use http::StatusCode;
use plimsoll_registry::http::Served;
use plimsoll_store::catalogue::Swept;
use plimsoll_vuln::severity::Severity;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::health::VERSION;

/// The bounds of the duration histogram, in seconds.
const DURATION_BOUNDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    endpoint: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfEndpoint {
    endpoint: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSeverity {
    severity: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLayers {
    read: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

/// Every word of the scale, so that a count that falls to nothing is told too.
const SEVERITIES: [Severity; 6] = [
    Severity::Unknown,
    Severity::Negligible,
    Severity::Low,
    Severity::Medium,
    Severity::High,
    Severity::Critical,
];

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<OfEndpoint, Histogram, fn() -> Histogram>,
    response_bytes: Family<OfEndpoint, Counter>,
    collected_blobs: Counter,
    collected_bytes: Counter,
    expired_uploads: Counter,
    review_queue: Gauge,
    doomed_objects: Gauge,
    open_uploads: Gauge,
    open_upload_bytes: Gauge,
    findings: Family<OfSeverity, Gauge>,
    layers: Family<OfLayers, Counter>,
    events: Family<OfKind, Counter>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(DURATION_BOUNDS);
        let mut metrics = Self {
            registry: Registry::with_prefix("plimsoll"),
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            response_bytes: Family::default(),
            collected_blobs: Counter::default(),
            collected_bytes: Counter::default(),
            expired_uploads: Counter::default(),
            review_queue: Gauge::default(),
            doomed_objects: Gauge::default(),
            open_uploads: Gauge::default(),
            open_upload_bytes: Gauge::default(),
            findings: Family::default(),
            layers: Family::default(),
            events: Family::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let build = Info::new(vec![("version".to_owned(), VERSION.to_owned())]);
        registry.register("build", "This program", build);
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "From a request's head to its answer's head",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register_with_unit(
            "response",
            "Bytes of answers, as announced",
            Unit::Bytes,
            self.response_bytes.clone(),
        );
        registry.register(
            "findings",
            "Findings of the distinct components that images hold",
            self.findings.clone(),
        );
        registry.register(
            "layers_analysed",
            "Layers that were read, while they arrived or from what is stored",
            self.layers.clone(),
        );
        registry.register(
            "events",
            "What other advisories meant for components, as this server told it",
            self.events.clone(),
        );
        registry.register("gc_blobs", "Contents collected", self.collected_blobs.clone());
        registry.register_with_unit("gc", "Bytes collected", Unit::Bytes, self.collected_bytes.clone());
        registry.register("gc_uploads", "Upload sessions that expired", self.expired_uploads.clone());
        registry.register("gc_review_queue", "Blobs that wait for review", self.review_queue.clone());
        registry.register(
            "gc_doomed_objects",
            "Objects that wait to be deleted",
            self.doomed_objects.clone(),
        );
        registry.register("uploads_open", "Upload sessions under way", self.open_uploads.clone());
        registry.register_with_unit(
            "uploads_open_received",
            "Bytes received in them",
            Unit::Bytes,
            self.open_upload_bytes.clone(),
        );
    }

    /// When a request began.
    pub(crate) fn started(&self) -> Instant {
        Instant::now()
    }

    /// Counts one answer.
    pub(crate) fn count(&self, served: &Served, status: StatusCode, bytes: Option<u64>, started: Instant) {
        let endpoint = served.endpoint.map_or("other", |endpoint| endpoint.name());
        self.requests.get_or_create(&Request { endpoint, status: class(status) }).inc();
        let of_endpoint = OfEndpoint { endpoint };
        self.durations.get_or_create(&of_endpoint).observe(started.elapsed().as_secs_f64());
        self.response_bytes.get_or_create(&of_endpoint).inc_by(bytes.unwrap_or(0));
    }

    /// Counts what a round of garbage collection took away.
    pub(crate) fn count_garbage(&self, swept: Swept) {
        self.collected_blobs.inc_by(swept.blobs);
        self.collected_bytes.inc_by(swept.bytes);
        self.expired_uploads.inc_by(swept.uploads);
    }

    /// Notes how long the queues are.
    pub(crate) fn note_queues(&self, review: u64, doomed: u64, uploads: u64, upload_bytes: u64) {
        let notes = [
            (&self.review_queue, review),
            (&self.doomed_objects, doomed),
            (&self.open_uploads, uploads),
            (&self.open_upload_bytes, upload_bytes),
        ];
        for (gauge, value) in notes {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    /// Notes the findings of all distinct components.
    pub(crate) fn note_findings(&self, counts: &BTreeMap<Severity, u64>) {
        for severity in SEVERITIES {
            let count = counts.get(&severity).copied().unwrap_or_default();
            let gauge = self.findings.get_or_create(&OfSeverity { severity: severity.as_str() });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Counts a layer that was analysed while it arrived.
    pub(crate) fn count_layer_read_arriving(&self) {
        self.layers.get_or_create(&OfLayers { read: "arriving" }).inc();
    }

    /// Counts a layer that was analysed from what is stored.
    pub(crate) fn count_layer_read_stored(&self) {
        self.layers.get_or_create(&OfLayers { read: "stored" }).inc();
    }

    /// Counts events that were told, by their kind.
    pub(crate) fn count_events(&self, counts: &BTreeMap<&'static str, u64>) {
        for (kind, count) in counts {
            self.events.get_or_create(&OfKind { kind }).inc_by(*count);
        }
    }

    /// Everything as text.
    pub(crate) fn encode(&self) -> String {
        let mut text = String::new();
        if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            tracing::error!(%error, "cannot write the metrics down");
        }
        text
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
