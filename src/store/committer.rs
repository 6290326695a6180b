//! The committer: two threads that own all writes, one at a time.
//!
//! Each of them gathers what waits in the queue into a group, applies each command's decision to the
//! log's head as the commands before it leave it, appends the group's rows with one sync, publishes
//! the new heads, and then answers everybody, refusals included: a refusal may depend on a row of
//! the same group. While one appends, the other gathers and decides the next group, on what the first
//! will leave if it succeeds. So there is one group that is being appended, and one that is open.
//!
//! * Only who has the decider's lock takes from the queue or decides (`decider`).
//! * Only who has the turn writes, publishes or answers (`worker`). It goes from group to group in
//!   the order in which they were decided.
//! * What is decided and not durable yet is seen by the decider alone.
//! * Where another process got in first, the group and the one that was decided after it are decided
//!   again. Where the disk has failed, both fail, and all that come after.
//!
//! Trimming waits in the same queue: a few rows at a time, after the commits that came with them, so
//! that neither starves the other. Meanwhile nothing is decided, because a decision may lean on a
//! state in the past that is about to be deleted.

mod decider;
mod worker;

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Sender, TrySendError};
use tokio::sync::{oneshot, watch};

use crate::clock::Clock;
use crate::model::cause::Cause;
use crate::model::revision::{Moment, Revision};
use crate::model::state::Denied;
use crate::store::committer::worker::Worker;
use crate::store::engine::LogId;
use crate::store::published::{Extent, Published};
use crate::store::records::{Contents, Keeper, Records};
use crate::store::trim::TrimError;
use crate::store::{CommitError, StoreError};
use crate::tree::NodeId;

/// The name of the threads, by which a panic in one is known.
pub const THREAD: &str = "offshoot-committer";

/// How many commands wait at the most, besides those that are decided already. The next one is told
/// that the server is busy.
const MAX_QUEUE: usize = 1024;

/// How many commands share a sync at the most.
const MAX_GROUP: usize = 256;

/// How often a command is decided because another process got in first.
const MAX_ATTEMPTS: usize = 16;

enum Command {
    Commit(Commit),
    Trim(Trim),
}

struct Commit {
    log: LogId,
    cause: Cause,
    question: Box<dyn Question>,
    /// How often it was decided.
    attempts: usize,
}

/// What a decision leaves.
enum Decided {
    /// The root of the new state.
    State(Option<NodeId>),
    /// The command was refused.
    Nothing,
}

/// What a caller wants to have decided.
trait Question: Send {
    /// Decides, and keeps what came of it for the answer.
    fn decide(&mut self, records: Records, moment: Moment, keeper: &mut Keeper) -> Decided;

    /// Tells the caller what was decided, if that is durable.
    fn answer(self: Box<Self>, outcome: Result<Moment, CommitError>);
}

struct Asked<C, T, F> {
    decide: F,
    /// What was decided last.
    decided: Option<Result<T, Denied<StoreError>>>,
    done: oneshot::Sender<Result<(T, Moment), CommitError>>,
    contents: PhantomData<fn(C)>,
}

impl<C, T, F> Question for Asked<C, T, F>
where
    C: Contents,
    T: Send,
    F: FnMut(&mut C, Moment) -> Result<T, Denied<StoreError>> + Send,
{
    fn decide(&mut self, records: Records, moment: Moment, keeper: &mut Keeper) -> Decided {
        let mut contents = C::open(records);
        let result = (self.decide)(&mut contents, moment)
            .and_then(|value| Ok((value, contents.close(keeper)?)));
        let (decided, left) = match result {
            Ok((value, root)) => (Ok(value), Decided::State(root)),
            Err(denied) => (Err(denied), Decided::Nothing),
        };
        self.decided = Some(decided);
        left
    }

    fn answer(self: Box<Self>, outcome: Result<Moment, CommitError>) {
        let Self { decided, done, .. } = *self;
        let answer = outcome.and_then(|moment| {
            let decided = decided.expect("a command that has an outcome was decided");
            Ok((decided.map_err(CommitError::Denied)?, moment))
        });
        // Who asked may have gone away; the commit stands.
        drop(done.send(answer));
    }
}

