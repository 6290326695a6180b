//! The committer: one thread that owns all writes.
//!
//! It drains the queue, applies each command's decision to the log's head as the commands before it
//! leave it, appends all rows with one sync, publishes the new heads, and then answers everybody,
//! refusals included: a refusal may depend on a row of the same group.
//!
//! Trimming waits in the same queue: a few rows at a time, after the commits that came with them, so
//! that neither starves the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use chrono::TimeDelta;
use tokio::sync::{mpsc, oneshot, watch};

use crate::chain::Chain;
use crate::clock::Clock;
use crate::model::cause::Cause;
use crate::model::revision::{Moment, Revision};
use crate::model::state::Denied;
use crate::store::engine::{AppendError, LogId, MAX_ROW_BYTES, NewRow};
use crate::store::nodes::{LogNodes, PendingNodes};
use crate::store::published::{Extent, Head, Published};
use crate::store::records::{Contents, Keeper, Records};
use crate::store::row::Row;
use crate::store::trim::TrimError;
use crate::store::{CommitError, StoreError};
use crate::tree::NodeId;

/// The name of the thread, by which a panic in it is known.
pub const THREAD: &str = "offshoot-committer";

/// How many commands wait at the most. The next one is told that the server is busy.
const MAX_QUEUE: usize = 1024;

/// How many commands share a sync at the most.
const MAX_GROUP: usize = 256;

/// How often a group is decided again because another process got in first.
const MAX_ATTEMPTS: usize = 16;

/// What a decision leaves: the root of the new state, or nothing to write.
type Decided = Option<Option<NodeId>>;

type Decide = dyn FnMut(Records, Moment, &mut Keeper) -> Decided + Send;

enum Command {
    Commit(Commit),
    Trim(Trim),
}

struct Commit {
    log: LogId,
    cause: Cause,
    decide: Box<Decide>,
    done: oneshot::Sender<Result<Moment, CommitError>>,
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

/// A handle to the thread.
pub struct Committer {
    queue: Mutex<Option<mpsc::Sender<Command>>>,
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
    /// Starts the thread.
    pub fn start(published: Arc<Published>, clock: Arc<dyn Clock>) -> Self {
        let (queue, commands) = mpsc::channel(MAX_QUEUE);
        let (told, state) = watch::channel(State::Working);
        let worker = Worker { published: Arc::clone(&published), clock, told };
        thread::Builder::new()
            .name(THREAD.into())
            .spawn(move || worker.run(commands))
            .expect("a machine that can start a thread");
        Self { queue: Mutex::new(Some(queue)), published, state }
    }

