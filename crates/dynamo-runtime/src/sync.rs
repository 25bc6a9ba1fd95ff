//! Locks that stay usable in a forked child and that panics do not poison.
//!
//! `fork` copies the state of a lock: a lock that another thread holds at that moment is never released in
//! the child. Threads that may run while the Python interpreter forks (those of the status server, and
//! threads that encode without the GIL) therefore take the locks of a tree only between
//! [`enter`] and the drop of its guard. A thread that forks first closes the gate with [`close`].
//! The standard library's locks are futexes: the child only has to unlock its copies.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static GATE: RwLock<()> = RwLock::new(());

/// Enters a section that may hold locks of a tree. Keep it well under a millisecond: a fork waits for it.
/// Never enter a section inside another one: with a waiting fork, the thread deadlocks.
pub(crate) fn enter() -> RwLockReadGuard<'static, ()> {
    read(&GATE)
}

/// Waits until no thread is inside a section. No thread enters one until the guard is dropped.
pub(crate) fn close() -> RwLockWriteGuard<'static, ()> {
    write(&GATE)
}

/// Locks a mutex. Ignores poisoning: a panic leaves the data of our sections consistent.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As [`lock`], for reading.
pub(crate) fn read<T: ?Sized>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// As [`lock`], for writing.
pub(crate) fn write<T: ?Sized>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
