//! The web config file: its keys, and errors with file, line and key. The format is that of Prometheus'
//! exporter-toolkit: <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use axum::http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;
use thiserror::Error;

/// The largest web config file.
const MAX_BYTES: u64 = 1 << 20;

/// An invalid web config file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{}: {}{problem}", path.display(), Line(*line), Key(key.as_deref()))]
pub struct WebConfigError {
    /// The web config file.
    pub path: PathBuf,
    /// The line, from 1, if the problem has one.
    pub line: Option<u64>,
    /// The key, such as `tls_server_config.cert_file`, if the problem has one.
    pub key: Option<String>,
    /// The problem and the remedy.
    pub problem: String,
}

struct Line(Option<u64>);

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

struct Key<'a>(Option<&'a str>);

impl std::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |key| write!(f, "{key}: "))
    }
}

/// A string with its position.
pub(super) type Text = Spanned<String>;

/// The file as written. Unknown keys are errors.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    tls_server_config: Option<Spanned<TlsKeys>>,
    http_server_config: Option<HttpKeys>,
    basic_auth_users: Option<BTreeMap<String, Text>>,
    /// Not supported: the limits of the server always hold.
    rate_limit: Option<Spanned<IgnoredAny>>,
}

/// `tls_server_config` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsKeys {
    pub(super) cert_file: Option<Text>,
    pub(super) cert: Option<Text>,
    pub(super) key_file: Option<Text>,
    pub(super) key: Option<Text>,
    pub(super) client_ca_file: Option<Text>,
    pub(super) client_ca: Option<Text>,
    pub(super) client_auth_type: Option<Text>,
    pub(super) client_allowed_sans: Option<Vec<Text>>,
    pub(super) min_version: Option<Text>,
    pub(super) max_version: Option<Text>,
    pub(super) cipher_suites: Option<Vec<Text>>,
    pub(super) curve_preferences: Option<Vec<Text>>,
    /// Without effect, as in Go: the library orders the cipher suites.
    #[serde(rename = "prefer_server_cipher_suites")]
    _prefer_server_cipher_suites: Option<bool>,
}

/// `http_server_config` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpKeys {
    /// Without effect: the server speaks HTTP/1.1 only.
    #[serde(rename = "http2")]
    _http2: Option<bool>,
    headers: Option<BTreeMap<String, Text>>,
}

/// The headers that the file may set, as in exporter-toolkit.
const HEADERS: &[&str] = &[
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
];

/// A web config file that has been read; certificates have not been loaded yet.
#[derive(Debug)]
pub(super) struct WebFile {
    pub(super) path: PathBuf,
    /// With the position of the section.
    pub(super) tls: Option<Spanned<TlsKeys>>,
    /// Names and bcrypt hashes.
    pub(super) users: BTreeMap<String, String>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl WebFile {
    pub(super) fn read(path: &Path) -> Result<Self, WebConfigError> {
        let file = Source { path };
        let text = read_limited(path).map_err(|problem| file.error(None, None, problem))?;
        Self::parse(path, &text)
    }

    /// Parses the content of the file at `path`.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, WebConfigError> {
        let file = Source { path };
        // YAML ends a line at a carriage return, too.
        let text = &text.replace("\r\n", "\n").replace('\r', "\n");
        let keys = match text.lines().all(is_blank) {
            true => Keys::default(),
            false => serde_saphyr::from_str(text).map_err(|error| file.yaml(text, &error))?,
        };
        if let Some(limit) = keys.rate_limit {
            let line = Some(limit.referenced.line());
            let problem =
                "is not supported: leave it out, the limits of docs/security.md always hold";
            return Err(file.error(line, Some("rate_limit".to_owned()), problem));
        }
        let mut users = BTreeMap::new();
        for (name, hash) in keys.basic_auth_users.unwrap_or_default() {
            let key = format!("basic_auth_users.{name}");
            if name.is_empty() || name.contains(':') {
                let problem = "a user name cannot be empty or contain a colon";
                return Err(file.at(&hash, &key, problem));
            }
            if hash.value.parse::<bcrypt::HashParts>().is_err() {
                let problem = "is not a bcrypt hash: write the hash that `htpasswd -nBC 10 \"\"` prints, not the password";
                return Err(file.at(&hash, &key, problem));
            }
            users.insert(name, hash.value);
        }
        let mut headers = Vec::new();
        let given = keys.http_server_config.unwrap_or_default().headers;
        for (name, value) in given.unwrap_or_default() {
            let key = format!("http_server_config.headers.{name}");
            let known = HEADERS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(&name));
            let header = HeaderName::from_bytes(name.as_bytes())
                .ok()
                .filter(|_| known);
            let Some(header) = header else {
                let problem = format!("this header cannot be set: use {}", HEADERS.join(", "));
                return Err(file.at(&value, &key, problem));
            };
            let Ok(content) = HeaderValue::from_str(&value.value) else {
                return Err(file.at(&value, &key, "is not a header value: use one line of ASCII"));
            };
            headers.push((header, content));
        }
        Ok(WebFile {
            path: path.to_owned(),
            tls: keys.tls_server_config,
            users,
            headers,
        })
    }

    /// An error about a value of `tls_server_config`.
    pub(super) fn error(
        &self,
        value: &Text,
        key: &str,
        problem: impl Into<String>,
    ) -> WebConfigError {
        let key = format!("tls_server_config.{key}");
        Source { path: &self.path }.at(value, &key, problem)
    }

    /// An error about `tls_server_config` as a whole.
    pub(super) fn section_error(&self, problem: impl Into<String>) -> WebConfigError {
        let line = self.tls.as_ref().map(|tls| tls.referenced.line());
        let key = Some("tls_server_config".to_owned());
        Source { path: &self.path }.error(line, key, problem)
    }

    /// A path in the file, which is relative to the folder of the file.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }
}

