//! The routes, without a socket.

use std::io::Read;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::response::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Version};
use flate2::read::GzDecoder;
use http_body_util::BodyExt;

use super::*;
use crate::metrics::Path;
use crate::server::routes::Responder;
use crate::server::slots::Slots;
use crate::server::web::WebConfig;

const EXPOSITION: &str =
    "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total 7\n";

fn ask(provider: Arc<FakeProvider>, config: &Config, request: Request) -> (Parts, Bytes) {
    let slots = Slots::new(&Limits::default());
    let responder = Responder::new(config, provider, slots, WebConfig::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (parts, body) = responder.respond(request).await.into_parts();
        (parts, body.collect().await.unwrap().to_bytes())
    })
}

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

fn get(path: &str, headers: &[(&str, &str)]) -> (Parts, Bytes) {
    let provider = Arc::new(FakeProvider::new(EXPOSITION));
    ask(
        provider,
        &Config::default(),
        request(Method::GET, path, headers),
    )
}

#[track_caller]
fn assert_header(parts: &Parts, name: &str, value: &str) {
    assert_eq!(parts.headers.get(name).unwrap(), value, "{name}");
}

#[test]
fn metrics_are_text_of_format_0_0_4() {
    let (parts, body) = get("/metrics", &[]);
    assert_eq!(parts.status, StatusCode::OK);
    assert_header(
        &parts,
        "content-type",
        "text/plain; version=0.0.4; charset=utf-8",
    );
    assert_header(&parts, "vary", "Accept, Accept-Encoding");
    assert!(!parts.headers.contains_key("content-encoding"));
    assert_eq!(body, EXPOSITION);
}

#[test]
fn no_response_may_be_sniffed_or_used_again_unasked() {
    for path in ["/metrics", "/health", "/live", "/", "/nowhere"] {
        let (parts, _) = get(path, &[]);
        assert_header(&parts, "x-content-type-options", "nosniff");
        // Browsers keep the live page, and ask with its tag whether it has changed.
        let expected = if path == "/" { "no-cache" } else { "no-store" };
        assert_header(&parts, "cache-control", expected);
    }
}

#[test]
fn a_request_of_http_1_1_has_exactly_one_host() {
    for (hosts, version, status) in [
        (&[][..], Version::HTTP_11, 400),
        (&["test"], Version::HTTP_11, 200),
        (&["my_host.example:8081"], Version::HTTP_11, 200),
        (&["[::1]:8081"], Version::HTTP_11, 200),
        (&[""], Version::HTTP_11, 200),
        (&["a b"], Version::HTTP_11, 400),
        (&["a/b?"], Version::HTTP_11, 400),
        (&["test", "test"], Version::HTTP_11, 400),
        (&[], Version::HTTP_10, 200),
        (&["test", "test"], Version::HTTP_10, 400),
    ] {
        let mut asked = request(Method::GET, "/live", &[]);
        *asked.version_mut() = version;
        asked.headers_mut().remove("host");
        for host in hosts {
            let host = HeaderValue::from_static(host);
            asked.headers_mut().append("host", host);
        }
        let provider = Arc::new(FakeProvider::new(EXPOSITION));
        let (parts, _) = ask(provider, &Config::default(), asked);
        assert_eq!(parts.status, status, "{hosts:?}, {version:?}");
    }
}

#[test]
fn the_query_selects_families() {
    for (query, names) in [
        ("", None),
        ("?", None),
        ("?x=y&name=z", None),
        ("?name[]=b&name[]=a", Some(vec!["a", "b"])),
        ("?name%5B%5D=a%62&x=1", Some(vec!["ab"])),
    ] {
        let provider = Arc::new(FakeProvider::new(EXPOSITION));
        let asked = request(Method::GET, &format!("/metrics{query}"), &[]);
        let (parts, _) = ask(Arc::clone(&provider), &Config::default(), asked);
        assert_eq!(parts.status, StatusCode::OK);
        let names = names.map(|names| names.into_iter().map(str::to_owned));
        let selection = names.and_then(Selection::new);
        assert_eq!(*provider.selection.lock().unwrap(), selection, "{query}");
    }
}

#[test]
fn metrics_are_compressed_for_a_client_that_accepts_gzip() {
    let (parts, body) = get("/metrics", &[("accept-encoding", "deflate, gzip;q=0.8")]);
    assert_header(&parts, "content-encoding", "gzip");
    assert_header(&parts, "vary", "Accept, Accept-Encoding");
    let mut text = String::new();
    GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, EXPOSITION);
}

