//! Native buckets as the formats write them.

/// Native buckets in the form that the formats write: runs of neighbouring buckets, and their counts.
pub(crate) struct Spans {
    /// For each run, the number of empty buckets before it (for the first run, its index) and its
    /// length.
    pub(crate) spans: Vec<(i32, u32)>,
    pub(crate) counts: Vec<u64>,
}

impl Spans {
    /// Up to two empty buckets are shorter than a new run.
    const SMALL_GAP: i32 = 2;

    pub(crate) fn new(side: &[(i32, u64)]) -> Self {
        let mut spans: Vec<(i32, u32)> = Vec::new();
        let mut counts = Vec::with_capacity(side.len());
        let mut next = 0;
        for &(index, count) in side {
            let gap = index - next;
            match spans.last_mut() {
                Some((_, length)) if gap <= Self::SMALL_GAP => {
                    *length += gap.unsigned_abs() + 1;
                    counts.extend(std::iter::repeat_n(0, gap.unsigned_abs() as usize));
                }
                _ => spans.push((gap, 1)),
            }
            counts.push(count);
            next = index + 1;
        }
        Spans { spans, counts }
    }
}
