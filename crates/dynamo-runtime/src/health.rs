//! The health of a process.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, OnceLock};

use serde::Serialize;

use crate::choice::UnknownChoice;
use crate::metrics::Path;
use crate::sync;

/// Whether a process or an endpoint accepts work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Accepts work: `ready`, HTTP status 200.
    Ready,
    /// Does not accept work: `notready`, HTTP status 503.
    NotReady,
}

impl HealthStatus {
    /// The value in the environment and in the response of `/health`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "notready",
        }
    }

    fn from_ready(ready: bool) -> Self {
        if ready { Self::Ready } else { Self::NotReady }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HealthStatus {
    type Err = UnknownChoice;

    fn from_str(value: &str) -> Result<Self, UnknownChoice> {
        UnknownChoice::parse(
            value,
            &[("ready", Self::Ready), ("notready", Self::NotReady)],
            "ready or notready",
        )
    }
}

/// The current health of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HealthReport {
    /// Whether `/health` responds with 200 or with 503.
    pub(crate) ready: bool,
    /// Every endpoint that has reported or is required, by name. Endpoints with the same name in several
    /// components are one entry, which is ready if all of them are.
    pub(crate) endpoints: BTreeMap<String, HealthStatus>,
}

impl HealthReport {
    /// `ready` as the status that `/health` shows.
    pub(crate) fn status(&self) -> HealthStatus {
        HealthStatus::from_ready(self.ready)
    }
}

/// Determines the health of a process from its endpoints and its process status.
///
/// The rule is upstream's: required endpoints decide, if there are any; otherwise endpoints that have
/// reported; otherwise the process status.
///
/// The methods take the lock inside a section of [`sync`]: do not call them inside another section.
pub(crate) struct SystemHealth {
    required: Vec<String>,
    state: Mutex<State>,
    observer: OnceLock<Observer>,
}

/// Is called after each change, without a lock.
type Observer = Box<dyn Fn(&SystemHealth) + Send + Sync>;

#[derive(Debug)]
struct State {
    status: HealthStatus,
    /// Whether the status was set after the start.
    is_set: bool,
    endpoints: HashMap<Path, HealthStatus>,
}

impl SystemHealth {
    /// `starting` is the process status until [`set_status`](Self::set_status). All `required` endpoints must be
    /// ready.
    pub(crate) fn new(starting: HealthStatus, required: Vec<String>) -> Self {
        let state = State {
            status: starting,
            is_set: false,
            endpoints: HashMap::new(),
        };
        Self {
            required,
            state: Mutex::new(state),
            observer: OnceLock::new(),
        }
    }

    /// Calls `observer` now and after each change. The first observer stays.
    pub(crate) fn observe(&self, observer: impl Fn(&SystemHealth) + Send + Sync + 'static) {
        observer(self);
        let _ = self.observer.set(Box::new(observer));
    }

    /// Whether the process has said anything about its health.
    pub(crate) fn has_reported(&self) -> bool {
        let _section = sync::enter();
        let state = sync::lock(&self.state);
        state.is_set || !state.endpoints.is_empty() || !self.required.is_empty()
    }

    /// Sets the process status, which decides while no endpoint does.
    pub(crate) fn set_status(&self, status: HealthStatus) {
        self.change(|state| {
            state.status = status;
            state.is_set = true;
        });
    }

    /// Sets the status of an endpoint.
    pub(crate) fn set_endpoint(&self, endpoint: &Path, status: HealthStatus) {
        self.change(|state| {
            state.endpoints.insert(endpoint.clone(), status);
        });
    }

    /// Removes an endpoint. A required endpoint then counts as not ready.
    pub(crate) fn remove_endpoint(&self, endpoint: &Path) {
        self.change(|state| {
            state.endpoints.remove(endpoint);
        });
    }

    /// The current health.
    pub(crate) fn report(&self) -> HealthReport {
        let (status, mut endpoints) = {
            let _section = sync::enter();
            let state = sync::lock(&self.state);
            (state.status, by_name(&state.endpoints))
        };
        let is_ready = |status: &HealthStatus| *status == HealthStatus::Ready;
        for name in &self.required {
            endpoints
                .entry(name.clone())
                .or_insert(HealthStatus::NotReady);
        }
        let ready = if !self.required.is_empty() {
            self.required
                .iter()
                .all(|name| endpoints.get(name).is_some_and(is_ready))
        } else if !endpoints.is_empty() {
            endpoints.values().all(is_ready)
        } else {
            is_ready(&status)
        };
        HealthReport { ready, endpoints }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        {
            let _section = sync::enter();
            change(&mut sync::lock(&self.state));
        }
        if let Some(observer) = self.observer.get() {
            observer(self);
        }
    }
}

