//! Requests that are carried out once, however often they are sent.
//!
//! A client that gives its request a key may send it again. The receipt is written in the commit
//! that carries the request out, so no crash can lie between the two; and of two attempts at the
//! same moment, the committer takes one first, and the other finds its receipt. A refusal leaves
//! no receipt.
//!
//! An answer tells what the state at that commit's revision says. So the first answer and any later
//! one are made in the same way, from the same; what the answer shows besides, secrets that were
//! drawn, is decided by what the receipt keeps sealed. A log is not trimmed above its oldest receipt
//! that is good.

use crate::control::secrets::Secrets;
use crate::control::{Caller, ControlPlane, Result};
use crate::model::cause::{Cause, Deed, Topic};
use crate::model::id::ProjectId;
use crate::model::operation::Operation;
use crate::model::project::Project;
use crate::model::receipt::{Attempt, MAX_RECEIPTS, Receipt};
use crate::model::refusal::Refusal;
use crate::model::revision::{Moment, Revision};
use crate::model::rules;
use crate::model::state::{Denied, Read};
use crate::room::Writer;
use crate::store::catalog::Catalog;
use crate::store::engine::LogId;
use crate::store::receipts::Receipts;
use crate::store::{StoreError, View};

/// How many receipts one commit forgets at the most.
const MAX_FORGOTTEN: usize = 64;

/// More operations than a request leaves.
pub(super) const MAX_OPERATIONS: usize = 8;

/// Who asks for something that must not happen twice, and what they call their request.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Who.
    pub caller: Caller,
    /// What tells this request from others, if it may be sent again.
    pub attempt: Option<Attempt>,
}

impl Asker {
    /// Returns the asker that Offshoot itself is.
    #[must_use]
    pub fn offshoot() -> Self {
        Self { caller: Caller::offshoot(), attempt: None }
    }

    /// Returns the cause of a commit that is asked for.
    #[must_use]
    pub fn asks(&self, deed: Deed, topic: Topic) -> Cause {
        self.caller.asks(deed, topic)
    }
}

/// What is told about a request that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<T> {
    /// The answer.
    pub answer: T,
    /// Whether it was carried out by an earlier attempt.
    pub is_again: bool,
}

impl<T> Told<T> {
    /// Tells it in another way.
    pub fn map<U>(self, tell: impl FnOnce(T) -> U) -> Told<U> {
        let Self { answer, is_again } = self;
        Told { answer: tell(answer), is_again }
    }
}

/// What a request did.
pub(super) struct Done<C> {
    /// The state that it left.
    pub(super) view: View<C>,
    /// What it was about.
    pub(super) topic: Topic,
    /// What decided the secrets that it drew to show them, if it drew any.
    pub(super) secrets: Option<Secrets>,
    /// Whether an earlier attempt did it.
    pub(super) is_again: bool,
    /// Whether there was nothing to do, so that the state is what others left.
    is_idle: bool,
}

/// What the rule of a request came to.
enum Outcome<T> {
    /// An earlier attempt was faster.
    Again(Receipt),
    /// It was carried out, in this revision if it changed anything.
    Now(T, Revision),
}

impl<C> Done<C> {
    pub(super) fn told<T>(&self, answer: T) -> Told<T> {
        Told { answer, is_again: self.is_again }
    }

    pub(super) fn secrets(&self) -> &Secrets {
        self.secrets.as_ref().expect("a request that shows secrets has drawn them")
    }
}

impl Done<Catalog> {
    pub(super) fn project(&self) -> Result<Project> {
        Ok(self.view.state.project()?.expect("a project is there from its first commit on"))
    }

    pub(super) fn operations(&self) -> Result<Vec<Operation>> {
        if self.is_idle {
            return Ok(Vec::new());
        }
        Ok(self.view.state.operations_of(self.view.moment, MAX_OPERATIONS)?)
    }
}

impl ControlPlane {
    /// Returns what an earlier attempt at the request did to a project; nothing where there was
    /// none.
    pub(super) fn done_before(
        &self,
        asker: &Asker,
        project: &ProjectId,
    ) -> Result<Option<Done<Catalog>>> {
        self.get_project(project)?;
        self.done_in_log(asker, self.log_of(project)?)
    }

    /// Returns what an earlier attempt at the request did to a log; nothing where there was none.
    pub(super) fn done_in_log<C: Receipts>(
        &self,
        asker: &Asker,
        log: LogId,
    ) -> Result<Option<Done<C>>> {
        let Some(attempt) = &asker.attempt else { return Ok(None) };
        let view: View<C> = self.inner.store.view(log);
        let receipt = view.state.receipt(&attempt.key)?.filter(|found| found.is_good(self.now()));
        let Some(receipt) = receipt else { return Ok(None) };
        self.done_again(log, attempt, receipt.check(attempt)?).map(Some)
    }

    fn done_again<C: Receipts>(
        &self,
        log: LogId,
        attempt: &Attempt,
        receipt: Receipt,
    ) -> Result<Done<C>> {
        let Receipt { revision, secrets, .. } = receipt;
        let open = |sealed| self.open_secrets(&attempt.key, &sealed);
        Ok(Done {
            view: self.inner.store.view_at(log, revision)?,
            topic: self.inner.store.read_commit(log, revision)?.cause.topic,
            secrets: secrets.map(open).transpose()?,
            is_again: true,
            is_idle: false,
        })
    }

