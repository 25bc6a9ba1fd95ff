//! The families that a scrape asks for by name.

use std::borrow::Cow;
use std::collections::HashSet;
use std::iter::once;
use std::sync::Arc;

use super::encode::ExposedFamily;
use super::escaping::Escaping;

/// The suffixes by which the samples of a family differ from its name in any format.
const SUFFIXES: &[&str] = &["_bucket", "_sum", "_count", "_created", "_total", "_info"];

/// The families that a scrape asks for by name (`?name[]=`). A name is that of a family or of one of its
/// samples, as it is or escaped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Selection(Arc<[String]>);

impl Selection {
    /// The most names that are read; further ones are ignored.
    pub(crate) const MAX_NAMES: usize = 1000;

    /// `None` without a name: all families.
    pub(crate) fn new(names: impl Iterator<Item = String>) -> Option<Self> {
        let mut names: Vec<String> = names.take(Self::MAX_NAMES).collect();
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then(|| Selection(names.into()))
    }

    /// Removes the families that are not selected from those of a format with this escaping scheme.
    pub(super) fn retain(&self, escaping: Escaping, families: &mut Vec<ExposedFamily>) {
        let mut selected: HashSet<Cow<'_, str>> = HashSet::new();
        for asked in &*self.0 {
            let families = SUFFIXES
                .iter()
                .filter_map(|suffix| asked.strip_suffix(suffix));
            for name in once(asked.as_str()).chain(families) {
                selected.insert(name.into());
                selected.insert(escaping.metric(name));
            }
            // OpenMetrics names a counter without `_total`.
            let counter = format!("{asked}_total");
            selected.insert(escaping.metric(&counter).into_owned().into());
            selected.insert(counter.into());
        }
        families.retain(|exposed| {
            let name = exposed.family.name.as_str();
            selected.contains(name)
                || exposed.family.is_quoted
                    && Escaping::ALL
                        .iter()
                        .any(|escaping| selected.contains(&escaping.metric(name)))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_and_repetition_of_names_do_not_matter() {
        let selection = |names: &[&str]| Selection::new(names.iter().map(|&name| name.to_owned()));
        assert_eq!(selection(&["b", "a", "b"]), selection(&["a", "b"]));
        assert_eq!(selection(&[]), None);
    }
}
