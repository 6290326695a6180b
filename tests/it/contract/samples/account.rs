//! Samples of what is about who may use the API, and of what is always empty.

use offshoot::model::key::{ApiKey, KeyHash, KeyId, LastUse, Scope};
use offshoot::model::permission::{Permission, PermissionId};
use offshoot::model::secret::Password;
use offshoot::wire::neon::account::{
    AuthDetails, CurrentUser, Organization, OrganizationsAnswer, RegionsAnswer,
};
use offshoot::wire::neon::empty::{BucketsAnswer, CountAnswer, FunctionsAnswer};
use offshoot::wire::neon::keys::{CreatedKey, ListedKey, RevokedKey};
use offshoot::wire::neon::permissions::{self, PermissionsAnswer};
use offshoot::wire::time::Time;
use serde_json::Value;
use uuid::Uuid;

use super::{at, project_id, value};

fn key(scope: Scope, last_use: Option<LastUse>) -> ApiKey {
    ApiKey {
        id: KeyId(7),
        name: "ci".parse().expect("a name"),
        scope,
        hash: KeyHash([7; 32]),
        created_at: at(),
        last_use,
    }
}

pub(super) fn all() -> Vec<(&'static str, Value)> {
    let organization = Organization::since(Time(at()));
    let organizations = OrganizationsAnswer { organizations: vec![organization.clone()] };
    let used = key(
        Scope::Project(project_id()),
        Some(LastUse { at: at(), address: Some([192, 0, 2, 7].into()) }),
    );
    let keys = [key(Scope::Account, None), used.clone()];
    let permission = permissions::Permission::from(Permission {
        id: PermissionId(Uuid::from_u128(7)),
        email: "casey@example.com".parse().expect("an address"),
        granted_at: at(),
        revoked_at: Some(at()),
    });
    let project_permissions = vec![permission.clone()];
    vec![
        ("CurrentUser", value(CurrentUser::since(Time(at())))),
        ("Organization", value(organization)),
        ("OrganizationsAnswer", value(organizations)),
        ("AuthDetails", value(AuthDetails::of_person())),
        ("AuthDetails", value(AuthDetails::of_organization())),
        ("RegionsAnswer", value(RegionsAnswer::here())),
        ("ApiKeys", value(keys.map(ListedKey::from))),
        ("CreatedApiKey", value(CreatedKey::new(used.clone(), &Password::new("napi_x")))),
        ("RevokedApiKey", value(RevokedKey::from(used))),
        ("Permission", value(permission)),
        ("PermissionsAnswer", value(PermissionsAnswer { project_permissions })),
        ("CountAnswer", value(CountAnswer { count: 7 })),
        ("BucketsAnswer", value(BucketsAnswer::default())),
        ("FunctionsAnswer", value(FunctionsAnswer::default())),
    ]
}