    /// See [`crate::store::Store::commit`].
    pub async fn commit<C, T>(
        &self,
        log: LogId,
        cause: Cause,
        mut decide: impl FnMut(&mut C, Moment) -> Result<T, Denied<StoreError>> + Send + 'static,
    ) -> Result<(T, Moment), CommitError>
    where
        C: Contents,
        T: Send + 'static,
    {
        let answer = Arc::new(Mutex::new(None));
        let put = Arc::clone(&answer);
        let decide = move |records, moment, keeper: &mut Keeper| {
            let mut contents = C::open(records);
            let result = decide(&mut contents, moment)
                .and_then(|value| Ok((value, contents.close(keeper)?)));
            let (value, root) = match result {
                Ok((value, root)) => (Ok(value), Some(root)),
                Err(denied) => (Err(denied), None),
            };
            *put.lock().expect("a lock that no panic poisons") = Some(value);
            root
        };
        let asked = Instant::now();
        let (done, wait) = oneshot::channel();
        let command = Command::Commit(Commit { log, cause, decide: Box::new(decide), done });
        {
            let queue = self.queue.lock().expect("a lock that no panic poisons");
            let queue = queue.as_ref().ok_or(CommitError::Busy)?;
            queue.try_send(command).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => CommitError::Busy,
                mpsc::error::TrySendError::Closed(_) => CommitError::Failed,
            })?;
        }
        let moment = wait.await.map_err(|_| CommitError::Failed)??;
        self.published.meters.answered(asked.elapsed());
        let answer = answer.lock().expect("a lock that no panic poisons").take();
        match answer.expect("a command that was done was decided") {
            Ok(value) => Ok((value, moment)),
            Err(denied) => Err(CommitError::Denied(denied)),
        }
    }

    /// Returns how many commands wait.
    pub fn waiting(&self) -> usize {
        let queue = self.queue.lock().expect("a lock that no panic poisons");
        queue.as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity())
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
        let sent = queue.blocking_send(Command::Trim(Trim { log, until, rows, done }));
        // The thread ends when nobody can send any more.
        drop(queue);
        sent.map_err(|_| TrimError::Failed)?;
        wait.blocking_recv().map_err(|_| TrimError::Failed)?
    }

    /// Waits until the disk has failed, or the thread has panicked.
    pub async fn failed(&self) {
        let mut state = self.state.clone();
        // A thread that is gone and did not come to its end has panicked.
        let ended = state.wait_for(|state| *state != State::Working).await;
        if ended.is_ok_and(|state| *state == State::Ended) {
            std::future::pending::<()>().await;
        }
    }

    /// Finishes the commands that wait, and takes no more.
    pub async fn close(&self) {
        drop(self.queue.lock().expect("a lock that no panic poisons").take());
        let mut state = self.state.clone();
        // An error says that the thread is gone. Before that it holds the engine, which then could
        // not be opened again.
        while state.changed().await.is_ok() {}
    }
}

