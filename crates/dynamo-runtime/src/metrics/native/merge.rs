//! Sums of native histograms, and coarser resolutions.

use super::super::snapshot::{NativeSide as Side, NativeSnapshot};

impl NativeSnapshot {
    /// Adds the observations of another histogram. The result has the coarser schema and the wider zero
    /// bucket.
    pub(crate) fn merge(&mut self, mut other: NativeSnapshot) {
        self.lower_schema(other.schema);
        other.lower_schema(self.schema);
        let threshold = self.zero_threshold.max(other.zero_threshold);
        self.widen_zero(threshold);
        other.widen_zero(threshold);
        self.zero_count = self.zero_count.saturating_add(other.zero_count);
        add_side(&mut self.positive, &other.positive);
        add_side(&mut self.negative, &other.negative);
    }

    /// The number of observations.
    pub(crate) fn count(&self) -> u64 {
        let sides = self.positive.iter().chain(&self.negative);
        sides.fold(self.zero_count, |sum, (_, count)| {
            sum.saturating_add(*count)
        })
    }

    /// Merges neighbouring buckets until the resolution is that of `schema`, a coarser one.
    pub(crate) fn lower_schema(&mut self, schema: i8) {
        while self.schema > schema {
            self.schema -= 1;
            merge_neighbours(&mut self.positive);
            merge_neighbours(&mut self.negative);
        }
    }

    /// Moves the buckets that begin below the threshold into the zero bucket.
    fn widen_zero(&mut self, threshold: f64) {
        if threshold <= self.zero_threshold {
            return;
        }
        let base = 2.0_f64.powi(-i32::from(self.schema));
        let mut upper = threshold;
        for side in [&mut self.positive, &mut self.negative] {
            side.retain(|(index, count)| {
                let lower = (f64::from(*index - 1) * base).exp2();
                if lower < threshold {
                    self.zero_count = self.zero_count.saturating_add(*count);
                    upper = upper.max((f64::from(*index) * base).exp2());
                }
                lower >= threshold
            });
        }
        self.zero_threshold = upper;
    }
}

fn add_side(side: &mut Side, other: &Side) {
    for &(index, count) in other {
        match side.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(position) => side[position].1 = side[position].1.saturating_add(count),
            Err(position) => side.insert(position, (index, count)),
        }
    }
}

/// Halves the resolution of one side.
pub(super) fn merge_neighbours(side: &mut Side) {
    side.iter_mut().for_each(|(index, _)| *index = half(*index));
    side.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = kept.1.saturating_add(next.1);
        }
        same
    });
}

/// The index of the bucket at half the resolution that contains this bucket.
fn half(index: i32) -> i32 {
    (index + 1) >> 1
}
