//! Exports of a real store, at times and on disks that the test decides.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::clock::ManualClock;
use crate::meter::{Metric, Value};
use crate::model::cause::{Caller, Deed, Topic};
use crate::room::{Disk, FileSystem, Space};
use crate::store::directory::Directory;
use crate::store::engine::LogId;

const HOUR: i64 = 3600 * 1_000_000;
const KEPT: NonZeroUsize = NonZeroUsize::new(3).expect("more than none");

struct Full;

impl Disk for Full {
    fn space(&self) -> io::Result<Space> {
        Ok(Space { free: 0, size: 1 << 30 })
    }
}

/// A store with one commit, and the exports of it.
struct Place {
    directory: TempDir,
    clock: Arc<ManualClock>,
    store: Store,
    stop: CancellationToken,
}

impl Place {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let begin = "2026-11-22T07:41:42.5Z".parse().expect("a time");
        let clock = Arc::new(ManualClock::at(begin));
        let path = directory.path().join("store");
        let store = Store::open(&path, 1 << 20, clock.clone()).expect("a store");
        let cause = Caller::offshoot().asks(Deed::SetUp, Topic::Whole);
        let put = |directory: &mut Directory, _| Ok(directory.put_vault_mark([7; 8])?);
        store.commit(LogId::DIRECTORY, cause, put).await.expect("a commit");
        Self { directory, clock, store, stop: CancellationToken::new() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("exports")
    }

    fn exports(&self) -> Exports {
        self.exports_on(Room::new(Box::new(FileSystem(self.directory.path().into())), 0))
    }

