//! Use cases about drift: what somebody changed in a branch's Postgres, and what becomes of it.

use crate::control::once::Done;
use crate::control::{Asker, BranchRef, Caller, ControlError, ControlPlane, Result, Told};
use crate::model::cause::{Deed, Topic};
use crate::model::drift::{Deviation, Drift, DriftId, DriftPolicy, Side, Verdict};
use crate::model::endpoint::{EndpointState, Site};
use crate::model::operation::Operation;
use crate::model::refusal::{DriftRefusal, Refusal};
use crate::model::revision::Timestamp;
use crate::model::rules::drift::{self, News};
use crate::model::state::{Read, ReadDrift};
use crate::room::Writer;
use crate::store::ProjectView;
use crate::store::catalog::Catalog;

/// What differs in a branch's Postgres from its catalog.
#[derive(Debug)]
pub struct Differences {
    /// Whether it was looked at just now.
    pub seen: Seen,
    /// What differs, by item.
    pub lines: Vec<Line>,
}

/// Whether a Postgres was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Just now.
    Now,
    /// It does not run, and is not woken: this is what was found last.
    Asleep,
    /// The branch has none.
    Nowhere,
}

/// Something that differs.
#[derive(Clone, Debug)]
pub struct Line {
    /// What is known of it.
    pub drift: Drift,
    /// Which side changed.
    pub side: Side,
    /// Whether the catalog could take it over; none where nobody looked.
    pub is_adoptable: Option<bool>,
    /// Whether Postgres could be brought back; none where nobody looked.
    pub is_revertible: Option<bool>,
}

/// A drift about which somebody decided, and what is left to do.
pub type Decided = (Drift, Vec<Operation>);

impl ControlPlane {
    /// Returns what differs in a branch's Postgres from its catalog. One that sleeps is not woken.
    pub async fn differences(&self, at: &BranchRef) -> Result<Differences> {
        let (_, view) = self.view_branch(at)?;
        let kept = view.state.drifts(&at.branch)?;
        let open = kept.into_iter().filter(|drift| drift.ended_at.is_none());
        let seen = seen(&view, at)?;
        let (open, now): (Vec<_>, _) = (open.collect(), self.now());
        let kept = |seen| {
            let lines = open.iter().cloned().map(Line::kept).collect();
            Ok(Differences { seen, lines })
        };
        if seen != Seen::Now {
            return kept(seen);
        }
        let found = match self.look_for_drift(at).await {
            // It fell asleep in between.
            Err(ControlError::Refused(Refusal::EndpointAsleep(_))) => return kept(Seen::Asleep),
            found => found?,
        };
        let lines = found.into_iter().map(|found| Line::found(at, found, &open, now)).collect();
        Ok(Differences { seen, lines })
    }

    async fn look_for_drift(&self, at: &BranchRef) -> Result<Vec<Deviation>> {
        let starting = || ControlError::ComputeUnavailable("the server is starting".into());
        (self.inner.probes.get().ok_or_else(starting)?.drift)(at.clone()).await
    }

    /// Returns the drifts of a branch that have ended, the last first.
    pub fn ended_drifts(&self, at: &BranchRef) -> Result<Vec<Drift>> {
        let (_, view) = self.view_branch(at)?;
        let mut ended = view.state.drifts(&at.branch)?;
        ended.retain(|drift| drift.ended_at.is_some());
        ended.sort_by_key(|drift| std::cmp::Reverse(drift.ended_at));
        Ok(ended)
    }

    /// Carries out what somebody decided about a drift.
    pub async fn decide_drift(
        &self,
        asker: &Asker,
        at: &BranchRef,
        id: DriftId,
        verdict: Verdict,
    ) -> Result<Told<Decided>> {
        if let Some(done) = self.done_before(asker, &at.project)? {
            return decided(&done, at, id);
        }
        let (_, view) = self.view_branch(at)?;
        let branch = view.state.branch(&at.branch)?;
        if branch.is_some_and(|branch| branch.endpoint.is_none()) {
            return Err(Refusal::BranchWithoutEndpoint(at.branch.clone()).into());
        }
        let found = self.look_for_drift(at).await?.into_iter();
        let found = found.filter(|found| found.side != Side::Catalog).find(|it| it.item.id() == id);
        let found = found.ok_or(Refusal::Drift(DriftRefusal::Missing(id)))?;
        decided(&self.decide(asker, at, found, verdict).await?, at, id)
    }