fn give_up(error: &(dyn std::error::Error + 'static)) {
    tracing::error!("{}; nothing more is acknowledged", Chain(error));
}

fn failed(count: usize) -> Vec<Result<Moment, CommitError>> {
    std::iter::repeat_with(|| Err(CommitError::Failed)).take(count).collect()
}

struct Worker {
    published: Arc<Published>,
    clock: Arc<dyn Clock>,
    /// The last field, and so the last to go: whoever sees it gone may open the store again.
    told: watch::Sender<State>,
}

/// The commits of a group, decided and not durable yet.
#[derive(Default)]
struct Group {
    heads: HashMap<LogId, (Head, PendingNodes)>,
    rows: Vec<NewRow>,
    answers: Vec<Result<Moment, CommitError>>,
}

impl Worker {
    fn run(&self, mut commands: mpsc::Receiver<Command>) {
        let mut has_failed = false;
        while let Some(first) = commands.blocking_recv() {
            let (mut group, mut trims) = (Vec::new(), Vec::new());
            let mut next = Some(first);
            while let Some(command) = next {
                match command {
                    Command::Commit(commit) => group.push(commit),
                    Command::Trim(trim) => trims.push(trim),
                }
                let is_full = MAX_GROUP <= group.len() + trims.len();
                next = if is_full { None } else { commands.try_recv().ok() };
            }
            has_failed = self.answer(group, has_failed);
            for trim in trims {
                has_failed = self.answer_trim(trim, has_failed);
            }
        }
        self.told.send_if_modified(|state| {
            let ended = *state == State::Working;
            if ended {
                *state = State::Ended;
            }
            ended
        });
    }

    /// Commits a group, unless the disk `has_failed`, and answers everybody. Returns whether the
    /// disk has failed.
    fn answer(&self, mut group: Vec<Commit>, has_failed: bool) -> bool {
        let answers = if has_failed { None } else { self.commit(&mut group) };
        let has_failed = answers.is_none();
        if has_failed {
            self.told.send_replace(State::Failed);
        }
        let answers = answers.unwrap_or_else(|| failed(group.len()));
        for (commit, answer) in group.into_iter().zip(answers) {
            // Who asked may have gone away; the commit stands.
            drop(commit.done.send(answer));
        }
        has_failed
    }

    /// Trims, unless the disk `has_failed`, and answers. Returns whether the disk has failed.
    fn answer_trim(&self, trim: Trim, has_failed: bool) -> bool {
        let Trim { log, until, rows, done } = trim;
        let answer = if has_failed { Err(TrimError::Failed) } else { self.trim(log, until, &rows) };
        let has_failed = matches!(answer, Err(TrimError::Failed));
        if has_failed {
            self.told.send_replace(State::Failed);
        }
        drop(done.send(answer));
        has_failed
    }

    fn trim(
        &self,
        log: LogId,
        until: Until,
        rows: &[Revision],
    ) -> Result<Option<Extent>, TrimError> {
        if self.published.is_pinned() {
            return Err(TrimError::Pinned);
        }
        let extent = self.published.extent(log);
        let Some(Extent { floor, head, .. }) = extent.filter(|e| e.head != Revision::ZERO) else {
            return Ok(None);
        };
        let floor = match until {
            Until::Revision(revision) => floor.max(revision.min(head)),
            Until::End => head.next(),
        };
        let engine = &self.published.engine;
        engine.trim(log, floor, rows).map_err(|error| {
            give_up(&error);
            TrimError::Failed
        })?;
        self.published.raise_floor(log, floor);
        if head < floor && engine.head(log)? == Revision::ZERO {
            self.published.forget(log);
        }
        Ok(Some(Extent { log, floor, head }))
    }

    /// Commits a group and returns everybody's answer; nothing when the disk has failed.
    fn commit(&self, commands: &mut [Commit]) -> Option<Vec<Result<Moment, CommitError>>> {
        for _ in 0..MAX_ATTEMPTS {
            let mut group = Group::default();
            for command in &mut *commands {
                let answer = self.decide(command, &mut group);
                group.answers.push(answer);
            }
            let Group { heads, rows, answers } = group;
            if rows.is_empty() {
                return Some(answers);
            }
            let begun = Instant::now();
            match self.published.engine.append(&rows) {
                Ok(()) => {
                    self.published.meters.appended(rows.len(), begun.elapsed());
                    let commits = heads.into_iter();
                    self.published.publish(commits.map(|(log, (head, nodes))| (log, head, nodes)));
                    return Some(answers);
                }
                Err(AppendError::Conflict { log, revision }) => {
                    tracing::debug!(%log, %revision, "another process got in first");
                    if let Err(error) = self.published.refresh(log) {
                        give_up(&error);
                        return None;
                    }
                }
                Err(error @ AppendError::Fatal(_)) => {
                    give_up(&error);
                    return None;
                }
            }
        }
        Some(commands.iter().map(|_| Err(CommitError::Busy)).collect())
    }

    fn decide(&self, command: &mut Commit, group: &mut Group) -> Result<Moment, CommitError> {
        if let Err(error) = self.published.check(command.log) {
            return Err(CommitError::Denied(Denied::Unreadable(error)));
        }
        let (head, pending) = group
            .heads
            .entry(command.log)
            .or_insert_with(|| (self.published.head(command.log), PendingNodes::default()));
        let moment = Moment {
            revision: head.moment.revision.next(),
            at: self.clock.now().max(head.moment.at + TimeDelta::microseconds(1)),
        };
        let nodes = LogNodes::pending(Arc::clone(&self.published), command.log, pending.clone());
        let records = Records::new(nodes, head.moment.revision, head.root);
        let mut keeper = Keeper::new(moment.revision);
        let Some(root) = (command.decide)(records, moment, &mut keeper) else {
            return Ok(head.moment);
        };
        let nodes = keeper.into_nodes();
        if nodes.is_empty() && root == head.root {
            return Ok(head.moment);
        }
        if NodeId::MAX_PER_REVISION < nodes.len() {
            return Err(CommitError::TooLarge);
        }
        let row = Row { at: moment.at, cause: command.cause.clone(), root, nodes };
        let bytes = row.encode();
        if MAX_ROW_BYTES < bytes.len() {
            return Err(CommitError::TooLarge);
        }
        pending.add(Head { moment, root }, &row.nodes);
        group.rows.push(NewRow { log: command.log, revision: moment.revision, bytes });
        *head = Head { moment, root };
        Ok(moment)
    }
}
