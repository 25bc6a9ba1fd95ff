//! The children of a vec that were used lately, found by the very strings that named them.
//!
//! Label values mostly are the same few objects, call after call. To find a child by their addresses
//! takes no hash, no comparison of text and no lock. The cache holds the strings, so that an address
//! means one string for as long as it is known; it is of a fixed size, and forgotten whenever the vec
//! releases a child.

use std::cell::UnsafeCell;

use dynamo_runtime::binding::Instrument;
use dynamo_runtime::metrics::Metric;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;
use smallvec::SmallVec;

/// Label values whose addresses are compared.
type Strings<'a, 'py> = &'a [Bound<'py, PyString>];

/// The number of slots, a power of two. Each child has one where it can be.
const SLOTS: usize = 256;

/// See the module. Only used with the interpreter's lock held.
pub(crate) struct Recent<I: Instrument>(UnsafeCell<Table<I>>);

// SAFETY: every access is made by `find` and `keep`, which take the interpreter's lock (`Python`) and
// run nothing that could release it; without that lock they do nothing.
unsafe impl<I: Instrument> Sync for Recent<I> {}

struct Table<I: Instrument> {
    /// What [`MetricVec::version`](dynamo_runtime::binding::MetricVecExt::version) said.
    version: u64,
    /// Empty until the first child is kept.
    slots: Vec<Slot<I>>,
    /// How often a child was not found.
    misses: usize,
}

/// One miss in so many is looked at: a child in steady use is soon kept all the same, and a vec that
/// goes through more children than there are slots does not pay for it each time.
const SAMPLED: usize = 8;

struct Slot<I: Instrument> {
    /// Which strings were noted here last. Only the second time in a row is a child kept: one that
    /// comes by once would push out one that is used all the time.
    asked: usize,
    kept: Option<Kept<I>>,
}

struct Kept<I: Instrument> {
    values: SmallVec<[Py<PyString>; 2]>,
    child: Metric<I>,
}

impl<I: Instrument> Default for Recent<I> {
    fn default() -> Self {
        Recent(UnsafeCell::new(Table {
            version: 0,
            slots: Vec::new(),
            misses: 0,
        }))
    }
}

impl<I: Instrument> Recent<I> {
    /// The child that these strings named lately, if the vec still is of this version.
    ///
    /// # Safety
    /// The reference is not used after anything that may run Python code or call [`keep`](Self::keep).
    #[inline]
    pub(super) unsafe fn find<'a>(
        &'a self,
        _py: Python<'a>,
        version: u64,
        values: Strings<'_, '_>,
    ) -> Option<&'a Metric<I>> {
        if cfg!(Py_GIL_DISABLED) {
            return None;
        }
        // SAFETY: with the lock held nobody else is in here, and no reference to the table is alive:
        // the caller promises it for those handed out.
        let table = unsafe { &*self.0.get() };
        let slot = table.slots.get(hash(values) % SLOTS)?;
        let kept = slot.kept.as_ref().filter(|_| table.version == version)?;
        let same =
            |(kept, value): (&Py<PyString>, &Bound<'_, PyString>)| kept.as_ptr() == value.as_ptr();
        (kept.values.len() == values.len() && kept.values.iter().zip(values).all(same))
            .then_some(&kept.child)
    }

    /// Evicts all children unless the vec still is of this version: before anyone looks for them
    /// elsewhere, where it matters whether they are held.
    #[inline]
    pub(super) fn keep_up(&self, py: Python<'_>, version: u64) {
        // SAFETY: as in `find`; what is dropped are exact strings and handles, which run no Python
        // code.
        let table = unsafe { &mut *self.0.get() };
        if !cfg!(Py_GIL_DISABLED) && table.version != version {
            table.clear(py);
            table.version = version;
        }
    }

    /// Notes that these strings were looked for and not found. Now and then that is a reason to keep
    /// their child, which `child` returns. To be called after [`keep_up`](Self::keep_up).
    #[inline]
    pub(super) fn note<'py>(
        &self,
        py: Python<'py>,
        values: Strings<'_, 'py>,
        child: impl FnOnce() -> Option<Metric<I>>,
    ) {
        // SAFETY: as in `keep_up`.
        let table = unsafe { &mut *self.0.get() };
        table.misses = table.misses.wrapping_add(1);
        if !cfg!(Py_GIL_DISABLED) && table.misses % SAMPLED == 0 {
            table.keep(py, values, child);
        }
    }
}

impl<I: Instrument> Table<I> {
    /// Keeps a child, if it is the second time in a row that it is asked for at its slot.
    #[cold]
    fn keep<'py>(
        &mut self,
        py: Python<'py>,
        values: Strings<'_, 'py>,
        child: impl FnOnce() -> Option<Metric<I>>,
    ) {
        // What is not exactly a str may run code of its own when it is freed.
        // SAFETY: the objects are alive.
        let exact =
            |value: &Bound<'_, PyString>| unsafe { ffi::PyUnicode_CheckExact(value.as_ptr()) != 0 };
        if !values.iter().all(exact) {
            return;
        }
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || Slot {
                asked: 0,
                kept: None,
            });
        }
        let hash = hash(values);
        let slot = &mut self.slots[hash % SLOTS];
        if slot.asked != hash {
            slot.asked = hash;
            return;
        }
        if let Some(child) = child() {
            let values = values.iter().map(|value| value.clone().unbind()).collect();
            let old = slot.kept.replace(Kept { values, child });
            old.into_iter().for_each(|kept| kept.let_go(py));
        }
    }

    fn clear(&mut self, py: Python<'_>) {
        for slot in &mut self.slots {
            slot.asked = 0;
            if let Some(kept) = slot.kept.take() {
                kept.let_go(py);
            }
        }
    }
}

impl<I: Instrument> Kept<I> {
    /// Frees the strings at once: outside its own functions PyO3 would put that off.
    fn let_go(self, py: Python<'_>) {
        for value in self.values {
            drop(value.into_bound(py));
        }
    }
}

/// Of the addresses.
#[inline]
fn hash(values: Strings<'_, '_>) -> usize {
    const SPREAD: usize = 0x9e37_79b9_7f4a_7c15;
    let hash = values.iter().fold(0_usize, |hash, value| {
        (hash.rotate_left(5) ^ value.as_ptr().addr()).wrapping_mul(SPREAD)
    });
    // The upper bits depend on all of the lower ones. Not 0, which no slot was asked for.
    hash >> 32 | 1 << 31
}
