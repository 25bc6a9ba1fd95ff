//! The routes, and the checks of each request.

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
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName,
    RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde::Serialize;

use super::body::ScrapeBody;
use super::scrape::{
    EncodedExposition, ScrapeError, Scraper, Variant, callback_deadline, panic_message,
};
use super::slots::{Slot, Slots};
use super::web::WebConfig;
use super::{StatusProvider, engine, page};
use crate::config::Config;
use crate::exposition::{ContentEncoding, ExpositionFormat, Selection};
use crate::health::HealthStatus;

const METRICS_PATH: &str = "/metrics";
const SCRAPE_TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";

/// Responds to requests: the routes, behind the checks of each request. Needs no socket.
pub(super) struct Responder {
    router: Router,
    web: WebConfig,
}

impl Responder {
    /// The routes of `provider`. `config` gives two of the paths, which have been checked.
    pub(super) fn new(
        config: &Config,
        provider: Arc<dyn StatusProvider>,
        slots: Arc<Slots>,
        web: WebConfig,
    ) -> Arc<Self> {
        Arc::new(Responder {
            router: router(config, provider, slots),
            web,
        })
    }

    /// The web config.
    pub(super) fn web(&self) -> &WebConfig {
        &self.web
    }

    /// The response to a request that may come from anybody.
    pub(super) async fn respond(&self, request: Request) -> Response {
        let check = self.check(request.version(), request.headers());
        let mut response = match check.await {
            Ok(()) => route(self.router.clone(), request).await,
            Err(refusal) => refusal,
        };
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // The live page has its own.
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        self.web.add_headers(headers);
        response
    }

    async fn check(&self, version: Version, headers: &HeaderMap) -> Result<(), Response> {
        // RFC 9112, 3.2.
        let mut hosts = headers.get_all(HOST).into_iter();
        let refusal = match (hosts.next(), hosts.next()) {
            (None, _) if version == Version::HTTP_11 => "has exactly one Host header",
            (_, Some(_)) => "has exactly one Host header",
            (Some(host), None) if !is_host(host) => {
                "has a Host header that is a host name or an address, with an optional port"
            }
            _ => return self.web.authorize(headers).await,
        };
        let text = format!("a request of HTTP/1.1 {refusal}\n");
        Err((StatusCode::BAD_REQUEST, text).into_response())
    }
}

/// Whether a `Host` header has a host, or nothing, as for a target without one.
fn is_host(value: &HeaderValue) -> bool {
    value.is_empty() || Authority::try_from(value.as_bytes()).is_ok()
}

fn router(config: &Config, provider: Arc<dyn StatusProvider>, slots: Arc<Slots>) -> Router {
    let routes = [METRICS_PATH, &config.health_path, &config.live_path];
    let not_found = not_found_text(&routes);
    Router::new()
        .route(
            METRICS_PATH,
            get(metrics).with_state(Scraper::new(Arc::clone(&provider), slots)),
        )
        .route(
            &config.health_path,
            get(health).with_state(Arc::clone(&provider)),
        )
        .route(
            &config.live_path,
            get(live).with_state(Arc::clone(&provider)),
        )
        .merge(engine::routes(provider))
        .merge(page::routes(config, &not_found))
        .fallback(|| async { (StatusCode::NOT_FOUND, not_found) })
        .method_not_allowed_fallback(method_not_allowed)
}

/// Calls the router. A panic becomes a response with status 500.
async fn route(router: Router, request: Request) -> Response {
    let mut response = pin!(TowerToHyperService::new(router).call(request));
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| response.as_mut().poll(context))) {
            Ok(poll) => poll.map(|response| match response {
                Ok(response) => response,
                Err(impossible) => match impossible {},
            }),
            Err(panic) => {
                let reason = panic_message(&*panic);
                tracing::error!(reason, "the handler of a request panicked");
                let text = "internal error: see the log of this process\n";
                Poll::Ready((StatusCode::INTERNAL_SERVER_ERROR, text).into_response())
            }
        },
    )
    .await
}

