//! The web config: TLS, client certificates and basic auth (`DYN_SYSTEM_WEB_CONFIG`), read again when its
//! files change.

mod auth;
mod file;
mod handshakes;
mod tls;
mod turns;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::task;

use self::auth::{Denied, Passwords};
pub use self::file::WebConfigError;
use self::file::WebFile;
pub(super) use self::handshakes::Handshakes;
pub(super) use self::tls::Tls;
use crate::sync::lock;

/// The least time between two checks for changes. A check costs four `stat` calls.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The current web config. The default one is plain HTTP without auth, and never changes.
///
/// The locks are taken by the server's threads only, and never in a forked child.
#[derive(Default)]
pub(super) struct WebConfig {
    file: Option<Watched>,
    handshakes: Arc<Handshakes>,
}

struct Watched {
    path: PathBuf,
    passwords: Passwords,
    state: Mutex<State>,
}

struct State {
    loaded: Arc<Loaded>,
    /// Why the last change was not taken. The files are read again until they are valid.
    refused: Option<WebConfigError>,
    next_check: Instant,
}

/// A web config file and its certificates.
struct Loaded {
    tls: Option<Arc<Tls>>,
    users: BTreeMap<String, String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The files, as they were just before they were read.
    files: Vec<(PathBuf, Stamp)>,
}

/// The state of a file: device, inode, size, and time of the last change.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

impl WebConfig {
    /// Reads the file and its certificates; without a path, there is no TLS and no auth.
    pub(super) fn load(path: Option<&Path>) -> Result<Self, WebConfigError> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let loaded = Loaded::read(path)?;
        let passwords = Passwords::new().map_err(|_| WebConfigError {
            path: path.to_owned(),
            line: None,
            key: None,
            problem: "the system has no random numbers".to_owned(),
        })?;
        Ok(WebConfig {
            handshakes: Arc::default(),
            file: Some(Watched {
                path: path.to_owned(),
                passwords,
                state: Mutex::new(State {
                    loaded: Arc::new(loaded),
                    refused: None,
                    next_check: Instant::now() + CHECK_INTERVAL,
                }),
            }),
        })
    }

    /// Whether clients need neither a certificate nor a password.
    pub(super) fn is_open(&self) -> bool {
        let loaded = self.loaded();
        loaded.is_none_or(|loaded| loaded.tls.is_none() && loaded.users.is_empty())
    }

    /// The TLS of a new connection; `None` for plain HTTP. Reads files that have changed again.
    pub(super) async fn tls(&self) -> Option<Arc<Tls>> {
        self.reload().await;
        self.loaded().and_then(|loaded| loaded.tls.clone())
    }

    /// The TLS handshakes of the server.
    pub(super) fn handshakes(&self) -> &Arc<Handshakes> {
        &self.handshakes
    }

    /// Lets a request with these headers in, or returns the response that refuses it.
    pub(super) async fn authorize(&self, headers: &HeaderMap) -> Result<(), Response> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        self.reload().await;
        let loaded = file.loaded();
        if loaded.users.is_empty() {
            return Ok(());
        }
        let header = headers.get(AUTHORIZATION);
        let outcome = file.passwords.check(&loaded.users, header).await;
        outcome.map_err(IntoResponse::into_response)
    }

    /// Adds the headers of `http_server_config`.
    pub(super) fn add_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in self.loaded().iter().flat_map(|loaded| &loaded.headers) {
            headers.insert(name.clone(), value.clone());
        }
    }

    fn loaded(&self) -> Option<Arc<Loaded>> {
        self.file.as_ref().map(Watched::loaded)
    }

    /// Reads files that have changed again, at most every [`CHECK_INTERVAL`]. A file that is not valid is
    /// logged, and the previous config stays.
    async fn reload(&self) {
        let Some(file) = &self.file else {
            return;
        };
        let (path, loaded, was_refused) = {
            let mut state = lock(&file.state);
            let now = Instant::now();
            if now < state.next_check {
                return;
            }
            state.next_check = now + CHECK_INTERVAL;
            let loaded = Arc::clone(&state.loaded);
            (file.path.clone(), loaded, state.refused.is_some())
        };
        let read = task::spawn_blocking(move || {
            let is_due = was_refused || loaded.has_changed();
            is_due.then(|| Loaded::read(&path).and_then(|new| new.replaces(&loaded, &path)))
        });
        let Ok(Some(outcome)) = read.await else {
            return;
        };
        let mut state = lock(&file.state);
        match outcome {
            Ok(new) => {
                if state.refused.take().is_some() || state.loaded.files != new.files {
                    tracing::info!(path = %file.path.display(), "the web config was read again");
                }
                state.loaded = Arc::new(new);
            }
            Err(error) if state.refused.as_ref() != Some(&error) => {
                tracing::error!(%error, "the web config was not read again: the previous one stays");
                state.refused = Some(error);
            }
            Err(_) => {}
        }
    }
}

