//! What is in a shared directory, for people.

use std::fs;
use std::io;
use std::path::Path;

use super::directory::{DAMAGED, Directory, MEMBER, NEW, TOTALS, try_lock};
use super::error::SharedError;
use super::format::FileKind;
use super::table::Table;
use super::view::View;

/// A file with values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFile {
    /// The name of the file.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The number of its series.
    pub series: usize,
    /// The member, unless the file has the totals of members that have ended.
    pub member: Option<SharedMember>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedMember {
    /// The value of `dynamo_process`.
    pub number: u64,
    /// The process id in the container of the process.
    pub pid: u64,
    /// Whether the process is alive.
    pub is_alive: bool,
}

/// The files with values in a shared directory: the totals, then the members by number. Files that cannot be
/// read are left out.
///
/// # Errors
/// The directory cannot be used.
pub fn describe(path: &Path) -> Result<Vec<SharedFile>, SharedError> {
    let directory = existing(path)?;
    let mut files = Vec::new();
    let names = directory
        .names(MEMBER)
        .map_err(|error| directory.error(error))?;
    for name in names.into_iter().chain([TOTALS.to_owned()]) {
        let path = directory.file(&name);
        let Ok(Ok(mut view)) = View::open(&path) else {
            continue;
        };
        // Of a damaged file, the readable series count.
        let _ = view.read(&mut Table::default());
        let is_member = view.header.kind == FileKind::Member;
        files.push(SharedFile {
            name,
            bytes: fs::metadata(&path).map_or(0, |metadata| metadata.len()),
            series: view.len(),
            member: is_member.then_some(SharedMember {
                number: view.header.number,
                pid: view.header.pid,
                is_alive: view.is_alive,
            }),
        });
    }
    files.sort_by_key(|file| {
        file.member
            .as_ref()
            .map(|member| (member.number, !member.is_alive))
    });
    Ok(files)
}

/// Removes the values of all members that have ended, and damaged files. Returns whether that was possible: not
/// while a member is alive, whose values would remain.
///
/// # Errors
/// The directory cannot be used.
pub fn reset(path: &Path) -> Result<bool, SharedError> {
    let directory = existing(path)?;
    let failed = |error| directory.error(error);
    let files = describe(path)?;
    let is_alive = |file: &SharedFile| file.member.as_ref().is_some_and(|member| member.is_alive);
    // No process can join or fold meanwhile.
    let join = directory.lock_join().map_err(failed)?;
    let fold = directory.lock_fold().map_err(failed)?;
    if join.is_none() || fold.is_none() || files.iter().any(is_alive) {
        return Ok(false);
    }
    for prefix in [MEMBER, NEW, DAMAGED, TOTALS] {
        for name in directory.names(prefix).map_err(failed)? {
            remove(&directory, &name).map_err(failed)?;
        }
    }
    Ok(true)
}

fn remove(directory: &Directory, name: &str) -> io::Result<()> {
    let path = directory.file(name);
    let is_unused = fs::File::open(&path).and_then(|file| try_lock(&file));
    match is_unused {
        Ok(true) => fs::remove_file(path),
        Ok(false) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The directory, which is not created.
fn existing(path: &Path) -> Result<Directory, SharedError> {
    fs::metadata(path).map_err(|source| SharedError::Directory {
        path: path.to_owned(),
        source,
    })?;
    Directory::open(path)
}
