//! Merges, said in plain words.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::join_all;
use offshoot::model::branch::PasswordPolicy;
use offshoot::model::cause::Deed;
use offshoot::model::database::DatabaseId;
use offshoot::model::id::BranchId;
use offshoot::model::merge::{Choices, Side, Thing};
use offshoot::model::name::RoleName;
use offshoot::model::refusal::Refusal;
use offshoot::model::revision::Moment;
use offshoot::model::role::{Credential, Login};
use offshoot::model::rules::Seed;
use offshoot::model::rules::branches::{self, BranchChange, Cutoff, NewBranch};
use offshoot::model::rules::databases::DatabaseChange;
use offshoot::model::rules::merge::{Asked, MAX_MERGES, merge};
use offshoot::model::rules::passwords::Passwords;
use offshoot::model::rules::restore::{Restoration, restore};
use offshoot::model::state::{Denied, Read};
use offshoot::store::catalog::Catalog;
use offshoot::store::{CommitError, Store, StoreError};

use crate::catalog::command::{Command, credential, database, id, role};
use crate::store::gate::Gate;
use crate::store::memory::Memory;
use crate::store::support::{LOG, OTHER_LOG, add, cause, store_over};

struct Plane {
    store: Store,
}

type Rule<T> = Result<T, Denied<StoreError>>;

impl Plane {
    async fn new() -> Self {
        let plane = Self { store: store_over(Arc::new(Memory::default())) };
        plane.run(Command::CreateProject).await;
        plane
    }