fn by_name(endpoints: &HashMap<Path, HealthStatus>) -> BTreeMap<String, HealthStatus> {
    let mut names = BTreeMap::new();
    for (path, status) in endpoints {
        let merged = names.entry(path.name()).or_insert(*status);
        if *status == HealthStatus::NotReady {
            *merged = HealthStatus::NotReady;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::HealthStatus::{NotReady, Ready};
    use super::*;

    fn health(starting: HealthStatus, required: &[&str]) -> SystemHealth {
        SystemHealth::new(
            starting,
            required.iter().map(|name| (*name).to_owned()).collect(),
        )
    }

    /// An endpoint of component `backend`.
    fn path(endpoint: &str) -> Path {
        of_component("backend", endpoint)
    }

    fn of_component(component: &str, endpoint: &str) -> Path {
        Path::root()
            .namespace("ns")
            .component(component)
            .endpoint(endpoint)
    }

    #[test]
    fn the_starting_status_holds_until_another_is_set() {
        let health = health(NotReady, &[]);
        assert!(!health.report().ready);
        health.set_status(Ready);
        assert!(health.report().ready);
        assert!(health.report().endpoints.is_empty());
    }

    #[test]
    fn endpoints_that_reported_take_precedence_over_the_process_status() {
        let health = health(Ready, &[]);
        health.set_endpoint(&path("generate"), NotReady);
        assert!(!health.report().ready);
        health.set_endpoint(&path("generate"), Ready);
        health.set_endpoint(&path("clear"), NotReady);
        assert!(!health.report().ready);
        health.remove_endpoint(&path("clear"));
        assert!(health.report().ready);
    }

    #[test]
    fn the_process_status_decides_again_after_the_last_endpoint_is_removed() {
        let health = health(NotReady, &[]);
        health.set_endpoint(&path("generate"), Ready);
        health.remove_endpoint(&path("generate"));
        assert!(!health.report().ready);
    }

    #[test]
    fn a_required_endpoint_that_never_reported_is_shown_as_not_ready() {
        let health = health(Ready, &["generate"]);
        let report = health.report();
        assert!(!report.ready);
        assert_eq!(report.status(), NotReady);
        assert_eq!(report.endpoints["generate"], NotReady);
    }

    #[test]
    fn endpoints_that_are_not_required_do_not_decide() {
        let health = health(NotReady, &["generate"]);
        health.set_endpoint(&path("generate"), Ready);
        health.set_endpoint(&path("extra"), NotReady);
        let report = health.report();
        assert!(report.ready);
        assert_eq!(report.endpoints["extra"], NotReady);
    }

    #[test]
    fn a_required_endpoint_that_is_removed_counts_as_not_ready_again() {
        let health = health(Ready, &["generate"]);
        health.set_endpoint(&path("generate"), Ready);
        assert!(health.report().ready);
        health.remove_endpoint(&path("generate"));
        assert!(!health.report().ready);
    }

    #[test]
    fn endpoints_with_the_same_name_are_ready_if_all_of_them_are() {
        let health = health(NotReady, &[]);
        health.set_endpoint(&of_component("prefill", "generate"), Ready);
        health.set_endpoint(&of_component("decode", "generate"), NotReady);
        assert_eq!(health.report().endpoints["generate"], NotReady);
        assert!(!health.report().ready);

        health.set_endpoint(&of_component("decode", "generate"), Ready);
        assert!(health.report().ready);

        health.set_endpoint(&of_component("prefill", "generate"), NotReady);
        health.remove_endpoint(&of_component("prefill", "generate"));
        assert_eq!(health.report().endpoints["generate"], Ready);
    }

    #[test]
    fn a_status_parses_from_its_own_text() {
        for status in [Ready, NotReady] {
            assert_eq!(status.to_string().parse(), Ok(status));
        }
        let error = "READY".parse::<HealthStatus>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`READY` is not known: use ready or notready"
        );
    }
}
