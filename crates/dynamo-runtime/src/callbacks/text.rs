//! Texts of other libraries that callbacks return: what the last one said, and for how long it counts.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::exposition::{Parsed, Part, Rules, parse};
use crate::metrics::{MetricsError, is_valid_label};
use crate::sync::{self, lock};

/// A text that could not be had anew is shown as it last was for this long, so that graphs have no
/// holes. It begins when a new one is asked for: after the time for which the last one is kept.
const SHOWN_FOR: Duration = Duration::from_secs(5 * 60);

/// What is done with the text of a callback.
#[derive(Clone, Debug, Default)]
pub struct TextOptions {
    pub(crate) rules: Rules,
    pub(crate) cache: Option<Duration>,
}

impl TextOptions {
    /// Adds labels to series that do not have ones of these names; each name once, and neither `le`
    /// nor `quantile`.
    pub fn labels(mut self, labels: Vec<(String, String)>) -> Self {
        self.rules.labels = labels;
        self
    }

    /// Takes only families whose names begin with one of these.
    pub fn prefixes(mut self, prefixes: Vec<String>) -> Self {
        self.rules.prefixes = prefixes;
        self
    }

    /// Leaves out families whose names begin with one of these.
    pub fn exclude(mut self, prefixes: Vec<String>) -> Self {
        self.rules.exclude = prefixes;
        self
    }

    /// Asks for a new text only when the last one is older than this.
    pub fn cache(mut self, time: Duration) -> Self {
        self.cache = Some(time);
        self
    }

    pub(crate) fn check(&self) -> Result<(), MetricsError> {
        let labels = &self.rules.labels;
        for (position, (label, _)) in labels.iter().enumerate() {
            let is_twice = labels[..position].iter().any(|(other, _)| other == label);
            let is_reserved = label.starts_with("__") || ["le", "quantile"].contains(&&**label);
            if is_twice || is_reserved || !is_valid_label(label) {
                return Err(MetricsError::AddedLabel {
                    label: label.clone(),
                });
            }
        }
        Ok(())
    }
}

/// The last text of one callback.
///
/// The lock is only taken inside a section of [`sync`].
pub(super) struct LastText {
    options: TextOptions,
    last: Mutex<Option<(Instant, Arc<Vec<Part>>)>>,
}

impl LastText {
    pub(super) fn new(options: TextOptions) -> Self {
        LastText {
            options,
            last: Mutex::new(None),
        }
    }

    /// Reads a new text in place of the last one; says what there was no place for.
    pub(super) fn take(&self, text: &str) -> crate::exposition::Dropped {
        let Parsed { parts, dropped } = parse(text, &self.options.rules);
        let new = Some((Instant::now(), Arc::new(parts)));
        let old = {
            let _section = sync::enter();
            std::mem::replace(&mut *lock(&self.last), new)
        };
        drop(old);
        dropped
    }

    /// Whether the last text is recent enough not to ask for another. Inside a section.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        let last = lock(&self.last);
        let age = last
            .as_ref()
            .map(|(time, _)| now.saturating_duration_since(*time));
        let (Some(age), Some(cache)) = (age, self.options.cache) else {
            return false;
        };
        age < cache
    }

    /// What is shown now. Inside a section.
    pub(super) fn parts(&self, now: Instant) -> Option<Arc<Vec<Part>>> {
        let last = lock(&self.last);
        let (time, parts) = last.as_ref()?;
        let limit = SHOWN_FOR.saturating_add(self.options.cache.unwrap_or_default());
        (now.saturating_duration_since(*time) < limit).then(|| Arc::clone(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_shown(text: &LastText, now: Instant) -> bool {
        text.parts(now).is_some()
    }

    #[test]
    fn a_text_is_shown_for_five_minutes() {
        let text = LastText::new(TextOptions::default());
        let start = Instant::now();
        assert!(!is_shown(&text, start));
        text.take("a 1\n");
        let taken = Instant::now();
        assert!(is_shown(&text, start + Duration::from_secs(299)));
        assert!(!is_shown(&text, taken + Duration::from_secs(300)));
        assert!(!text.is_fresh(taken));
    }

    #[test]
    fn a_cached_text_is_shown_for_five_minutes_after_a_new_one_is_due() {
        let day = Duration::from_secs(86_400);
        let text = LastText::new(TextOptions::default().cache(day));
        let start = Instant::now();
        assert!(!text.is_fresh(start));
        text.take("a 1\n");
        let taken = Instant::now();
        let before = start + day - Duration::from_secs(1);
        assert!(text.is_fresh(before) && is_shown(&text, before));
        assert!(!text.is_fresh(taken + day) && is_shown(&text, before + SHOWN_FOR));
        assert!(!is_shown(&text, taken + day + SHOWN_FOR));
    }
}
