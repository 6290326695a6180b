//! An engine that holds up what writes for as long as the test says, or fails it, and that fails reads.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use offshoot::model::revision::Revision;
use offshoot::store::engine::{AppendError, Engine, EngineError, LogId, NewRow, TrimFailed};

use super::memory::Memory;

/// How long anything in a test may take before something is wrong.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    Held,
    Shut,
    Broken,
    Panicking,
}

struct State {
    mode: Mode,
    /// How many rows each append was given.
    groups: Vec<usize>,
    /// How many times something came that writes.
    arrived: usize,
    /// Which reads of rows fail.
    unread: Unread,
}

#[derive(Clone, Copy)]
enum Unread {
    None,
    /// The one that comes after so many others.
    OneAfter(usize),
    All,
}

/// Rows are in the engine as soon as an append has begun, as they are in sled before they are
/// durable; the append returns only when the gate is open.
pub struct Gate {
    rows: Arc<Memory>,
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    pub fn open() -> Arc<Self> {
        Arc::new(Self {
            rows: Arc::default(),
            state: Mutex::new(State {
                mode: Mode::Open,
                groups: Vec::new(),
                arrived: 0,
                unread: Unread::None,
            }),
            changed: Condvar::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a lock that no panic poisons")
    }

    fn set(&self, mode: Mode) {
        self.state().mode = mode;
        self.changed.notify_all();
    }

    /// Returns the rows, past the gate, as another process reaches them.
    pub fn memory(&self) -> Arc<Memory> {
        Arc::clone(&self.rows)
    }

    /// Holds up all that writes from now on, before it does anything.
    pub fn hold(&self) {
        self.set(Mode::Held);
    }

    /// Holds up every append from now on.
    pub fn shut(&self) {
        self.set(Mode::Shut);
    }

    /// Lets those who wait go on.
    pub fn reopen(&self) {
        self.set(Mode::Open);
    }

    /// Fails every append from now on, also one that is held up.
    pub fn fail(&self) {
        self.set(Mode::Broken);
    }

    /// Fails the read of a row that comes after so many others, once.
    pub fn fail_read_after(&self, others: usize) {
        self.state().unread = Unread::OneAfter(others);
    }

    /// Fails every read of a row from now on.
    pub fn fail_reads(&self) {
        self.state().unread = Unread::All;
    }

    /// Lets rows be read. Returns whether the one that was to fail has failed.
    pub fn read_on(&self) -> bool {
        let unread = std::mem::replace(&mut self.state().unread, Unread::None);
        matches!(unread, Unread::None)
    }

    fn may_read(&self) -> bool {
        let mut state = self.state();
        let (fails, left) = match state.unread {
            Unread::None => (false, Unread::None),
            Unread::OneAfter(0) => (true, Unread::None),
            Unread::OneAfter(others) => (false, Unread::OneAfter(others - 1)),
            Unread::All => (true, Unread::All),
        };
        state.unread = left;
        !fails
    }

    /// Panics in every append from now on, also in one that is held up.
    pub fn panic(&self) {
        self.set(Mode::Panicking);
    }

    /// Waits until `count` appends have begun.
    pub fn wait_for_appends(&self, count: usize) {
        self.wait_while(|state| state.groups.len() < count);
    }

    /// Waits until something has come to write for the time number `count`.
    pub fn wait_for_arrivals(&self, count: usize) {
        self.wait_while(|state| state.arrived < count);
    }

    /// Returns how many times something came that writes.
    pub fn arrived(&self) -> usize {
        self.state().arrived
    }

    fn arrive(&self) {
        let mut state = self.state();
        state.arrived += 1;
        self.changed.notify_all();
        let held = self.changed.wait_while(state, |state| state.mode == Mode::Held);
        drop(held.expect("a lock that no panic poisons"));
    }

    fn wait_while(&self, few: impl FnMut(&mut State) -> bool) {
        let (state, wait) = self
            .changed
            .wait_timeout_while(self.state(), PATIENCE, few)
            .expect("a lock that no panic poisons");
        drop(state);
        assert!(!wait.timed_out(), "nothing has come to write");
    }

    /// Returns how many rows each append was given.
    pub fn groups(&self) -> Vec<usize> {
        self.state().groups.clone()
    }
}

impl Engine for Gate {
    fn logs(&self) -> Result<Vec<LogId>, EngineError> {
        self.rows.logs()
    }

    fn head(&self, log: LogId) -> Result<Revision, EngineError> {
        self.rows.head(log)
    }

    fn floor(&self, log: LogId) -> Result<Revision, EngineError> {
        self.rows.floor(log)
    }

    fn row(&self, log: LogId, revision: Revision) -> Result<Option<Vec<u8>>, EngineError> {
        if !self.may_read() {
            return Err(EngineError::Read("a sector that does not read".into()));
        }
        self.rows.row(log, revision)
    }

    fn rows(
        &self,
        log: LogId,
        before: Revision,
        limit: usize,
    ) -> Result<Vec<Revision>, EngineError> {
        Engine::rows(&*self.rows, log, before, limit)
    }

    fn trim(&self, log: LogId, floor: Revision, rows: &[Revision]) -> Result<(), TrimFailed> {
        self.arrive();
        self.rows.trim(log, floor, rows)
    }

    fn append(&self, rows: &[NewRow]) -> Result<(), AppendError> {
        self.arrive();
        self.rows.append(rows)?;
        let mut state = self.state();
        state.groups.push(rows.len());
        self.changed.notify_all();
        let state = self
            .changed
            .wait_while(state, |state| state.mode == Mode::Shut)
            .expect("a lock that no panic poisons");
        let mode = state.mode;
        drop(state);
        match mode {
            Mode::Open | Mode::Held | Mode::Shut => Ok(()),
            Mode::Broken => Err(AppendError::Fatal("no space left on device".into())),
            Mode::Panicking => panic!("a bug in the engine"),
        }
    }
}
