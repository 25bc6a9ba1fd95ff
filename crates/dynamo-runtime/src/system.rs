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

/// How many ticks of `/proc` a second has.
pub(crate) fn clock_ticks_per_second() -> f64 {
    setting(libc::_SC_CLK_TCK).unwrap_or(100.0)
}

/// How many bytes a page of memory has.
pub(crate) fn page_bytes() -> f64 {
    setting(libc::_SC_PAGESIZE).unwrap_or(4096.0)
}

fn setting(name: libc::c_int) -> Option<f64> {
    // SAFETY: `sysconf` takes any number and touches no memory of ours.
    let value = unsafe { libc::sysconf(name) };
    (value > 0).then_some(value as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_descriptors_is_known_or_absent() {
        assert!(descriptor_limit().is_none_or(|limit| limit > 0));
    }

    #[test]
    fn settings_of_the_system_are_positive_and_unknown_ones_absent() {
        assert!(clock_ticks_per_second() >= 1.0);
        assert!(page_bytes() >= 512.0);
        assert_eq!(setting(-1), None);
    }
}
