//! The handles that users hold: [`Metric`], one series, and [`MetricVec`], series told apart by labels.

use std::fmt;
use std::sync::{Arc, RwLock};

use super::desc::Desc;
use super::errors::UseError;
use super::kind::{Instrument, Kind};
use super::registry::{Cursor, Member, Sequence, Visitor};
use super::series::{Children, Series};
use crate::hierarchy::Tree;
use crate::sync::{read, write};

/// One series: a counter, gauge or histogram, alone or out of a vec.
///
/// Clones are handles of the same series. A handle keeps the tree of metrics it belongs to, and
/// its status server, alive.
pub struct Metric<I: Instrument> {
    series: Arc<Series<I>>,
    desc: Arc<Desc>,
    tree: Tree,
}

/// Series of one metric that differ in the values of their labels.
///
/// Clones are handles of the same vec.
pub struct MetricVec<I: Instrument> {
    core: Arc<VecCore<I>>,
    tree: Tree,
}

/// What a registry holds of a plain metric.
pub(crate) struct SingleCore<I> {
    desc: Arc<Desc>,
    series: Arc<Series<I>>,
    sequence: u64,
}

/// What a registry holds of a vec.
pub(crate) struct VecCore<I: Instrument> {
    desc: Arc<Desc>,
    options: I::Options,
    children: RwLock<Children<I>>,
    sequence: Sequence,
}

impl<I: Instrument> SingleCore<I> {
    pub(crate) fn new(desc: Arc<Desc>, options: &I::Options, sequence: &Sequence) -> Self {
        SingleCore {
            series: Arc::new(Series::new(&desc, &[], options)),
            sequence: sequence.next(),
            desc,
        }
    }

    pub(crate) fn cell(&self) -> &I {
        &self.series.cell
    }
}

impl<I: Instrument> Member for SingleCore<I> {
    fn desc(&self) -> &Arc<Desc> {
        &self.desc
    }

    fn type_name(&self) -> &'static str {
        I::TYPE_NAME
    }

    fn visit(&self, _at: Cursor, _limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor> {
        visitor(self.sequence, self.series.labels(), self.series.cell.read());
        None
    }
}

impl<I: Instrument> VecCore<I> {
    pub(crate) fn new(desc: Arc<Desc>, options: I::Options, sequence: &Sequence) -> Self {
        VecCore {
            desc,
            options,
            children: RwLock::new(Children::new()),
            sequence: sequence.clone(),
        }
    }

    fn child(&self, values: &[&str]) -> Arc<Series<I>> {
        if let Some(series) = read(&self.children).get(values) {
            return Arc::clone(series);
        }
        let mut children = write(&self.children);
        if let Some(series) = children.get(values) {
            return Arc::clone(series);
        }
        let series = Arc::new(Series::new(&self.desc, values, &self.options));
        children.insert(values, self.sequence.next(), Arc::clone(&series));
        series
    }

    fn check_count(&self, given: usize) -> Result<(), UseError> {
        if given == self.desc.label_names.len() {
            return Ok(());
        }
        Err(UseError::LabelCount {
            metric: self.desc.name.clone(),
            expected: self.desc.label_names.clone(),
            given,
        })
    }
}

impl<I: Instrument> Member for VecCore<I> {
    fn desc(&self) -> &Arc<Desc> {
        &self.desc
    }

    fn type_name(&self) -> &'static str {
        I::TYPE_NAME
    }

    fn visit(&self, at: Cursor, limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor> {
        let children = read(&self.children);
        let last = at.last.min(children.last_sequence()?);
        let mut rest = children
            .since(at.next)
            .take_while(|(sequence, _)| *sequence <= last);
        for (sequence, series) in rest.by_ref().take(limit) {
            visitor(sequence, series.labels(), series.cell.read());
        }
        rest.next().map(|(next, _)| Cursor { next, last })
    }
}

impl<I: Instrument> Metric<I> {
    pub(crate) fn new(core: &SingleCore<I>, tree: Tree) -> Self {
        Metric {
            series: Arc::clone(&core.series),
            desc: Arc::clone(&core.desc),
            tree,
        }
    }

    #[doc(hidden)]
    #[inline]
    pub fn cell(&self) -> &I {
        &self.series.cell
    }

    /// Tells apart metrics that are not the same one, while either lives.
    #[doc(hidden)]
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.series).addr()
    }

    /// Whether this is a series of a vec.
    #[doc(hidden)]
    pub fn is_child(&self) -> bool {
        !self.desc.label_names.is_empty()
    }
}

impl<I: Instrument> Clone for Metric<I> {
    fn clone(&self) -> Self {
        Metric {
            series: Arc::clone(&self.series),
            desc: Arc::clone(&self.desc),
            tree: self.tree.clone(),
        }
    }
}

impl<I: Instrument> Clone for MetricVec<I> {
    fn clone(&self) -> Self {
        MetricVec {
            core: Arc::clone(&self.core),
            tree: self.tree.clone(),
        }
    }
}

impl<I: Instrument> fmt::Debug for Metric<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", I::TYPE_NAME, self.desc.name)
    }
}

impl<I: Instrument> fmt::Debug for MetricVec<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Vec({})", I::TYPE_NAME, self.core.desc.name)
    }
}

impl<I: Instrument> MetricVec<I> {
    pub(crate) fn new(core: Arc<VecCore<I>>, tree: Tree) -> Self {
        MetricVec { core, tree }
    }

