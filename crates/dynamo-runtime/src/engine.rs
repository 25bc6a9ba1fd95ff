//! Engine routes: the status server answers `POST /engine/<name>` with what a function of the user returns.
//!
//! A language binding runs the functions on threads of its own: it takes the calls from an [`EngineQueue`].

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::oneshot;

use crate::sync::{self, lock};

/// The calls of one runtime that may be in progress. More are refused.
const MAX_CALLS: usize = 64;

/// The name of an engine route is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "engine route {name:?} is not a valid path: use letters, digits and -._~, with / between parts, as in \"update_weights\""
)]
pub struct EngineRouteError {
    /// The name as given.
    pub name: String,
}

/// Returns the JSON of the response, or the reason of a failure.
pub(crate) type EngineFunction = dyn Fn(Value) -> Result<Value, String> + Send + Sync;

/// What answers the calls of a route.
pub(crate) enum EngineHandler {
    /// A function. It runs on a blocking thread of the server.
    Function(Arc<EngineFunction>),
    /// An object of a language binding, which takes the calls from the queue.
    Queued(Arc<dyn Any + Send + Sync>, Arc<EngineQueue>),
}

impl fmt::Debug for EngineHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineHandler").finish_non_exhaustive()
    }
}

/// The engine routes of one runtime.
#[derive(Debug, Default)]
pub(crate) struct EngineRoutes {
    handlers: Mutex<HashMap<String, Arc<EngineHandler>>>,
    calls: Arc<AtomicUsize>,
}

/// A call in progress.
#[derive(Debug)]
pub(crate) struct InProgress(Arc<AtomicUsize>);

impl EngineRoutes {
    /// Registers a handler, in place of a previous one of the same name.
    pub(crate) fn register(
        &self,
        name: &str,
        handler: EngineHandler,
    ) -> Result<(), EngineRouteError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let mut parts = name.split('/');
        if !parts.all(|part| !part.is_empty() && part.chars().all(is_allowed)) {
            let name = name.to_owned();
            return Err(EngineRouteError { name });
        }
        let previous = {
            let _section = sync::enter();
            lock(&self.handlers).insert(name.to_owned(), Arc::new(handler))
        };
        // May drop objects of the user, without the lock.
        drop(previous);
        Ok(())
    }

    /// The handler of a route.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<EngineHandler>> {
        let _section = sync::enter();
        lock(&self.handlers).get(name).cloned()
    }

    /// Counts a call until the result is dropped. `None` if too many are in progress.
    pub(crate) fn begin(&self) -> Option<InProgress> {
        let call = InProgress(Arc::clone(&self.calls));
        (self.calls.fetch_add(1, AcqRel) < MAX_CALLS).then_some(call)
    }

    /// Removes all routes.
    pub(crate) fn clear(&self) {
        let handlers = {
            let _section = sync::enter();
            std::mem::take(&mut *lock(&self.handlers))
        };
        drop(handlers);
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.fetch_sub(1, AcqRel);
    }
}

/// A call that a language binding must answer with [`respond`](Self::respond). A call that is dropped has
/// failed.
#[derive(Debug)]
pub struct EngineCall {
    handler: Arc<dyn Any + Send + Sync>,
    name: String,
    body: Vec<u8>,
    response: oneshot::Sender<Result<String, String>>,
}

impl EngineCall {
    /// The object that the route was registered with.
    pub fn handler(&self) -> &(dyn Any + Send + Sync) {
        &*self.handler
    }

    /// The name of the route.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The body of the request: JSON.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Answers with a JSON text, or with the reason of a failure. Does nothing if the client has
    /// disconnected.
    pub fn respond(self, result: Result<String, String>) {
        let _ = self.response.send(result);
    }
}

/// Hands the calls of all runtimes to the thread of a language binding.
#[derive(Debug, Default)]
pub struct EngineQueue {
    state: Mutex<QueueState>,
    /// Wakes the thread.
    work: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    calls: VecDeque<EngineCall>,
    is_stopped: bool,
}

impl EngineQueue {
    /// Queues a call. Returns where its response arrives; a sender that is dropped means that there will be
    /// none.
    pub(crate) fn push(
        &self,
        handler: Arc<dyn Any + Send + Sync>,
        name: &str,
        body: Vec<u8>,
    ) -> oneshot::Receiver<Result<String, String>> {
        let (response, result) = oneshot::channel();
        let call = EngineCall {
            handler,
            name: name.to_owned(),
            body,
            response,
        };
        let _section = sync::enter();
        let mut state = lock(&self.state);
        if !state.is_stopped {
            state.calls.push_back(call);
            self.work.notify_one();
        }
        result
    }

    /// Waits for the next call. `None` when the queue has been stopped.
    pub fn next(&self) -> Option<EngineCall> {
        let mut state = lock(&self.state);
        loop {
            if state.is_stopped {
                return None;
            }
            if let Some(call) = state.calls.pop_front() {
                return Some(call);
            }
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Stops the queue: calls that wait fail, and [`next`](Self::next) returns `None`.
    pub fn stop(&self) {
        let calls = {
            let mut state = lock(&self.state);
            state.is_stopped = true;
            self.work.notify_all();
            std::mem::take(&mut state.calls)
        };
        drop(calls);
    }

    /// Locks the queue for a fork.
    pub fn lock_for_fork(&self) -> EngineForkGuard<'_> {
        EngineForkGuard(lock(&self.state))
    }
}

/// Holds the lock of an [`EngineQueue`] while the process forks.
#[derive(Debug)]
pub struct EngineForkGuard<'a>(MutexGuard<'a, QueueState>);

impl EngineForkGuard<'_> {
    /// In a forked child: clears the queue, whose calls the parent answers.
    pub fn reset(&mut self) {
        // Dropping the calls would run code of the user under the lock.
        std::mem::forget(std::mem::take(&mut self.0.calls));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function() -> EngineHandler {
        EngineHandler::Function(Arc::new(Ok))
    }

    #[test]
    fn names_are_paths() {
        let routes = EngineRoutes::default();
        for name in ["sleep", "v1/update_weights", "a.b-c~d"] {
            routes.register(name, function()).unwrap();
            assert!(routes.find(name).is_some());
        }
        for name in ["", "/a", "a/", "a//b", "a b", "ä", "a?b"] {
            let error = routes.register(name, function()).unwrap_err();
            assert_eq!(error.name, name);
        }
    }

    #[test]
    fn more_than_64_calls_at_once_are_refused() {
        let routes = EngineRoutes::default();
        let calls: Vec<_> = (0..MAX_CALLS).map(|_| routes.begin().unwrap()).collect();
        assert!(routes.begin().is_none());
        drop(calls);
        assert!(routes.begin().is_some());
    }

    #[test]
    fn a_queue_hands_out_calls_in_order_until_it_is_stopped() {
        let queue = EngineQueue::default();
        let mut results: Vec<_> = ["a", "b", "c"]
            .map(|name| queue.push(Arc::new(()), name, Vec::new()))
            .into();
        let mut names = Vec::new();
        for _ in 0..2 {
            let call = queue.next().unwrap();
            names.push(call.name().to_owned());
            call.respond(Ok(names.join(", ")));
        }
        queue.stop();
        assert!(queue.next().is_none());
        assert_eq!(results[0].try_recv(), Ok(Ok("a".to_owned())));
        assert_eq!(results[1].try_recv(), Ok(Ok("a, b".to_owned())));
        assert_eq!(
            results[2].try_recv(),
            Err(oneshot::error::TryRecvError::Closed)
        );
        let mut late = queue.push(Arc::new(()), "d", Vec::new());
        assert_eq!(late.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}
