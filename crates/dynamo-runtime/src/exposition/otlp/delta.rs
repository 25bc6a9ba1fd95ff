//! Changes since the last export, for receivers that want deltas.

use std::collections::HashMap;
use std::time::Duration;

use crate::metrics::{DataPoint, NativeSide, NativeSnapshot, Scalar};

/// The totals of one export, by family name and by the labels of the series.
pub(super) type Totals = HashMap<Box<str>, FamilyTotals>;

type FamilyTotals = HashMap<Box<[u8]>, Exported>;

/// What one series had come to.
#[derive(Debug)]
pub(super) struct Exported {
    at: Duration,
    /// Differs for a series that was removed and created again.
    created: Option<Duration>,
    total: Total,
}

#[derive(Debug)]
enum Total {
    Number(Scalar),
    Histogram(HistogramTotal),
}

/// The value of a histogram, or the change of one.
#[derive(Clone, Debug)]
pub(super) struct HistogramTotal {
    pub(super) counts: Vec<u64>,
    pub(super) sum: f64,
    pub(super) native: Option<NativeSnapshot>,
}

/// A change, and when it began.
pub(super) struct Change<T> {
    pub(super) start: Duration,
    pub(super) value: T,
}

/// The totals of one family at the last export, and those of this one.
pub(super) struct Since<'a> {
    exported: Option<&'a FamilyTotals>,
    pending: &'a mut FamilyTotals,
    now: Duration,
}

impl<'a> Since<'a> {
    pub(super) fn new(
        exported: &'a Totals,
        pending: &'a mut Totals,
        family: &str,
        now: Duration,
    ) -> Self {
        Since {
            exported: exported.get(family),
            pending: pending.entry(family.into()).or_default(),
            now,
        }
    }

    pub(super) fn number(&mut self, point: &DataPoint<'_>, total: Scalar) -> Change<Scalar> {
        self.change(point, total, Total::Number, |total, before| match before {
            Total::Number(before) => subtract(*total, *before),
            Total::Histogram(_) => None,
        })
    }

    pub(super) fn histogram(
        &mut self,
        point: &DataPoint<'_>,
        counts: &[u64],
        sum: f64,
        native: Option<&NativeSnapshot>,
    ) -> Change<HistogramTotal> {
        let total = HistogramTotal {
            counts: counts.to_vec(),
            sum,
            native: native.cloned(),
        };
        self.change(
            point,
            total,
            Total::Histogram,
            |total, before| match before {
                Total::Histogram(before) => total.since(before),
                Total::Number(_) => None,
            },
        )
    }

    /// The change of a series since the last export; since it was created, if it is new or has started again.
    fn change<T: Clone>(
        &mut self,
        point: &DataPoint<'_>,
        total: T,
        keep: impl FnOnce(T) -> Total,
        subtract: impl FnOnce(&T, &Total) -> Option<T>,
    ) -> Change<T> {
        let key = point.labels.text();
        let before = self
            .exported
            .and_then(|exported| exported.get(key))
            .filter(|before| before.created == point.created);
        let change = before
            .and_then(|before| Some((before.at, subtract(&total, &before.total)?)))
            .map(|(start, value)| Change { start, value })
            .unwrap_or_else(|| Change {
                start: point.created.unwrap_or_default(),
                value: total.clone(),
            });
        let exported = Exported {
            at: self.now,
            created: point.created,
            total: keep(total),
        };
        self.pending.insert(key.into(), exported);
        change
    }
}

/// `None` if the total has gone back: it has started again.
fn subtract(total: Scalar, before: Scalar) -> Option<Scalar> {
    match (total, before) {
        (Scalar::Unsigned(total), Scalar::Unsigned(before)) => {
            total.checked_sub(before).map(Scalar::Unsigned)
        }
        _ => {
            let change = total.to_f64() - before.to_f64();
            (change >= 0.0).then_some(Scalar::Float(change))
        }
    }
}

impl HistogramTotal {
    fn since(&self, before: &Self) -> Option<Self> {
        if self.counts.len() != before.counts.len() {
            return None;
        }
        let counts = self
            .counts
            .iter()
            .zip(&before.counts)
            .map(|(total, before)| total.checked_sub(*before))
            .collect::<Option<Vec<u64>>>()?;
        let native = match (&self.native, &before.native) {
            (Some(total), Some(before)) => Some(native_since(total, before)?),
            (native, _) => native.clone(),
        };
        Some(HistogramTotal {
            counts,
            sum: self.sum - before.sum,
            native,
        })
    }
}

fn native_since(total: &NativeSnapshot, before: &NativeSnapshot) -> Option<NativeSnapshot> {
    if total.zero_threshold.to_bits() != before.zero_threshold.to_bits()
        || total.schema > before.schema
    {
        return None;
    }
    let mut before = before.clone();
    before.lower_schema(total.schema);
    Some(NativeSnapshot {
        zero_count: total.zero_count.checked_sub(before.zero_count)?,
        positive: side_since(&total.positive, &before.positive)?,
        negative: side_since(&total.negative, &before.negative)?,
        ..*total
    })
}

fn side_since(total: &NativeSide, before: &NativeSide) -> Option<NativeSide> {
    let mut before = before.iter().copied().peekable();
    let mut change = NativeSide::new();
    for &(index, count) in total {
        let subtracted = match before.peek() {
            Some((known, _)) if *known < index => return None,
            Some((known, earlier)) if *known == index => *earlier,
            _ => 0,
        };
        if subtracted > 0 {
            before.next();
        }
        match count.checked_sub(subtracted)? {
            0 => {}
            added => change.push((index, added)),
        }
    }
    before.peek().is_none().then_some(change)
}
