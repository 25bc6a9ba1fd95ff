//! System calls about this process and the system that the standard library lacks.

#![allow(unsafe_code)]

/// The limit of open descriptors of this process (`ulimit -n`); `None` without a limit.
pub(crate) fn descriptor_limit() -> Option<usize> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `getrlimit` writes one `rlimit` through the pointer, which is valid for that.
    let failed = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0;
    if failed || limit.rlim_cur == libc::RLIM_INFINITY {
        return None;
    }
    usize::try_from(limit.rlim_cur).ok()
}

/// Lowers the priority of the calling thread: on a contended core it gets about a third of the time. Does
/// nothing without the permission.
pub(crate) fn lower_priority() {
    const STEPS: libc::c_int = 5;
    // SAFETY: on Linux, 0 is the calling thread; no memory of ours is touched.
    unsafe {
        let now = libc::getpriority(libc::PRIO_PROCESS, 0);
        libc::setpriority(libc::PRIO_PROCESS, 0, now.saturating_add(STEPS));
    }
}

/// Gives free memory of the allocator back to the system. Takes milliseconds for each gigabyte.
pub(crate) fn release_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes no pointer; glibc locks its own state.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_limit_is_positive_or_absent() {
        assert!(descriptor_limit().is_none_or(|limit| limit > 0));
    }

    #[test]
    fn only_the_calling_thread_gets_a_lower_priority() {
        // SAFETY: reads the priority of the calling thread.
        let priority = || unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
        let before = priority();
        let other = std::thread::spawn(move || {
            lower_priority();
            priority()
        });
        assert_eq!(other.join().unwrap(), (before + 5).min(19));
        assert_eq!(priority(), before);
    }
}
