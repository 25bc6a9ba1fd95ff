//! The other processes of a group, for a scrape: their callbacks, external expositions and health.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::callbacks::ExternalText;
use crate::exposition::{ExternalFamily, keep_exemplar_times};
use crate::health::{HealthReport, HealthStatus};
use crate::prometheus_names::labels;
use crate::shared::{Group, Requests, Response};
use crate::sync::{self, lock};

/// How long the last external exposition of a process that does not answer is shown.
const SHOWN_FOR: Duration = Duration::from_secs(5 * 60);

/// See the module. The locks are taken inside a section of [`sync`], for a moment.
pub(super) struct Members {
    pub(super) group: &'static Group,
    requests: Mutex<Requests>,
    external: Mutex<HashMap<String, External>>,
    /// The lock of the member that exports the metrics of the group.
    export: Mutex<Option<File>>,
}

/// The external families of another process.
struct External {
    number: u64,
    time: Instant,
    text: Vec<u8>,
    families: Vec<ExternalFamily>,
}

/// The health of a process, as the others read it.
#[derive(Debug, Serialize, Deserialize)]
struct StoredHealth {
    ready: bool,
    endpoints: BTreeMap<String, bool>,
}

impl Members {
    pub(super) fn new(group: &'static Group) -> Self {
        Members {
            group,
            requests: Mutex::default(),
            external: Mutex::default(),
            export: Mutex::default(),
        }
    }

    /// In a forked child: drops the requests and responses of the parent.
    pub(super) fn reset(&self) {
        *lock(&self.requests) = Requests::default();
        lock(&self.external).clear();
        // The parent keeps the lock.
        *lock(&self.export) = None;
    }

    /// Whether this process exports the metrics of the group: the first that asks does, until it ends. Of
    /// several exports of one sum, a backend would add up all.
    pub(super) fn exports(&self) -> bool {
        let _section = sync::enter();
        let mut export = lock(&self.export);
        if export.is_none() {
            match self.group.directory().lock_export() {
                Ok(file) => *export = file,
                // Twice is better than never.
                Err(_) => return true,
            }
        }
        export.is_some()
    }

    /// Has all processes run their callbacks, this one by `run_own`, which is given the function to call at
    /// each earlier deadline. Waits for the last of `deadlines`, which are sorted, and calls `reached` with the
    /// index of each earlier one when it passes. Returns how many processes missed the last one.
    pub(super) fn run_callbacks(
        &self,
        deadlines: &[Instant],
        reached: &mut dyn FnMut(usize),
        run_own: impl FnOnce(&mut dyn FnMut(usize)),
    ) -> u64 {
        let Some((&deadline, earlier)) = deadlines.split_last() else {
            return 0;
        };
        let mut requests = {
            let _section = sync::enter();
            std::mem::take(&mut *lock(&self.requests))
        };
        let members = self.group.members().unwrap_or_default();
        requests.send(&members, deadline);
        let mut passed = 0;
        run_own(&mut |index| {
            self.store_all(requests.receive(Instant::now()));
            passed = index + 1;
            reached(index);
        });
        for (index, earlier) in earlier.iter().enumerate().skip(passed) {
            self.store_all(requests.receive(*earlier));
            if !requests.is_waiting() {
                break;
            }
            reached(index);
        }
        self.store_all(requests.receive(deadline));
        let missed = requests.give_up();
        let _section = sync::enter();
        *lock(&self.requests) = requests;
        let mut external = lock(&self.external);
        external.retain(|id, last| {
            let is_alive = members
                .iter()
                .any(|member| member.is_alive && member.id() == *id);
            is_alive && last.time.elapsed() < SHOWN_FOR
        });
        missed
    }

    fn store_all(&self, responses: Vec<Response>) {
        for response in responses {
            self.store(response);
        }
    }

    fn store(&self, response: Response) {
        let _section = sync::enter();
        let mut external = lock(&self.external);
        if let Some(last) = external.get_mut(&response.id)
            && last.text == response.text
        {
            last.time = Instant::now();
            return;
        }
        let texts: Vec<ExternalText> = serde_json::from_slice(&response.text).unwrap_or_default();
        let families = texts.iter().flat_map(|text| text.parse().families);
        let families: Vec<_> = families.collect();
        if let Some(last) = external.get(&response.id) {
            keep_exemplar_times(&families, &last.families);
        }
        let new = External {
            number: response.number,
            time: Instant::now(),
            families,
            text: response.text,
        };
        external.insert(response.id, new);
    }

    /// The external families of all processes: `own`, and those of the others. Families of which several
    /// processes have the same series get the label of their process.
    pub(super) fn external_families(&self, own: Vec<ExternalFamily>) -> Vec<ExternalFamily> {
        let mut all: Vec<(u64, ExternalFamily)> = {
            let _section = sync::enter();
            let external = lock(&self.external);
            let others = external.values().flat_map(|last| {
                let families = last.families.iter();
                families.map(|family| (last.number, family.clone()))
            });
            others.collect()
        };
        if all.is_empty() {
            return own;
        }
        let number = self.group.number();
        all.extend(own.into_iter().map(|family| (number, family)));
        all.sort_by_key(|(number, _)| *number);
        let mut seen: HashMap<(String, Vec<u8>), u64> = HashMap::new();
        let mut colliding: Vec<String> = Vec::new();
        for (number, family) in &all {
            for series in family.series() {
                let key = (family.family.name.clone(), series.labels.text.clone());
                let first = *seen.entry(key).or_insert(*number);
                if first != *number && !colliding.contains(&family.family.name) {
                    colliding.push(family.family.name.clone());
                }
            }
        }
        let in_order = all.into_iter().zip(0..).map(|((number, family), order)| {
            let family = match colliding.contains(&family.family.name) {
                true => family.labelled(labels::PROCESS, &number.to_string()),
                false => family,
            };
            family.in_order(order)
        });
        in_order.collect()
    }

    /// Stores the health of this process for the others.
    pub(super) fn store_health(&self, report: Option<HealthReport>) {
        let Some(report) = report else {
            self.group.set_health(b"");
            return;
        };
        let endpoints = report.endpoints.iter();
        let endpoints = endpoints.map(|(name, status)| {
            let is_ready = *status == HealthStatus::Ready;
            (name.clone(), is_ready)
        });
        let mut health = StoredHealth {
            ready: report.ready,
            endpoints: endpoints.collect(),
        };
        let mut text = serde_json::to_vec(&health).unwrap_or_default();
        const LONGEST: usize = 3900;
        if text.len() > LONGEST {
            health.endpoints.clear();
            text = serde_json::to_vec(&health).unwrap_or_default();
        }
        self.group.set_health(&text);
    }

    /// The health of the group: ready if all processes that have a health are. `None` if none has.
    pub(super) fn health(&self) -> Option<HealthReport> {
        let mut merged: Option<HealthReport> = None;
        for member in self.group.members().ok()? {
            let health = member.health.filter(|_| member.is_alive);
            let Some(health) =
                health.and_then(|text| serde_json::from_slice::<StoredHealth>(&text).ok())
            else {
                continue;
            };
            let merged = merged.get_or_insert_with(|| HealthReport {
                ready: true,
                endpoints: BTreeMap::new(),
            });
            merged.ready &= health.ready;
            for (name, is_ready) in health.endpoints {
                let status = merged.endpoints.entry(name).or_insert(HealthStatus::Ready);
                if !is_ready {
                    *status = HealthStatus::NotReady;
                }
            }
        }
        merged
    }
}
