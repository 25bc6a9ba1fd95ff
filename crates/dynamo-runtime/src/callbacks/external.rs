//! The external expositions that callbacks return: their options, and the last exposition of each callback.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::exposition::{ExternalFamily, Loss, Parsed, Rules, keep_exemplar_times, parse};
use crate::metrics::{MetricsError, is_valid_label};
use crate::sync::{self, lock};

/// How long the last exposition is shown when its callback fails or is late, so that graphs have no gaps.
/// The time starts when a new exposition is due: after the cache time of the last one.
const SHOWN_FOR: Duration = Duration::from_secs(5 * 60);

/// How the exposition that a callback returns is shown.
#[derive(Clone, Debug, Default)]
pub struct ExternalOptions {
    pub(crate) rules: Rules,
    pub(crate) cache: Option<Duration>,
}

impl ExternalOptions {
    /// Adds labels to the series. A series that has a label of the same name keeps its own. The names must
    /// be unique, and not `le` or `quantile`.
    pub fn labels(mut self, labels: Vec<(String, String)>) -> Self {
        self.rules.labels = labels;
        self
    }

    /// Shows only families whose names begin with one of these prefixes.
    pub fn prefixes(mut self, prefixes: Vec<String>) -> Self {
        self.rules.prefixes = prefixes;
        self
    }

    /// Excludes families whose names begin with one of these prefixes.
    pub fn exclude(mut self, prefixes: Vec<String>) -> Self {
        self.rules.exclude = prefixes;
        self
    }

    /// Calls the callback only when its last exposition is older than this.
    pub fn cache(mut self, time: Duration) -> Self {
        self.cache = Some(time);
        self
    }

    /// Adds labels to the series, unless a label of the same name is added already.
    pub(crate) fn more_labels(mut self, labels: &[(String, String)]) -> Self {
        for (name, value) in labels {
            if self.rules.labels.iter().all(|(known, _)| known != name) {
                self.rules.labels.push((name.clone(), value.clone()));
            }
        }
        self
    }

    pub(crate) fn check(&self) -> Result<(), MetricsError> {
        let labels = &self.rules.labels;
        for (position, (label, _)) in labels.iter().enumerate() {
            let is_duplicate = labels[..position].iter().any(|(other, _)| other == label);
            let is_reserved = label.starts_with("__") || ["le", "quantile"].contains(&&**label);
            if is_duplicate || is_reserved || !is_valid_label(label) {
                return Err(MetricsError::AddedLabel {
                    label: label.clone(),
                });
            }
        }
        Ok(())
    }
}

/// The last exposition of one callback.
///
/// The lock is only taken inside a section of [`sync`].
pub(super) struct LastExposition {
    /// The name of the callback.
    name: Arc<str>,
    options: ExternalOptions,
    last: Mutex<Option<Last>>,
}

struct Last {
    time: Instant,
    text: Arc<str>,
    families: Arc<Vec<ExternalFamily>>,
}

/// An external exposition as another process gets it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ExternalText {
    /// The name of the callback.
    source: String,
    text: String,
    labels: Vec<(String, String)>,
    prefixes: Vec<String>,
    exclude: Vec<String>,
}

impl ExternalText {
    pub(crate) fn parse(&self) -> Parsed {
        let rules = Rules {
            labels: self.labels.clone(),
            prefixes: self.prefixes.clone(),
            exclude: self.exclude.clone(),
        };
        parse(&self.text, &rules, &self.source.as_str().into())
    }
}

impl LastExposition {
    pub(super) fn new(name: &str, options: ExternalOptions) -> Self {
        LastExposition {
            name: name.into(),
            options,
            last: Mutex::new(None),
        }
    }

    /// Parses and stores an exposition. Returns what was dropped from it.
    pub(super) fn store(&self, text: &str) -> Vec<Loss> {
        let Parsed { families, losses } = parse(text, &self.options.rules, &self.name);
        let before = {
            let _section = sync::enter();
            lock(&self.last)
                .as_ref()
                .map(|last| Arc::clone(&last.families))
        };
        if let Some(before) = before {
            keep_exemplar_times(&families, &before);
        }
        let new = Some(Last {
            time: Instant::now(),
            text: text.into(),
            families: Arc::new(families),
        });
        let old = {
            let _section = sync::enter();
            std::mem::replace(&mut *lock(&self.last), new)
        };
        drop(old);
        losses
    }

    /// Whether the last exposition is within its cache time. Called inside a section.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        let last = lock(&self.last);
        let age = last
            .as_ref()
            .map(|last| now.saturating_duration_since(last.time));
        let (Some(age), Some(cache)) = (age, self.options.cache) else {
            return false;
        };
        age < cache
    }

    /// The families to show. Called inside a section.
    pub(super) fn families(&self, now: Instant) -> Option<Arc<Vec<ExternalFamily>>> {
        self.shown(now, |last| Arc::clone(&last.families))
    }

    /// The exposition to show. Called inside a section.
    pub(super) fn text(&self, now: Instant) -> Option<ExternalText> {
        let rules = &self.options.rules;
        self.shown(now, |last| ExternalText {
            source: self.name.to_string(),
            text: last.text.to_string(),
            labels: rules.labels.clone(),
            prefixes: rules.prefixes.clone(),
            exclude: rules.exclude.clone(),
        })
    }

    fn shown<T>(&self, now: Instant, get: impl FnOnce(&Last) -> T) -> Option<T> {
        let last = lock(&self.last);
        let last = last.as_ref()?;
        let limit = SHOWN_FOR.saturating_add(self.options.cache.unwrap_or_default());
        (now.saturating_duration_since(last.time) < limit).then(|| get(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_shown(last: &LastExposition, now: Instant) -> bool {
        last.families(now).is_some()
    }

    #[test]
    fn an_exposition_is_shown_for_five_minutes() {
        let last = LastExposition::new("", ExternalOptions::default());
        let start = Instant::now();
        assert!(!is_shown(&last, start));
        last.store("a 1\n");
        let stored = Instant::now();
        assert!(is_shown(&last, start + Duration::from_secs(299)));
        assert!(!is_shown(&last, stored + Duration::from_secs(300)));
        assert!(!last.is_fresh(stored));
    }

    #[test]
    fn a_cached_exposition_is_shown_for_five_minutes_after_a_new_one_is_due() {
        let day = Duration::from_secs(86_400);
        let last = LastExposition::new("", ExternalOptions::default().cache(day));
        let start = Instant::now();
        assert!(!last.is_fresh(start));
        last.store("a 1\n");
        let stored = Instant::now();
        let before = start + day - Duration::from_secs(1);
        assert!(last.is_fresh(before) && is_shown(&last, before));
        assert!(!last.is_fresh(stored + day) && is_shown(&last, before + SHOWN_FOR));
        assert!(!is_shown(&last, stored + day + SHOWN_FOR));
    }
}
