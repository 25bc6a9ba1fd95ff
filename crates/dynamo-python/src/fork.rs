//! The end of the process and its forks: servers stop, locks are held across a fork, and the child
//! keeps no socket.
//!
//! The locks are held from inside `fork()` itself. Python's own hooks would not do: they run one
//! after the other, with other threads between them, which would wait for our locks with the GIL held.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::io;
use std::sync::OnceLock;

use dynamo_runtime::binding::{DispatcherForkGuard, EngineForkGuard, ForkGuard, SERVED_BY};
use pyo3::prelude::*;

use crate::callbacks::DISPATCHER;
use crate::engine::ENGINE_QUEUE;
use crate::log;

thread_local! {
    /// What the thread that forks holds meanwhile. In reverse order of its fields' locking.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

struct Held {
    log: log::Frozen,
    engine: EngineForkGuard<'static>,
    dispatcher: DispatcherForkGuard<'static>,
    trees: ForkGuard,
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    static REGISTERED: OnceLock<i32> = OnceLock::new();
    let error = REGISTERED.get_or_init(|| {
        // SAFETY: the functions take nothing, never unwind, and stay loaded: Python does not unload.
        unsafe {
            libc::pthread_atfork(
                Some(before_fork),
                Some(after_fork_in_parent),
                Some(after_fork_in_child),
            )
        }
    });
    if *error != 0 {
        return Err(io::Error::from_raw_os_error(*error).into());
    }
    module.add("SERVED_BY", SERVED_BY)?;
    module.add_function(wrap_pyfunction!(stop_servers, module)?)?;
    module.add_function(wrap_pyfunction!(resume_shared, module)?)?;
    module.add_function(wrap_pyfunction!(served_mark, module)?)
}

/// In a forked child: start the threads that share the metrics, which stayed in the parent.
#[pyfunction]
fn resume_shared(py: Python<'_>) {
    py.detach(dynamo_runtime::binding::resume_agents);
}

/// Return what marks this process, for SERVED_BY, as listening on port; or None.
#[pyfunction]
fn served_mark(port: u16) -> Option<String> {
    dynamo_runtime::binding::served_mark(port)
}

/// Stop all status servers, within a second, without the GIL.
#[pyfunction]
fn stop_servers(py: Python<'_>) {
    py.detach(dynamo_runtime::binding::stop_servers);
}

/// Waits until nobody else holds a lock of ours, and holds them all. Nobody who holds one waits for
/// the GIL, which the thread that forks may have.
unsafe extern "C" fn before_fork() {
    let trees = ForkGuard::new();
    let dispatcher = DISPATCHER.lock_for_fork();
    let engine = ENGINE_QUEUE.lock_for_fork();
    let log = log::freeze();
    HELD.set(Some(Held {
        log,
        engine,
        dispatcher,
        trees,
    }));
}

/// Releases the locks.
unsafe extern "C" fn after_fork_in_parent() {
    HELD.take();
}

/// Closes the sockets, forgets the threads that the child does not have, and releases the locks.
unsafe extern "C" fn after_fork_in_child() {
    if let Some(mut held) = HELD.take() {
        held.trees.reset();
        held.dispatcher.reset();
        held.engine.reset();
        held.log.reset();
    }
}
