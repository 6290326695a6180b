//! Changes: what became of a thing, attribute by attribute, as histories tell it.
//!
//! # Invariants
//!
//! * No secret leaves this module: of a password it is told that it changed, and nothing else.
//! * A thing is taken apart completely, so that whoever adds something to it must decide whether
//!   histories tell it.

use std::fmt::Display;

use crate::model::annotation::Annotation;
use crate::model::branch::{Beginning, Branch, Lineage, Source};
use crate::model::database::Database;
use crate::model::endpoint::{Endpoint, LOCAL_HOST, Power, Site, Tuning};
use crate::model::id::BranchId;
use crate::model::project::{MaintenanceWindow, Project, ProjectSettings, Quota};
use crate::model::revision::Timestamp;
use crate::model::role::{Credential, Login, Role};
use crate::model::secret::Verifier;

/// What became of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeChange {
    /// Its name in the API.
    pub name: &'static str,
    /// What it was; none where it was not set, or is a secret.
    pub before: Option<Value>,
    /// What it became; none where it is not set, or is a secret.
    pub after: Option<Value>,
}

/// What an attribute is, where everybody may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// A time.
    Time(Timestamp),
}

/// What an attribute is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    Unset,
    Shown(Value),
    Secret(Verifier),
}

type Attributes = Vec<(&'static str, Held)>;

/// Returns what became of a role; none is one that was not there.
#[must_use]
pub fn of_role(before: Option<&Role>, after: Option<&Role>) -> Vec<AttributeChange> {
    compare(before.map(role), after.map(role))
}

/// Returns what became of a database; none is one that was not there.
#[must_use]
pub fn of_database(before: Option<&Database>, after: Option<&Database>) -> Vec<AttributeChange> {
    compare(before.map(database), after.map(database))
}

/// Returns what became of a branch; none is one that was not there. With each goes the branch that
/// was the project's default one.
#[must_use]
pub fn of_branch(
    before: Option<(&Branch, &BranchId)>,
    after: Option<(&Branch, &BranchId)>,
) -> Vec<AttributeChange> {
    compare(before.map(branch), after.map(branch))
}

/// Returns what became of an endpoint; none is one that was not there.
#[must_use]
pub fn of_endpoint(before: Option<&Endpoint>, after: Option<&Endpoint>) -> Vec<AttributeChange> {
    compare(before.map(endpoint), after.map(endpoint))
}

/// Returns what became of a project; none is one that was not there.
#[must_use]
pub fn of_project(before: Option<&Project>, after: Option<&Project>) -> Vec<AttributeChange> {
    compare(before.map(project), after.map(project))
}

fn role(role: &Role) -> Attributes {
    let Role {
        name,
        login,
        stands_for: _,
        protected,
        born: _,
        standing,
        origin: _,
        expires_at,
        deactivated_at,
        created_at: _,
        updated_at: _,
    } = role;
    let (method, password) = match login {
        Login::Never => ("no_login", Held::Unset),
        Login::Unset => ("password", Held::Unset),
        Login::Password(Credential { verifier, sealed: _, branch: _ }) => {
            ("password", Held::Secret(verifier.clone()))
        }
    };
    vec![
        ("name", text(name)),
        ("authentication_method", text(method)),
        ("password", password),
        ("protected", flag(*protected)),
        ("expires_at", time(*expires_at)),
        ("deactivated_at", time(*deactivated_at)),
        ("credential", flag(standing.is_some())),
        ("promoted_at", time(standing.as_ref().and_then(|standing| standing.promoted_at))),
        ("acts_for", maybe(standing.as_ref().and_then(|it| it.acts_for.as_ref()).map(text))),
    ]
}

fn database(database: &Database) -> Attributes {
    let Database { id: _, name, owner, origin: _, created_at: _, updated_at: _ } = database;
    vec![("name", text(name)), ("owner_name", text(owner))]
}

fn branch((branch, default): (&Branch, &BranchId)) -> Attributes {
    let Branch {
        id,
        name,
        born: _,
        lineage,
        began: Beginning { moment: _, source },
        endpoint: _,
        protected,
        expiry,
        password_policy,
        annotation,
        merges: _,
        created_at: _,
        updated_at: _,
    } = branch;
    let parent = match lineage {
        Lineage::Root => Held::Unset,
        Lineage::Child(point) => text(&point.parent),
    };
    let (source, revision) = match source {
        None => (Held::Unset, Held::Unset),
        Some(Source { branch, cutoff }) => (text(branch), number(cutoff.0)),
    };
    vec![
        ("name", text(name)),
        ("parent_id", parent),
        ("source_branch_id", source),
        ("source_revision", revision),
        ("protected", flag(*protected)),
        ("expires_at", time(expiry.map(|expiry| expiry.at))),
        ("password_policy", maybe(password_policy.map(|policy| text(policy.as_str())))),
        ("annotation", noted(annotation)),
        ("default", flag(id == default)),
    ]
}

fn endpoint(endpoint: &Endpoint) -> Attributes {
    let Endpoint {
        id: _,
        branch: _,
        site,
        desired,
        state: _,
        tuning,
        created_at: _,
        updated_at: _,
        started_at: _,
        suspended_at: _,
    } = endpoint;
    let (host, port) = match site {
        Site::Local { port } => (LOCAL_HOST, port),
        Site::Attached(attachment) => (attachment.host.as_str(), &attachment.port),
    };
    let desired = match desired {
        Power::Active => "active",
        Power::Idle => "idle",
    };
    let own = [("host", text(host)), ("port", number(*port)), ("desired_state", text(desired))];
    own.into_iter().chain(tuned(tuning)).collect()
}

fn tuned(tuning: &Tuning) -> [(&'static str, Held); 3] {
    let Tuning { min_cu_hundredths, max_cu_hundredths, suspend_timeout_seconds } = tuning;
    let units = |hundredths: &u32| text(f64::from(*hundredths) / 100.0);
    [
        ("autoscaling_limit_min_cu", units(min_cu_hundredths)),
        ("autoscaling_limit_max_cu", units(max_cu_hundredths)),
        ("suspend_timeout_seconds", number(*suspend_timeout_seconds)),
    ]
}

fn set(settings: &ProjectSettings) -> [(&'static str, Held); 2] {
    let ProjectSettings { quota, maintenance } = settings;
    let window = maintenance.as_ref().map(|MaintenanceWindow { weekdays, start, end }| {
        text(format_args!("days {weekdays:?}, minutes {start} to {end}"))
    });
    let is_limited = (*quota != Quota::default()).then(|| text(format_args!("{quota:?}")));
    [("quota", maybe(is_limited)), ("maintenance_window", maybe(window))]
}

fn project(project: &Project) -> Attributes {
    let Project {
        id: _,
        name,
        pg_version,
        store_passwords,
        history_retention_seconds,
        password_policy,
        settings,
        endpoint_defaults,
        default_branch,
        created_at: _,
        updated_at: _,
        deleted_at,
    } = project;
    let own = [
        ("name", text(name)),
        ("pg_version", number(pg_version.number())),
        ("store_passwords", flag(*store_passwords)),
        ("history_retention_seconds", number(*history_retention_seconds)),
        ("password_policy", maybe(password_policy.map(|policy| text(policy.as_str())))),
        ("default_branch_id", text(default_branch)),
        ("deleted_at", time(*deleted_at)),
    ];
    own.into_iter().chain(set(settings)).chain(tuned(endpoint_defaults)).collect()
}

fn text(text: impl Display) -> Held {
    Held::Shown(Value::Text(text.to_string()))
}

fn number(number: impl TryInto<i64>) -> Held {
    Held::Shown(Value::Number(number.try_into().unwrap_or(i64::MAX)))
}

fn flag(flag: bool) -> Held {
    Held::Shown(Value::Flag(flag))
}

fn time(at: Option<Timestamp>) -> Held {
    maybe(at.map(|at| Held::Shown(Value::Time(at))))
}

fn noted(annotation: &Annotation) -> Held {
    let texts: Vec<_> = annotation.texts().map(|(key, text)| format!("{key}: {text}")).collect();
    if texts.is_empty() { Held::Unset } else { text(texts.join("; ")) }
}

fn maybe(held: Option<Held>) -> Held {
    held.unwrap_or(Held::Unset)
}

/// Compares two things of one kind, which have the same attributes in the same order.
fn compare(before: Option<Attributes>, after: Option<Attributes>) -> Vec<AttributeChange> {
    let absent = |of: &Attributes| of.iter().map(|(name, _)| (*name, Held::Unset)).collect();
    let (before, after): (Attributes, Attributes) = match (before, after) {
        (None, None) => return Vec::new(),
        (None, Some(after)) => (absent(&after), without_no(after)),
        (Some(before), None) => {
            let after = absent(&before);
            (without_no(before), after)
        }
        (Some(before), Some(after)) => (before, after),
    };
    let pairs = before.into_iter().zip(after).filter(|(before, after)| before != after);
    pairs
        .map(|((name, before), (_, after))| AttributeChange {
            name,
            before: before.shown(),
            after: after.shown(),
        })
        .collect()
}

/// Leaves out what says no: a thing that comes or goes is told by what it has.
fn without_no(attributes: Attributes) -> Attributes {
    let told = |held| if held == flag(false) { Held::Unset } else { held };
    attributes.into_iter().map(|(name, held)| (name, told(held))).collect()
}

impl Held {
    fn shown(self) -> Option<Value> {
        match self {
            Self::Shown(value) => Some(value),
            Self::Unset | Self::Secret(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::origin::Origin;
    use crate::model::revision::Revision;

    fn sally(verifier: &str, expires_at: Option<Timestamp>) -> Role {
        let verifier = Verifier::from_trusted(verifier);
        Role {
            name: "sally".parse().expect("a name"),
            login: Login::Password(Credential {
                verifier,
                sealed: None,
                branch: "br-a".parse().expect("an id"),
            }),
            stands_for: None,
            protected: false,
            born: Revision(3),
            standing: None,
            origin: Origin { branch: "br-a".parse().expect("an id"), revision: Revision(3) },
            expires_at,
            deactivated_at: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn told(changes: &[AttributeChange]) -> String {
        let lines = changes.iter().map(|AttributeChange { name, before, after }| {
            format!("{name}: {before:?} -> {after:?}")
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn of_a_password_it_is_told_that_it_changed_and_nothing_else() {
        let changes = of_role(Some(&sally("secret-a", None)), Some(&sally("secret-b", None)));
        assert_eq!(told(&changes), "password: None -> None");
        let unchanged = sally("secret-a", None);
        assert_eq!(of_role(Some(&unchanged), Some(&unchanged)), []);
        assert!(!told(&of_role(None, Some(&unchanged))).contains("secret"));
    }

    #[test]
    fn what_comes_or_goes_is_told_by_what_it_has() {
        let sally = sally("secret", Some(Timestamp::UNIX_EPOCH));
        insta::assert_snapshot!(told(&of_role(None, Some(&sally))), @r#"
        name: None -> Some(Text("sally"))
        authentication_method: None -> Some(Text("password"))
        password: None -> None
        expires_at: None -> Some(Time(1970-01-01T00:00:00Z))
        "#);
        insta::assert_snapshot!(told(&of_role(Some(&sally), None)), @r#"
        name: Some(Text("sally")) -> None
        authentication_method: Some(Text("password")) -> None
        password: None -> None
        expires_at: Some(Time(1970-01-01T00:00:00Z)) -> None
        "#);
    }

    #[test]
    fn a_flag_that_is_taken_away_is_told() {
        let plain = sally("secret", None);
        let protected = Role { protected: true, ..plain.clone() };
        let changes = of_role(Some(&protected), Some(&plain));
        assert_eq!(told(&changes), "protected: Some(Flag(true)) -> Some(Flag(false))");
    }
}