struct Trim {
    log: LogId,
    until: Until,
    rows: Vec<Revision>,
    done: oneshot::Sender<Result<Option<Extent>, TrimError>>,
}

/// Up to where a log is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// This is the oldest revision that can be asked for, or the head where that is older.
    Revision(Revision),
    /// Everything goes, and nobody can commit to the log any more.
    End,
}

/// A handle to the threads.
pub struct Committer {
    queue: Mutex<Option<Sender<Command>>>,
    published: Arc<Published>,
    state: watch::Receiver<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Working,
    Failed,
    Ended,
}

impl Committer {
    /// Starts the threads.
    pub fn start(published: Arc<Published>, clock: Arc<dyn Clock>) -> Self {
        let (queue, commands) = crossbeam_channel::bounded(MAX_QUEUE);
        let (told, state) = watch::channel(State::Working);
        let worker = Worker::new(Arc::clone(&published), clock, commands, told);
        thread::Builder::new()
            .name(THREAD.into())
            .spawn(move || worker.run())
            .expect("a machine that can start a thread");
        Self { queue: Mutex::new(Some(queue)), published, state }
    }

    /// See [`crate::store::Store::commit`].
    pub async fn commit<C, T>(
        &self,
        log: LogId,
        cause: Cause,
        decide: impl FnMut(&mut C, Moment) -> Result<T, Denied<StoreError>> + Send + 'static,
    ) -> Result<(T, Moment), CommitError>
    where
        C: Contents,
        T: Send + 'static,
    {
        let asked = Instant::now();
        let (done, wait) = oneshot::channel();
        let question = Box::new(Asked { decide, decided: None, done, contents: PhantomData });
        let command = Command::Commit(Commit { log, cause, question, attempts: 0 });
        {
            let queue = self.queue.lock().expect("a lock that no panic poisons");
            let queue = queue.as_ref().ok_or(CommitError::Busy)?;
            queue.try_send(command).map_err(|error| match error {
                TrySendError::Full(_) => CommitError::Busy,
                TrySendError::Disconnected(_) => CommitError::Failed,
            })?;
        }
        let outcome = wait.await;
        self.published.meters.answered(asked.elapsed());
        outcome.map_err(|_| CommitError::Failed)?
    }

    /// Returns how many commands wait.
    pub fn waiting(&self) -> usize {
        let queue = self.queue.lock().expect("a lock that no panic poisons");
        queue.as_ref().map_or(0, Sender::len)
    }

    /// Raises a log's floor, and deletes those of `rows` that are below it and no longer needed.
    /// Returns what there is of the log; nothing where it has no rows. It blocks.
    pub fn trim(
        &self,
        log: LogId,
        until: Until,
        rows: Vec<Revision>,
    ) -> Result<Option<Extent>, TrimError> {
        let (done, wait) = oneshot::channel();
        let queue = self.queue.lock().expect("a lock that no panic poisons").clone();
        let queue = queue.ok_or(TrimError::Stopped)?;
        let sent = queue.send(Command::Trim(Trim { log, until, rows, done }));
        // The threads end when nobody can send any more.
        drop(queue);
        sent.map_err(|_| TrimError::Failed)?;
        wait.blocking_recv().map_err(|_| TrimError::Failed)?
    }

    /// Waits until the disk has failed, or a thread has panicked.
    pub async fn failed(&self) {
        let mut state = self.state.clone();
        // Threads that are gone and did not come to their end have panicked.
        let ended = state.wait_for(|state| *state != State::Working).await;
        if ended.is_ok_and(|state| *state == State::Ended) {
            std::future::pending::<()>().await;
        }
    }

    /// Finishes the commands that wait, and takes no more.
    pub async fn close(&self) {
        drop(self.queue.lock().expect("a lock that no panic poisons").take());
        let mut state = self.state.clone();
        // An error says that the threads are gone. Before that they hold the engine, which then
        // could not be opened again.
        while state.changed().await.is_ok() {}
    }
}
