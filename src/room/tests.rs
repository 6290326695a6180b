//! Room, on disks whose space the test decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const FLOOR: u64 = 64 * MIB;

/// A disk that has as much space as it is told.
struct Told {
    free: Arc<AtomicU64>,
    size: u64,
}

impl Disk for Told {
    fn space(&self) -> io::Result<Space> {
        Ok(Space { free: self.free.load(Ordering::SeqCst), size: self.size })
    }
}

/// A disk that cannot be asked.
struct Mute;

impl Disk for Mute {
    fn space(&self) -> io::Result<Space> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

fn room(size: u64) -> (Room, Arc<AtomicU64>) {
    let free = Arc::new(AtomicU64::new(size));
    (Room::new(Box::new(Told { free: Arc::clone(&free), size }), FLOOR), free)
}

#[test]
fn requests_are_refused_below_the_floor_and_the_reconciler_below_its_reserve() {
    let (room, free) = room(100 * GIB);
    for (bytes, request, own) in [
        (FLOOR, true, true),
        (FLOOR - 1, false, true),
        (FLOOR / 4, false, true),
        (FLOOR / 4 - 1, false, false),
        (0, false, false),
        (FLOOR, true, true),
    ] {
        free.store(bytes, Ordering::SeqCst);
        assert_eq!(room.admit(Writer::Request).is_ok(), request, "{bytes}");
        assert_eq!(room.admit(Writer::Offshoot).is_ok(), own, "{bytes}");
    }
}

#[test]
fn a_refusal_says_how_much_there_is_and_how_much_is_needed() {
    let (room, free) = room(GIB);
    free.store(12 * MIB + 300 * 1024, Ordering::SeqCst);
    let refused = room.admit(Writer::Request).expect_err("a refusal").to_string();
    assert!(refused.contains("12.2 MiB free, and 64.0 MiB are needed"), "{refused}");
    assert!(refused.contains("--min-free-bytes"), "{refused}");
    let refusals = room.metrics().into_iter().find(|m| m.name == "offshoot_disk_refusals");
    assert_eq!(refusals.expect("a metric").value, Value::Counter(1));
}

#[test]
fn without_a_floor_and_without_an_answer_nobody_is_refused() {
    let empty = Box::new(Told { free: Arc::default(), size: GIB });
    for room in [Room::new(empty, 0), Room::new(Box::new(Mute), FLOOR)] {
        assert_eq!(room.admit(Writer::Request), Ok(()));
    }
}

#[test]
fn the_warning_comes_at_a_tenth_or_at_a_gibibyte_whichever_is_less_and_not_below_the_floor() {
    for (size, low) in [(100 * GIB, GIB), (5 * GIB, GIB / 2), (200 * MIB, FLOOR)] {
        let (room, _) = room(size);
        let level = |free| room.level(Space { free, size }, Some(Level::Ample));
        assert_eq!(level(low), Level::Ample, "{size}");
        assert_eq!(level(low - 1), if low == FLOOR { Level::Short } else { Level::Low }, "{size}");
    }
}

#[test]
fn the_log_is_told_once_of_each_crossing_and_not_of_what_wavers_around_one() {
    let (room, free) = room(100 * GIB);
    let mut told = Vec::new();
    for bytes in [2 * GIB, GIB - 1, GIB - 2, GIB, GIB + 1, GIB - 1, 2 * GIB, FLOOR - 1, FLOOR, GIB]
    {
        free.store(bytes, Ordering::SeqCst);
        room.look();
        let level = *room.told.lock().expect("a lock");
        if told.last() != Some(&level) {
            told.push(level);
        }
    }
    assert_eq!(told, [Level::Ample, Level::Low, Level::Ample, Level::Short, Level::Low].map(Some));
}

#[test]
fn a_size_is_shown_in_the_largest_unit_that_it_fills() {
    for (bytes, text) in [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (MIB * 3 / 2, "1.5 MiB"),
        (u64::MAX, "17179869183.9 GiB"),
    ] {
        assert_eq!(Size(bytes).to_string(), text);
    }
}

#[test]
fn a_real_file_system_has_no_more_free_than_it_is_large() {
    let here = FileSystem(std::env::temp_dir()).space().expect("a file system");
    assert!(here.free <= here.size && 0 < here.size, "{here:?}");
}
