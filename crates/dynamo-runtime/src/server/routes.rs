//! The routes. [`router`] needs no socket.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde::Serialize;

use super::scrape::{GatherFailed, Page, Scraper, Variant, callbacks_until, panic_message};
use super::{StatusSource, page};
use crate::config::Config;
use crate::exposition::Exposition;
use crate::exposition::encoding::Encoding;
use crate::health::HealthStatus;

const METRICS_PATH: &str = "/metrics";
const SCRAPE_TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";

/// The routes over `source`. `config` gives two of the paths, which must have been checked.
pub(super) fn router(config: &Config, source: Arc<dyn StatusSource>) -> Router {
    let routes = [METRICS_PATH, &config.health_path, &config.live_path];
    let elsewhere = not_found_text(&routes);
    Router::new()
        .route(
            METRICS_PATH,
            get(metrics).with_state(Scraper::new(Arc::clone(&source))),
        )
        .route(
            &config.health_path,
            get(health).with_state(Arc::clone(&source)),
        )
        .route(&config.live_path, get(live).with_state(source))
        .merge(page::routes(config, &elsewhere))
        .fallback(|| async { (StatusCode::NOT_FOUND, elsewhere) })
        .method_not_allowed_fallback(method_not_allowed)
}

/// Lets the router answer; a panic on the way is an answer too.
pub(super) async fn answer(router: Router, request: Request) -> Response {
    let mut answer = pin!(TowerToHyperService::new(router).call(request));
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
            Ok(poll) => poll.map(|response| match response {
                Ok(response) => response,
                Err(impossible) => match impossible {},
            }),
            Err(panic) => {
                let reason = panic_message(&*panic);
                tracing::error!(reason, "a panic while a request was answered");
                let text = "the answer failed: the log of this process has the reason\n";
                Poll::Ready((StatusCode::INTERNAL_SERVER_ERROR, text).into_response())
            }
        },
    )
    .await
}

async fn metrics(
    State(scraper): State<Arc<Scraper>>,
    headers: HeaderMap,
) -> Result<Page, GatherFailed> {
    let arrival = Instant::now();
    let values = |name: HeaderName| {
        let values = headers.get_all(name).into_iter();
        values.filter_map(|value| value.to_str().ok())
    };
    let variant = Variant {
        encoding: Encoding::negotiate(values(ACCEPT_ENCODING)),
        exposition: Exposition::negotiate(values(ACCEPT)),
    };
    let timeout = headers
        .get(SCRAPE_TIMEOUT)
        .and_then(|value| value.to_str().ok());
    let callbacks_until = timeout.and_then(|seconds| callbacks_until(arrival, seconds));
    scraper.scrape(variant, callbacks_until).await
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        let headers = response.headers_mut();
        // Made of words of ours and a number.
        if let Ok(content_type) = HeaderValue::from_str(&self.variant.exposition.content_type()) {
            headers.insert(CONTENT_TYPE, content_type);
        }
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        if let Some(encoding) = self.variant.encoding.name() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }
}

impl IntoResponse for GatherFailed {
    fn into_response(self) -> Response {
        let text = "the metrics could not be gathered: the log of this process has the reason\n";
        (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
    }
}

/// What `/health` shows; the fields stand in this order.
#[derive(Serialize)]
struct Health {
    status: HealthStatus,
    endpoints: BTreeMap<String, HealthStatus>,
    uptime: Duration,
}

async fn health(State(source): State<Arc<dyn StatusSource>>) -> impl IntoResponse {
    let report = source.health();
    let code = match report.status() {
        HealthStatus::Ready => StatusCode::OK,
        HealthStatus::NotReady => StatusCode::SERVICE_UNAVAILABLE,
    };
    let health = Health {
        status: report.status(),
        endpoints: report.endpoints,
        uptime: source.uptime(),
    };
    (code, Json(health))
}

/// What `/live` shows; the fields stand in this order.
#[derive(Serialize)]
struct Live {
    status: &'static str,
    uptime: Duration,
}

async fn live(State(source): State<Arc<dyn StatusSource>>) -> impl IntoResponse {
    Json(Live {
        status: "live",
        uptime: source.uptime(),
    })
}

/// The router adds `Allow`.
async fn method_not_allowed(method: Method, uri: Uri) -> impl IntoResponse {
    let text = format!(
        "{method} is not allowed on {}: use GET or HEAD\n",
        uri.path()
    );
    (StatusCode::METHOD_NOT_ALLOWED, text)
}

fn not_found_text(paths: &[&str]) -> String {
    format!("there is nothing here: try {}\n", paths.join(", "))
}