    /// Takes over into the catalog what was found, as the branch's policy wants.
    pub async fn adopt_found(&self, at: &BranchRef, found: Deviation) -> Result<()> {
        self.decide(&Asker::offshoot(), at, found, Verdict::Adopt).await.map(drop)
    }

    async fn decide(
        &self,
        asker: &Asker,
        at: &BranchRef,
        found: Deviation,
        verdict: Verdict,
    ) -> Result<Done<Catalog>> {
        let (branch, seed) = (at.branch.clone(), self.seed());
        let deed = match verdict {
            Verdict::Adopt => Deed::AdoptDrift,
            Verdict::Revert => Deed::RevertDrift,
            Verdict::Ignore => Deed::IgnoreDrift,
        };
        let what = (asker.asks(deed, Topic::Branch(branch.clone())), None);
        let decide = move |state: &mut Catalog, moment| {
            drift::decide(state, moment, seed, &branch, (&found, verdict))
        };
        self.carry_out(asker, &at.project, what, decide).await
    }

    /// Keeps what a pass found, and returns what was new in it.
    pub async fn record_drift(&self, at: &BranchRef, found: Vec<Deviation>) -> Result<News> {
        let log = self.log_of(&at.project)?;
        let view: ProjectView = self.inner.store.view(log);
        let kept = view.state.drifts(&at.branch)?;
        if News::of(&at.branch, &kept, &found, self.now()).is_empty() {
            return Ok(News::default());
        }
        let branch = at.branch.clone();
        let cause = Caller::offshoot().asks(Deed::RecordDrift, Topic::Branch(branch.clone()));
        let record =
            move |state: &mut Catalog, moment| drift::record(state, moment, &branch, &found);
        Ok(self.write(Writer::Offshoot, log, cause, record).await?.0)
    }

    /// Returns what a branch does about drift.
    pub fn drift_policy(&self, at: &BranchRef) -> Result<DriftPolicy> {
        let (_, view) = self.view_branch(at)?;
        Ok(view.state.drift_policy(&at.branch)?)
    }

    /// Sets what a branch does about drift.
    pub async fn set_drift_policy(
        &self,
        caller: &Caller,
        at: &BranchRef,
        policy: DriftPolicy,
    ) -> Result<DriftPolicy> {
        let branch = at.branch.clone();
        let cause = caller.asks(Deed::SetDriftPolicy, Topic::Branch(branch.clone()));
        self.commit(cause, &at.project, move |state, _| {
            drift::set_policy(state, &branch, policy.clone())
        })
        .await
    }
}

impl Line {
    /// Returns what was found last.
    fn kept(drift: Drift) -> Self {
        Self { drift, side: Side::Postgres, is_adoptable: None, is_revertible: None }
    }

    /// Returns what was found now, since when it is known.
    fn found(at: &BranchRef, found: Deviation, open: &[Drift], now: Timestamp) -> Self {
        let known = open.iter().find(|it| it.item == found.item && it.print == found.print);
        let (side, is_adoptable) = (found.side, Some(found.adoption.is_some()));
        let is_revertible = Some(found.is_revertible);
        let drift = Drift {
            branch: at.branch.clone(),
            item: found.item,
            desired: found.desired,
            found: found.found,
            print: found.print,
            response: found.response,
            verdict: known.and_then(|known| known.verdict),
            since: known.map_or(now, |known| known.since),
            ended_at: None,
        };
        Self { drift, side, is_adoptable, is_revertible }
    }
}

/// Says whether the branch's Postgres can be looked at.
fn seen(view: &ProjectView, at: &BranchRef) -> Result<Seen> {
    let branch = view.state.branch(&at.branch)?;
    let endpoint = match branch.and_then(|branch| branch.endpoint) {
        None => None,
        Some(id) => view.state.endpoint(&id)?,
    };
    Ok(match endpoint.map(|endpoint| (endpoint.site, endpoint.state)) {
        None => Seen::Nowhere,
        Some((Site::Local { .. }, EndpointState::Init | EndpointState::Idle)) => Seen::Asleep,
        Some((Site::Local { .. }, EndpointState::Active) | (Site::Attached(_), _)) => Seen::Now,
    })
}

/// Returns the drift about which a request decided.
fn decided(done: &Done<Catalog>, at: &BranchRef, id: DriftId) -> Result<Told<Decided>> {
    let drift = done.view.state.drift(&at.branch, id)?.expect("a drift that the commit put");
    Ok(done.told((drift, done.operations()?)))
}