    /// The series with these label values, in the order of the label names; created at 0 if it is new.
    ///
    /// # Panics
    /// If there are not as many values as label names.
    /// [`get_metric_with_label_values`](Self::get_metric_with_label_values) returns the error.
    pub fn with_label_values<V: AsRef<str>>(&self, values: &[V]) -> Metric<I> {
        match self.get_metric_with_label_values(values) {
            Ok(metric) => metric,
            Err(error) => panic!("{error}"),
        }
    }

    /// The series with these label values, in the order of the label names; created at 0 if it is new.
    ///
    /// # Errors
    /// [`UseError::LabelCount`] if there are not as many values as label names.
    pub fn get_metric_with_label_values<V: AsRef<str>>(
        &self,
        values: &[V],
    ) -> Result<Metric<I>, UseError> {
        let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
        self.core.check_count(values.len())?;
        Ok(Metric {
            series: self.core.child(&values),
            desc: Arc::clone(&self.core.desc),
            tree: self.tree.clone(),
        })
    }

    /// Calls `update` with the storage of the series with these label values, without making a handle.
    ///
    /// # Errors
    /// [`UseError::LabelCount`] if there are not as many values as label names.
    #[doc(hidden)]
    #[inline]
    pub fn with_cell<T>(
        &self,
        values: &[&str],
        update: impl FnOnce(&I) -> T,
    ) -> Result<T, UseError> {
        self.core.check_count(values.len())?;
        if let Some(series) = read(&self.core.children).get(values) {
            return Ok(update(&series.cell));
        }
        Ok(update(&self.core.child(values).cell))
    }

    /// Calls `look` with the storage of the series with these label values, if there is one.
    ///
    /// # Errors
    /// [`UseError::LabelCount`] if there are not as many values as label names.
    #[doc(hidden)]
    pub fn peek_cell<T>(
        &self,
        values: &[&str],
        look: impl FnOnce(&I) -> T,
    ) -> Result<Option<T>, UseError> {
        self.core.check_count(values.len())?;
        Ok(read(&self.core.children)
            .get(values)
            .map(|series| look(&series.cell)))
    }

    /// Tells apart vecs that are not the same one, while either lives.
    #[doc(hidden)]
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.core).addr()
    }

    /// Takes the series with these label values out of the vec and says whether it was there.
    ///
    /// Handles of it still count, unseen; the next one created with these values starts at 0.
    ///
    /// # Errors
    /// [`UseError::LabelCount`] if there are not as many values as label names.
    pub fn remove_label_values<V: AsRef<str>>(&self, values: &[V]) -> Result<bool, UseError> {
        let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
        self.core.check_count(values.len())?;
        Ok(write(&self.core.children).remove(&values).is_some())
    }

    /// Takes all series out of the vec, as [`remove_label_values`](Self::remove_label_values) does.
    pub fn clear(&self) {
        write(&self.core.children).clear();
    }

    /// The names of the labels whose values tell the series apart, as given.
    pub fn variable_labels(&self) -> &[String] {
        &self.core.desc.label_names
    }
}

/// What a metric says of itself, plain or vec.
pub trait Described {
    #[doc(hidden)]
    fn desc_of(&self) -> DescOf<'_>;

    /// The name on the page, the same in every format.
    fn name(&self) -> &str {
        &self.desc_of().0.name
    }

    /// The description.
    fn description(&self) -> &str {
        &self.desc_of().0.help
    }

    /// The labels that all series have: the hierarchy's first, then the user's as given.
    fn const_labels(&self) -> &[(String, String)] {
        &self.desc_of().0.const_labels
    }

    /// Counter, gauge or histogram.
    fn kind(&self) -> Kind {
        self.desc_of().0.kind
    }
}

/// Names a metric's description without naming its type outside the crate.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct DescOf<'a>(pub(crate) &'a Arc<Desc>);

impl<I: Instrument> Described for Metric<I> {
    fn desc_of(&self) -> DescOf<'_> {
        DescOf(&self.desc)
    }
}

impl<I: Instrument> Described for MetricVec<I> {
    fn desc_of(&self) -> DescOf<'_> {
        DescOf(&self.core.desc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hierarchy::Path;
    use crate::metrics::counter::CounterCell;

    fn vec() -> VecCore<CounterCell<u64>> {
        let desc = Desc::new("m".into(), "", Kind::Counter, &Path::root(), &[], &["a"]).unwrap();
        VecCore::new(Arc::new(desc), (), &Sequence::default())
    }

    /// Lists the series two at a time; `between` runs after the first two.
    fn listed(vec: &VecCore<CounterCell<u64>>, between: impl FnOnce()) -> Vec<String> {
        let mut labels = Vec::new();
        let mut between = Some(between);
        let mut at = Some(Cursor::START);
        while let Some(cursor) = at {
            at = vec.visit(cursor, 2, &mut |_, text, _| {
                labels.push(String::from_utf8(text.to_vec()).unwrap());
            });
            if let Some(between) = between.take() {
                between();
            }
        }
        labels
    }

    #[test]
    fn a_series_removed_and_created_again_during_a_listing_is_listed_once() {
        let vec = vec();
        let create = || {
            for value in ["1", "2", "3"] {
                vec.child(&[value]);
            }
        };
        create();
        let recreate = || {
            write(&vec.children).clear();
            create();
        };
        assert_eq!(listed(&vec, recreate), ["a=\"1\"", "a=\"2\""]);
        assert_eq!(listed(&vec, || ()), ["a=\"1\"", "a=\"2\"", "a=\"3\""]);
    }

    #[test]
    fn a_listing_ends_though_series_are_created_all_the_time() {
        let vec = vec();
        vec.child(&["1"]);
        vec.child(&["2"]);
        let create = || {
            vec.child(&["3"]);
        };
        assert_eq!(listed(&vec, create), ["a=\"1\"", "a=\"2\""]);
    }
}
