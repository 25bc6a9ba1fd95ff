//! The end of the process and its forks: servers stop, locks are held across a fork, and the child
//! keeps no socket.

use std::cell::RefCell;

use dynamo_runtime::binding::{Frozen, FrozenDispatcher};
use pyo3::prelude::*;

use crate::callbacks::DISPATCHER;
use crate::log;

thread_local! {
    /// What the thread that forks holds meanwhile. In reverse order of its fields' locking.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

struct Held {
    log: log::Frozen,
    dispatcher: FrozenDispatcher<'static>,
    trees: Frozen,
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(stop_servers, module)?)?;
    module.add_function(wrap_pyfunction!(before_fork, module)?)?;
    module.add_function(wrap_pyfunction!(after_fork_in_parent, module)?)?;
    module.add_function(wrap_pyfunction!(after_fork_in_child, module)?)
}

/// Stop all status servers, within a second, without the GIL.
#[pyfunction]
fn stop_servers(py: Python<'_>) {
    py.detach(dynamo_runtime::binding::stop_servers);
}

/// Wait until nobody else holds a lock of ours, and hold them all.
#[pyfunction]
fn before_fork() {
    let trees = Frozen::new();
    let dispatcher = DISPATCHER.freeze();
    let log = log::freeze();
    HELD.set(Some(Held {
        log,
        dispatcher,
        trees,
    }));
}

/// Let go of the locks.
#[pyfunction]
fn after_fork_in_parent() {
    HELD.take();
}

/// Close the sockets, forget the threads that the child does not have, let go of the locks.
#[pyfunction]
fn after_fork_in_child() {
    if let Some(mut held) = HELD.take() {
        held.trees.reset();
        held.dispatcher.reset();
        held.log.reset();
    }
}