#[test]
fn an_accept_encoding_that_makes_no_sense_still_gets_an_answer() {
    for value in ["", ";;;", "gzip;q=nonsense", "\u{ff}", "identity;q=0"] {
        let (parts, body) = get("/metrics", &[("accept-encoding", value)]);
        assert_eq!(parts.status, StatusCode::OK);
        assert_eq!(body, EXPOSITION);
    }
}

#[test]
fn head_has_the_headers_of_get_without_a_body() {
    for path in ["/metrics", "/health", "/live", "/"] {
        let provider = Arc::new(FakeProvider::new(EXPOSITION));
        let head = request(Method::HEAD, path, &[]);
        let (parts, body) = ask(provider, &Config::default(), head);
        let (of_get, its_body) = get(path, &[]);
        assert_eq!(parts.status, StatusCode::OK);
        assert_header(&parts, "content-length", &its_body.len().to_string());
        assert_eq!(
            parts.headers["content-type"],
            of_get.headers["content-type"]
        );
        assert!(body.is_empty(), "{path}");
    }
}

fn generate() -> Path {
    Path::root()
        .namespace("ns")
        .component("backend")
        .endpoint("generate")
}

#[test]
fn health_shows_status_endpoints_and_uptime_in_this_order() {
    let provider = Arc::new(FakeProvider::new(EXPOSITION));
    provider
        .health
        .set_endpoint(&generate(), HealthStatus::Ready);
    let config = Config::default();
    let (parts, body) = ask(
        Arc::clone(&provider),
        &config,
        request(Method::GET, "/health", &[]),
    );
    assert_eq!(parts.status, StatusCode::OK);
    assert_header(&parts, "content-type", "application/json");
    assert_eq!(
        body,
        r#"{"status":"ready","endpoints":{"generate":"ready"},"uptime":{"secs":1,"nanos":2}}"#
    );
    provider
        .health
        .set_endpoint(&generate(), HealthStatus::NotReady);
    let (parts, body) = ask(provider, &config, request(Method::GET, "/health", &[]));
    assert_eq!(parts.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        body,
        r#"{"status":"notready","endpoints":{"generate":"notready"},"uptime":{"secs":1,"nanos":2}}"#
    );
}

#[test]
fn a_process_that_is_not_ready_is_still_live() {
    let provider = Arc::new(FakeProvider::new(EXPOSITION));
    provider.health.set_status(HealthStatus::NotReady);
    let (parts, body) = ask(
        provider,
        &Config::default(),
        request(Method::GET, "/live", &[]),
    );
    assert_eq!(parts.status, StatusCode::OK);
    assert_header(&parts, "content-type", "application/json");
    assert_eq!(body, r#"{"status":"live","uptime":{"secs":1,"nanos":2}}"#);
}

#[test]
fn the_live_page_has_the_configured_paths_relative_to_its_own() {
    let config = Config {
        health_path: "/healthz".to_owned(),
        live_path: "/probe/live".to_owned(),
        ..Config::default()
    };
    let provider = Arc::new(FakeProvider::new(EXPOSITION));
    let (parts, body) = ask(provider, &config, request(Method::GET, "/", &[]));
    assert_header(&parts, "content-type", "text/html; charset=utf-8");
    let page = std::str::from_utf8(&body).unwrap();
    for part in [
        r#"<a id="metrics" href="./metrics">/metrics</a>"#,
        r#"<a id="health" href="./healthz">/healthz</a>"#,
        r#"<a href="./probe/live">/probe/live</a>"#,
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    // Behind a proxy's path prefix nothing else is this server's.
    assert!(!page.contains("href=\"/") && !page.contains("src=\"/"));
    assert!(!page.contains('{'), "{page}");
}

#[test]
fn files_of_the_live_page_have_their_types_and_a_strict_policy() {
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/page/main.js", "text/javascript; charset=utf-8"),
        ("/page/page.css", "text/css; charset=utf-8"),
        ("/page/icon.svg", "image/svg+xml"),
    ] {
        let (parts, body) = get(path, &[]);
        assert_eq!(parts.status, StatusCode::OK, "{path}");
        assert!(!body.is_empty(), "{path}");
        assert_header(&parts, "content-type", content_type);
        assert_header(&parts, "x-content-type-options", "nosniff");
        assert_header(&parts, "cache-control", "no-cache");
        let policy = parts.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"),
            "{policy}"
        );
    }
}

