//! Locks that a forked child can still use, and that no panic poisons.
//!
//! `fork` copies a lock as it stands: one held by another thread at that moment would never be
//! released in the child. Threads that may run while the Python interpreter forks (the status
//! server's, a render without the GIL) therefore take the locks of a tree only between
//! [`enter`] and the drop of its guard, and whoever forks first closes the gate with [`close`].
//! The standard library's locks are plain futexes: unlocking the copy in the child is all it needs.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static GATE: RwLock<()> = RwLock::new(());

/// Enters a section that may hold locks of a tree. Keep it short (well under a millisecond):
/// a fork waits for it. Never enter twice on one thread: a waiting fork would deadlock it.
pub(crate) fn enter() -> RwLockReadGuard<'static, ()> {
    read(&GATE)
}

/// Waits until no thread is inside a section, and lets none in until the guard is dropped.
pub(crate) fn close() -> RwLockWriteGuard<'static, ()> {
    write(&GATE)
}

/// Locks; a panic elsewhere while the lock was held does not matter, our sections leave the data whole.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Like [`lock`], for reading.
pub(crate) fn read<T: ?Sized>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Like [`lock`], for writing.
pub(crate) fn write<T: ?Sized>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
