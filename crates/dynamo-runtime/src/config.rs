//! Settings, from the environment or from code.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::health::HealthStatus;

/// How a runtime is set up. [`Config::from_env`] reads the environment, [`Config::default`] ignores it.
///
/// ```
/// let mut config = dynamo_runtime::Config::default();
/// config.port = Some(0); // any free port
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// `DYN_SYSTEM_PORT`: the port of the system status server. `None` (`-1`) is off, the default;
    /// 0 takes a free one.
    pub port: Option<u16>,
    /// `DYN_SYSTEM_HOST`: the IPv4 or IPv6 address, or the name, to listen on. Default `0.0.0.0`.
    pub host: String,
    /// `DYN_SYSTEM_HEALTH_PATH`: the route that tells whether the process takes work. Default `/health`.
    pub health_path: String,
    /// `DYN_SYSTEM_LIVE_PATH`: the route that tells that the process runs. Default `/live`.
    pub live_path: String,
    /// `DYN_SYSTEM_STARTING_HEALTH_STATUS`: the health until endpoints report. Default not ready.
    pub starting_health: HealthStatus,
    /// `DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS`: the endpoints that must be ready. Default none.
    pub required_endpoints: Vec<String>,
    /// `DYN_SYSTEM_PAGE`: whether `GET /` is the live page, a web page that shows the metrics. Default
    /// true.
    pub live_page: bool,
    /// `DYN_METRICS_NAME_STYLE`: how full names of metrics are built. Default [`NameStyle::Hierarchy`].
    pub name_style: NameStyle,
    /// `DYN_METRICS_CALLBACK_TIMEOUT` (seconds): how long the callbacks of one scrape may take
    /// together. Default 1 s.
    pub callback_timeout: Duration,
    /// `DYN_METRICS_MAX_SERIES`: how many series a vec has at most unless it says otherwise
    /// (`set_max_series`). Default 0, any number.
    pub max_series: usize,
    /// `DYN_METRICS_CREATED_SAMPLES`: whether OpenMetrics 1 shows when counters and histograms were
    /// born, as `_created` samples, which Prometheus takes for series. Default false; other formats
    /// have a place for it and always show it.
    pub created_samples: bool,
    /// `DYN_METRICS_PROCESS`: whether the page shows figures of the whole process, `process_*` and
    /// others. Default true.
    pub process_metrics: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: None,
            host: "0.0.0.0".to_owned(),
            health_path: "/health".to_owned(),
            live_path: "/live".to_owned(),
            starting_health: HealthStatus::NotReady,
            required_endpoints: Vec::new(),
            live_page: true,
            name_style: NameStyle::default(),
            callback_timeout: Duration::from_secs(1),
            max_series: 0,
            created_samples: false,
            process_metrics: true,
        }
    }
}

impl Config {
    /// Reads the environment. A variable that is absent, empty or blank leaves the default.
    ///
    /// # Errors
    /// The first variable with a value that breaks its rule.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|variable| env::var_os(variable))
    }

    /// [`from_env`](Self::from_env) with another source of variables.
    pub(crate) fn from_lookup(
        lookup: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let default = Self::default();
        let config = Self {
            port: PORT.read(&lookup, default.port)?,
            host: HOST.read(&lookup, default.host)?,
            health_path: HEALTH_PATH.read(&lookup, default.health_path)?,
            live_path: LIVE_PATH.read(&lookup, default.live_path)?,
            starting_health: STARTING_HEALTH.read(&lookup, default.starting_health)?,
            required_endpoints: REQUIRED_ENDPOINTS.read(&lookup, default.required_endpoints)?,
            live_page: LIVE_PAGE.read(&lookup, default.live_page)?,
            name_style: NAME_STYLE.read(&lookup, default.name_style)?,
            callback_timeout: CALLBACK_TIMEOUT.read(&lookup, default.callback_timeout)?,
            max_series: MAX_SERIES.read(&lookup, default.max_series)?,
            created_samples: CREATED_SAMPLES.read(&lookup, default.created_samples)?,
            process_metrics: PROCESS_METRICS.read(&lookup, default.process_metrics)?,
        };
        config.check_paths()?;
        Ok(config)
    }

    /// Whether each route has a path of its own; paths set in code have not been checked before.
    pub(crate) fn check_paths(&self) -> Result<(), ConfigError> {
        for (rule, path) in [
            (&HEALTH_PATH, &self.health_path),
            (&LIVE_PATH, &self.live_path),
        ] {
            if parse_path(path).as_ref() != Some(path) {
                return Err(rule.broken_by(path));
            }
            if ["/", "/metrics"].contains(&path.as_str()) {
                return Err(TAKEN_PATH.named(rule.variable).broken_by(path));
            }
        }
        if self.health_path == self.live_path {
            // Whoever has set only one of them is told of that one.
            let rule = match self.live_path == Self::default().live_path {
                true => HEALTH_PATH,
                false => LIVE_PATH,
            };
            return Err(TAKEN_PATH.named(rule.variable).broken_by(&self.live_path));
        }
        Ok(())
    }
}

