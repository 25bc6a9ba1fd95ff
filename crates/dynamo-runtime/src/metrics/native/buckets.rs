//! The native buckets of one histogram.

use std::fmt;
use std::sync::Arc;

use super::super::snapshot::{NativeSide as Side, NativeSnapshot};
use super::super::storage::{NativeBucket, SeriesStorage};
use super::SCHEMAS;
use super::index::{bounds, index_of};
use super::merge::merge_neighbours;
use super::options::NativeLayout;

/// The native buckets of one histogram, without synchronisation: the histogram holds them in a lock.
pub(in crate::metrics) struct NativeBuckets {
    schema: i8,
    /// The bounds of the schema, if it is above 0; see [`bounds`].
    bounds: &'static [f64],
    zero_threshold: f64,
    max_buckets: usize,
    zero_count: u64,
    positive: Side,
    negative: Side,
    /// The schema of a new histogram.
    first_schema: i8,
    shared: Option<Arc<dyn SeriesStorage>>,
}

impl fmt::Debug for NativeBuckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NativeBuckets({:?})", self.read())
    }
}

impl NativeBuckets {
    pub(in crate::metrics) fn new(options: &NativeLayout) -> Self {
        NativeBuckets {
            schema: options.schema,
            bounds: bounds(options.schema),
            zero_threshold: options.zero_threshold,
            max_buckets: options.max_buckets,
            zero_count: 0,
            positive: Side::new(),
            negative: Side::new(),
            first_schema: options.schema,
            shared: None,
        }
    }

    /// Keeps the buckets in shared storage as well, from now on.
    pub(in crate::metrics) fn share(&mut self, storage: &Arc<dyn SeriesStorage>) {
        if self.shared.is_none() {
            storage.replace_native(&self.read());
            self.shared = Some(Arc::clone(storage));
        }
    }

    /// Removes all observations.
    pub(in crate::metrics) fn clear(&mut self) {
        self.schema = self.first_schema;
        self.bounds = bounds(self.schema);
        self.zero_count = 0;
        self.positive.clear();
        self.negative.clear();
        if let Some(shared) = &self.shared {
            shared.replace_native(&self.read());
        }
    }

    /// Marks the start of an update of native and classic buckets.
    #[inline]
    pub(in crate::metrics) fn begin(&self) {
        if let Some(shared) = &self.shared {
            shared.begin_update();
        }
    }

    /// Marks the end of an update.
    #[inline]
    pub(in crate::metrics) fn end(&self) {
        if let Some(shared) = &self.shared {
            shared.end_update();
        }
    }

    /// Counts one observation, which is not NaN.
    #[inline]
    pub(in crate::metrics) fn add(&mut self, value: f64) {
        let magnitude = value.abs();
        if magnitude <= self.zero_threshold {
            self.zero_count += 1;
            if let Some(shared) = &self.shared {
                shared.count_native(NativeBucket::Zero);
            }
            return;
        }
        let index = index_of(magnitude, self.schema, self.bounds);
        let schema = self.schema;
        self.count(index, value > 0.0);
        if let Some(shared) = &self.shared {
            if self.schema != schema {
                shared.replace_native(&self.read());
            } else if value > 0.0 {
                shared.count_native(NativeBucket::Positive(index));
            } else {
                shared.count_native(NativeBucket::Negative(index));
            }
        }
    }

    #[inline]
    fn count(&mut self, index: i32, is_positive: bool) {
        let side = if is_positive {
            &mut self.positive
        } else {
            &mut self.negative
        };
        // Mostly there are no gaps. Then the first index gives the position.
        let first = side.first().map_or(index, |(first, _)| *first);
        if let Ok(position) = usize::try_from(index - first)
            && let Some((found, count)) = side.get_mut(position)
            && *found == index
        {
            *count += 1;
            return;
        }
        match side.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(position) => side[position].1 += 1,
            Err(position) => {
                side.insert(position, (index, 1));
                self.limit();
            }
        }
    }

    pub(in crate::metrics) fn read(&self) -> NativeSnapshot {
        NativeSnapshot {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            positive: self.positive.clone(),
            negative: self.negative.clone(),
        }
    }

    /// Halves the resolution until the limit holds.
    #[cold]
    fn limit(&mut self) {
        while self.positive.len() + self.negative.len() > self.max_buckets
            && self.schema > *SCHEMAS.start()
        {
            self.schema -= 1;
            self.bounds = bounds(self.schema);
            merge_neighbours(&mut self.positive);
            merge_neighbours(&mut self.negative);
        }
    }
}
