//! Texts of other libraries that callbacks return: what the last one said, and for how long it counts.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::exposition::{Parsed, Part, Rules, parse};
use crate::sync::{self, lock};

/// A text that could not be had anew is shown as it last was for this long, so that graphs have no
/// holes.
const SHOWN_FOR: Duration = Duration::from_secs(5 * 60);

/// What is done with the text of a callback.
#[derive(Clone, Debug, Default)]
pub struct TextOptions {
    pub(crate) rules: Rules,
    pub(crate) cache: Option<Duration>,
}

impl TextOptions {
    /// Adds labels to series that do not have ones of these names.
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
    pub(super) fn is_fresh(&self) -> bool {
        let last = lock(&self.last);
        let age = last.as_ref().map(|(time, _)| time.elapsed());
        self.options
            .cache
            .is_some_and(|cache| age.is_some_and(|age| age < cache))
    }

    /// What is shown now. Inside a section.
    pub(super) fn parts(&self) -> Option<Arc<Vec<Part>>> {
        let last = lock(&self.last);
        let (time, parts) = last.as_ref()?;
        let limit = SHOWN_FOR.max(self.options.cache.unwrap_or_default());
        (time.elapsed() < limit).then(|| Arc::clone(parts))
    }
}
