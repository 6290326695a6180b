//! Samples of merges and of differences.

use offshoot::model::database::Database;
use offshoot::model::merge::{Conflict, Contested, Taken, Thing, Versions, Why};
use offshoot::model::revision::Revision;
use offshoot::model::role::Role;
use offshoot::wire::neon;
use offshoot::wire::neon::diff::{
    DatabaseDifference, DatabasesDiffAnswer, DiffSide, RoleDifference, RolesDiffAnswer,
};
use offshoot::wire::neon::merge::{BranchMergeAnswer, MergeChange, MergeConflict};
use serde_json::Value;

use super::{
    branch_id, child, database, operation_shapes, pagination, project, role_record, value,
};

/// Returns a conflict of each kind.
pub fn conflicts() -> Vec<MergeConflict> {
    let versions = |thing| Versions { base: Some(thing), source: None, target: None };
    let of_role = Conflict {
        thing: Thing::Role(role_record().name),
        why: Why::BothChanged,
        attributes: vec!["expires_at"],
        versions: Contested::Role(Box::new(Versions {
            source: Some(role_record()),
            ..versions(role_record())
        })),
    };
    let shop = database();
    let of_database = Conflict {
        thing: Thing::Database(shop.name.clone()),
        why: Why::OwnerMissing(shop.owner.clone()),
        attributes: Vec::new(),
        versions: Contested::Database(Box::new(Versions {
            target: Some(shop.clone()),
            ..versions_of(shop)
        })),
    };
    [of_role, of_database].iter().map(MergeConflict::new).collect()
}

fn versions_of(database: Database) -> Versions<Database> {
    Versions { base: None, source: Some(database), target: None }
}

pub fn all() -> Vec<(&'static str, Value)> {
    let lasting = Role { expires_at: None, ..role_record() };
    let taken = [
        Taken::Role(None, Some(Box::new(role_record()))),
        Taken::Role(Some(Box::new(lasting.clone())), Some(Box::new(role_record()))),
        Taken::Database(Some(database()), None),
    ];
    let merged = BranchMergeAnswer {
        branch: neon::branches::Branch::new(&project(), child()),
        dry_run: true,
        applied: taken.iter().filter_map(MergeChange::new).collect(),
        conflicts: conflicts(),
        operations: operation_shapes(),
    };
    let side = |revision| DiffSide::new(&branch_id(), Revision(revision));
    let roles = RolesDiffAnswer {
        base: side(7),
        branch: side(9),
        differences: RoleDifference::new(Some(&lasting), Some(&role_record()))
            .into_iter()
            .collect(),
        pagination: Some(pagination()),
    };
    let databases = DatabasesDiffAnswer {
        base: side(7),
        branch: side(9),
        differences: DatabaseDifference::new(None, Some(&database())).into_iter().collect(),
        pagination: Some(pagination()),
    };
    vec![
        ("BranchMergeAnswer", value(merged)),
        ("RolesDiffAnswer", value(roles)),
        ("DatabasesDiffAnswer", value(databases)),
    ]
}
