//! The state of the dispatcher: the scrapes that wait (rounds), the queue, and what runs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use super::{Entry, Job};

/// The most that [`least_time`] can be.
const MAX_LEAST_TIME: Duration = Duration::from_secs(1);

/// How long a callback may run before others take its thread, however short the deadlines of its rounds are.
fn least_time(timeout: Duration) -> Duration {
    timeout.min(MAX_LEAST_TIME)
}

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
    /// Since when the main thread has neither run a callback nor waited for one.
    pub(super) away_since: Option<Instant>,
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
    /// The callback timeout of its runtime.
    timeout: Duration,
}

pub(super) struct Running {
    pub(super) entry: Arc<Entry>,
    rounds: Vec<u64>,
    pub(super) thread: ThreadId,
    /// From then on the callback loses the main thread to others.
    pub(super) overdue_at: Instant,
    /// From then on the callback is late: it has run for the whole callback timeout.
    pub(super) late_at: Instant,
    /// It is late: no round waits for it, or for another run of it.
    is_late: bool,
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
        timeout: Duration,
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
                    timeout,
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
        running.any(|running| Arc::ptr_eq(&running.entry, entry) && self.is_in_time(running))
    }

    /// Whether a round waits for this run, or none has given it up.
    fn is_in_time(&self, running: &Running) -> bool {
        let waits = |round: &Round| {
            let mut open = round.open.iter();
            running.rounds.contains(&round.id)
                && open.any(|entry| Arc::ptr_eq(entry, &running.entry))
        };
        !running.is_late && (!running.was_given_up || self.rounds.iter().any(waits))
    }

    /// How long the callbacks that run at `now` may go on before they are late.
    pub(super) fn time_left(&self, now: Instant) -> Duration {
        let running = self.stuck.iter().chain(&self.running);
        running
            .map(|running| running.late_at.saturating_duration_since(now))
            .max()
            .unwrap_or_default()
    }

    /// When the next callback is late, of those that run.
    pub(super) fn next_late_at(&self) -> Option<Instant> {
        let running = self.stuck.iter().chain(&self.running);
        running
            .filter(|running| !running.is_late)
            .map(|running| running.late_at)
            .min()
    }

    /// When the standby thread becomes the main thread: it does so too if the main thread is kept between
    /// two callbacks, while others wait. `None` while there is no reason.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        match &self.running {
            Some(running) => Some(running.overdue_at),
            None => Some(self.away_since? + least_time(self.queue.front()?.timeout)),
        }
    }

    pub(super) fn start_next(&mut self, thread: ThreadId, now: Instant) -> Option<Job> {
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
            timeout,
        } = self.queue.remove(next)?;
        let waiting = self
            .rounds
            .iter()
            .filter(|round| rounds.contains(&round.id));
        let deadline = waiting
            .filter(|round| !round.open.is_empty())
            .map(|round| round.deadline)
            .max();
        let late_at = now + timeout;
        let overdue_at = deadline.unwrap_or(now + budget);
        self.running = Some(Running {
            entry: Arc::clone(&entry),
            rounds,
            thread,
            overdue_at: overdue_at.max(now + least_time(timeout)).min(late_at),
            late_at,
            is_late: false,
            was_given_up: false,
        });
        Some(Job(entry))
    }

    /// Ends the wait for callbacks that have run for their whole timeout.
    fn expire_callbacks(&mut self, now: Instant) {
        for running in self.stuck.iter_mut().chain(&mut self.running) {
            if running.is_late || running.late_at > now {
                continue;
            }
            running.is_late = true;
            let is_it = |entry: &Arc<Entry>| Arc::ptr_eq(entry, &running.entry);
            // Scrapes that came meanwhile wanted another run, and do not wait for it.
            self.queue.retain(|pending| !is_it(&pending.entry));
            for round in &mut self.rounds {
                let waited = round.open.len();
                round.open.retain(|entry| !is_it(entry));
                if round.open.len() < waited {
                    round.outcome.late.push(Arc::clone(&running.entry));
                }
            }
        }
    }

    /// Ends the wait for callbacks that are late, and closes the rounds whose deadlines have passed.
    pub(super) fn expire(&mut self, now: Instant) {
        self.expire_callbacks(now);
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
    pub(super) fn finish(&mut self, entry: &Arc<Entry>, now: Instant) -> Option<Running> {
        let is_it = |running: &Running| Arc::ptr_eq(&running.entry, entry);
        let finished = match self.stuck.iter().position(is_it) {
            Some(position) => self.stuck.swap_remove(position),
            None => {
                let finished = self.running.take_if(|running| is_it(running))?;
                self.away_since = Some(now);
                finished
            }
        };
        entry.was_late.store(!self.is_in_time(&finished), Relaxed);
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