#[test]
fn a_file_that_the_browser_has_is_not_sent_again() {
    for path in ["/", "/page/main.js"] {
        let (parts, _) = get(path, &[]);
        let tag = parts.headers["etag"].to_str().unwrap();
        for known in [tag, &format!("\"other\", {tag}")] {
            let (parts, body) = get(path, &[("if-none-match", known)]);
            assert_eq!(parts.status, StatusCode::NOT_MODIFIED);
            assert_header(&parts, "etag", tag);
            assert!(body.is_empty());
        }
        let (parts, _) = get(path, &[("if-none-match", "\"other\"")]);
        assert_eq!(parts.status, StatusCode::OK);
    }
}

#[test]
fn the_live_page_needs_no_gather() {
    let provider = Arc::new(FakeProvider::new(EXPOSITION));
    for path in ["/", "/page/main.js"] {
        let asked = request(Method::GET, path, &[]);
        ask(Arc::clone(&provider), &Config::default(), asked);
    }
    assert_eq!(provider.gathers(), 0);
}

#[test]
fn without_the_live_page_its_paths_are_not_found() {
    let config = Config {
        live_page: false,
        ..Config::default()
    };
    for path in ["/", "/page/main.js"] {
        let provider = Arc::new(FakeProvider::new(EXPOSITION));
        let (parts, body) = ask(provider, &config, request(Method::GET, path, &[]));
        assert_eq!(parts.status, StatusCode::NOT_FOUND, "{path}");
        assert_header(&parts, "content-type", "text/plain; charset=utf-8");
        assert_eq!(body, "not found: try /metrics, /health, /live\n");
    }
}

#[test]
fn configured_paths_replace_the_default_ones() {
    let config = Config {
        health_path: "/healthz".to_owned(),
        live_path: "/livez/".to_owned(),
        ..Config::default()
    };
    for (path, status) in [
        ("/healthz", 200),
        ("/livez/", 200),
        ("/health", 404),
        ("/live", 404),
    ] {
        let provider = Arc::new(FakeProvider::new(EXPOSITION));
        let (parts, _) = ask(provider, &config, request(Method::GET, path, &[]));
        assert_eq!(parts.status, status, "{path}");
    }
}

#[test]
fn the_response_for_another_path_lists_the_routes() {
    for path in [
        "/metric",
        "/metrics/",
        "/health/x",
        "//",
        "/%6detrics",
        "/page/",
        "/page/index.html",
        "/page/..%2fCargo.toml",
    ] {
        let (parts, body) = get(path, &[]);
        assert_eq!(parts.status, StatusCode::NOT_FOUND, "{path}");
        assert_header(&parts, "content-type", "text/plain; charset=utf-8");
        assert_eq!(body, "not found: try /metrics, /health, /live\n");
    }
}

#[test]
fn another_method_is_answered_with_those_allowed() {
    for method in [Method::POST, Method::DELETE, Method::OPTIONS] {
        let provider = Arc::new(FakeProvider::new(EXPOSITION));
        let other = request(method.clone(), "/metrics", &[]);
        let (parts, body) = ask(Arc::clone(&provider), &Config::default(), other);
        assert_eq!(parts.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_header(&parts, "allow", "GET,HEAD");
        assert_eq!(
            body,
            format!("{method} is not allowed on /metrics: use GET or HEAD\n")
        );
        assert_eq!(provider.gathers(), 0);
    }
}

#[test]
fn a_panic_of_the_provider_gets_status_500_and_the_next_request_is_not_affected() {
    let provider = Arc::new(FakeProvider::new(EXPOSITION));
    for path in ["/metrics", "/health"] {
        provider.panic_once();
        let config = Config::default();
        let (parts, body) = ask(
            Arc::clone(&provider),
            &config,
            request(Method::GET, path, &[]),
        );
        assert_eq!(parts.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body.iter().filter(|byte| **byte == b'\n').count(), 1);
        let (parts, _) = ask(
            Arc::clone(&provider),
            &config,
            request(Method::GET, path, &[]),
        );
        assert_eq!(parts.status, StatusCode::OK);
    }
}
