//! The files of a directory: their parts, and what is damaged, old or not ours.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::{Arc, LazyLock};

use super::{Folder, NoOwner, Random, handle, registry, single, text};
use crate::metrics::histogram::{HistogramCell, HistogramOptions};
use crate::metrics::native::NativeOptions;
use crate::metrics::{CounterCell, KeepAlive, Metric};
use crate::shared::directory::{Directory, MEMBER, TOTALS};
use crate::shared::error::SharedError;
use crate::shared::format::HEADER;
use crate::shared::records;
use crate::shared::table::Table;
use crate::shared::view::View;

/// A file with every kind of record.
static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = Folder::new();
    let group = folder.join();
    let registry = registry(group);
    let core = single::<CounterCell<f64>>(&registry, "c", ());
    let metric = Metric::new(&core, KeepAlive::new(Arc::new(NoOwner)));
    metric
        .inc_by_with_exemplar(1.0, &[("trace_id", "x")])
        .unwrap();
    let native = HistogramOptions::default().native(NativeOptions::default());
    single::<HistogramCell>(&registry, "h", native)
        .update()
        .add(3.0);
    let file = fs::read(folder.0.join(&folder.files(MEMBER)[0])).unwrap();
    std::mem::forget((registry, metric));
    file
});

fn read(bytes: &[u8]) -> bool {
    let folder = Folder::new();
    let path = folder.0.join("file");
    fs::write(&path, bytes).unwrap();
    match View::open(&path).unwrap() {
        Ok(mut view) => view.read(&mut Table::default()).is_ok(),
        Err(_) => false,
    }
}

#[test]
fn files_of_an_older_version_are_set_aside() {
    let folder = Folder::new();
    let group = folder.join();
    let mut old = FILE.clone();
    old[8..12].copy_from_slice(&1_u32.to_ne_bytes());
    for name in ["totals", "member-0123"] {
        fs::write(folder.0.join(name), &old).unwrap();
    }
    // The totals first, then the members.
    folder.fold();
    folder.fold();
    assert_eq!(text(group), "");
    assert_eq!(folder.files("damaged-").len(), 2);
    assert_eq!(folder.files(MEMBER).len(), 1);
}

#[test]
fn many_series_need_several_parts_of_the_file() {
    let folder = Folder::new();
    let (group, other) = (folder.join(), folder.join());
    let registry = registry(group);
    let vec = handle(&registry);
    for number in 0..20_000 {
        vec.with_label_values(&[format!("{number}")]).inc_by(number);
        if number % 7000 == 0 {
            text(other);
        }
    }
    let lines = text(other);
    assert_eq!(lines.lines().count(), 20_000);
    assert!(lines.contains("c{l=\"19999\"} 19999\n"));
    folder.kill(group);
    folder.fold();
    assert_eq!(text(other).lines().count(), 20_000);
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let folder = Folder::new();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o770)).unwrap();
    assert!(matches!(
        Directory::open(&folder.0),
        Err(SharedError::Mode { mode: 0o770, .. })
    ));
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).unwrap();
    let file = folder.0.join("file");
    File::create(&file).unwrap();
    assert!(matches!(
        Directory::open(&file),
        Err(SharedError::Directory { .. })
    ));
}

#[test]
fn reading_damaged_files_never_panics() {
    assert!(read(&FILE));
    let mut random = Random(88_172_645_463_325_252);
    let used = 70_000;
    for round in 0..1500 {
        let mut bytes = FILE.clone();
        match round % 4 {
            // Truncated.
            0 => bytes.truncate(random.next(used) as usize),
            // Some bits flipped, mostly in the header and the log.
            1 | 2 => {
                for _ in 0..=random.next(4) {
                    let at = random.next(HEADER / 8 + 1200) as usize;
                    let at = if at < 512 {
                        at % 128
                    } else {
                        HEADER as usize + at - 512
                    };
                    bytes[at] ^= 1 << random.next(8);
                }
            }
            // A part of random or zero bytes.
            _ => {
                let start = random.next(6000) as usize;
                let zero = random.next(2) == 0;
                for byte in &mut bytes[start..start + 200] {
                    *byte = if zero { 0 } else { random.next(256) as u8 };
                }
            }
        }
        read(&bytes);
    }
    assert!(!read(&[]));
    assert!(!read(&vec![0; 100_000]));
}

#[test]
fn records_are_read_as_they_were_written() {
    let record = records::Record::Series(records::SeriesRecord {
        generation: 1,
        family: 4096,
        block: 65_536,
        words: 3,
        created: 5,
        labels: vec![("a".into(), "é\"\n".into()), ("b".into(), String::new())],
    });
    let bytes = record.to_bytes();
    assert_eq!(records::Record::read(&bytes), Some((record, bytes.len())));
    for end in 0..bytes.len() {
        assert_eq!(records::Record::read(&bytes[..end]), None);
    }
}

#[test]
fn damaged_files_are_set_aside_and_the_rest_goes_on() {
    let folder = Folder::new();
    let groups = [folder.join(), folder.join(), folder.join()];
    for group in &groups {
        let registry = registry(group);
        single::<CounterCell<u64>>(&registry, "c", ())
            .update()
            .inc();
        std::mem::forget(registry);
    }
    assert_eq!(text(groups[0]), "c{a=\"b\"} 3\n");
    let id = groups[2].id();
    let path = folder.0.join(format!("{MEMBER}{id}"));
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0; 64], HEADER).unwrap();
    // Parsed before the damage: the words are still good.
    assert_eq!(text(groups[0]), "c{a=\"b\"} 3\n");
    assert_eq!(text(groups[1]), "c{a=\"b\"} 2\n");
    folder.kill(groups[2]);
    folder.fold();
    assert_eq!(folder.files("damaged-").len(), 1);
    fs::write(folder.0.join(TOTALS), b"no totals").unwrap();
    assert_eq!(text(groups[1]), "c{a=\"b\"} 2\n");
    folder.fold();
    assert_eq!(folder.files("damaged-").len(), 2);
    folder.kill(groups[1]);
    folder.fold();
    assert_eq!(text(groups[0]), "c{a=\"b\"} 2\n");
}
