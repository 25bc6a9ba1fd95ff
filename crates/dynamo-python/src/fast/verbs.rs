//! What metrics can do, each verb once. The tables at the end say which class has which.

use dynamo_runtime::binding::{CounterCell, GaugeCell, HistogramCell, Number, SummaryCell};
use pyo3::prelude::*;

use super::method::{Method, Read, Step, Update};
use super::series;
use super::values::{Increment, Observation, Value};
use crate::classes::{SingleClass, VecClass};

/// Whether the interpreter's lock keeps all other threads from updating a cell meanwhile: they all
/// come through here. Then no bus has to be locked, which is most of what an update costs.
const UNSYNC: bool = cfg!(not(Py_GIL_DISABLED));

/// `step!(Type "name" "doc"; Cell => method, unsync, by Update)`: calls `method` of the cell, or `unsync`
/// under the GIL.
macro_rules! step {
    ($verb:ident $name:literal $doc:literal; $cell:ident => $method:ident, $unsync:ident, by $update:ident) => {
        struct $verb;

        impl<N: Number + Value> Step<$cell<N>> for $verb {
            const NAME: &'static str = $name;
            const DOC: &'static str = $doc;
            type By = $update;

            #[inline]
            fn apply(cell: &$cell<N>) {
                if UNSYNC {
                    cell.$unsync();
                } else {
                    cell.$method();
                }
            }
        }
    };
}

/// `update!(Type "name" "doc"; Cell => method, unsync)`: calls `method` of the cell with the value, or
/// `unsync` under the GIL.
macro_rules! update {
    ($verb:ident $name:literal $doc:literal; $cell:ident => $method:ident, $unsync:ident) => {
        struct $verb;

        impl<N: Number + Value> Update<$cell<N>> for $verb {
            const NAME: &'static str = $name;
            const DOC: &'static str = $doc;
            type Value = N;

            #[inline]
            fn apply(cell: &$cell<N>, value: N) {
                if UNSYNC {
                    cell.$unsync(value);
                } else {
                    cell.$method(value);
                }
            }
        }
    };
}

/// `read!(Type "name" "doc"; Cell => method -> value)`: returns what `method` of the cell returns.
macro_rules! read {
    ($verb:ident $name:literal $doc:literal; $cell:ty => $method:ident -> $value:ty $(, for $number:ident)?) => {
        struct $verb;

        impl$(<$number: Number + Default + for<'py> IntoPyObject<'py>>)? Read<$cell> for $verb {
            const NAME: &'static str = $name;
            const DOC: &'static str = $doc;
            type Value = $value;

            fn read(cell: &$cell) -> $value {
                cell.$method()
            }
        }
    };
}

read!(Count "get" "Return the count so far."; CounterCell<N> => get -> N, for N);
step!(Up "inc" "Add 1."; GaugeCell => inc, inc_unsync, by UpBy);
step!(Down "dec" "Subtract 1."; GaugeCell => dec, dec_unsync, by DownBy);
update!(Set "set" "Replace the value."; GaugeCell => set, set);
update!(Add "add" "Add value, which may be negative."; GaugeCell => add, add_unsync);
update!(Sub "sub" "Subtract value, which may be negative."; GaugeCell => sub, sub_unsync);
update!(UpBy "inc_by" "Add value; the same as add()."; GaugeCell => add, add_unsync);
update!(DownBy "dec_by" "Subtract value; the same as sub()."; GaugeCell => sub, sub_unsync);
read!(Level "get" "Return the value now."; GaugeCell<N> => get -> N, for N);
read!(SampleCount "get_sample_count" "Return the number of observations."; HistogramCell => count -> u64);
read!(SampleSum "get_sample_sum" "Return the sum of the observations."; HistogramCell => sum -> f64);

struct CountOne;

impl<N: Number> Step<CounterCell<N>> for CountOne
where
    Increment<N>: Value,
{
    const NAME: &'static str = "inc";
    const DOC: &'static str = "Add 1.";
    const EXEMPLAR: Option<f64> = Some(1.0);
    type By = CountBy;

    #[inline]
    fn apply(cell: &CounterCell<N>) {
        if UNSYNC {
            cell.inc_unsync();
        } else {
            cell.inc();
        }
    }
}

struct CountBy;

impl<N: Number> Update<CounterCell<N>> for CountBy
where
    Increment<N>: Value,
{
    const NAME: &'static str = "inc_by";
    const DOC: &'static str =
        "Add value; ValueError if it is negative. Counters of floats ignore NaN, which is counted.";
    type Value = Increment<N>;
    const EXEMPLAR: Option<fn(Increment<N>) -> f64> = Some(|Increment(value)| value.to_f64());

    #[inline]
    fn apply(cell: &CounterCell<N>, Increment(value): Increment<N>) {
        if UNSYNC {
            cell.add_unsync(value);
        } else {
            cell.add(value);
        }
    }
}

struct Observe;

