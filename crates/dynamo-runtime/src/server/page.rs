//! The live page at `/` and the files it consists of, embedded from `page/`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::config::Config;

/// Browsers run and load only what this server serves; nobody else may frame the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    body: &'static str,
}

macro_rules! asset {
    ($name:literal, $content_type:expr) => {
        Asset {
            name: $name,
            content_type: $content_type,
            body: include_str!(concat!("../../page/", $name)),
        }
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const INDEX: Asset = asset!("index.html", HTML);

/// What `/page/` serves.
const ASSETS: &[Asset] = &[
    asset!("board.js", JAVASCRIPT),
    asset!("canvas.js", JAVASCRIPT),
    asset!("card.js", JAVASCRIPT),
    asset!("charts.js", JAVASCRIPT),
    asset!("cursor.js", JAVASCRIPT),
    asset!("dom.js", JAVASCRIPT),
    asset!("exposition.js", JAVASCRIPT),
    asset!("header.js", JAVASCRIPT),
    asset!("icon.svg", SVG),
    asset!("kinds.js", JAVASCRIPT),
    asset!("location.js", JAVASCRIPT),
    asset!("main.js", JAVASCRIPT),
    asset!("nodes.js", JAVASCRIPT),
    asset!("notices.js", JAVASCRIPT),
    asset!("overview.js", JAVASCRIPT),
    asset!("page.css", CSS),
    asset!("poller.js", JAVASCRIPT),
    asset!("rates.js", JAVASCRIPT),
    asset!("reader.js", JAVASCRIPT),
    asset!("table.js", JAVASCRIPT),
    asset!("timeline.js", JAVASCRIPT),
    asset!("units.js", JAVASCRIPT),
];

/// The routes of the page; none if `config` switches it off. `not_found` is the body of a 404.
pub(super) fn routes(config: &Config, not_found: &str) -> Router {
    if !config.live_page {
        return Router::new();
    }
    let index: Arc<str> = index(config).into();
    let not_found: Arc<str> = not_found.into();
    let asset = move |Path(name): Path<String>, headers: HeaderMap| async move {
        match ASSETS.iter().find(|asset| asset.name == name) {
            Some(asset) => answer(asset.content_type, asset.body, &headers),
            None => (StatusCode::NOT_FOUND, not_found.to_string()).into_response(),
        }
    };
    Router::new()
        .route(
            "/",
            get(move |headers: HeaderMap| async move {
                answer(INDEX.content_type, index.to_string(), &headers)
            }),
        )
        .route("/page/{file}", get(asset))
}

/// The content type and the content of a file of the page, for servers that are not this one; `""` is
/// `index.html`, which names `/health` and `/live`. `None` if the page has no such file.
pub(crate) fn file(name: &str) -> Option<(&'static str, String)> {
    if name.is_empty() {
        return Some((INDEX.content_type, index(&Config::default())));
    }
    let asset = ASSETS.iter().find(|asset| asset.name == name)?;
    Some((asset.content_type, asset.body.to_owned()))
}

/// The headers that every file of the page is served with.
pub(crate) const HEADERS: [(&str, &str); 4] = [
    ("cache-control", "no-cache"),
    ("content-security-policy", POLICY),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];

/// `index.html` with the configured paths, relative to where it is served. They need no escaping:
/// `Config::check_paths` allows letters, digits and `-._~/`.
fn index(config: &Config) -> String {
    let Config {
        health_path,
        live_path,
        ..
    } = config;
    INDEX
        .body
        .replace("{health}", &format!(".{health_path}"))
        .replace("{health-name}", health_path)
        .replace("{live}", &format!(".{live_path}"))
        .replace("{live-name}", live_path)
}

/// The file, or 304 if the browser has it already.
fn answer(
    content_type: &'static str,
    body: impl IntoResponse + AsRef<[u8]>,
    headers: &HeaderMap,
) -> Response {
    let tag = entity_tag(body.as_ref());
    let known = headers.get_all(IF_NONE_MATCH).iter().any(|tags| {
        let tags = tags.to_str().unwrap_or_default();
        tags.split(',').any(|one| one.trim() == tag)
    });
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => body.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// Another content has another tag; equal content has the same one in all processes of a build.
fn entity_tag(body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_at_most_100_kb() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.body.len()).sum();
        assert!(bytes + INDEX.body.len() <= 100_000, "{bytes}");
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".json") && !name.ends_with(".d.ts"))
            .filter(|name| name != "node_modules")
            .collect();
        files.sort();
        let mut embedded: Vec<&str> = ASSETS.iter().map(|asset| asset.name).collect();
        embedded.push(INDEX.name);
        embedded.sort_unstable();
        assert_eq!(files, embedded);
    }

    #[test]
    fn modules_import_only_files_that_are_there() {
        for asset in ASSETS.iter().filter(|asset| asset.name.ends_with(".js")) {
            for line in asset
                .body
                .lines()
                .filter(|line| line.starts_with("import "))
            {
                let (_, from) = line.split_once(" from \"./").expect(line);
                let file = from.strip_suffix("\";").expect(line);
                assert!(ASSETS.iter().any(|asset| asset.name == file), "{line}");
            }
        }
    }
}