async fn metrics(
    State(scraper): State<Arc<Scraper>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let arrival = Instant::now();
    let values = |name: HeaderName| {
        let values = headers.get_all(name).into_iter();
        values.filter_map(|value| value.to_str().ok())
    };
    let variant = Variant {
        encoding: ContentEncoding::negotiate(values(ACCEPT_ENCODING)),
        format: ExpositionFormat::negotiate(values(ACCEPT)),
        selection: selection(&uri),
    };
    let timeout = headers
        .get(SCRAPE_TIMEOUT)
        .and_then(|value| value.to_str().ok());
    let deadline = timeout.and_then(|seconds| callback_deadline(arrival, seconds));
    let slot = scraper.slot().await.ok_or_else(too_many_scrapes)?;
    let exposition = scraper.scrape(variant, deadline).await;
    let exposition = exposition.map_err(IntoResponse::into_response)?;
    Ok(scrape_response(exposition, slot))
}

/// The families in the query: `?name[]=a&name[]=b`.
fn selection(uri: &Uri) -> Option<Selection> {
    let pairs = form_urlencoded::parse(uri.query()?.as_bytes());
    let names = pairs.filter(|(key, _)| key == "name[]");
    Selection::new(names.map(|(_, name)| name.into_owned()))
}

fn too_many_scrapes() -> Response {
    let text = "too many scrapes are running: try again\n";
    let after = [(RETRY_AFTER, HeaderValue::from_static("1"))];
    (StatusCode::SERVICE_UNAVAILABLE, after, text).into_response()
}

fn scrape_response(exposition: EncodedExposition, slot: Slot) -> Response {
    let EncodedExposition {
        variant,
        body,
        held,
    } = exposition;
    let mut response = Response::new(Body::new(ScrapeBody::new(body, held, slot)));
    let headers = response.headers_mut();
    // Content types are valid header values.
    if let Ok(content_type) = HeaderValue::from_str(&variant.format.content_type()) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(encoding) = variant.encoding.name() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

impl IntoResponse for ScrapeError {
    fn into_response(self) -> Response {
        let text = "the metrics could not be gathered: see the log of this process\n";
        match self {
            Self::GatherFailed => (StatusCode::INTERNAL_SERVER_ERROR, text).into_response(),
            Self::TooManyBytes => too_many_scrapes(),
        }
    }
}

/// The body of `/health`, with its fields in this order.
#[derive(Serialize)]
struct Health {
    status: HealthStatus,
    endpoints: BTreeMap<String, HealthStatus>,
    uptime: Duration,
}

async fn health(State(provider): State<Arc<dyn StatusProvider>>) -> impl IntoResponse {
    let report = provider.health();
    let code = match report.status() {
        HealthStatus::Ready => StatusCode::OK,
        HealthStatus::NotReady => StatusCode::SERVICE_UNAVAILABLE,
    };
    let health = Health {
        status: report.status(),
        endpoints: report.endpoints,
        uptime: provider.uptime(),
    };
    (code, Json(health))
}

/// The body of `/live`, with its fields in this order.
#[derive(Serialize)]
struct Live {
    status: &'static str,
    uptime: Duration,
}

async fn live(State(provider): State<Arc<dyn StatusProvider>>) -> impl IntoResponse {
    Json(Live {
        status: "live",
        uptime: provider.uptime(),
    })
}

/// The router adds `Allow`.
async fn method_not_allowed(method: Method, uri: Uri) -> impl IntoResponse {
    let path = uri.path();
    let allowed = match path.starts_with(engine::PREFIX) {
        true => "POST",
        false => "GET or HEAD",
    };
    let text = format!("{method} is not allowed on {path}: use {allowed}\n");
    (StatusCode::METHOD_NOT_ALLOWED, text)
}

fn not_found_text(paths: &[&str]) -> String {
    format!("not found: try {}\n", paths.join(", "))
}
