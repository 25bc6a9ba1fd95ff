//! The settings of a runtime.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::choice::OneLine;
use crate::health::HealthStatus;
use crate::metrics::{NameStyle, check_labels};

/// The settings of a runtime. [`Config::from_env`] reads the environment; [`Config::default`] ignores it.
///
/// ```
/// let mut config = dynamo_runtime::Config::default();
/// config.port = Some(0); // any free port
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// `DYN_SYSTEM_PORT`: the port of the system status server. `None` (`-1`), the default, is off; 0 selects
    /// a free port.
    pub port: Option<u16>,
    /// `DYN_SYSTEM_HOST`: the IPv4 or IPv6 address or the host name to listen on, or `unix:/path` for a
    /// Unix socket, which ignores the number of the port. Default `0.0.0.0`.
    pub host: String,
    /// `DYN_SYSTEM_WEB_CONFIG`: the web config file, with TLS, client certificates and basic auth in the
    /// format of Prometheus' exporter-toolkit. Default none.
    pub web_config: Option<PathBuf>,
    /// `DYN_SYSTEM_HEALTH_PATH`: the path of the health route. Default `/health`.
    pub health_path: String,
    /// `DYN_SYSTEM_LIVE_PATH`: the path of the liveness route. Default `/live`.
    pub live_path: String,
    /// `DYN_SYSTEM_STARTING_HEALTH_STATUS`: the health until endpoints report theirs. Default not ready.
    pub starting_health: HealthStatus,
    /// `DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS`: the required endpoints, all of which must be ready. Default
    /// none.
    pub required_endpoints: Vec<String>,
    /// `DYN_SYSTEM_PAGE`: whether `GET /` is the live page, a web page that shows the metrics. Default true.
    pub live_page: bool,
    /// `DYN_METRICS_NAME_STYLE`: how names of metrics are built. Default [`NameStyle::Hierarchy`].
    pub name_style: NameStyle,
    /// `DYN_METRICS_CALLBACK_TIMEOUT` (seconds): the timeout that the callbacks of one scrape share. Default
    /// 1 s.
    pub callback_timeout: Duration,
    /// `DYN_METRICS_CONST_LABELS` (`k=v,k2=v2`): labels of every series of the process. A metric that has a
    /// label of the same name keeps its own. Default none.
    pub const_labels: Vec<(String, String)>,
    /// `DYN_METRICS_MAX_SERIES`: the series limit of vecs; `set_max_series` overrides it. Default 0,
    /// unlimited.
    pub max_series: usize,
    /// `DYN_METRICS_CREATED_SAMPLES`: whether OpenMetrics 1 shows creation times of counters and histograms as
    /// `_created` samples, which Prometheus stores as series. Default false. OpenMetrics 2 and protobuf
    /// have a field for creation times and always show them.
    pub created_samples: bool,
    /// `DYN_METRICS_SHARED_DIR`: the directory in which several processes share their metrics, so that a
    /// scrape of one shows all. `auto` makes a directory. Default none.
    pub shared_dir: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: None,
            host: "0.0.0.0".to_owned(),
            web_config: None,
            health_path: "/health".to_owned(),
            live_path: "/live".to_owned(),
            starting_health: HealthStatus::NotReady,
            required_endpoints: Vec::new(),
            live_page: true,
            name_style: NameStyle::default(),
            callback_timeout: Duration::from_secs(1),
            const_labels: Vec::new(),
            max_series: 0,
            created_samples: false,
            shared_dir: None,
        }
    }
}

