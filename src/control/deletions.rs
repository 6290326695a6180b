//! What dropping a role would meet, found by asking its branch's Postgres.

use crate::control::{BranchRef, ControlError, ControlPlane, Result};
use crate::model::name::{DatabaseName, RoleName};
use crate::model::preview::Holding;
use crate::model::refusal::Refusal;
use crate::model::role::Role;
use crate::model::session::{Sessions, count_of};
use crate::model::state::Read;

/// What dropping a role would meet.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// The role.
    pub role: Role,
    /// The databases of the catalog that it owns. While there is one, it is not dropped.
    pub databases: Vec<DatabaseName>,
    /// What it owns and was granted, by database; none where nobody can tell.
    pub holdings: Option<Vec<Holding>>,
    /// How many sessions it has open, which would end; none where nobody can tell.
    pub open_sessions: Option<u32>,
}

impl ControlPlane {
    /// Returns what dropping a role would meet now.
    pub async fn preview_deletion(&self, at: &BranchRef, name: &RoleName) -> Result<Deletion> {
        let (_, view) = self.view_branch(at)?;
        let role = view.state.role(&at.branch, name)?;
        let role = role.ok_or_else(|| Refusal::RoleMissing(name.clone()))?;
        let databases = view.state.databases(&at.branch)?.into_iter();
        let databases = databases.filter(|database| database.owner == *name);
        let sessions: Option<Vec<Sessions>> = self.sessions(at).await;
        Ok(Deletion {
            databases: databases.map(|database| database.name).collect(),
            holdings: self.holdings(at, name).await?,
            open_sessions: sessions.map(|sessions| count_of(&sessions, name)),
            role,
        })
    }

    /// Refuses to go on where a role owns anything in its branch's Postgres.
    pub(super) async fn check_owns_nothing(&self, at: &BranchRef, name: &RoleName) -> Result<()> {
        let Deletion { role, holdings, .. } = self.preview_deletion(at, name).await?;
        let Some(holdings) = holdings else {
            let why = "nobody can tell whether the role owns anything; start the endpoint, or say \
                 what becomes of what it owns (on_owned=reassign or drop_owned)";
            return Err(ControlError::ComputeUnavailable(why.into()));
        };
        let owned: Vec<_> = holdings.iter().filter(|holding| 0 < holding.owned).collect();
        if owned.is_empty() {
            return Ok(());
        }
        let what = owned.iter().map(|holding| told(holding)).collect::<Vec<_>>().join(", ");
        Err(Refusal::RoleOwnsObjects { role: role.name, what }.into())
    }

    /// Returns what a role owns and was granted; none where the branch's Postgres sleeps or does not
    /// answer, and nothing where the branch has none.
    async fn holdings(&self, at: &BranchRef, name: &RoleName) -> Result<Option<Vec<Holding>>> {
        if self.find_endpoint(at)?.is_none() {
            return Ok(Some(Vec::new()));
        }
        let Some(probes) = self.inner.probes.get() else { return Ok(None) };
        Ok((probes.holdings)(at.clone(), name.clone()).await)
    }
}

fn told(Holding { database, owned, granted: _ }: &Holding) -> String {
    let objects = if *owned == 1 { "1 object".into() } else { format!("{owned} objects") };
    match database {
        Some(database) => format!("{objects} in database \"{database}\""),
        None => format!("{objects} that belong to no database"),
    }
}
