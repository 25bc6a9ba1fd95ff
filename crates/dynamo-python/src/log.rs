//! What the library logs, on its way to Python's `logging`.
//!
//! Threads of ours never take the GIL, so they leave their messages in a short queue, and a thread
//! that Python created waits for them.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::python::START_LOG;

/// Messages kept for a thread that is slow to fetch them; the oldest go first.
const LIMIT: usize = 256;

static QUEUE: Mutex<Queue> = Mutex::new(Queue {
    messages: VecDeque::new(),
    fetched: false,
    stopped: false,
});
static ARRIVED: Condvar = Condvar::new();
/// Whether a message came while no thread was there to fetch it; see [`start_if_needed`].
static LEFT: AtomicBool = AtomicBool::new(false);

struct Queue {
    messages: VecDeque<Message>,
    /// Whether a thread fetches them.
    fetched: bool,
    stopped: bool,
}

/// The number of a level in `logging`, and the text.
type Message = (u8, String);

/// Sends the library's messages here. Does nothing if the process has a subscriber already.
pub(crate) fn subscribe() {
    let _ = tracing::subscriber::set_global_default(ToQueue);
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(next_message, module)?)?;
    module.add_function(wrap_pyfunction!(nudge_messages, module)?)?;
    module.add_function(wrap_pyfunction!(stop_messages, module)?)
}

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put(message: Message) {
    let mut queue = queue();
    if queue.messages.len() == LIMIT {
        queue.messages.pop_front();
    }
    queue.messages.push_back(message);
    if !(queue.fetched || queue.stopped) {
        LEFT.store(true, Relaxed);
    }
    ARRIVED.notify_one();
}

/// Wait for the next message, without the GIL; None at the end of the process.
///
/// A message is its level, as logging counts, and its text, which is empty after nudge_messages().
#[pyfunction]
fn next_message(py: Python<'_>) -> Option<Message> {
    py.detach(|| {
        let mut queue = queue();
        queue.fetched = true;
        loop {
            if let Some(message) = queue.messages.pop_front() {
                return Some(message);
            }
            if queue.stopped {
                return None;
            }
            queue = ARRIVED.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    })
}

/// Starts the thread that fetches messages if one was left by the thread that calls this. Runtimes
/// that serve nothing and have no callbacks do without the thread until then.
#[inline]
pub(crate) fn start_if_needed(py: Python<'_>) {
    if LEFT.load(Relaxed) && LEFT.swap(false, Relaxed) {
        // At the end of the process no thread and no logger is left.
        let _ = START_LOG.call(py, &[]);
    }
}

/// Have next_message() return an empty message after those that wait.
#[pyfunction]
fn nudge_messages() {
    put((0, String::new()));
}

/// Stop taking messages and wake the thread that waits for one.
#[pyfunction]
fn stop_messages() {
    queue().stopped = true;
    ARRIVED.notify_all();
}

/// The queue, held across a fork.
pub(crate) struct Frozen(MutexGuard<'static, Queue>);

pub(crate) fn freeze() -> Frozen {
    Frozen(queue())
}

impl Frozen {
    /// In the child: the messages are the parent's.
    pub(crate) fn reset(&mut self) {
        self.0.messages.clear();
        self.0.fetched = false;
        LEFT.store(false, Relaxed);
    }
}

/// Puts events into the queue.
struct ToQueue;

impl Subscriber for ToQueue {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with("dynamo")
            && *metadata.level() <= Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let level = match *event.metadata().level() {
            Level::ERROR => 40,
            Level::WARN => 30,
            _ => 20,
        };
        put((level, text.0));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The message of an event, then its other fields.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
