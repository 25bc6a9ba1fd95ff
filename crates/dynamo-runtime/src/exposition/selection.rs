//! The families that a scrape asks for by name.

use std::collections::HashSet;
use std::sync::Arc;

use super::encode::ExposedFamily;

/// The suffixes by which the samples of a family differ from its name in any format.
const SUFFIXES: &[&str] = &["_bucket", "_sum", "_count", "_created", "_total", "_info"];

/// The families that a scrape asks for by name (`?name[]=`). A name is that of a family or of one of its
/// samples.
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

    /// Removes the families that are not selected.
    pub(crate) fn retain(&self, families: &mut Vec<ExposedFamily>) {
        let mut selected: HashSet<&str> = HashSet::new();
        for name in &*self.0 {
            selected.insert(name);
            let bases = SUFFIXES
                .iter()
                .filter_map(|suffix| name.strip_suffix(suffix));
            selected.extend(bases);
        }
        families.retain(|exposed| {
            let name = exposed.family.name.as_str();
            // OpenMetrics names a counter without `_total`.
            let base = name.strip_suffix("_total").unwrap_or(name);
            selected.contains(name) || self.0.binary_search_by(|asked| (**asked).cmp(base)).is_ok()
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