/// Whether the web config file has TLS now.
pub(super) fn has_tls(path: &Path) -> bool {
    WebFile::read(path).is_ok_and(|file| file.tls.is_some())
}

/// Parses the content of a web config file, with the certificates in it.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn parse(path: &Path, text: &str) -> Result<(), WebConfigError> {
    let file = WebFile::parse(path, text)?;
    file.tls
        .as_ref()
        .map_or(Ok(()), |keys| Tls::new(&file, &keys.value).map(drop))
}

impl Watched {
    fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&lock(&self.state).loaded)
    }
}

impl Loaded {
    fn read(path: &Path) -> Result<Self, WebConfigError> {
        let mut files = vec![stamped(path.to_owned())];
        let file = WebFile::read(path)?;
        let tls = match &file.tls {
            Some(keys) => {
                let named = tls::files(&keys.value).map(|path| file.resolve(&path.value));
                files.extend(named.map(stamped));
                Some(Arc::new(Tls::new(&file, &keys.value)?))
            }
            None => None,
        };
        Ok(Loaded {
            tls,
            users: file.users,
            headers: file.headers,
            files,
        })
    }

    fn has_changed(&self) -> bool {
        let mut files = self.files.iter();
        files.any(|(path, before)| stamp(path) != *before)
    }

    /// Refuses to open what was closed: a file that is written at this moment may be empty.
    fn replaces(self, before: &Loaded, path: &Path) -> Result<Self, WebConfigError> {
        let lost = match before {
            Loaded { tls: Some(_), .. } if self.tls.is_none() => "tls_server_config",
            Loaded { users, .. } if !users.is_empty() && self.users.is_empty() => {
                "basic_auth_users"
            }
            _ => return Ok(self),
        };
        Err(WebConfigError {
            path: path.to_owned(),
            line: None,
            key: Some(lost.to_owned()),
            problem: "is no longer in the file: restart the process to do without it".to_owned(),
        })
    }
}

fn stamped(path: PathBuf) -> (PathBuf, Stamp) {
    let stamp = stamp(&path);
    (path, stamp)
}

fn stamp(path: &Path) -> Stamp {
    let file = fs::metadata(path).ok()?;
    let changed = (file.mtime(), file.mtime_nsec());
    Some((file.dev(), file.ino(), file.size(), changed.0, changed.1))
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        match self {
            Denied::Unauthorized => {
                let challenge = HeaderValue::from_static("Basic realm=\"metrics\"");
                let text = "unauthorized: send the user and password of this server\n";
                (
                    StatusCode::UNAUTHORIZED,
                    [(WWW_AUTHENTICATE, challenge)],
                    text,
                )
                    .into_response()
            }
            Denied::Busy => {
                let text = "too many passwords are being checked: try again\n";
                let after = [(RETRY_AFTER, HeaderValue::from_static("1"))];
                (StatusCode::SERVICE_UNAVAILABLE, after, text).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests;
