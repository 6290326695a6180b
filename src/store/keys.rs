//! The keys of records: what they are made of, and why.
//!
//! ```text
//! in a project's log
//!   S                                the project
//!   B branch                         a branch
//!   A revision (8 bytes)             the id of the branch that was born in that revision
//!   N name                           the id of the branch of that name
//!   E endpoint                       an endpoint
//!   O operation (16 bytes)           an operation; the ids sort by time
//!   P branch 0 operation             that the operation has not ended
//!   M branch 0 LSN (8 bytes)         what the branch's Postgres had at that LSN
//!   T branch 0 rotation (16 bytes)   a rotation; the ids sort by time
//!   F branch 0 item (8 bytes)        a drift; there is one of each item
//!   W branch                         that a rotation of the branch has not ended
//!   X time (8 bytes) branch          when something of the branch, or it itself, expires next
//! in a branch's catalog
//!   r name                           a role
//!   d name                           a database
//!   p                                what the branch does about drift
//!   e time (8 bytes) name            when the role of that name expires
//! in the directory
//!   J project                        a project's log
//!   K key (8 bytes)                  an API key
//!   H hash (32 bytes)                the id of the API key that has the hash
//!   G project 0 permission           a permission on a project
//!   V                                which vault key the secrets are sealed with
//!   Y webhook (8 bytes)              a webhook
//!   U webhook (8) log (8)            how far the webhook is in the log
//!   Z webhook (8) revision (8)       what became of sending an event to the webhook
//! in both
//!   R hash (32 bytes)                the receipt of the request whose client's key has the hash
//!   Q number (8 bytes)               the hash of the receipt with that number
//! ```
//!
//! Ids cannot contain a zero byte, so a part can never run into the next. Numbers are big-endian,
//! so that they sort.

use chrono::TimeDelta;

use crate::model::drift::DriftId;
use crate::model::id::{BranchId, EndpointId, OperationId, ProjectId};
use crate::model::key::{KeyHash, KeyId};
use crate::model::lsn::Lsn;
use crate::model::name::{BranchName, DatabaseName, RoleName};
use crate::model::permission::PermissionId;
use crate::model::revision::{Revision, Timestamp};
use crate::model::rotation::RotationId;
use crate::model::webhook::{SendingId, WebhookId};
use crate::store::engine::LogId;

/// The key of the project.
pub const PROJECT: &[u8] = b"S";
/// What the keys of branches begin with.
pub const BRANCHES: &[u8] = b"B";
/// What the keys of endpoints begin with.
pub const ENDPOINTS: &[u8] = b"E";
/// What the keys of operations begin with.
pub const OPERATIONS: &[u8] = b"O";
/// What the keys of unfinished operations begin with.
pub const UNFINISHED: &[u8] = b"P";
/// What the keys of roles begin with.
pub const ROLES: &[u8] = b"r";
/// What the keys of databases begin with.
pub const DATABASES: &[u8] = b"d";
/// The key of what a branch does about drift.
pub const DRIFT_POLICY: &[u8] = b"p";
/// What the keys of the directory's projects begin with.
pub const PROJECTS: &[u8] = b"J";
/// What the keys of branches begin with whose rotations have not ended.
pub const ROTATING: &[u8] = b"W";
/// What the keys of what expires next begin with.
pub const DUES: &[u8] = b"X";
/// What the keys of expiring roles begin with.
pub const EXPIRIES: &[u8] = b"e";
/// The key of the vault's mark.
pub const VAULT: &[u8] = b"V";

/// What the keys of webhooks begin with.
pub const WEBHOOKS: &[u8] = b"Y";

/// What the keys of receipts begin with.
pub const RECEIPTS: &[u8] = b"R";
/// What the keys of the numbers of receipts begin with.
pub const RECEIPT_NUMBERS: &[u8] = b"Q";

/// What the keys of API keys begin with.
pub const API_KEYS: &[u8] = b"K";

const END_OF_PART: &[u8] = &[0];

/// The key of a branch.
#[must_use]
pub fn branch(id: &BranchId) -> Vec<u8> {
    [BRANCHES, id.as_str().as_bytes()].concat()
}

/// The key of the branch that was born in a revision.
#[must_use]
pub fn birth(born: Revision) -> Vec<u8> {
    [b"A", &born.0.to_be_bytes()[..]].concat()
}