    /// Carries a request out in a project, unless another attempt at it was faster.
    pub(super) async fn carry_out<T: Send + 'static>(
        &self,
        asker: &Asker,
        project: &ProjectId,
        what: (Cause, Option<Secrets>),
        rule: impl FnMut(&mut Catalog, Moment) -> std::result::Result<T, Denied<StoreError>>
        + Send
        + 'static,
    ) -> Result<Done<Catalog>> {
        Ok(self.carry_out_and_tell(asker, project, what, rule).await?.0)
    }

    /// Carries a request out in a project, and tells what the rule said, unless another attempt at
    /// it was faster.
    pub(super) async fn carry_out_and_tell<T: Send + 'static>(
        &self,
        asker: &Asker,
        project: &ProjectId,
        what: (Cause, Option<Secrets>),
        mut rule: impl FnMut(&mut Catalog, Moment) -> std::result::Result<T, Denied<StoreError>>
        + Send
        + 'static,
    ) -> Result<(Done<Catalog>, Option<T>)> {
        let log = self.log_of(project)?;
        let id = project.clone();
        let checked = move |state: &mut Catalog, moment| {
            // A project may have been deleted while the command waited.
            rules::projects::get(state, &id)?;
            rule(state, moment)
        };
        self.carry_out_in_log_and_tell(asker, log, what, checked).await
    }

    /// Carries a request out in a log, unless another attempt at it was faster.
    pub(super) async fn carry_out_in_log<C: Receipts, T: Send + 'static>(
        &self,
        asker: &Asker,
        log: LogId,
        what: (Cause, Option<Secrets>),
        rule: impl FnMut(&mut C, Moment) -> std::result::Result<T, Denied<StoreError>> + Send + 'static,
    ) -> Result<Done<C>> {
        Ok(self.carry_out_in_log_and_tell(asker, log, what, rule).await?.0)
    }

    async fn carry_out_in_log_and_tell<C: Receipts, T: Send + 'static>(
        &self,
        asker: &Asker,
        log: LogId,
        (cause, secrets): (Cause, Option<Secrets>),
        mut rule: impl FnMut(&mut C, Moment) -> std::result::Result<T, Denied<StoreError>>
        + Send
        + 'static,
    ) -> Result<(Done<C>, Option<T>)> {
        let topic = cause.topic.clone();
        let attempt = asker.attempt.clone();
        let kept = attempt.clone().map(|attempt| {
            let seal = |secrets| self.seal_secrets(&attempt.key, secrets);
            let sealed = secrets.as_ref().map(seal);
            (attempt, sealed)
        });
        let once = move |state: &mut C, moment: Moment| {
            let Some((attempt, sealed)) = &kept else {
                return rule(state, moment).map(|told| Outcome::Now(told, moment.revision));
            };
            let receipt = state.receipt(&attempt.key)?.filter(|found| found.is_good(moment.at));
            if let Some(receipt) = receipt {
                return receipt.check(attempt).map(Outcome::Again).map_err(Denied::Refused);
            }
            let told = rule(state, moment)?;
            if MAX_RECEIPTS <= state.count_receipts()? {
                return Err(Denied::Refused(Refusal::TooManyReceipts));
            }
            state.put_receipt(attempt, moment, sealed.clone())?;
            Ok(Outcome::Now(told, moment.revision))
        };
        let (outcome, moment) = self.write(Writer::Request, log, cause, once).await?;
        match outcome {
            Outcome::Again(receipt) => {
                let attempt = attempt.expect("only an attempt finds the receipt of another");
                Ok((self.done_again(log, &attempt, receipt)?, None))
            }
            Outcome::Now(told, revision) => {
                let view = self.inner.store.view_at(log, moment.revision)?;
                let is_idle = revision != moment.revision;
                Ok((Done { view, topic, secrets, is_again: false, is_idle }, Some(told)))
            }
        }
    }

    /// Returns the oldest revision from which an answer may have to be made again: the one before
    /// the oldest receipt's, with which what a merge took is found.
    pub(super) fn oldest_answer<C: Receipts>(&self, state: &C) -> Result<Option<Revision>> {
        let now = self.now();
        let oldest = state.oldest_receipt(|receipt| receipt.is_good(now))?;
        Ok(oldest.map(|receipt| Revision(receipt.revision.0 - 1).max(Revision::FIRST)))
    }

    /// Forgets some of a log's receipts that are good no more, and returns how many.
    pub async fn forget_receipts<C: Receipts>(&self, log: LogId) -> Result<usize> {
        let view: View<C> = self.inner.store.view(log);
        let oldest = view.state.oldest_receipt(|_| true)?;
        if oldest.is_none_or(|receipt| receipt.is_good(self.now())) {
            return Ok(0);
        }
        let cause = Caller::offshoot().asks(Deed::ForgetReceipts, Topic::Whole);
        let forget = |state: &mut C, moment: Moment| {
            let is_old = |receipt: &Receipt| !receipt.is_good(moment.at);
            Ok(state.forget_receipts(MAX_FORGOTTEN, is_old)?)
        };
        Ok(self.write(Writer::Offshoot, log, cause, forget).await?.0)
    }
}