    async fn commit<T: Send + 'static>(
        &self,
        decide: impl FnMut(&mut Catalog, Moment) -> Rule<T> + Send + 'static,
    ) -> Result<(T, Moment), CommitError> {
        self.store.commit(LOG, cause(Deed::MergeBranch), decide).await
    }

    async fn run(&self, command: Command) -> Moment {
        let decide =
            move |state: &mut Catalog, moment: Moment| command.run(state, moment, Seed(1 << 20));
        self.commit(decide).await.expect("a commit").1
    }

    async fn branch(&self, parent: usize, child: usize) -> Moment {
        let name = format!("branch-{child}").parse().expect("a name");
        let new = NewBranch::new(id(child), name, id(parent), Cutoff::Head);
        self.run(Command::Branch { new, asked: None }).await
    }

    async fn create(&self, branch: usize, index: usize, password: u64) -> Moment {
        let login = Login::Password(credential(password));
        self.run(Command::CreateRole { branch: id(branch), name: role(index), login }).await
    }

    async fn reset(&self, branch: usize, index: usize, password: u64) -> Moment {
        let (branch, name, credential) = (id(branch), role(index), credential(password));
        self.run(Command::ResetPassword { branch, name, credential }).await
    }

    async fn drop_role(&self, branch: usize, index: usize) -> Moment {
        self.run(Command::DropRole { branch: id(branch), name: role(index) }).await
    }

    async fn create_database(&self, branch: usize, index: usize, owner: usize) -> Moment {
        let (name, owner) = (database(index), role(owner));
        self.run(Command::CreateDatabase { branch: id(branch), name, owner }).await
    }

    async fn rename(&self, branch: usize, index: usize, to: usize) -> Moment {
        let change = DatabaseChange { name: Some(database(to)), owner: None };
        let name = database(index);
        self.run(Command::UpdateDatabase { branch: id(branch), name, change }).await
    }

    /// Resets a branch to the newest state of another.
    async fn reset_to(&self, target: usize, source: usize) {
        self.restore(target, source, Cutoff::Head).await;
    }

    async fn restore(&self, target: usize, source: usize, cutoff: Cutoff) {
        self.restore_with(target, source, cutoff, Passwords::Inherited).await;
    }

    async fn restore_with(
        &self,
        target: usize,
        source: usize,
        cutoff: Cutoff,
        passwords: Passwords,
    ) {
        let asked = Restoration {
            target: id(target),
            source: id(source),
            cutoff,
            preserve: Some((id(99), "kept".parse().expect("a name"))),
            passwords,
        };
        self.commit(move |s, m| restore(s, m, Seed(1 << 21), &asked)).await.expect("a restore");
    }

    async fn merge(&self, source: usize, target: usize) -> Result<Moment, Refusal> {
        self.merge_with(source, target, Choices::default()).await
    }

    async fn merge_with(
        &self,
        source: usize,
        target: usize,
        choices: Choices,
    ) -> Result<Moment, Refusal> {
        let drawn = [(role(0), credential(90))].into();
        let asked = Asked { source: id(source), target: id(target), choices, drawn };
        match self.commit(move |s, m| merge(s, m, Seed(1 << 22), &asked)).await {
            Ok((Ok(_), moment)) => Ok(moment),
            Err(CommitError::Denied(Denied::Refused(refusal))) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    /// Returns why a merge is refused, a line for each conflict.
    async fn conflicts(&self, source: usize, target: usize) -> Vec<String> {
        match self.merge(source, target).await {
            Err(Refusal::MergeConflicts(conflicts)) => {
                conflicts.iter().map(|c| format!("{} {}", c.thing, c.why.as_str())).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn state(&self) -> Catalog {
        self.store.view(LOG).state
    }

    /// Returns the number of a role's password.
    fn password(&self, branch: usize, index: usize) -> Option<String> {
        let role = self.state().role(&id(branch), &role(index)).expect("a read")?;
        let verifier = role.login.credential()?.verifier.reveal().to_owned();
        verifier.split(['$', ':']).nth(3).map(ToOwned::to_owned)
    }

    fn databases(&self, branch: usize) -> Vec<(DatabaseId, String, RoleName)> {
        let found = self.state().databases(&id(branch)).expect("databases").into_iter();
        found.map(|d| (d.id, d.name.to_string(), d.owner)).collect()
    }

    fn branch_record(&self, branch: &BranchId) -> offshoot::model::branch::Branch {
        self.state().branch(branch).expect("a read").expect("a branch")
    }
}

#[tokio::test]
async fn a_merge_back_brings_what_the_other_side_decided() {
    let plane = Plane::new().await;
    plane.create(0, 0, 1).await;
    plane.branch(0, 1).await;
    plane.reset(1, 0, 2).await;
    plane.reset(0, 0, 3).await;
    assert_eq!(plane.conflicts(1, 0).await, ["role \"app\" both_changed"]);
    let named = [(Thing::Role(role(0)), Side::Target)].into();
    let choices = Choices { named, others: None };
    plane.merge_with(1, 0, choices).await.expect("a merge");
    assert_eq!((plane.password(0, 0), plane.password(1, 0)), (Some("3".into()), Some("2".into())));
    plane.merge(0, 1).await.expect("a merge back");
    assert_eq!(plane.password(1, 0), Some("3".into()));
}

#[tokio::test]
async fn changes_after_a_merge_are_compared_with_what_was_merged() {
    let plane = Plane::new().await;
    plane.create(0, 0, 1).await;
    plane.branch(0, 1).await;
    plane.reset(1, 0, 2).await;
    plane.merge(1, 0).await.expect("a merge");
    plane.reset(0, 0, 3).await;
    plane.create(1, 1, 4).await;
    plane.merge(1, 0).await.expect("a merge of what is new");
    assert_eq!((plane.password(0, 0), plane.password(0, 1)), (Some("3".into()), Some("4".into())));
    plane.reset(1, 0, 5).await;
    assert_eq!(plane.conflicts(1, 0).await, ["role \"app\" both_changed"]);
}

#[tokio::test]
async fn a_reset_in_between_begins_anew() {
    let plane = Plane::new().await;
    plane.create(0, 0, 1).await;
    plane.branch(0, 1).await;
    plane.reset(1, 0, 2).await;
    plane.merge(1, 0).await.expect("a merge");
    plane.reset(0, 0, 3).await;
    plane.reset_to(1, 0).await;
    assert_eq!(plane.branch_record(&id(1)).merges, []);
    plane.create(1, 1, 4).await;
    plane.merge(1, 0).await.expect("a merge of what came after the reset");
    assert_eq!((plane.password(0, 0), plane.password(0, 1)), (Some("3".into()), Some("4".into())));
}

#[tokio::test]
async fn what_a_restore_takes_back_is_not_taken_back_where_it_was_merged() {
    let plane = Plane::new().await;
    let Moment { revision, at } = plane.branch(0, 1).await;
    plane.create(1, 0, 1).await;
    plane.merge(1, 0).await.expect("a merge");
    plane.restore(1, 1, Cutoff::Past { revision, at, lsn: None }).await;
    assert_eq!(plane.password(1, 0), None);
    plane.merge(1, 0).await.expect("a merge of nothing");
    assert_eq!(plane.password(0, 0), Some("1".into()));
}

#[tokio::test]
async fn a_password_that_was_replaced_reaches_no_other_branch_after_going_back() {
    let plane = Plane::new().await;
    plane.create(0, 0, 1).await;
    let of_child = |number| Credential { branch: id(1), ..credential(number) };
    let roles = ["app", "neondb_owner"].map(|name| name.parse().expect("a name"));
    let drawn = Passwords::Fresh(roles.into_iter().map(|name| (name, of_child(90))).collect());
    let new = NewBranch {
        password_policy: Some(PasswordPolicy::Fresh),
        passwords: drawn.clone(),
        ..NewBranch::new(id(1), "branch-1".parse().expect("a name"), id(0), Cutoff::Head)
    };
    plane.run(Command::Branch { new, asked: None }).await;
    let reset = |number| {
        let (branch, name, credential) = (id(1), role(0), of_child(number));
        plane.run(Command::ResetPassword { branch, name, credential })
    };
    let Moment { revision, at } = reset(2).await;
    reset(3).await;
    plane.restore_with(1, 1, Cutoff::Past { revision, at, lsn: None }, drawn).await;
    assert_eq!(plane.password(1, 0), Some("3".into()));
    plane.merge(1, 0).await.expect("a merge");
    assert_eq!(plane.password(0, 0), Some("3".into()));
}

#[tokio::test]
async fn a_child_of_a_protected_branch_takes_no_password_from_another() {
    let plane = Plane::new().await;
    plane.branch(0, 1).await;
    plane.branch(0, 2).await;
    let protect = |s: &mut Catalog, m| {
        let change = BranchChange { protected: Some(true), ..BranchChange::default() };
        branches::update(s, m, &id(0), &change)
    };
    plane.commit(protect).await.expect("a protected branch");
    plane.create(1, 0, 1).await;
    plane.merge(1, 2).await.expect("a merge");
    assert_eq!(plane.password(2, 0), Some("90".into()));
    plane.merge(1, 0).await.expect("a merge");
    assert_eq!(plane.password(0, 0), Some("1".into()), "the protected branch takes what is meant");
}

#[tokio::test]
async fn a_role_that_was_made_again_is_a_role_with_another_password() {
    let plane = Plane::new().await;
    let born = plane.create(0, 0, 1).await;
    plane.branch(0, 1).await;
    plane.drop_role(1, 0).await;
    plane.create(1, 0, 2).await;
    let added = plane.create(1, 1, 3).await;
    let merged = plane.merge(1, 0).await.expect("a merge");
    let born_of =
        |index| plane.state().role(&id(0), &role(index)).expect("a read").expect("a role").born;
    assert_eq!(plane.password(0, 0), Some("2".into()));
    assert_eq!((born_of(0), born_of(1)), (born.revision, merged.revision));
    assert!(added.revision < merged.revision);
}

#[tokio::test]
async fn a_database_is_the_same_one_under_another_name() {
    let plane = Plane::new().await;
    plane.create(0, 0, 1).await;
    let made = DatabaseId(plane.create_database(0, 1, 0).await.revision.0);
    plane.branch(0, 1).await;
    plane.rename(1, 1, 4).await;
    plane.create_database(1, 1, 0).await;
    plane.merge(1, 0).await.expect("a merge");
    let names: Vec<_> = plane.databases(0).into_iter().map(|(id, name, _)| (id, name)).collect();
    assert_eq!(names.len(), 3);
    assert!(names.contains(&(made, "db".into())), "{names:?}");
    assert_eq!(plane.databases(0), plane.databases(1));
}

#[tokio::test]
async fn a_database_that_takes_the_name_of_a_dropped_one_is_still_itself() {
    let plane = Plane::new().await;
    plane.create(0, 0, 1).await;
    plane.create_database(0, 1, 0).await;
    let kept = DatabaseId(plane.create_database(0, 4, 0).await.revision.0);
    plane.branch(0, 1).await;
    plane.run(Command::DropDatabase { branch: id(1), name: database(1) }).await;
    plane.rename(1, 4, 1).await;
    plane.merge(1, 0).await.expect("a merge");
    assert_eq!(plane.databases(0), plane.databases(1));
    assert!(plane.databases(0).contains(&(kept, "app".into(), role(0))));
}

#[tokio::test]
async fn what_would_break_the_target_can_only_be_left_out() {
    let plane = Plane::new().await;
    plane.create(0, 0, 1).await;
    plane.create(0, 1, 1).await;
    plane.create_database(0, 1, 0).await;
    plane.branch(0, 1).await;
    // The child gives a database to a role that its parent drops, and drops one to whom its parent
    // gives another.
    plane.create_database(1, 4, 1).await;
    plane.drop_role(0, 1).await;
    plane.run(Command::DropDatabase { branch: id(1), name: database(1) }).await;
    plane.drop_role(1, 0).await;
    plane.create_database(0, 2, 0).await;
    let expected = ["role \"app\" owns_database", "database \"db\" owner_missing"];
    assert_eq!(plane.conflicts(1, 0).await, expected);
    let all = |side| Choices { others: Some(side), ..Choices::default() };
    let refused = plane.merge_with(1, 0, all(Side::Source)).await;
    assert!(matches!(refused, Err(Refusal::MergeConflicts(conflicts)) if conflicts.len() == 2));
    plane.merge_with(1, 0, all(Side::Target)).await.expect("a merge of the rest");
    let names: Vec<_> = plane.databases(0).into_iter().map(|(_, name, _)| name).collect();
    assert_eq!(names, ["ap", "neondb"]);
    assert_eq!(plane.password(0, 0), Some("1".into()));
}

#[tokio::test]
async fn a_branch_remembers_its_last_merges_and_no_more() {
    let plane = Plane::new().await;
    for child in 1..=MAX_MERGES + 2 {
        plane.branch(0, child).await;
    }
    for child in 1..=MAX_MERGES + 2 {
        plane
            .run(Command::CreateRoles {
                branch: id(child),
                names: vec![format!("of-{child}").parse().expect("a name")],
                credential: credential(child as u64),
            })
            .await;
        plane.merge(child, 0).await.expect("a merge");
    }
    let remembered: Vec<_> =
        plane.branch_record(&id(0)).merges.into_iter().map(|merge| merge.source).collect();
    assert_eq!(remembered, (3..=MAX_MERGES + 2).map(id).collect::<Vec<_>>());
    let head = plane.store.view::<Catalog>(LOG).moment;
    plane.merge(3, 0).await.expect("a merge without news");
    assert_eq!(plane.store.view::<Catalog>(LOG).moment, head);
}

/// In one group of commits, none of which is durable yet: the merge follows its source back to a
/// state that only the committer knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_finds_an_origin_that_is_not_durable_yet() {
    let gate = Gate::open();
    let plane = Plane { store: store_over(gate.clone()) };
    plane.run(Command::CreateProject).await;
    plane.branch(0, 1).await;
    gate.shut();
    let busy = tokio::spawn({
        let store = plane.store.clone();
        async move { add(&store, OTHER_LOG, 1).await }
    });
    gate.wait_for_appends(3);
    let together = async {
        let steps: [Pin<Box<dyn Future<Output = Moment>>>; 5] = [
            Box::pin(plane.create(1, 0, 1)),
            Box::pin(plane.branch(1, 2)),
            Box::pin(plane.create(2, 1, 2)),
            Box::pin(async {
                plane.reset_to(1, 0).await;
                plane.store.view::<Catalog>(LOG).moment
            }),
            Box::pin(async { plane.merge(2, 0).await.expect("a merge") }),
        ];
        join_all(steps).await
    };
    let (moments, ()) = tokio::join!(together, async { gate.reopen() });
    busy.await.expect("a task that ends").expect("a commit");
    assert_eq!(moments.len(), 5);
    assert_eq!((plane.password(0, 0), plane.password(0, 1)), (Some("1".into()), Some("2".into())));
}
