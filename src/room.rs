//! Room: how much space is left on the file system that holds the data directory, and what may
//! still be written.
//!
//! An engine that runs out of space in the middle of a write has failed for good, so nothing gets
//! there: requests are refused while a floor of free space is left, and Offshoot's own writes, which
//! bring to an end what was accepted before, at a quarter of it. Reading needs no room.
//!
//! Space is looked at whenever somebody wants to write, and every few seconds besides. Nothing of it
//! is kept but for the log, where a change is told once.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use rustix::fs::statvfs;

use crate::meter::{Counter, Metered, Metric, Value};

/// How often the space is looked at.
pub const PERIOD: Duration = Duration::from_secs(5);

/// The free space below which there is a warning, in bytes, on a large file system; on a small one
/// it is a [`LOW_PART`]th of its size.
const LOW_BYTES: u64 = 1 << 30;
const LOW_PART: u64 = 10;

/// The part of the floor down to which Offshoot's own writes go on.
const RESERVE_PART: u64 = 4;

/// By which part a threshold must be exceeded before the log says that there is room again, so that
/// space which comes and goes around it is not told each time.
const RELIEF_PART: u64 = 8;

/// How much space a file system has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What is left for us, in bytes.
    pub free: u64,
    /// Its size, in bytes.
    pub size: u64,
}

/// Tells how much space there is.
pub trait Disk: Send + Sync {
    /// Returns the space as it is now.
    fn space(&self) -> io::Result<Space>;
}

/// The file system that holds a directory.
#[derive(Debug)]
pub struct FileSystem(pub PathBuf);

impl Disk for FileSystem {
    fn space(&self) -> io::Result<Space> {
        let found = statvfs(&self.0)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Space { free: bytes(found.f_bavail), size: bytes(found.f_blocks) })
    }
}

/// Who wants to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// A request, or something else that can as well be done later.
    Request,
    /// Offshoot itself, to bring to an end what was accepted before.
    Offshoot,
}

/// There is not enough room to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the file system of the data directory has {} free, and {} are needed to write, so nothing \
     was changed; free some space there, or set --min-free-bytes lower",
    Size(*free),
    Size(*needed)
)]
pub struct NoRoom {
    /// How much is free, in bytes.
    pub free: u64,
    /// How much must be, in bytes.
    pub needed: u64,
}

/// A number of bytes, for people.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
        let Self(bytes) = *self;
        match UNITS.into_iter().find(|(_, shift)| 1 << shift <= bytes) {
            None => write!(f, "{bytes} bytes"),
            Some((unit, shift)) => {
                let tenths = (u128::from(bytes) * 10) >> shift;
                write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
            }
        }
    }
}

/// How much room there is, as the log tells it. The later, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Ample,
    Low,
    /// Requests are refused.
    Short,
    /// Everybody is.
    Spent,
}

/// Watches over the room that there is.
pub struct Room {
    disk: Box<dyn Disk>,
    floor: u64,
    /// What the log was told last; nothing where the space could not be read.
    told: Mutex<Option<Level>>,
    refused: Counter,
}

impl Room {
    /// Returns what watches over `disk`, and keeps `floor` bytes of it free.
    #[must_use]
    pub fn new(disk: Box<dyn Disk>, floor: u64) -> Self {
        Self { disk, floor, told: Mutex::new(Some(Level::Ample)), refused: Counter::default() }
    }

    /// Looks at the space, and tells the log if that changed for better or worse.
    pub fn look(&self) {
        self.read();
    }

    /// Refuses a change for which there is no room, and counts that.
    pub fn admit(&self, writer: Writer) -> Result<(), NoRoom> {
        self.check(writer).inspect_err(|_| self.refused.count())
    }

    /// Tells whether there is room for somebody to write. Where the space cannot be read, the write
    /// itself shows that.
    pub fn check(&self, writer: Writer) -> Result<(), NoRoom> {
        let needed = self.needed(writer);
        match self.read() {
            Some(Space { free, size: _ }) if free < needed => Err(NoRoom { free, needed }),
            Some(_) | None => Ok(()),
        }
    }

    fn needed(&self, writer: Writer) -> u64 {
        match writer {
            Writer::Request => self.floor,
            Writer::Offshoot => self.floor / RESERVE_PART,
        }
    }

    fn read(&self) -> Option<Space> {
        let space = self.disk.space();
        let mut told = self.told.lock().expect("a lock that no panic poisons");
        let level = space.as_ref().ok().map(|space| self.level(*space, *told));
        if level != *told {
            match &space {
                Ok(space) => self.tell(self.level(*space, *told), *space),
                Err(error) => tracing::warn!(
                    %error, "the free space of the data directory cannot be read; writes go on"
                ),
            }
            *told = level;
        }
        drop(told);
        space.ok()
    }

    /// Returns how much room there is, where the log was last told `told`.
    fn level(&self, Space { free, size }: Space, told: Option<Level>) -> Level {
        let thresholds = [
            (Level::Spent, self.needed(Writer::Offshoot)),
            (Level::Short, self.needed(Writer::Request)),
            (Level::Low, LOW_BYTES.min(size / LOW_PART).max(self.floor)),
        ];
        let is_below = |(level, bytes): &(Level, u64)| {
            let was_below = told.is_some_and(|told| *level <= told);
            let relief = if was_below { bytes / RELIEF_PART } else { 0 };
            free < bytes + relief
        };
        thresholds.into_iter().find(is_below).map_or(Level::Ample, |(level, _)| level)
    }

    fn tell(&self, level: Level, Space { free, size }: Space) {
        let (free, size) = (Size(free), Size(size));
        let (request, own) = (Size(self.floor), Size(self.needed(Writer::Offshoot)));
        match level {
            Level::Ample => {
                tracing::info!("the data directory has room again: {free} of {size} are free");
            }
            Level::Low => tracing::warn!(
                "the data directory has {free} of {size} left; below {request}, changes are refused"
            ),
            Level::Short => tracing::error!(
                "the data directory has {free} left, and {request} are needed: changes are refused \
                 until there is room; reads go on"
            ),
            Level::Spent => tracing::error!(
                "the data directory has {free} left, and {own} are needed: nothing is written, and \
                 no operation ends until there is room; reads go on"
            ),
        }
    }
}

impl Metered for Room {
    fn metrics(&self) -> Vec<Metric> {
        let mut metrics = vec![
            Metric {
                name: "offshoot_disk_floor_bytes",
                help: "The free space below which changes are refused.",
                value: Value::Gauge(self.floor),
            },
            Metric {
                name: "offshoot_disk_refusals",
                help: "Changes that were refused for want of space.",
                value: Value::Counter(self.refused.get()),
            },
        ];
        if let Ok(Space { free, size }) = self.disk.space() {
            metrics.push(Metric {
                name: "offshoot_disk_free_bytes",
                help: "The free space of the file system that holds the data directory.",
                value: Value::Gauge(free),
            });
            metrics.push(Metric {
                name: "offshoot_disk_size_bytes",
                help: "The size of the file system that holds the data directory.",
                value: Value::Gauge(size),
            });
        }
        metrics
    }
}

#[cfg(test)]
mod tests;