impl Config {
    /// Reads the environment. A variable that is unset, empty or blank selects the default.
    ///
    /// # Errors
    /// The first variable with an invalid value.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|variable| env::var_os(variable))
    }

    /// The default settings, with the labels of the environment: for a runtime without a server.
    ///
    /// # Errors
    /// `DYN_METRICS_CONST_LABELS` has an invalid value.
    pub fn detached() -> Result<Self, ConfigError> {
        Ok(Self {
            const_labels: CONST_LABELS.read(|variable| env::var_os(variable), Vec::new())?,
            ..Self::default()
        })
    }

    /// Reads the environment, in which `settings`, variables and their values, replace those that are set.
    ///
    /// # Errors
    /// The first variable with an invalid value.
    pub fn from_env_with(settings: &[(&str, String)]) -> Result<Self, ConfigError> {
        Self::from_lookup(|variable| {
            let given = settings.iter().find(|(name, _)| *name == variable);
            given.map_or_else(|| env::var_os(variable), |(_, value)| Some(value.into()))
        })
    }

    /// As [`from_env`](Self::from_env), with another source of variables.
    pub(crate) fn from_lookup(
        lookup: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let default = Self::default();
        let mut config = Self {
            port: PORT.read(&lookup, default.port)?,
            host: HOST.read(&lookup, default.host)?,
            web_config: WEB_CONFIG.read(&lookup, default.web_config)?,
            health_path: HEALTH_PATH.read(&lookup, default.health_path)?,
            live_path: LIVE_PATH.read(&lookup, default.live_path)?,
            starting_health: STARTING_HEALTH.read(&lookup, default.starting_health)?,
            required_endpoints: REQUIRED_ENDPOINTS.read(&lookup, default.required_endpoints)?,
            live_page: LIVE_PAGE.read(&lookup, default.live_page)?,
            name_style: NAME_STYLE.read(&lookup, default.name_style)?,
            callback_timeout: CALLBACK_TIMEOUT.read(&lookup, default.callback_timeout)?,
            const_labels: CONST_LABELS.read(&lookup, default.const_labels)?,
            max_series: MAX_SERIES.read(&lookup, default.max_series)?,
            created_samples: CREATED_SAMPLES.read(&lookup, default.created_samples)?,
            shared_dir: SHARED_DIR.read(&lookup, default.shared_dir)?,
        };
        config.check_paths()?;
        // A socket has no port: the variable only switches it off.
        let is_set =
            lookup(PORT.variable).is_some_and(|value| !value.to_string_lossy().trim().is_empty());
        if config.host.starts_with(UNIX_PREFIX) && !is_set {
            config.port = Some(0);
        }
        Ok(config)
    }

    /// The fixed address that runtimes of the process share; `None` without one.
    pub(crate) fn fixed_address(&self) -> Option<(String, u16)> {
        let port = match self.host.starts_with(UNIX_PREFIX) {
            true => self.port.map(|_| 0),
            false => self.port.filter(|port| *port != 0),
        };
        port.map(|port| (self.host.clone(), port))
    }

    /// Checks that the paths are valid and different. Paths set in code have not been checked before.
    pub(crate) fn check_paths(&self) -> Result<(), ConfigError> {
        for (rule, path) in [
            (&HEALTH_PATH, &self.health_path),
            (&LIVE_PATH, &self.live_path),
        ] {
            if parse_path(path).as_ref() != Some(path) {
                return Err(rule.error_for(path));
            }
            if ["/", "/metrics"].contains(&path.as_str()) {
                return Err(TAKEN_PATH.for_variable(rule.variable).error_for(path));
            }
        }
        if self.health_path == self.live_path {
            // If only one of them was set, the error names that one.
            let rule = match self.live_path == Self::default().live_path {
                true => HEALTH_PATH,
                false => LIVE_PATH,
            };
            return Err(TAKEN_PATH
                .for_variable(rule.variable)
                .error_for(&self.live_path));
        }
        Ok(())
    }
}

/// A setting with an invalid value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{variable}={} {problem}: use {remedy}", OneLine(value))]
pub struct ConfigError {
    /// The environment variable of the setting.
    pub variable: &'static str,
    /// The value.
    pub value: String,
    /// The problem with the value.
    pub problem: &'static str,
    /// The valid values.
    pub remedy: &'static str,
}

/// One variable: the parser of its value, and the texts of its error.
#[derive(Clone, Copy)]
struct Rule<T> {
    variable: &'static str,
    parse: fn(&str) -> Option<T>,
    problem: &'static str,
    remedy: &'static str,
}

impl<T> Rule<T> {
    fn read(
        &self,
        lookup: impl Fn(&str) -> Option<OsString>,
        default: T,
    ) -> Result<T, ConfigError> {
        let Some(raw) = lookup(self.variable) else {
            return Ok(default);
        };
        // Invalid UTF-8 becomes U+FFFD, which no rule accepts.
        let raw = raw.to_string_lossy();
        match raw.trim() {
            "" => Ok(default),
            value => (self.parse)(value).ok_or_else(|| self.error_for(value)),
        }
    }

    fn for_variable(self, variable: &'static str) -> Self {
        Self { variable, ..self }
    }

    fn error_for(&self, value: &str) -> ConfigError {
        ConfigError {
            variable: self.variable,
            value: value.to_owned(),
            problem: self.problem,
            remedy: self.remedy,
        }
    }
}

const PORT: Rule<Option<u16>> = Rule {
    variable: "DYN_SYSTEM_PORT",
    parse: |value| match value {
        "-1" => Some(None),
        port => port.parse().ok().map(Some),
    },
    problem: "is not a port",
    remedy: "-1 (off), 0 (any free port) or 1 to 65535",
};

/// The start of a host that is the path of a Unix socket.
const UNIX_PREFIX: &str = "unix:";

const HOST: Rule<String> = Rule {
    variable: "DYN_SYSTEM_HOST",
    parse: |value| {
        if let Some(path) = value.strip_prefix(UNIX_PREFIX) {
            let is_path = path.starts_with('/') && !path.contains(['\0', '\u{fffd}']);
            return is_path.then(|| value.to_owned());
        }
        let odd =
            |char: char| char.is_whitespace() || char.is_control() || "/\u{fffd}".contains(char);
        (!value.contains(odd)).then(|| value.to_owned())
    },
    problem: "is not a host",
    remedy: "an address or the name of this machine, such as 0.0.0.0, :: or localhost, or unix:/path for a socket",
};

