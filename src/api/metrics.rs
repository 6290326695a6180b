//! The metrics page: what is counted, in the text format that Prometheus reads. The only code that
//! names its crate.
//!
//! It is open to anybody, like the server's health, so it has numbers and no names: no project,
//! branch or role, and of a path only the template.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::on;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::api::Api;
use crate::api::route::Route;
use crate::meter::{Metered, Value};

pub(super) static ROUTES: &[Route] =
    &[Route::new("getMetrics", Method::GET, "/metrics", |method| on(method, get_metrics))];

/// What the page is: the text format, as OpenMetrics has written it down.
const TEXT: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// The route of a request whose path belongs to none. A raw path would be a name that a client
/// chose, and as many of them as it likes.
const NO_ROUTE: &str = "none";

/// The methods that are told apart.
const METHODS: &[Method] = &[
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
];

/// What any other method counts as.
const OTHER_METHOD: &str = "other";

/// The bounds of the distribution of how long requests take, in seconds.
const REQUEST_SECONDS: &[f64] =
    &[0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Shows what is counted.
async fn get_metrics(State(api): State<Api>) -> Response {
    ([(header::CONTENT_TYPE, TEXT)], api.metrics.render()).into_response()
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: String,
}

/// The numbers of the API, and those of whoever else has some.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<Answered, Counter>,
    durations: Family<Asked, Histogram, fn() -> Histogram>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(..)")
    }
}

impl Metrics {
    /// Returns the numbers of an API that was asked nothing yet, and of `sources`.
    #[must_use]
    pub fn new(sources: Vec<Arc<dyn Metered>>) -> Self {
        let requests = Family::default();
        let histogram: fn() -> Histogram = || Histogram::new(REQUEST_SECONDS.iter().copied());
        let durations = Family::new_with_constructor(histogram);
        let mut registry = Registry::default();
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("offshoot_build", "Which Offshoot this is", version);
        registry.register(
            "offshoot_http_requests",
            "Requests that were answered, by method, route and status",
            requests.clone(),
        );
        registry.register(
            "offshoot_http_request_duration_seconds",
            "How long requests took, by method and route",
            durations.clone(),
        );
        registry.register_collector(Box::new(Sources(sources)));
        Self { registry: Arc::new(registry), requests, durations }
    }

    /// Counts a request that was answered.
    pub(super) fn answered(
        &self,
        method: &Method,
        route: Option<&str>,
        status: u16,
        time: Duration,
    ) {
        let method = METHODS.iter().find(|known| *known == method);
        let method = method.map_or(OTHER_METHOD, Method::as_str);
        let route = route.unwrap_or(NO_ROUTE).to_owned();
        let asked = Asked { method, route: route.clone() };
        self.requests.get_or_create(&Answered { method, route, status }).inc();
        self.durations.get_or_create(&asked).observe(time.as_secs_f64());
    }

    /// Returns the page.
    #[must_use]
    pub fn render(&self) -> String {
        let mut page = String::new();
        encode(&mut page, &self.registry).expect("a string that takes any text");
        page
    }
}

/// Reads what others have counted.
struct Sources(Vec<Arc<dyn Metered>>);

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources(..)")
    }
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in self.0.iter().flat_map(|source| source.metrics()) {
            let kind = kind(&metric.value);
            let encoder = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
            write(encoder, metric.value)?;
        }
        Ok(())
    }
}

fn kind(value: &Value) -> MetricType {
    match value {
        Value::Counter(_) | Value::Counters { .. } => MetricType::Counter,
        Value::Gauge(_) => MetricType::Gauge,
        Value::Distribution(_) => MetricType::Histogram,
    }
}

fn write(mut encoder: MetricEncoder<'_>, value: Value) -> fmt::Result {
    match value {
        Value::Counter(count) => ConstCounter::new(count).encode(encoder),
        Value::Counters { label, counts } => counts.into_iter().try_for_each(|(text, count)| {
            let labels = [(label, text)];
            ConstCounter::new(count).encode(encoder.encode_family(&labels)?)
        }),
        Value::Gauge(level) => ConstGauge::new(level).encode(encoder),
        Value::Distribution(values) => encoder.encode_histogram::<NoLabelSet>(
            values.sum,
            values.count(),
            &values.buckets,
            None,
        ),
    }
}