impl Update<HistogramCell> for Observe {
    const NAME: &'static str = "observe";
    const DOC: &'static str = "Count one observation. NaN is ignored and counted.";
    type Value = Observation;
    const EXEMPLAR: Option<fn(Observation) -> f64> = Some(|Observation(value)| value);

    #[inline]
    fn apply(cell: &HistogramCell, Observation(value): Observation) {
        if UNSYNC {
            cell.add_unsync(value);
        } else {
            cell.add(value);
        }
    }
}

read!(SummaryCount "get_sample_count" "Return the number of observations."; SummaryCell => count -> u64);
read!(SummarySum "get_sample_sum" "Return the sum of the observations."; SummaryCell => sum -> f64);

struct ObserveSummary;

impl Update<SummaryCell> for ObserveSummary {
    const NAME: &'static str = "observe";
    const DOC: &'static str = "Count one observation. NaN is ignored and counted.";
    type Value = Observation;

    #[inline]
    fn apply(cell: &SummaryCell, Observation(value): Observation) {
        if UNSYNC {
            cell.add_unsync(value);
        } else {
            cell.add(value);
        }
    }
}

/// The methods of `Counter` and `IntCounter`.
pub(crate) fn counter<C, N>() -> Vec<Method>
where
    C: SingleClass<Cell = CounterCell<N>>,
    N: Number + Default + for<'py> IntoPyObject<'py>,
    Increment<N>: Value,
{
    vec![
        Method::step::<C, CountOne>(),
        Method::update::<C, CountBy>(),
        Method::read::<C, Count>(),
    ]
}

/// The methods of `CounterVec` and `IntCounterVec`.
pub(crate) fn counter_vec<C, N>() -> Vec<Method>
where
    C: VecClass<Cell = CounterCell<N>>,
    N: Number + Default + for<'py> IntoPyObject<'py>,
    Increment<N>: Value,
{
    let mut methods = series::methods::<C>();
    methods.extend([
        Method::step_vec::<C, CountOne>(),
        Method::update_vec::<C, CountBy>(),
        Method::read_vec::<C, Count>(),
    ]);
    methods
}

/// The methods of `Gauge` and `IntGauge`.
pub(crate) fn gauge<C, N>() -> Vec<Method>
where
    C: SingleClass<Cell = GaugeCell<N>>,
    N: Number + Value + Default + for<'py> IntoPyObject<'py>,
{
    vec![
        Method::update::<C, Set>(),
        Method::step::<C, Up>(),
        Method::step::<C, Down>(),
        Method::update::<C, UpBy>(),
        Method::update::<C, DownBy>(),
        Method::update::<C, Add>(),
        Method::update::<C, Sub>(),
        Method::read::<C, Level>(),
    ]
}

/// The methods of `GaugeVec` and `IntGaugeVec`.
pub(crate) fn gauge_vec<C, N>() -> Vec<Method>
where
    C: VecClass<Cell = GaugeCell<N>>,
    N: Number + Value + Default + for<'py> IntoPyObject<'py>,
{
    let mut methods = series::methods::<C>();
    methods.extend([
        Method::update_vec::<C, Set>(),
        Method::step_vec::<C, Up>(),
        Method::step_vec::<C, Down>(),
        Method::update_vec::<C, UpBy>(),
        Method::update_vec::<C, DownBy>(),
        Method::update_vec::<C, Add>(),
        Method::update_vec::<C, Sub>(),
        Method::read_vec::<C, Level>(),
    ]);
    methods
}

/// The methods of `Histogram`.
pub(crate) fn histogram<C: SingleClass<Cell = HistogramCell>>() -> Vec<Method> {
    vec![
        Method::update::<C, Observe>(),
        Method::read::<C, SampleCount>(),
        Method::read::<C, SampleSum>(),
    ]
}

/// The methods of `HistogramVec`.
pub(crate) fn histogram_vec<C: VecClass<Cell = HistogramCell>>() -> Vec<Method> {
    let mut methods = series::methods::<C>();
    methods.extend([
        Method::update_vec::<C, Observe>(),
        Method::read_vec::<C, SampleCount>(),
        Method::read_vec::<C, SampleSum>(),
    ]);
    methods
}

/// The methods of `Summary`.
pub(crate) fn summary<C: SingleClass<Cell = SummaryCell>>() -> Vec<Method> {
    vec![
        Method::update::<C, ObserveSummary>(),
        Method::read::<C, SummaryCount>(),
        Method::read::<C, SummarySum>(),
    ]
}

/// The methods of `SummaryVec`.
pub(crate) fn summary_vec<C: VecClass<Cell = SummaryCell>>() -> Vec<Method> {
    let mut methods = series::methods::<C>();
    methods.extend([
        Method::update_vec::<C, ObserveSummary>(),
        Method::read_vec::<C, SummaryCount>(),
        Method::read_vec::<C, SummarySum>(),
    ]);
    methods
}