struct Source<'a> {
    path: &'a Path,
}

impl Source<'_> {
    fn error(
        &self,
        line: Option<u64>,
        key: Option<String>,
        problem: impl Into<String>,
    ) -> WebConfigError {
        WebConfigError {
            path: self.path.to_owned(),
            line,
            key: key.as_deref().map(one_line),
            problem: one_line(&problem.into()),
        }
    }

    fn at(&self, value: &Text, key: &str, problem: impl Into<String>) -> WebConfigError {
        self.error(Some(value.referenced.line()), Some(key.to_owned()), problem)
    }

    fn yaml(&self, text: &str, error: &serde_saphyr::Error) -> WebConfigError {
        let location = error.location();
        let line = location.map(|location| location.line());
        let problem = error.without_snippet().to_string();
        // The parser repeats the position, and may print several lines.
        let problem = problem.lines().next().unwrap_or_default();
        let problem = match problem.rfind(" at line ") {
            Some(end) => &problem[..end],
            None => problem,
        };
        let key = line.and_then(|line| key_at(text, line));
        self.error(line, key, problem)
    }
}

/// Reads a text file of the configuration. The error is one line.
pub(super) fn read_limited(path: &Path) -> Result<String, String> {
    let read = || -> io::Result<String> {
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            let problem = format!("is not a file of at most {MAX_BYTES} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        fs::read_to_string(path)
    };
    read().map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Escapes control characters: keys and values of the file may have line feeds.
fn one_line(text: &str) -> String {
    let escaped = |char: char| match char.is_control() {
        true => char.escape_default().to_string(),
        false => char.to_string(),
    };
    text.chars().map(escaped).collect()
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#') || line == "---"
}

/// The path of the key on a line, by the indentation of the lines before it.
fn key_at(text: &str, line: u64) -> Option<String> {
    let lines: Vec<&str> = text.lines().take(usize::try_from(line).ok()?).collect();
    let mut keys = Vec::new();
    let mut indent = usize::MAX;
    for line in lines.into_iter().rev().filter(|line| !is_blank(line)) {
        let own = line.len() - line.trim_start().len();
        let Some((key, _)) = line.trim_start().split_once(':') else {
            continue;
        };
        if own < indent {
            keys.push(key.trim_matches(['"', '\'', '-', ' ']));
            indent = own;
        }
        if own == 0 {
            break;
        }
    }
    keys.reverse();
    keys.retain(|key| !key.is_empty());
    (!keys.is_empty()).then(|| keys.join("."))
}
