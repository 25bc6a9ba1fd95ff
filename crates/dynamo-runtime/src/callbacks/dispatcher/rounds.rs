//! The state of the dispatcher: the scrapes that wait (rounds), the queue, and what runs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use super::{Entry, Job};

#[derive(Default)]
pub(super) struct State {
    pub(super) rounds: Vec<Round>,
    pub(super) next_round: u64,
    /// The callbacks to run, each one once.
    pub(super) queue: VecDeque<Pending>,
    /// The callback that the main thread runs.
    pub(super) running: Option<Running>,
    /// Callbacks that lost the main thread: they ran beyond their deadline.
    pub(super) stuck: Vec<Running>,
    /// The main thread.
    pub(super) thread: Option<ThreadId>,
    /// The standby thread sleeps until then. A callback whose deadline is earlier must wake it.
    pub(super) standby_sleeps_until: Option<Instant>,
    /// The main thread must return from its wait without a job.
    pub(super) woken: bool,
    /// Stopped: no job is handed out.
    pub(super) stopped: bool,
}

/// A scrape that waits for its callbacks.
pub(super) struct Round {
    id: u64,
    deadline: Instant,
    /// The callbacks that have not finished.
    pub(super) open: VecDeque<Arc<Entry>>,
    pub(super) outcome: Outcome,
}

/// A callback in the queue.
pub(super) struct Pending {
    pub(super) entry: Arc<Entry>,
    rounds: Vec<u64>,
    /// The time limit of a callback that no round waits for.
    budget: Duration,
    /// How long it may run in any case, however short the deadlines of its rounds are.
    least: Duration,
}

pub(super) struct Running {
    pub(super) entry: Arc<Entry>,
    rounds: Vec<u64>,
    pub(super) thread: ThreadId,
    /// From then on the callback is late.
    pub(super) overdue_at: Instant,
    /// It lost the main thread: no round waits for it.
    pub(super) is_late: bool,
    /// The deadline of one of its rounds has passed.
    was_given_up: bool,
}

/// The callbacks of a round that had not finished at its deadline.
#[derive(Default)]
pub(crate) struct Outcome {
    /// They were running.
    pub(crate) late: Vec<Arc<Entry>>,
    /// They had not begun.
    pub(crate) not_reached: Vec<Arc<Entry>>,
}

impl State {
    /// Queues a round.
    pub(super) fn begin(
        &mut self,
        entries: Vec<Arc<Entry>>,
        least: Duration,
        deadline: Instant,
        now: Instant,
    ) -> u64 {
        let id = self.next_round;
        self.next_round += 1;
        let mut round = Round {
            id,
            deadline,
            open: VecDeque::with_capacity(entries.len()),
            outcome: Outcome::default(),
        };
        let budget = deadline.saturating_duration_since(now);
        let queued_before = self.queue.len();
        for entry in entries {
            if self.is_late(&entry) == Some(true) {
                round.outcome.late.push(entry);
                continue;
            }
            round.open.push_back(Arc::clone(&entry));
            // A callback that has not begun serves both rounds.
            let mut queued = self.queue.iter_mut().take(queued_before);
            match queued.find(|pending| Arc::ptr_eq(&pending.entry, &entry)) {
                Some(pending) => {
                    pending.rounds.push(id);
                    pending.budget = pending.budget.max(budget);
                }
                None => self.queue.push_back(Pending {
                    entry,
                    rounds: vec![id],
                    budget,
                    least,
                }),
            }
        }
        self.rounds.push(round);
        id
    }

    /// Whether a callback that runs is late; `None` if it does not run.
    fn is_late(&self, entry: &Arc<Entry>) -> Option<bool> {
        let mut running = self.stuck.iter().chain(&self.running);
        running
            .find(|running| Arc::ptr_eq(&running.entry, entry))
            .map(|running| running.is_late)
    }

    /// Whether a callback runs and was not counted as late: a scrape waits for it, or none has waited.
    pub(super) fn is_waited_for(&self, entry: &Arc<Entry>) -> bool {
        let mut running = self.stuck.iter().chain(&self.running);
        running.any(|running| {
            Arc::ptr_eq(&running.entry, entry) && !running.is_late && !running.was_given_up
        })
    }

    pub(super) fn start_next(&mut self, thread: ThreadId) -> Option<Job> {
        if self.running.is_some() {
            return None;
        }
        let stuck = &self.stuck;
        let is_free = |entry| !stuck.iter().any(|stuck| Arc::ptr_eq(&stuck.entry, entry));
        let next = self
            .queue
            .iter()
            .position(|pending| is_free(&pending.entry))?;
        let Pending {
            entry,
            rounds,
            budget,
            least,
        } = self.queue.remove(next)?;
        let waiting = self
            .rounds
            .iter()
            .filter(|round| rounds.contains(&round.id));
        let deadline = waiting
            .filter(|round| !round.open.is_empty())
            .map(|round| round.deadline)
            .max();
        let now = Instant::now();
        self.running = Some(Running {
            entry: Arc::clone(&entry),
            rounds,
            thread,
            overdue_at: deadline.unwrap_or(now + budget).max(now + least),
            is_late: false,
            was_given_up: false,
        });
        Some(Job(entry))
    }

    /// Closes the rounds whose deadlines have passed.
    pub(super) fn expire(&mut self, now: Instant) {
        for round in &mut self.rounds {
            if round.deadline > now {
                continue;
            }
            for entry in std::mem::take(&mut round.open) {
                let mut running = self.stuck.iter_mut().chain(&mut self.running);
                match running.find(|running| Arc::ptr_eq(&running.entry, &entry)) {
                    Some(running) => {
                        running.was_given_up |= running.rounds.contains(&round.id);
                        round.outcome.late.push(entry);
                    }
                    None => round.outcome.not_reached.push(entry),
                }
            }
        }
    }

    /// Removes a callback that has returned from those that run.
    pub(super) fn finish(&mut self, entry: &Arc<Entry>) -> Option<Running> {
        let is_it = |running: &Running| Arc::ptr_eq(&running.entry, entry);
        let finished = match self.stuck.iter().position(is_it) {
            Some(position) => self.stuck.swap_remove(position),
            None => self.running.take_if(|running| is_it(running))?,
        };
        let was_late = finished.is_late || finished.was_given_up;
        entry.was_late.store(was_late, Relaxed);
        for round in &mut self.rounds {
            if finished.rounds.contains(&round.id) {
                // Usually the first one.
                let mut open = round.open.iter();
                if let Some(position) = open.position(|open| Arc::ptr_eq(open, entry)) {
                    round.open.remove(position);
                }
            }
        }
        Some(finished)
    }

    pub(super) fn is_over(&self, id: u64) -> bool {
        let mut rounds = self.rounds.iter();
        rounds
            .find(|round| round.id == id)
            .is_none_or(|round| round.open.is_empty())
    }

    /// Removes a round.
    pub(super) fn end(&mut self, id: u64) -> Outcome {
        let position = self.rounds.iter().position(|round| round.id == id);
        let round = position.map(|position| self.rounds.swap_remove(position));
        match round {
            Some(round) if !self.stopped => round.outcome,
            _ => Outcome::default(),
        }
    }
}
