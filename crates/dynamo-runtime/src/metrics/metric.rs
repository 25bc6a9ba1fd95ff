//! [`Metric`]: the handle of one series.

use std::fmt;
use std::sync::Arc;

use super::desc::Desc;
use super::exemplar::Exemplar;
use super::kind::{Instrument, Kind, Layout};
use super::registry::{Cursor, Member, Registry, Source, Visitor};
use super::series::Series;
use crate::hierarchy::Tree;

/// One series: a counter, gauge or histogram, alone or out of a vec.
///
/// Clones are handles of the same series. A handle keeps the tree of metrics it belongs to, and
/// its status server, alive.
pub struct Metric<I: Instrument> {
    series: Arc<Series<I>>,
    home: Arc<Home>,
}

/// What all handles of a metric share: its description, and the tree it belongs to.
pub(super) struct Home {
    pub(super) desc: Arc<Desc>,
    /// Kept alive, and with it the status server.
    _tree: Tree,
}

impl Home {
    pub(super) fn new(desc: &Arc<Desc>, tree: Tree) -> Arc<Self> {
        Arc::new(Home {
            desc: Arc::clone(desc),
            _tree: tree,
        })
    }
}

/// What a registry holds of a plain metric.
pub(crate) struct SingleCore<I> {
    desc: Arc<Desc>,
    series: Arc<Series<I>>,
    sequence: u64,
    layout: Layout,
}

impl<I: Instrument> SingleCore<I> {
    pub(crate) fn new(desc: Arc<Desc>, options: &I::Options, registry: &Registry) -> Self {
        SingleCore {
            series: Arc::new(Series::new(&desc, &[], options)),
            sequence: registry.next_sequence(),
            layout: I::layout(options),
            desc,
        }
    }

    pub(crate) fn update(&self) -> &I {
        self.series.update()
    }
}

impl<I: Instrument> Source for SingleCore<I> {
    fn visit(&self, _at: Cursor, _limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor> {
        self.series.show(self.sequence, &self.desc, visitor);
        None
    }
}

impl<I: Instrument> Member for SingleCore<I> {
    fn desc(&self) -> &Arc<Desc> {
        &self.desc
    }

    fn type_name(&self) -> &'static str {
        I::TYPE_NAME
    }

    fn layout(&self) -> Layout {
        self.layout.clone()
    }
}

impl<I: Instrument> Metric<I> {
    pub(crate) fn new(core: &SingleCore<I>, tree: Tree) -> Self {
        Metric {
            series: Arc::clone(&core.series),
            home: Home::new(&core.desc, tree),
        }
    }

    /// The handle of a series of a vec.
    pub(super) fn of(series: Arc<Series<I>>, home: &Arc<Home>) -> Self {
        Metric {
            series,
            home: Arc::clone(home),
        }
    }

    /// The value, to look at.
    #[doc(hidden)]
    #[inline]
    pub fn cell(&self) -> &I {
        self.series.cell()
    }

    /// The value, to update.
    #[doc(hidden)]
    #[inline]
    pub fn update(&self) -> &I {
        self.series.update()
    }

    /// Updates the value and keeps an exemplar of that.
    #[doc(hidden)]
    pub fn update_with_exemplar(&self, exemplar: Exemplar, update: impl FnOnce(&I)) {
        update(self.update());
        let place = self.cell().exemplar_place(exemplar.value);
        self.series.exemplars().keep(place, exemplar);
    }

    /// Tells apart metrics that are not the same one, while either lives.
    #[doc(hidden)]
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.series).addr()
    }

    /// Whether this is a series of a vec.
    #[doc(hidden)]
    pub fn is_child(&self) -> bool {
        !self.home.desc.label_names.is_empty()
    }
}

impl<I: Instrument> Clone for Metric<I> {
    fn clone(&self) -> Self {
        Metric {
            series: Arc::clone(&self.series),
            home: Arc::clone(&self.home),
        }
    }
}

impl<I: Instrument> fmt::Debug for Metric<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", I::TYPE_NAME, self.home.desc.name)
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

    /// The unit, if one was given.
    fn unit(&self) -> Option<&str> {
        self.desc_of().0.unit.as_deref()
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
        DescOf(&self.home.desc)
    }
}