    fn exports_on(&self, room: Room) -> Exports {
        let stop = self.stop.clone();
        Exports::open(self.path(), KEPT, self.clock.clone(), Arc::new(room), stop).expect("exports")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("a directory");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}

fn value(exports: &Exports, name: &str) -> Value {
    let found = exports.meters().metrics().into_iter().find(|metric| metric.name == name);
    let Metric { value, .. } = found.expect("a metric");
    value
}

fn outcomes(written: u64, failed: u64) -> Value {
    Value::Counters { label: "outcome", counts: vec![("written", written), ("failed", failed)] }
}

#[tokio::test]
async fn an_export_is_whole_private_and_named_by_its_time() {
    let place = Place::new().await;
    let exports = place.exports();
    let path = exports.make(&place.store).expect("an export");
    assert_eq!(place.names(), ["offshoot-20261122T074142Z.export"]);
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(verify(File::open(&path).expect("a file")).expect("a sound export"), 1);
    assert_eq!(value(&exports, "offshoot_exports"), outcomes(1, 0));
    let newest = value(&exports, "offshoot_export_last_success_timestamp_seconds");
    assert_eq!(newest, Value::Gauge(1_795_333_302));
    let found = value(&place.exports(), "offshoot_export_last_success_timestamp_seconds");
    assert_eq!(found, newest, "the next server knows of it");
}

#[tokio::test]
async fn the_newest_are_kept_and_what_is_no_export_is_left_alone() {
    let place = Place::new().await;
    let exports = place.exports();
    let others = [
        "notes.txt",
        "offshoot-20201122T074142Z.export.bak",
        "offshoot-2020.export",
        "offshoot-20200101T000060Z.export",
    ];
    for other in others {
        fs::write(place.path().join(other), "precious").expect("a file");
    }
    fs::create_dir(place.path().join("offshoot-20201122T074142Z.export")).expect("a directory");
    for _ in 0..5 {
        exports.make(&place.store).expect("an export");
        place.clock.advance_micros(HOUR);
    }
    let names = place.names();
    for other in others.into_iter().chain(["offshoot-20201122T074142Z.export"]) {
        assert!(names.iter().any(|name| name == other), "{other} is gone: {names:?}");
    }
    let made: Vec<_> = names.iter().filter(|name| name.starts_with("offshoot-2026")).collect();
    let newest = ["094142", "104142", "114142"];
    assert_eq!(made, newest.map(|time| format!("offshoot-20261122T{time}Z.export")).each_ref());
}

#[tokio::test]
async fn what_a_crash_left_is_removed_at_the_next_start() {
    let place = Place::new().await;
    place.exports().make(&place.store).expect("an export");
    fs::write(place.path().join(UNFINISHED), "offsh").expect("a file");
    place.exports();
    assert_eq!(place.names(), ["offshoot-20261122T074142Z.export"]);
}

#[tokio::test]
async fn the_newest_export_is_the_last_even_where_the_clock_goes_back() {
    let place = Place::new().await;
    let exports = place.exports();
    exports.make(&place.store).expect("an export");
    place.clock.advance_micros(-HOUR);
    let made = exports.make(&place.store).expect("an export");
    assert!(made.ends_with("offshoot-20261122T074143Z.export"), "{}", made.display());
    assert_eq!(place.names().len(), 2);
}

#[tokio::test]
async fn a_failed_export_takes_nothing_away_and_is_counted() {
    let place = Place::new().await;
    for _ in 0..KEPT.get() {
        place.exports().make(&place.store).expect("an export");
    }
    let before = place.names();
    let exports = place.exports_on(Room::new(Box::new(Full), 1));
    let error = exports.make(&place.store).expect_err("a full disk");
    let words = Chain(&error).to_string();
    assert!(words.contains("0 bytes free, and 1 bytes are needed"), "{words}");
    assert_eq!(place.names(), before);
    assert_eq!(value(&exports, "offshoot_exports"), outcomes(0, 1));
}

#[tokio::test]
async fn an_export_that_is_broken_off_takes_nothing_away_and_is_no_failure() {
    let place = Place::new().await;
    for _ in 0..KEPT.get() {
        place.exports().make(&place.store).expect("an export");
    }
    let before = place.names();
    let exports = place.exports();
    place.stop.cancel();
    exports.make(&place.store).expect_err("a server that stops");
    assert_eq!(place.names(), before);
    assert_eq!(value(&exports, "offshoot_exports"), outcomes(0, 0));
}

#[tokio::test]
async fn the_first_export_is_soon_where_the_newest_is_old_missing_or_of_the_future() {
    let place = Place::new().await;
    let (exports, every) = (place.exports(), Duration::from_secs(2 * 3600));
    assert_eq!(exports.first_pause(every), FIRST_PAUSE);
    assert_eq!(exports.first_pause(Duration::from_secs(1)), Duration::from_secs(1));
    exports.make(&place.store).expect("an export");
    place.clock.advance_micros(HOUR);
    // The name has whole seconds.
    let left = exports.first_pause(every) + Duration::from_millis(500);
    assert_eq!(left, Duration::from_secs(3600));
    place.clock.advance_micros(2 * HOUR);
    assert_eq!(exports.first_pause(every), FIRST_PAUSE);
    place.clock.advance_micros(-20 * HOUR);
    assert_eq!(exports.first_pause(every), FIRST_PAUSE);
}

#[test]
fn the_pause_after_failures_grows_to_a_bound() {
    let pauses = [1, 2, 3, 7, u32::MAX].map(|failures| pause_after(failures).as_secs());
    assert_eq!(pauses, [60, 120, 240, 3600, 3600]);
}

#[tokio::test(start_paused = true)]
async fn exports_are_made_again_and_again_until_the_server_stops() {
    let place = Place::new().await;
    let exports = Arc::new(place.exports());
    let run = tokio::spawn(Arc::clone(&exports).run(place.store.clone(), PAUSE_MAX * 24));
    let mut looks = 0;
    while value(&exports, "offshoot_exports") != outcomes(4, 0) {
        assert!(looks < 10_000, "no exports are made: {:?}", place.names());
        looks += 1;
        tokio::time::sleep(PAUSE_MAX).await;
    }
    place.stop.cancel();
    run.await.expect("an orderly end");
    assert_eq!(place.names().len(), KEPT.get());
}
