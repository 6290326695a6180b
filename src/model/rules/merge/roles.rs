//! The roles of a merge.

use crate::model::branch::PasswordPolicy;
use crate::model::merge::{Choices, Conflict, Contested, Thing, Versions};
use crate::model::name::RoleName;
use crate::model::refusal::Refusal;
use crate::model::revision::Timestamp;
use crate::model::role::{Credential, Login, Role, Standing};
use crate::model::rules::merge::three_way::{Attributes, Content, Verdict, decide, later};
use crate::model::rules::merge::{Draft, Edit, MAX_COMPARED, Task};
use crate::model::rules::{refuse, roles};
use crate::model::secret::Verifier;
use crate::model::state::{Denied, Page, Read};

/// A role as far as merges compare it.
#[derive(Clone, PartialEq)]
struct Compared {
    password: Password,
    expires_at: Option<Timestamp>,
    is_deactivated: bool,
    protected: bool,
    standing: Option<Standing>,
    /// Whether the target has passwords of its own, about which nobody disagrees with it.
    is_own: bool,
}

/// How a role logs in, as far as merges compare it.
#[derive(Clone, PartialEq)]
enum Password {
    Never,
    Unset,
    Verified(Verifier),
}

impl Password {
    fn of(login: &Login) -> Self {
        match login {
            Login::Never => Self::Never,
            Login::Unset => Self::Unset,
            Login::Password(credential) => Self::Verified(credential.verifier.clone()),
        }
    }
}

impl Content for Compared {
    fn merge(merge: &mut Attributes, base: Option<&Self>, source: &Self, target: &Self) -> Self {
        let Self { password, expires_at, is_deactivated, protected, standing, is_own } = source;
        // The target's own password differs from the base's where somebody reset it.
        let is_kept = *is_own && base.is_none_or(|base| base.password != target.password);
        let password = if is_kept {
            target.password.clone()
        } else {
            merge.pick("password", base.map(|b| &b.password), password, &target.password)
        };
        let ends = base.map(|b| &b.expires_at);
        let activity = base.map(|b| &b.is_deactivated);
        let protections = base.map(|b| &b.protected);
        let standings = base.map(|b| &b.standing);
        let promoted_at =
            |standing: &Option<Standing>| standing.as_ref().map(|standing| standing.promoted_at);
        Self {
            password,
            expires_at: merge.pick("expires_at", ends, expires_at, &target.expires_at),
            is_deactivated: merge.pick(
                "deactivated",
                activity,
                is_deactivated,
                &target.is_deactivated,
            ),
            protected: merge.pick("protected", protections, protected, &target.protected),
            standing: later(standings, standing, &target.standing, promoted_at),
            is_own: *is_own,
        }
    }
}

/// Compares the roles that the source changed, and drafts what becomes of the target's.
pub(super) fn draft<S: Read>(
    state: &S,
    task: &Task<'_, S::Inventory>,
    choices: &Choices,
    draft: &mut Draft,
) -> Result<(), Denied<S::Error>> {
    let differences = state.compare_roles(&task.base, &task.now, Page::first(MAX_COMPARED))?;
    if differences.has_more {
        return refuse(Refusal::MergeTooLarge { max: MAX_COMPARED });
    }
    for (base, source) in differences.found {
        let name = [&base, &source].into_iter().flatten().next().map(|role| role.name.clone());
        let name = name.expect("one of the two has what differs");
        let target = state.role(&task.target.id, &name)?;
        decide_about(task, choices, draft, name, Versions { base, source, target });
    }
    Ok(())
}

fn decide_about<I>(
    task: &Task<'_, I>,
    choices: &Choices,
    draft: &mut Draft,
    name: RoleName,
    versions: Versions<Role>,
) {
    let of = |role: &Option<Role>| role.as_ref().map(|role| task.compared(role));
    let (base, source, target) = (of(&versions.base), of(&versions.source), of(&versions.target));
    draft.has_news |= base != source;
    let thing = Thing::Role(name.clone());
    let verdict = decide(base.as_ref(), source.as_ref(), target.as_ref(), choices.of(&thing));
    let after = match verdict {
        Verdict::Leave => return,
        Verdict::Contest { why, attributes } => {
            let versions = Contested::Role(Box::new(versions));
            draft.conflicts.push(Conflict { thing, why, attributes, versions });
            return;
        }
        Verdict::Remove => None,
        Verdict::Put(content) => Some(task.role(draft, &name, &content, &versions)),
    };
    draft.roles.insert(name, Edit { versions, after });
}

impl<I> Task<'_, I> {
    fn has_own_passwords(&self) -> bool {
        match self.policy {
            PasswordPolicy::Inherit => false,
            PasswordPolicy::Fresh | PasswordPolicy::None => true,
        }
    }

    fn compared(&self, role: &Role) -> Compared {
        Compared {
            password: Password::of(role.common_login()),
            expires_at: role.expires_at,
            is_deactivated: role.deactivated_at.is_some(),
            protected: role.protected,
            standing: role.standing.clone(),
            is_own: self.has_own_passwords(),
        }
    }

    /// Returns the role that the target gets. One that it has stays the same role.
    fn role(
        &self,
        draft: &mut Draft,
        name: &RoleName,
        content: &Compared,
        versions: &Versions<Role>,
    ) -> Role {
        let Compared { password, expires_at, is_deactivated, protected, standing, is_own: _ } =
            content;
        let Versions { source, target, base: _ } = versions;
        let origin = roles::origin(self.target, self.moment);
        let role = match target {
            None => roles::born(self.moment, origin, name.clone(), Login::Never),
            Some(role) => Role { origin, updated_at: self.moment.at, ..role.clone() },
        };
        let standing = standing.clone();
        let since = |role: &Option<Role>| role.as_ref().and_then(|role| role.deactivated_at);
        let since = since(target).or_else(|| since(source)).unwrap_or(self.moment.at);
        let deactivated_at = is_deactivated.then_some(since);
        let (expires_at, protected) = (*expires_at, *protected);
        let role = Role { protected, standing, expires_at, deactivated_at, ..role };
        let is_kept = target.as_ref().is_some_and(|t| Password::of(t.common_login()) == *password);
        let taken =
            source.as_ref().filter(|_| !is_kept).map(|source| source.common_login().clone());
        let Some(taken) = taken else { return role };
        if taken == Login::Never || !self.has_own_passwords() {
            return Role { login: taken, stands_for: None, ..role };
        }
        let login = if role.login == Login::Never { self.draw(draft, name) } else { role.login };
        Role { login, stands_for: Some(taken), ..role }
    }

    /// Returns the login of a role that the target takes without its password.
    fn draw(&self, draft: &mut Draft, name: &RoleName) -> Login {
        if self.policy == PasswordPolicy::None {
            return Login::Unset;
        }
        Login::Password(self.drawn.get(name).cloned().unwrap_or_else(|| {
            draft.undrawn.push(name.clone());
            // What stands for a password that is yet to be drawn. It is never stored.
            let (verifier, branch) = (Verifier::from_trusted(""), self.target.id.clone());
            Credential { verifier, sealed: None, branch }
        }))
    }
}
