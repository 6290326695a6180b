//! Preview: what a rotation would do, before it is asked for.

use crate::model::branch::Branch;
use crate::model::name::RoleName;
use crate::model::planned::Statement;
use crate::model::session::Sessions;

/// What a rotation of a branch's default credential would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The credential that would go.
    pub from: RoleName,
    /// The one that would come.
    pub to: RoleName,
    /// Whether the one that would go is the original, which stays without a login.
    pub keeps_original: bool,
    /// What Postgres would be told, and what the one that would go has there; none where it sleeps
    /// or does not answer.
    pub effect: Option<Effect>,
    /// Who is connected as the one that would go; none where nobody can tell.
    pub sessions: Option<Vec<Sessions>>,
    /// The other branches on which its password is good, too.
    pub accepted_by: Vec<Branch>,
}

/// What is asked of a Postgres for a preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The credential that would go.
    pub from: RoleName,
    /// The one that would come.
    pub to: RoleName,
    /// The role for which that one would act; none where it would be the original.
    pub original: Option<RoleName>,
}

/// What a rotation would do to a Postgres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The statements, in their order, without the verifier and without Offshoot's own notes.
    pub statements: Vec<Statement>,
    /// What the credential that would go has, by database.
    pub holdings: Vec<Holding>,
}

/// What a role has in a database, or beside them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The database; none for what belongs to none.
    pub database: Option<String>,
    /// How many objects it owns.
    pub owned: u32,
    /// How many objects it was granted something on, or has another part in.
    pub granted: u32,
}
