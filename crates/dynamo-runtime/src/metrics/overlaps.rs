//! The index of one family's metrics by the series that they could write.

use std::collections::HashMap;
use std::sync::Arc;

use super::collector::MetricCollector;
use super::desc::Desc;

/// The metrics of one family, found in constant time by the series that they could write.
///
/// Metrics with equal label names could write the same series if their common constant labels have equal values. For metrics
/// whose constant labels have the same names, a table by the values of some of these labels answers that for
/// every new metric.
#[derive(Default)]
pub(super) struct Overlaps {
    /// By all label names, sorted.
    by_label_names: HashMap<Vec<String>, Vec<Group>>,
}

/// The metrics whose constant labels have the same names.
struct Group {
    /// Sorted.
    constants: Vec<String>,
    metrics: Vec<Metric>,
    /// A table for each set of names that some metric has had in common with this group.
    tables: HashMap<Vec<String>, Table>,
}

type Metric = Arc<dyn MetricCollector>;

/// Metrics by the values of constant labels.
type Table = HashMap<Vec<String>, Vec<Metric>>;

impl Overlaps {
    /// The metrics that could write a series of `desc`.
    pub(super) fn find(&mut self, desc: &Desc) -> Vec<Metric> {
        self.find_by(&label_names(desc), &desc.const_labels)
    }

    /// The metrics that could write the series with these labels, which are sorted by name.
    pub(super) fn find_series(&mut self, labels: &[(String, String)]) -> Vec<Metric> {
        let names: Vec<_> = labels.iter().map(|(name, _)| name.clone()).collect();
        self.find_by(&names, labels)
    }

    /// The metrics with these label names that agree with the values that are known.
    fn find_by(&mut self, label_names: &[String], known: &[(String, String)]) -> Vec<Metric> {
        let Some(groups) = self.by_label_names.get_mut(label_names) else {
            return Vec::new();
        };
        let of_group = |group: &mut Group| {
            let common: Vec<String> = group
                .constants
                .iter()
                .filter(|name| value(known, name).is_some())
                .cloned()
                .collect();
            let key = values(known, &common);
            let Group {
                metrics, tables, ..
            } = group;
            let table = tables.entry(common).or_insert_with_key(|common| {
                let mut table = Table::new();
                for metric in metrics.iter() {
                    let key = values(&metric.desc().const_labels, common);
                    table.entry(key).or_default().push(Arc::clone(metric));
                }
                table
            });
            table.get(&key).cloned().unwrap_or_default()
        };
        groups.iter_mut().flat_map(of_group).collect()
    }

    pub(super) fn add(&mut self, metric: Metric) {
        let desc = metric.desc();
        let constants = constant_names(desc);
        let groups = self.by_label_names.entry(label_names(desc)).or_default();
        let at = groups.iter().position(|group| group.constants == constants);
        let at = at.unwrap_or_else(|| {
            groups.push(Group {
                constants,
                metrics: Vec::new(),
                tables: HashMap::new(),
            });
            groups.len() - 1
        });
        let group = &mut groups[at];
        for (names, table) in &mut group.tables {
            let key = values(&desc.const_labels, names);
            table.entry(key).or_default().push(Arc::clone(&metric));
        }
        group.metrics.push(metric);
    }

    pub(super) fn remove(&mut self, desc: &Arc<Desc>) {
        let is_other = |metric: &Metric| !Arc::ptr_eq(metric.desc(), desc);
        let names = label_names(desc);
        let Some(groups) = self.by_label_names.get_mut(&names) else {
            return;
        };
        let constants = constant_names(desc);
        for group in groups
            .iter_mut()
            .filter(|group| group.constants == constants)
        {
            group.metrics.retain(is_other);
            for (names, table) in &mut group.tables {
                let key = values(&desc.const_labels, names);
                if let Some(metrics) = table.get_mut(&key) {
                    metrics.retain(is_other);
                    if metrics.is_empty() {
                        table.remove(&key);
                    }
                }
            }
        }
        groups.retain(|group| !group.metrics.is_empty());
        if groups.is_empty() {
            self.by_label_names.remove(&names);
        }
    }
}

/// The vecs of one family that have had a series with an empty label value, which is the series without the
/// label. They are found in constant time by the labels that have a value.
#[derive(Default)]
pub(super) struct Sparse {
    /// By the sorted names of the constant labels.
    groups: Vec<(Vec<String>, Table)>,
}

impl Sparse {
    /// The vecs that could write the series with these labels.
    pub(super) fn find_series(&self, labels: &[(String, String)]) -> Vec<Metric> {
        let groups = self.groups.iter();
        groups
            .filter_map(|(names, table)| table.get(&values(labels, names)))
            .flatten()
            .cloned()
            .collect()
    }

    pub(super) fn add(&mut self, metric: &Metric) {
        let desc = metric.desc();
        let names = constant_names(desc);
        let key = values(&desc.const_labels, &names);
        let at = self.groups.iter().position(|(known, _)| *known == names);
        let at = at.unwrap_or_else(|| {
            self.groups.push((names, Table::new()));
            self.groups.len() - 1
        });
        let metrics = self.groups[at].1.entry(key).or_default();
        if !metrics.iter().any(|known| Arc::ptr_eq(known, metric)) {
            metrics.push(Arc::clone(metric));
        }
    }

    pub(super) fn remove(&mut self, desc: &Arc<Desc>) {
        for (_, table) in &mut self.groups {
            table.retain(|_, metrics| {
                metrics.retain(|metric| !Arc::ptr_eq(metric.desc(), desc));
                !metrics.is_empty()
            });
        }
    }
}

fn label_names(desc: &Desc) -> Vec<String> {
    let names = desc.all_label_names().into_iter();
    names.map(str::to_owned).collect()
}

fn constant_names(desc: &Desc) -> Vec<String> {
    let mut names: Vec<_> = desc
        .const_labels
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    names.sort_unstable();
    names
}

fn value<'a>(labels: &'a [(String, String)], label: &str) -> Option<&'a String> {
    let mut labels = labels.iter();
    labels
        .find(|(name, _)| name == label)
        .map(|(_, value)| value)
}

/// The values of these constant labels, in this order.
fn values(labels: &[(String, String)], names: &[String]) -> Vec<String> {
    let values = names.iter().filter_map(|name| value(labels, name));
    values.cloned().collect()
}
