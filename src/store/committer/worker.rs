//! Writing what was decided, publishing it, and answering.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use crossbeam_channel::Receiver;
use tokio::sync::watch;

use super::decider::{Decider, Group, Outcome, Turn};
use super::{Command, State, THREAD, Trim, Until};
use crate::chain::Chain;
use crate::clock::Clock;
use crate::model::revision::Revision;
use crate::store::CommitError;
use crate::store::engine::{AppendError, LogId};
use crate::store::published::{Extent, Published};
use crate::store::trim::TrimError;

/// What the threads share.
pub(super) struct Worker {
    published: Arc<Published>,
    decider: Mutex<Decider>,
    /// Is taken before the turn goes on, so groups are published in the order of their rows although
    /// the next one is on its way to the disk meanwhile.
    publishing: Mutex<()>,
    /// The last field, and so the last to go: whoever sees it gone may open the store again.
    told: watch::Sender<State>,
}

/// Why rows were not appended.
enum Stopped {
    /// Another process got in first.
    Conflict(LogId),
    /// The disk has failed, now or before.
    Failed,
}

impl Worker {
    pub(super) fn new(
        published: Arc<Published>,
        clock: Arc<dyn Clock>,
        commands: Receiver<Command>,
        told: watch::Sender<State>,
    ) -> Self {
        let decider = Decider::new(Arc::clone(&published), clock, commands, told.clone());
        let decider = Mutex::new(decider);
        Self { published, decider, publishing: Mutex::default(), told }
    }

    /// Works until nobody can send any more and everybody is answered.
    pub(super) fn run(&self) {
        thread::scope(|scope| {
            thread::Builder::new()
                .name(THREAD.into())
                .spawn_scoped(scope, || self.work())
                .expect("a machine that can start a thread");
            self.work();
        });
        self.told.send_if_modified(|state| {
            let ended = *state == State::Working;
            if ended {
                *state = State::Ended;
            }
            ended
        });
    }

    fn work(&self) {
        // The lock is poisoned where the other thread has panicked in a decision.
        while let Ok(mut decider) = self.decider.lock() {
            let Some((group, turn)) = decider.gather() else { return };
            // A decision might lean on the rows that a trim deletes meanwhile.
            let kept = if group.trims.is_empty() {
                drop(decider);
                None
            } else {
                Some(decider)
            };
            self.finish(group, turn);
            drop(kept);
        }
    }

    /// Appends a group, publishes it, and answers everybody.
    fn finish(&self, group: Group, mut turn: Turn) {
        let appended = self.append(&group);
        // Poisoned where the other thread has panicked before it had published its group.
        let publishing = self.publishing.lock();
        match appended {
            Ok(()) if publishing.is_ok() => {
                if group.trims.is_empty() {
                    turn.pass_on();
                }
                let outcome = self.complete(group);
                turn.end(outcome);
            }
            Err(Stopped::Conflict(log)) => match self.published.refresh(log) {
                Ok(()) => turn.end(Outcome::Conflict(group.into_commands())),
                Err(error) => {
                    give_up(&error);
                    fail(group);
                    turn.end(Outcome::Failed);
                }
            },
            Ok(()) | Err(Stopped::Failed) => {
                fail(group);
                turn.end(Outcome::Failed);
            }
        }
        drop(publishing);
    }

    /// Publishes a group that is durable, answers everybody, and trims.
    fn complete(&self, group: Group) -> Outcome {
        if !group.commits.is_empty() {
            self.published.publish(&group.commits);
        }
        for (commit, answer) in group.decided {
            commit.question.answer(answer);
        }
        let mut outcome = Outcome::Done;
        for Trim { log, until, rows, done } in group.trims {
            let answer = match outcome {
                Outcome::Failed => Err(TrimError::Failed),
                Outcome::Done | Outcome::Conflict(_) => self.trim(log, until, &rows),
            };
            if matches!(answer, Err(TrimError::Failed)) {
                outcome = Outcome::Failed;
            }
            drop(done.send(answer));
        }
        outcome
    }

    fn has_failed(&self) -> bool {
        *self.told.borrow() == State::Failed
    }

    fn append(&self, group: &Group) -> Result<(), Stopped> {
        if self.has_failed() {
            return Err(Stopped::Failed);
        }
        if group.rows.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        match self.published.engine.append(&group.rows) {
            Ok(()) => {
                self.published.meters.appended(group.rows.len(), begun.elapsed());
                Ok(())
            }
            Err(AppendError::Conflict { log, revision }) => {
                tracing::debug!(%log, %revision, "another process got in first");
                Err(Stopped::Conflict(log))
            }
            Err(error @ AppendError::Fatal(_)) => {
                give_up(&error);
                Err(Stopped::Failed)
            }
        }
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
}

fn fail(group: Group) {
    for (commit, _) in group.decided {
        commit.question.answer(Err(CommitError::Failed));
    }
    for trim in group.trims {
        drop(trim.done.send(Err(TrimError::Failed)));
    }
}

fn give_up(error: &(dyn std::error::Error + 'static)) {
    tracing::error!("{}; nothing more is acknowledged", Chain(error));
}
