//! What the sample's directory holds, and the settings of its project.

use std::fmt::Write as _;

use offshoot::model::branch::PasswordPolicy;
use offshoot::model::change::Change;
use offshoot::model::endpoint::TuningChange;
use offshoot::model::id::ProjectId;
use offshoot::model::key::{ApiKey, KeyHash, KeyId, LastUse, Scope};
use offshoot::model::permission::{Permission, PermissionId};
use offshoot::model::project::{MaintenanceWindow, Quota};
use offshoot::model::receipt::{Attempt, RequestPrint};
use offshoot::model::revision::Moment;
use offshoot::model::rules::projects::ProjectChange;
use offshoot::model::secret::Sealed;
use offshoot::store::StoreError;
use offshoot::store::directory::Directory;
use offshoot::store::receipts::Receipts;
use uuid::Uuid;

use super::webhooks;

fn project() -> ProjectId {
    "cool-sample-00000001".parse().expect("an id")
}

/// Puts one key of each scope, and a permission.
pub fn put(directory: &mut Directory, moment: Moment) -> Result<(), StoreError> {
    let used = LastUse { at: moment.at, address: Some([192, 0, 2, 7].into()) };
    let nowhere = LastUse { address: None, ..used };
    for (number, scope, last_use) in [
        (1, Scope::Account, None),
        (2, Scope::Organization, Some(used)),
        (3, Scope::Project(project()), Some(nowhere)),
    ] {
        directory.put_api_key(ApiKey {
            id: KeyId(number.into()),
            name: "a key".parse().expect("a name"),
            scope,
            hash: KeyHash([number; 32]),
            created_at: moment.at,
            last_use,
        })?;
    }
    let permission = Permission {
        id: PermissionId(Uuid::from_u128(7)),
        email: "casey@example.com".parse().expect("an address"),
        granted_at: moment.at,
        revoked_at: None,
    };
    directory.put_permission(&project(), permission)?;
    webhooks::put(directory, moment)?;
    put_receipts(directory, moment)
}

/// Puts the receipts of three requests, of which the second was carried out under its key before.
pub fn put_receipts(contents: &mut impl Receipts, moment: Moment) -> Result<(), StoreError> {
    for (key, secrets) in [("first", None), ("second", None), ("second", Some([5; 30]))] {
        let secrets = secrets.map(|bytes| Sealed(Box::new(bytes)));
        contents.put_receipt(&attempt(key), moment, secrets)?;
    }
    Ok(())
}

fn attempt(key: &str) -> Attempt {
    Attempt { key: key.parse().expect("a key"), print: RequestPrint([6; 32]) }
}

/// Returns a change of everything that can be set.
pub fn project_change() -> ProjectChange {
    ProjectChange {
        name: None,
        history_retention_seconds: Some(7),
        password_policy: Change::Set(PasswordPolicy::Inherit),
        quota: Some(Quota {
            active_time_seconds: Some(1),
            compute_time_seconds: Some(2),
            written_data_bytes: Some(3),
            data_transfer_bytes: Some(4),
            logical_size_bytes: None,
        }),
        maintenance: Some(MaintenanceWindow { weekdays: vec![6, 7], start: 120, end: 180 }),
        endpoint_defaults: TuningChange {
            min_cu_hundredths: Some(50),
            max_cu_hundredths: Some(100),
            suspend_timeout_seconds: Some(-1),
        },
    }
}

/// Says all that a directory holds.
pub fn tell(told: &mut String, directory: &Directory) -> Result<(), StoreError> {
    let (mark, projects) = (directory.vault_mark()?, directory.projects()?);
    writeln!(told, "{:?} {projects:?}", mark.expect("a mark")).expect("a text");
    for key in directory.api_keys()? {
        let found = directory.api_key_of(&key.hash)?.map(|key| key.id);
        writeln!(told, "{key:?} {:?} {found:?}", key.hash.0).expect("a text");
    }
    writeln!(told, "{:?}", directory.permissions(&project())?).expect("a text");
    webhooks::tell(told, directory)?;
    for key in ["first", "second"] {
        let receipt = directory.receipt(&attempt(key).key)?.expect("a receipt");
        let sealed = receipt.secrets.as_ref().map(|sealed| &sealed.0);
        writeln!(told, "{receipt:?} {sealed:?}").expect("a text");
    }
    Ok(())
}
