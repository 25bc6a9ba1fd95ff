//! What the system says of itself and of this process, as far as the standard library does not ask.

#![allow(unsafe_code)]

/// How many descriptors this process may have open (`ulimit -n`); `None` without a limit.
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

/// Lets other threads go before the calling one, which has work that can wait: a third of the time
/// of a core is left to it where all are wanted. Without the permission nothing changes.
pub(crate) fn stand_back() {
    const STEPS: libc::c_int = 5;
    // SAFETY: on Linux, 0 is the calling thread; no memory of ours is touched.
    unsafe {
        let now = libc::getpriority(libc::PRIO_PROCESS, 0);
        libc::setpriority(libc::PRIO_PROCESS, 0, now.saturating_add(STEPS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_descriptors_is_known_or_absent() {
        assert!(descriptor_limit().is_none_or(|limit| limit > 0));
    }

    #[test]
    fn only_the_calling_thread_stands_back() {
        // SAFETY: reads the priority of the calling thread.
        let priority = || unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
        let before = priority();
        let there = std::thread::spawn(move || {
            stand_back();
            priority()
        });
        assert_eq!(there.join().unwrap(), (before + 5).min(19));
        assert_eq!(priority(), before);
    }
}
