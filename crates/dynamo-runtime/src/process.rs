//! Metrics of the process, on the exposition of every runtime: the standard `process_*` families, read
//! from `/proc`, and those that a language binding adds.

use std::fs;
use std::sync::{Arc, Mutex};

use crate::metrics::{
    CounterCell, Desc, GaugeCell, HistogramCell, HistogramOptions, Instrument, MetricCollector,
    MetricsError, Registry, SingleCore,
};
use crate::prometheus_names::process as names;
use crate::sync::{self, lock};
use crate::system;

/// The metrics that a binding adds, in order of creation.
static ADDED: Mutex<Vec<Arc<dyn MetricCollector>>> = Mutex::new(Vec::new());

/// A histogram of the process. The expositions of runtimes created later show it.
pub struct ProcessHistogram(Arc<SingleCore<HistogramCell>>);

impl ProcessHistogram {
    /// # Panics
    /// If the name or the bounds cannot be used: they are constants.
    pub fn new(name: &str, help: &str, bounds: &[f64]) -> Self {
        let options = HistogramOptions::default().buckets(bounds.to_vec());
        ProcessHistogram(add(name, help, &[], options))
    }

    /// Counts one observation. Ignores NaN.
    pub fn observe(&self, value: f64) {
        if HistogramCell::check_observation(value).is_ok() {
            self.0.update().add(value);
        }
    }
}

/// A counter of the process whose total is counted elsewhere. The expositions of runtimes created later
/// show it.
pub struct ProcessCounter(Arc<SingleCore<CounterCell<u64>>>);

impl ProcessCounter {
    /// # Panics
    /// If the name or a label cannot be used: they are constants.
    pub fn new(name: &str, help: &str, labels: &[(&str, &str)]) -> Self {
        ProcessCounter(add(name, help, labels, ()))
    }

    /// Sets the total.
    pub fn set_total(&self, total: u64) {
        self.0.update().set_total(total);
    }
}

fn add<I: Instrument>(
    name: &str,
    help: &str,
    labels: &[(&str, &str)],
    options: I::Options,
) -> Arc<SingleCore<I>> {
    let make = || {
        let desc = Arc::new(Desc::own(name, help, I::KIND, labels)?);
        let layout = I::check(options, name)?;
        let core = SingleCore::new(desc, &layout, &Registry::new(0));
        Ok::<_, MetricsError>(Arc::new(core))
    };
    let core = make().unwrap_or_else(|error| panic!("{error}"));
    let _section = sync::enter();
    lock(&ADDED).push(Arc::clone(&core) as Arc<dyn MetricCollector>);
    core
}

/// The `process_*` metrics of one runtime.
pub(crate) struct ProcessMetrics {
    cpu: Arc<SingleCore<CounterCell<f64>>>,
    virtual_memory: Arc<SingleCore<GaugeCell<f64>>>,
    resident_memory: Arc<SingleCore<GaugeCell<f64>>>,
    start_time: Arc<SingleCore<GaugeCell<f64>>>,
    open_fds: Arc<SingleCore<GaugeCell<f64>>>,
    max_fds: Arc<SingleCore<GaugeCell<f64>>>,
    /// See [`boot_time`].
    boot: Option<f64>,
}

impl ProcessMetrics {
    /// Registers the metrics; with `added`, those of a binding too.
    pub(crate) fn new(registry: &Registry, added: bool) -> Result<Self, MetricsError> {
        let gauge = |name: &str, help: &str| registry.own_metric(name, help, &[]);
        let process = ProcessMetrics {
            cpu: registry.own_metric(
                names::CPU_SECONDS_TOTAL,
                "Total user and system CPU time spent in seconds.",
                &[],
            )?,
            virtual_memory: gauge(names::VIRTUAL_MEMORY_BYTES, "Virtual memory size in bytes.")?,
            resident_memory: gauge(
                names::RESIDENT_MEMORY_BYTES,
                "Resident memory size in bytes.",
            )?,
            start_time: gauge(
                names::START_TIME_SECONDS,
                "Start time of the process since unix epoch in seconds.",
            )?,
            open_fds: gauge(names::OPEN_FDS, "Number of open file descriptors.")?,
            max_fds: gauge(names::MAX_FDS, "Maximum number of open file descriptors.")?,
            boot: boot_time(),
        };
        if added {
            let added = lock(&ADDED).clone();
            for collector in added {
                registry.adopt(collector)?;
            }
        }
        Ok(process)
    }

    /// Reads the values. A value that cannot be read does not change.
    pub(crate) fn refresh(&self) {
        if let Some(stat) = Stat::read() {
            self.cpu.update().set_total(stat.cpu_seconds);
            self.virtual_memory.update().set(stat.virtual_bytes);
            self.resident_memory.update().set(stat.resident_bytes);
            if let Some(boot) = self.boot {
                self.start_time.update().set(boot + stat.start_seconds);
            }
        }
        // The listing itself is an open descriptor.
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            self.open_fds
                .update()
                .set(open.count().saturating_sub(1) as f64);
        }
        if let Some(limit) = system::descriptor_limit() {
            self.max_fds.update().set(limit as f64);
        }
    }
}

/// Values of `/proc/self/stat`.
struct Stat {
    cpu_seconds: f64,
    /// Since boot.
    start_seconds: f64,
    virtual_bytes: f64,
    resident_bytes: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// The fields are those of `proc(5)`, which counts them from 1.
    fn parse(stat: &str) -> Option<Self> {
        // The second field is the program name in parentheses. The name may contain parentheses.
        let fields: Vec<f64> = stat[stat.rfind(')')? + 1..]
            .split_ascii_whitespace()
            .map(|field| field.parse().unwrap_or(f64::NAN))
            .collect();
        let field = |number: usize| fields.get(number - 3).copied();
        let ticks = system::clock_ticks_per_second();
        Some(Stat {
            cpu_seconds: (field(14)? + field(15)?) / ticks,
            start_seconds: field(22)? / ticks,
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * system::page_bytes(),
        })
    }
}

/// The time of boot, in seconds since 1970.
fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_may_contain_parentheses_and_spaces() {
        let line = "7 (a) b (c) S 1 7 7 0 -1 4194304 1 2 3 4 150 50 5 6 20 0 9 0 1000 8192 3 18446744073709551615";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(stat.cpu_seconds, 200.0 / system::clock_ticks_per_second());
        assert_eq!(stat.virtual_bytes, 8192.0);
        assert_eq!(stat.resident_bytes, 3.0 * system::page_bytes());
        assert!(Stat::parse("7 (a) S").is_none());
    }

    #[test]
    fn the_values_of_this_process_are_plausible() {
        let stat = Stat::read().unwrap();
        assert!(stat.resident_bytes > 0.0 && stat.virtual_bytes >= stat.resident_bytes);
        assert!(boot_time().unwrap() > 1e9);
    }
}