const WEB_CONFIG: Rule<Option<PathBuf>> = Rule {
    variable: "DYN_SYSTEM_WEB_CONFIG",
    parse: |value| Some(Some(PathBuf::from(value))),
    problem: "is not a path",
    remedy: "the path of a web config file",
};

const HEALTH_PATH: Rule<String> = Rule {
    variable: "DYN_SYSTEM_HEALTH_PATH",
    parse: parse_path,
    problem: "is not a path",
    remedy: "a / followed by letters, digits and any of - . _ ~ /",
};

const LIVE_PATH: Rule<String> = Rule {
    variable: "DYN_SYSTEM_LIVE_PATH",
    ..HEALTH_PATH
};

const TAKEN_PATH: Rule<String> = Rule {
    problem: "is the path of another route",
    remedy: "a path other than /, /metrics and the other of the health and live paths",
    ..HEALTH_PATH
};

const STARTING_HEALTH: Rule<HealthStatus> = Rule {
    variable: "DYN_SYSTEM_STARTING_HEALTH_STATUS",
    parse: |value| value.parse().ok(),
    problem: "is not a health status",
    remedy: "ready or notready",
};

const REQUIRED_ENDPOINTS: Rule<Vec<String>> = Rule {
    variable: "DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS",
    parse: |value| serde_json::from_str(value).ok(),
    problem: "is not a list of endpoints",
    remedy: r#"a JSON list of strings, such as ["generate"]"#,
};

const NAME_STYLE: Rule<NameStyle> = Rule {
    variable: "DYN_METRICS_NAME_STYLE",
    parse: |value| value.parse().ok(),
    problem: "is not a name style",
    remedy: "hierarchy or component",
};

const CALLBACK_TIMEOUT: Rule<Duration> = Rule {
    variable: "DYN_METRICS_CALLBACK_TIMEOUT",
    parse: |value| {
        let timeout = Duration::try_from_secs_f64(value.parse().ok()?).ok()?;
        (!timeout.is_zero() && timeout <= MAX_CALLBACK_TIMEOUT).then_some(timeout)
    },
    problem: "is not a time in seconds",
    remedy: "a number above 0 and at most 86400 (one day)",
};

pub(crate) const MAX_CALLBACK_TIMEOUT: Duration = Duration::from_secs(86_400);

const CONST_LABELS: Rule<Vec<(String, String)>> = Rule {
    variable: "DYN_METRICS_CONST_LABELS",
    parse: parse_labels,
    problem: "is not a list of labels",
    remedy: "name=value pairs with commas between them, such as region=eu,cluster=a: each name once, of [a-zA-Z_][a-zA-Z0-9_]*, and none of dynamo_namespace, dynamo_component, dynamo_endpoint, dynamo_process, le, quantile, __*",
};

/// Parses `k=v,k2=v2`. A label without a value is no label.
fn parse_labels(value: &str) -> Option<Vec<(String, String)>> {
    let pairs = value.split(',').map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (!value.contains('\u{fffd}')).then(|| (name.trim().to_owned(), value.trim().to_owned()))
    });
    let mut pairs: Vec<_> = pairs.collect::<Option<_>>()?;
    check_labels("", pairs.iter().map(|(name, _)| name.as_str())).ok()?;
    pairs.retain(|(_, value)| !value.is_empty());
    Some(pairs)
}

const MAX_SERIES: Rule<usize> = Rule {
    variable: "DYN_METRICS_MAX_SERIES",
    parse: |value| value.parse().ok(),
    problem: "is not a number of series",
    remedy: "0 (no limit) or a whole number above 0",
};

const CREATED_SAMPLES: Rule<bool> = Rule {
    variable: "DYN_METRICS_CREATED_SAMPLES",
    parse: |value| match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "on" | "yes" => Some(true),
        "0" | "false" | "off" | "no" => Some(false),
        _ => None,
    },
    problem: "is neither yes nor no",
    remedy: "1, true, on or yes; or 0, false, off or no",
};

const SHARED_DIR: Rule<Option<PathBuf>> = Rule {
    variable: "DYN_METRICS_SHARED_DIR",
    parse: |value| {
        let odd = |char: char| char.is_control() || char == '\u{fffd}';
        (!value.contains(odd)).then(|| Some(value.into()))
    },
    problem: "is not a directory",
    remedy: "the path of a local directory, or auto",
};

const LIVE_PAGE: Rule<bool> = Rule {
    variable: "DYN_SYSTEM_PAGE",
    ..CREATED_SAMPLES
};

/// Parses a path. Its characters need no escaping in a URL, in HTML or in the syntax of the router.
fn parse_path(value: &str) -> Option<String> {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-._~/".contains(char);
    (value.starts_with('/') && value.chars().all(plain)).then(|| value.to_owned())
}

#[cfg(test)]
mod tests;
