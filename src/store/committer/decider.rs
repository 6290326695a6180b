//! Gathering groups and deciding them.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::thread;

use chrono::TimeDelta;
use crossbeam_channel::{Receiver, Sender, select};
use tokio::sync::watch;

use super::{Command, Commit, Decided, MAX_ATTEMPTS, MAX_GROUP, State, Trim};
use crate::clock::Clock;
use crate::model::revision::Moment;
use crate::model::state::Denied;
use crate::store::CommitError;
use crate::store::engine::{LogId, MAX_ROW_BYTES, NewRow};
use crate::store::nodes::{LogNodes, NewNodes, PendingNodes};
use crate::store::published::{Head, NewCommit, Published};
use crate::store::records::{Keeper, Records};
use crate::store::row::{Encoder, Row};
use crate::tree::NodeId;

/// Commands that were decided together.
#[derive(Default)]
pub(super) struct Group {
    /// The commits, and what they are to be answered when all before them is durable.
    pub(super) decided: Vec<(Commit, Result<Moment, CommitError>)>,
    /// What they write.
    pub(super) rows: Vec<NewRow>,
    /// What is published when that is durable.
    pub(super) commits: Vec<NewCommit>,
    /// The trims that came with them.
    pub(super) trims: Vec<Trim>,
}

impl Group {
    fn len(&self) -> usize {
        self.decided.len() + self.trims.len()
    }

    /// Returns the commands, to be decided again.
    pub(super) fn into_commands(self) -> Vec<Command> {
        let commits = self.decided.into_iter().map(|(commit, _)| Command::Commit(commit));
        commits.chain(self.trims.into_iter().map(Command::Trim)).collect()
    }
}

/// What became of a group.
pub(super) enum Outcome {
    /// It is durable.
    Done,
    /// Another process got in first. Nothing happened.
    Conflict(Vec<Command>),
    /// The disk failed, or the thread panicked.
    Failed,
}

/// The right to append. It goes on when it is dropped, which without an [`Outcome`] means that the
/// thread has panicked.
pub(super) struct Turn {
    next: Sender<Outcome>,
    /// What is still to be said; nothing where the turn was passed on.
    outcome: Option<Outcome>,
}

impl Turn {
    /// Lets the next group be appended while this one, which is durable, is published.
    pub(super) fn pass_on(&mut self) {
        self.outcome = None;
        // Nobody may be left who would take it.
        drop(self.next.send(Outcome::Done));
    }

    /// Ends the turn, with what became of the group where that was not said before.
    pub(super) fn end(mut self, outcome: Outcome) {
        self.outcome = self.outcome.take().map(|_| outcome);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let panicked = thread::panicking().then_some(Outcome::Failed);
        if let Some(outcome) = panicked.or_else(|| self.outcome.take()) {
            drop(self.next.send(outcome));
        }
    }
}

/// What a log will be when all that was decided is durable.
struct Draft {
    head: Head,
    nodes: PendingNodes,
}

impl Draft {
    fn of(head: Head) -> Self {
        Self { head, nodes: PendingNodes::after(head.moment.revision) }
    }
}

/// What gathers groups and decides them.
pub(super) struct Decider {
    published: Arc<Published>,
    clock: Arc<dyn Clock>,
    commands: Receiver<Command>,
    told: watch::Sender<State>,
    /// What is to be decided again, before all that waits in the queue.
    again: VecDeque<Command>,
    /// What was decided and is not known to be published, by log.
    drafts: HashMap<LogId, Draft>,
    open: Group,
    turns: (Sender<Outcome>, Receiver<Outcome>),
    /// Whether nobody has the turn.
    is_free: bool,
    encoder: Encoder,
}

/// What happens next.
enum Next {
    Decide(Command),
    TurnEnded(Outcome),
    Append,
    End,
}

impl Decider {
    /// Returns a decider of what is sent to `commands`.
    pub(super) fn new(
        published: Arc<Published>,
        clock: Arc<dyn Clock>,
        commands: Receiver<Command>,
        told: watch::Sender<State>,
    ) -> Self {
        Self {
            published,
            clock,
            commands,
            told,
            again: VecDeque::new(),
            drafts: HashMap::new(),
            open: Group::default(),
            turns: crossbeam_channel::bounded(1),
            is_free: true,
            encoder: Encoder::default(),
        }
    }