/// The key of a branch's name.
#[must_use]
pub fn branch_name(name: &BranchName) -> Vec<u8> {
    [b"N", name.as_str().as_bytes()].concat()
}

/// The key of an endpoint.
#[must_use]
pub fn endpoint(id: &EndpointId) -> Vec<u8> {
    [ENDPOINTS, id.as_str().as_bytes()].concat()
}

/// The key of an operation.
#[must_use]
pub fn operation(id: OperationId) -> Vec<u8> {
    [OPERATIONS, id.0.as_bytes()].concat()
}

/// The first and the last key that an operation of the commit at `at` can have.
#[must_use]
pub fn operations_at(at: Timestamp) -> (Vec<u8>, Vec<u8>) {
    let key = |index, seed| operation(OperationId::at(at, index, seed));
    (key(0, 0), key(u8::MAX, u64::MAX))
}

/// What the keys of a branch's unfinished operations begin with.
#[must_use]
pub fn unfinished_of(branch: &BranchId) -> Vec<u8> {
    [UNFINISHED, branch.as_str().as_bytes(), END_OF_PART].concat()
}

/// The key that says that an operation of a branch has not ended.
#[must_use]
pub fn unfinished(branch: &BranchId, id: OperationId) -> Vec<u8> {
    [&unfinished_of(branch)[..], id.0.as_bytes()].concat()
}

/// What the keys of a branch's marks begin with.
#[must_use]
pub fn marks_of(branch: &BranchId) -> Vec<u8> {
    [b"M", branch.as_str().as_bytes(), END_OF_PART].concat()
}

/// The key of a branch's mark.
#[must_use]
pub fn mark(branch: &BranchId, lsn: Lsn) -> Vec<u8> {
    [&marks_of(branch)[..], &lsn.0.to_be_bytes()].concat()
}

/// What the keys of a branch's rotations begin with.
#[must_use]
pub fn rotations_of(branch: &BranchId) -> Vec<u8> {
    [b"T", branch.as_str().as_bytes(), END_OF_PART].concat()
}

/// The key of a rotation.
#[must_use]
pub fn rotation(branch: &BranchId, RotationId(id): RotationId) -> Vec<u8> {
    [&rotations_of(branch)[..], id.as_bytes()].concat()
}

/// What the keys of a branch's drifts begin with.
#[must_use]
pub fn drifts_of(branch: &BranchId) -> Vec<u8> {
    [b"F", branch.as_str().as_bytes(), END_OF_PART].concat()
}

/// The key of a drift.
#[must_use]
pub fn drift(branch: &BranchId, DriftId(id): DriftId) -> Vec<u8> {
    [&drifts_of(branch)[..], &id.to_be_bytes()].concat()
}

/// The key that says that a rotation of a branch has not ended.
#[must_use]
pub fn rotating(branch: &BranchId) -> Vec<u8> {
    [ROTATING, branch.as_str().as_bytes()].concat()
}

/// The key of a role.
#[must_use]
pub fn role(name: &RoleName) -> Vec<u8> {
    [ROLES, name.as_str().as_bytes()].concat()
}

/// The key of a database.
#[must_use]
pub fn database(name: &DatabaseName) -> Vec<u8> {
    [DATABASES, name.as_str().as_bytes()].concat()
}

/// The key that says when something of a branch expires next.
#[must_use]
pub fn due(at: Timestamp, branch: &BranchId) -> Vec<u8> {
    [DUES, &time(at), branch.as_str().as_bytes()].concat()
}

/// The key that says when a role expires.
#[must_use]
pub fn expiry(at: Timestamp, name: &RoleName) -> Vec<u8> {
    [EXPIRIES, &time(at), name.as_str().as_bytes()].concat()
}

/// The first key after those of what expires by `until`, among the keys that begin with `prefix`.
#[must_use]
pub fn end_of_expiring(prefix: &[u8], until: Timestamp) -> Vec<u8> {
    [prefix, &time(until + TimeDelta::microseconds(1))].concat()
}

/// A time, so that earlier ones sort first, those before 1970 among them.
fn time(at: Timestamp) -> [u8; 8] {
    (at.timestamp_micros().cast_unsigned() ^ 1 << 63).to_be_bytes()
}

