//! A vec as the registry sees it: scrapes, sharing between processes, removals.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use smallvec::SmallVec;

use super::super::collector::{Collector, Cursor, MetricCollector, Visitor};
use super::super::desc::Desc;
use super::super::instrument::{BucketLayout, Instrument};
use super::super::labels::key;
use super::super::series::clock;
use super::super::storage::{Removal, Storage};
use super::VecCore;
use super::limit::MANY;
use crate::sync::{read, write};
use crate::system::release_memory;

impl<I: Instrument> Collector for VecCore<I> {
    fn visit(&self, at: Cursor, limit: usize, visitor: &mut Visitor<'_>) -> Option<Cursor> {
        let timeout = self.idle_timeout.load(Relaxed);
        let now = clock();
        let children = read(&self.children);
        let last = at.last.min(children.last_sequence()?);
        children.prefetch(at.next, limit);
        let mut rest = children
            .since(at.next)
            .take_while(|(sequence, _)| *sequence <= last);
        for (sequence, series) in rest.by_ref().take(limit) {
            if timeout == 0 || !series.is_idle(now, timeout) {
                series.visit(sequence, &self.desc, visitor);
            }
        }
        rest.next().map(|(next, _)| Cursor { next, last })
    }

    fn expire(&self) {
        let timeout = self.idle_timeout.load(Relaxed);
        if timeout != 0 {
            let mut children = write(&self.children);
            let before = children.len();
            self.expire_children(&mut children, clock(), timeout);
            let expired = before - children.len();
            drop(children);
            if expired >= MANY {
                release_memory();
            }
        }
    }
}

impl<I: Instrument> MetricCollector for VecCore<I> {
    fn share(&self, storage: &dyn Storage) -> io::Result<()> {
        let layout = I::shared_layout(&self.layout);
        let children = write(&self.children);
        if self.storage.get().is_none() {
            let _ = self.storage.set(storage.family(&self.desc, &layout)?);
        }
        let Some(family) = self.storage.get() else {
            return Ok(());
        };
        for series in children.all() {
            series.share(&self.desc, &**family)?;
        }
        Ok(())
    }

    fn withdraw(&self) {
        read(&self.children)
            .all()
            .for_each(|series| series.withdraw());
    }

    fn apply(&self, removal: &Removal) {
        let names = self.desc.label_names.iter();
        let exact: Option<SmallVec<[&str; 8]>> = names.map(|name| removal.value(name)).collect();
        if let Some(values) = exact {
            let is_removed = read(&self.children)
                .get(&values)
                .is_some_and(|series| series.is_removed_by(&self.desc, removal));
            if is_removed {
                self.remove_here(&values);
                self.forget_borrowers_in_section();
            }
            return;
        }
        let found: Vec<Vec<String>> = {
            let children = read(&self.children);
            let all = children.since(0).map(|(_, series)| series);
            let removed = all.filter(|series| series.is_removed_by(&self.desc, removal));
            removed.map(|series| owned(series.key())).collect()
        };
        for values in found {
            let values: SmallVec<[&str; 8]> = values.iter().map(String::as_str).collect();
            self.remove_here(&values);
        }
        self.forget_borrowers_in_section();
    }

    fn reset(&self) {
        // A thread of the parent may have held the lock: then it is never released.
        if let Ok(children) = self.children.try_read() {
            children.all().for_each(|series| series.reset());
        }
    }

    fn series(&self, labels: &[(String, String)]) -> Option<Arc<dyn Any + Send + Sync>> {
        let values = self.values_of(labels)?;
        let series = Arc::clone(read(&self.children).get(&values)?);
        self.has_borrowers.store(true, Relaxed);
        Some(series)
    }

    fn lend(&self, labels: &[(String, String)]) -> Option<Arc<dyn Any + Send + Sync>> {
        let values = self.values_of(labels)?;
        let series = write(&self.children).lend(&values)?;
        Some(series)
    }

    fn forget_aliases(&self) {
        if write(&self.children).forget_aliases() {
            self.version.fetch_add(1, Relaxed);
        }
    }

    fn desc(&self) -> &Arc<Desc> {
        &self.desc
    }

    fn type_name(&self) -> &'static str {
        I::TYPE_NAME
    }

    fn bucket_layout(&self) -> BucketLayout {
        I::bucket_layout(&self.layout)
    }
}

/// The label values of a key.
fn owned(key: &[u8]) -> Vec<String> {
    let values = key::parts(key);
    values
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect()
}