    /// Waits for commands and decides them, until nothing more waits, or fits into a group, and the
    /// group before is done. Returns nothing when nobody can send any more.
    pub(super) fn gather(&mut self) -> Option<(Group, Turn)> {
        loop {
            match self.next() {
                Next::Decide(command) => self.add(command),
                Next::TurnEnded(outcome) => self.settle(outcome),
                Next::Append => {
                    self.is_free = false;
                    let turn = Turn { next: self.turns.0.clone(), outcome: Some(Outcome::Failed) };
                    return Some((mem::take(&mut self.open), turn));
                }
                Next::End => return None,
            }
        }
    }

    fn next(&mut self) -> Next {
        let (_, ended) = &self.turns;
        if let Ok(outcome) = ended.try_recv() {
            return Next::TurnEnded(outcome);
        }
        let (decided, waiting) = (self.open.len(), self.again.len() + self.commands.len());
        // Half of those who are there are appended while the other half is decided. Were it all, all
        // would be answered together, ask again together, and wait for each other for ever after.
        if self.is_free && 0 < decided && waiting <= decided {
            return Next::Append;
        }
        let has_room = decided < MAX_GROUP;
        if has_room {
            let waiting = self.again.pop_front().or_else(|| self.commands.try_recv().ok());
            if let Some(command) = waiting {
                return Next::Decide(command);
            }
        }
        if self.is_free {
            return match decided {
                0 => self.commands.recv().map_or(Next::End, Next::Decide),
                _ => Next::Append,
            };
        }
        if has_room {
            select! {
                recv(self.commands) -> command => if let Ok(command) = command {
                    return Next::Decide(command);
                },
                recv(ended) -> outcome => return turn_ended(outcome),
            }
        }
        turn_ended(ended.recv())
    }

    /// Takes notice of what became of the group before.
    fn settle(&mut self, outcome: Outcome) {
        self.is_free = true;
        match outcome {
            Outcome::Done => {
                let Self { published, drafts, .. } = self;
                drafts.retain(|log, draft| {
                    let done = published.head(*log).moment.revision;
                    draft.nodes.forget_until(done);
                    done < draft.head.moment.revision
                });
            }
            Outcome::Conflict(commands) => {
                self.drafts.clear();
                let after = mem::take(&mut self.open).into_commands();
                for command in commands.into_iter().chain(after).rev() {
                    self.again.push_front(command);
                }
            }
            // All that come after are told so, those of the open group first.
            Outcome::Failed => {
                self.drafts.clear();
                self.told.send_replace(State::Failed);
            }
        }
    }

    fn add(&mut self, command: Command) {
        match command {
            Command::Commit(mut commit) => {
                let answer = self.decide(&mut commit);
                self.open.decided.push((commit, answer));
            }
            Command::Trim(trim) => self.open.trims.push(trim),
        }
    }

    fn decide(&mut self, commit: &mut Commit) -> Result<Moment, CommitError> {
        let Commit { log, cause, question, attempts } = commit;
        if MAX_ATTEMPTS <= *attempts {
            return Err(CommitError::Busy);
        }
        *attempts += 1;
        let Self { published, clock, drafts, open, encoder, .. } = self;
        if let Err(error) = published.check(*log) {
            return Err(CommitError::Denied(Denied::Unreadable(error)));
        }
        let Draft { head, nodes: pending } =
            drafts.entry(*log).or_insert_with(|| Draft::of(published.head(*log)));
        let moment = Moment {
            revision: head.moment.revision.next(),
            at: clock.now().max(head.moment.at + TimeDelta::microseconds(1)),
        };
        let nodes = LogNodes::pending(Arc::clone(published), *log, pending.clone());
        let records = Records::new(nodes, head.moment.revision, head.root);
        let mut keeper = Keeper::new(moment.revision);
        let Decided::State(root) = question.decide(records, moment, &mut keeper) else {
            return Ok(head.moment);
        };
        let nodes = keeper.into_nodes();
        if nodes.is_empty() && root == head.root {
            return Ok(head.moment);
        }
        if NodeId::MAX_PER_REVISION < nodes.len() {
            return Err(CommitError::TooLarge);
        }
        let row = Row { at: moment.at, cause: cause.clone(), root, nodes };
        let bytes = encoder.encode(&row);
        if MAX_ROW_BYTES < bytes.len() {
            return Err(CommitError::TooLarge);
        }
        let nodes = NewNodes::from(row.nodes);
        *head = Head { moment, root };
        pending.add(*head, Arc::clone(&nodes));
        open.rows.push(NewRow { log: *log, revision: moment.revision, bytes });
        open.commits.push(NewCommit { log: *log, head: *head, nodes });
        Ok(moment)
    }
}

fn turn_ended(outcome: Result<Outcome, crossbeam_channel::RecvError>) -> Next {
    Next::TurnEnded(outcome.expect("a channel of which both ends are here"))
}
