//! Storage that several processes share: many processes, one exposition.
//!
//! All processes with the same directory form a group. Each process, a member of the group, has one file
//! there, in which its values live; `member` writes it. A scrape reads the files of all members (`view`) and
//! merges them (`table`, `group`). The values of members that have ended are moved into one file of totals
//! (`fold`). The life of a member is the lock of its file.

mod describe;
mod directory;
mod error;
mod exposed;
mod fold;
mod format;
mod group;
mod mapping;
mod member;
mod peers;
mod reader;
mod records;
mod refused;
mod removals;
mod series;
mod table;
mod view;

#[cfg(test)]
mod tests;

pub use describe::{SharedFile, SharedMember, describe, reset};
pub(crate) use directory::{Directory, auto};
pub use error::SharedError;
pub(crate) use group::{Group, GroupForkGuard};
pub(crate) use peers::{Requests, Response, accept, listen, respond};
pub(crate) use removals::Removals;