/// How the full name of a metric is built from the path of its owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NameStyle {
    /// The path and the name: `my_namespace_my_component_my_endpoint_requests_total` (the guide).
    #[default]
    Hierarchy,
    /// `dynamo_component_requests_total`, whatever the path: Dynamo 0.5 to 0.8.
    Component,
}

impl std::fmt::Display for NameStyle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hierarchy => "hierarchy",
            Self::Component => "component",
        })
    }
}

impl FromStr for NameStyle {
    type Err = UnknownChoice;

    fn from_str(word: &str) -> Result<Self, UnknownChoice> {
        UnknownChoice::pick(
            word,
            &[
                ("hierarchy", Self::Hierarchy),
                ("component", Self::Component),
            ],
            "hierarchy or component",
        )
    }
}

/// A word that is none of those a setting knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{}` is not known: use {choices}", OneLine(value))]
pub struct UnknownChoice {
    /// The word given.
    pub value: String,
    /// The words known.
    pub choices: &'static str,
}

impl UnknownChoice {
    pub(crate) fn pick<T: Copy>(
        word: &str,
        known: &[(&str, T)],
        choices: &'static str,
    ) -> Result<T, Self> {
        let found = known.iter().find(|(name, _)| *name == word);
        found.map(|(_, choice)| *choice).ok_or_else(|| Self {
            value: word.to_owned(),
            choices,
        })
    }
}

/// A setting with a value that breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{variable}={} {problem}: use {remedy}", OneLine(value))]
pub struct ConfigError {
    /// The environment variable of the setting.
    pub variable: &'static str,
    /// The value it has.
    pub value: String,
    /// What is wrong with the value.
    pub problem: &'static str,
    /// What to use instead.
    pub remedy: &'static str,
}

/// A value inside a message: without line breaks, and not endless.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 100;
        let mut chars = self.0.chars();
        for char in chars.by_ref().take(SHOWN) {
            if char.is_control() {
                write!(f, "{}", char.escape_default())?;
            } else {
                write!(f, "{char}")?;
            }
        }
        f.write_str(if chars.next().is_some() { "…" } else { "" })
    }
}

/// One variable: how its value is read, and what to say of one that cannot be.
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
        // Bytes that are not UTF-8 become U+FFFD, which no rule accepts.
        let raw = raw.to_string_lossy();
        match raw.trim() {
            "" => Ok(default),
            value => (self.parse)(value).ok_or_else(|| self.broken_by(value)),
        }
    }

    fn named(self, variable: &'static str) -> Self {
        Self { variable, ..self }
    }

    fn broken_by(&self, value: &str) -> ConfigError {
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

const HOST: Rule<String> = Rule {
    variable: "DYN_SYSTEM_HOST",
    parse: |value| {
        let odd =
            |char: char| char.is_whitespace() || char.is_control() || "/\u{fffd}".contains(char);
        (!value.contains(odd)).then(|| value.to_owned())
    },
    problem: "is not a host",
    remedy: "an address of this machine or its name, such as 0.0.0.0, :: or localhost",
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
    remedy: "a path that is not /, /metrics or that of the other of health and live",
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

const MAX_CALLBACK_TIMEOUT: Duration = Duration::from_secs(86_400);

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

const PROCESS_METRICS: Rule<bool> = Rule {
    variable: "DYN_METRICS_PROCESS",
    ..CREATED_SAMPLES
};

const LIVE_PAGE: Rule<bool> = Rule {
    variable: "DYN_SYSTEM_PAGE",
    ..CREATED_SAMPLES
};

/// Paths that need no escaping in a URL, in HTML or in the router's syntax.
fn parse_path(value: &str) -> Option<String> {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-._~/".contains(char);
    (value.starts_with('/') && value.chars().all(plain)).then(|| value.to_owned())
}

#[cfg(test)]
mod tests;
