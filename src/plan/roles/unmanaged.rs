//! Planning what becomes of roles that were made with SQL: nothing, unless somebody wants them adopted.

use crate::model::drift::{Adoption, Attribute, Kind};
use crate::model::name::{ROLE_GROUP, RoleName};
use crate::model::operation::Subject;
use crate::model::role::Login;
use crate::model::secret::Verifier;
use crate::plan::Draft;
use crate::plan::desired::DesiredRole;
use crate::plan::drift::{Differing, print_of_oid};
use crate::plan::observed::{ObservedPassword, ObservedRole, VerifierDigest};
use crate::plan::roles::untouchable;
use crate::plan::step::{Step, with};

/// Takes over a role that was made with SQL under the name of one of the catalog's, if somebody has
/// decided so.
pub(super) fn adopt(
    draft: &mut Draft<'_>,
    name: &RoleName,
    want: &DesiredRole,
    role: &ObservedRole,
) -> bool {
    let is_ours_to_take = untouchable(draft, name.as_str(), role).is_none();
    if is_ours_to_take && draft.is_adopting(Kind::Role, name.as_str(), print_of_oid(role.oid)) {
        draft.steps.push(Step::NoteRole {
            oid: role.oid,
            name: name.clone(),
            born: want.born,
            login: login_of(role).of(VerifierDigest::of),
            valid_until: role.valid_until,
            // Its login is what it was found with; whether it is to keep that, the next plan says.
            is_active: true,
            is_adopted: true,
        });
        return true;
    }
    let message = format!(
        "Postgres has a role `{name}` that Offshoot did not create, and does not touch; adopt it, \
         rename or drop it with SQL, or choose another name"
    );
    draft.problem(Subject::Role(name.clone()), message);
    false
}

/// Returns how a role that was made with SQL logs in, as a catalog has it. A password that is not known,
/// or that no catalog could have, is one that nobody has.
fn login_of(role: &ObservedRole) -> Login<Verifier> {
    match (&role.password, role.can_login) {
        (_, false) => Login::Never,
        (ObservedPassword::Verifier(verifier), true) => Login::Password(verifier.clone()),
        (ObservedPassword::Unknown | ObservedPassword::None | ObservedPassword::Other(_), true) => {
            Login::Unset
        }
    }
}

/// Tells which roles were made with SQL.
pub(super) fn report(draft: &mut Draft<'_>) {
    let observed = draft.observed;
    for (found_as, role) in &observed.roles {
        let is_known = observed.role_marks.contains_key(&role.oid)
            || untouchable(draft, found_as, role).is_some()
            || found_as == ROLE_GROUP;
        if is_known {
            continue;
        }
        let login = login_of(role);
        let name = found_as.parse().ok();
        let is_readable = role.password != ObservedPassword::Unknown || !role.can_login;
        let is_expiring = role.valid_until.is_some();
        let adoption = name.filter(|_| is_readable && !is_expiring);
        let (kind, attribute) = (Kind::Role, Attribute::Unmanaged);
        let made = format!("a role made with SQL, {}", with(&login));
        draft.differs(Differing {
            print: print_of_oid(role.oid),
            adoption: adoption.map(|name| Adoption::Role { name, login }),
            is_revertible: false,
            ..Differing::in_postgres(kind, found_as, attribute, "no such role", made)
        });
    }
}
