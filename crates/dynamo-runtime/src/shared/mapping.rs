//! Mapped parts of files. A mapping is never unmapped, so that its words are valid for ever.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::AtomicU64;
use std::{io, ptr, slice};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous};

const WORD: usize = size_of::<AtomicU64>();

/// Extends a file by `len` zero bytes from `offset` on, and maps them. Both are multiples of the page size.
///
/// The blocks of the file are allocated first: a full file system is an error here, and not SIGBUS later.
pub(super) fn grow(file: &File, offset: u64, len: usize) -> io::Result<&'static [AtomicU64]> {
    allocate(file, offset, len)?;
    // SAFETY: the address is chosen by the system, so that no other memory is affected.
    let start = unsafe {
        mmap(
            ptr::null_mut(),
            len,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED,
            file,
            offset,
        )
    }?;
    // SAFETY: the mapping is `len` bytes long, page-aligned, and stays for ever. Other processes read the
    // file; only atomics access it here. Any bits are a valid `AtomicU64`.
    Ok(unsafe { slice::from_raw_parts(start.cast::<AtomicU64>(), len / WORD) })
}

/// In a forked child: maps a part of another file over `words`, which [`grow`] returned, so that references
/// to them lead there.
pub(super) fn replace(words: &'static [AtomicU64], file: &File, offset: u64) -> io::Result<()> {
    allocate(file, offset, words.len() * WORD)?;
    let start = words.as_ptr().cast_mut().cast::<c_void>();
    // SAFETY: the range is exactly a mapping of `grow`, so that no other memory is affected; it stays
    // mapped, readable and writable, at every moment.
    unsafe {
        mmap(
            start,
            words.len() * WORD,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED | MapFlags::FIXED,
            file,
            offset,
        )
    }?;
    Ok(())
}

/// As [`replace`], with memory that only this process has.
pub(super) fn detach(words: &'static [AtomicU64]) -> io::Result<()> {
    let start = words.as_ptr().cast_mut().cast::<c_void>();
    // SAFETY: as in `replace`.
    unsafe {
        mmap_anonymous(
            start,
            words.len() * WORD,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE | MapFlags::FIXED,
        )
    }?;
    Ok(())
}

fn allocate(file: &File, offset: u64, len: usize) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), offset, len as u64) {
        Ok(()) => Ok(()),
        // File systems without the call allocate what is written.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
            file.write_all_at(&vec![0; len], offset)
        }
        Err(error) => Err(error.into()),
    }
}