/// The key of the receipt of a request whose client's key has a hash.
#[must_use]
pub fn receipt(hash: &[u8; 32]) -> Vec<u8> {
    [RECEIPTS, hash].concat()
}

/// The key of a receipt's number.
#[must_use]
pub fn receipt_number(number: u64) -> Vec<u8> {
    [RECEIPT_NUMBERS, &number.to_be_bytes()].concat()
}

/// The key of a project in the directory.
#[must_use]
pub fn project(id: &ProjectId) -> Vec<u8> {
    [PROJECTS, id.as_str().as_bytes()].concat()
}

/// The key of an API key.
#[must_use]
pub fn api_key(KeyId(number): KeyId) -> Vec<u8> {
    [API_KEYS, &number.to_be_bytes()].concat()
}

/// The key of what has an API key's hash.
#[must_use]
pub fn api_key_hash(KeyHash(hash): &KeyHash) -> Vec<u8> {
    [b"H", &hash[..]].concat()
}

/// What the keys of a project's permissions begin with.
#[must_use]
pub fn permissions_of(project: &ProjectId) -> Vec<u8> {
    [b"G", project.as_str().as_bytes(), END_OF_PART].concat()
}

/// The key of a permission.
#[must_use]
pub fn permission(project: &ProjectId, id: PermissionId) -> Vec<u8> {
    [&permissions_of(project)[..], id.0.as_bytes()].concat()
}

/// The key of a webhook.
#[must_use]
pub fn webhook(WebhookId(id): WebhookId) -> Vec<u8> {
    [WEBHOOKS, &id.to_be_bytes()].concat()
}

/// What the keys of a webhook's places begin with.
#[must_use]
pub fn places_of(WebhookId(id): WebhookId) -> Vec<u8> {
    [b"U", &id.to_be_bytes()[..]].concat()
}

/// The key of the webhook whose place or sending has a key.
#[must_use]
pub fn webhook_of(key: &[u8]) -> Vec<u8> {
    let id = key.get(1..1 + size_of::<u64>()).unwrap_or_default();
    [WEBHOOKS, id].concat()
}

/// The key of a webhook's place in a log.
#[must_use]
pub fn place(webhook: WebhookId, LogId(log): LogId) -> Vec<u8> {
    [&places_of(webhook)[..], &log.to_be_bytes()].concat()
}

/// What the keys of a webhook's sendings begin with.
#[must_use]
pub fn sendings_of(WebhookId(id): WebhookId) -> Vec<u8> {
    [b"Z", &id.to_be_bytes()[..]].concat()
}

/// The key of a sending.
#[must_use]
pub fn sending(webhook: WebhookId, SendingId(revision): SendingId) -> Vec<u8> {
    [&sendings_of(webhook)[..], &revision.0.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Few values, so that draws often agree in one part and differ in the next; and numbers around
    // the places where a byte carries.

    fn branch_id() -> impl Strategy<Value = BranchId> {
        "br-[ab-]{1,2}".prop_map(|text| text.parse().expect("an id"))
    }

    fn lsn() -> impl Strategy<Value = Lsn> {
        prop_oneof![0..3u64, 254..258u64, any::<u64>()].prop_map(Lsn)
    }

    fn at() -> impl Strategy<Value = Timestamp> {
        (-2..3i64)
            .prop_map(|micros| Timestamp::from_timestamp_micros(micros * 100).expect("a time"))
    }

    proptest! {
        #[test]
        fn dues_sort_as_their_parts_do(a in (at(), branch_id()), b in (at(), branch_id())) {
            prop_assert_eq!(due(a.0, &a.1).cmp(&due(b.0, &b.1)), a.cmp(&b));
        }

        #[test]
        fn marks_sort_as_their_parts_do(a in (branch_id(), lsn()), b in (branch_id(), lsn())) {
            let keys = [mark(&a.0, a.1), mark(&b.0, b.1)];
            prop_assert_eq!(keys[0].cmp(&keys[1]), a.cmp(&b));
        }

        #[test]
        fn the_marks_of_a_branch_are_those_under_its_prefix(
            a in (branch_id(), lsn()),
            b in branch_id(),
        ) {
            prop_assert_eq!(mark(&a.0, a.1).starts_with(&marks_of(&b)), a.0 == b);
        }
    }
}
