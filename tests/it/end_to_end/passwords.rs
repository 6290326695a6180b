//! Whose passwords open what: a branch that does not share its parent's shares them never.

use std::collections::BTreeSet;

use offshoot::entropy::{Entropy, SeededEntropy, bits};
use serde_json::{Value, json};

use super::support::branch::{Branch, password};
use super::support::session::{login, refused, who};
use super::support::{OWNER, Server};

/// How much happens to each family.
const EVENTS: usize = 14;

/// The roles to which it happens.
const ROLES: &[&str] = &[OWNER, "a", "b"];

/// A parent, a child that has passwords of its own, and another protected branch with those of the
/// parent.
struct Family {
    parent: Branch,
    child: Branch,
    other: Branch,
    /// The role and the password of everything that the parent's side ever had.
    theirs: BTreeSet<(String, String)>,
    /// The same of the child.
    mine: BTreeSet<(String, String)>,
}

#[tokio::test]
async fn under_a_protected_parent_no_password_opens_both() {
    let server = Server::start();
    let parent = server.create_project().await.main;
    parent.add_role("a").await;
    parent.set(json!({ "protected": true })).await;
    let child = parent.branch_off(json!({ "name": "child" })).await;
    assert_eq!(child.shown().await["password_policy"], "fresh");
    Family::of(parent, child, "inherit").await.live(1).await;
}

#[tokio::test]
async fn under_a_projects_policy_no_password_opens_both() {
    let server = Server::start();
    let project = server.begin_project(json!({ "password_policy": "fresh" })).await;
    let parent = project.main;
    parent.add_role("a").await;
    let child = parent.branch_off(json!({ "name": "child" })).await;
    Family::of(parent, child, "fresh").await.live(2).await;
}

#[tokio::test]
async fn under_its_own_policy_no_password_opens_both() {
    let server = Server::start();
    let parent = server.create_project().await.main;
    parent.add_role("a").await;
    let child = parent.branch_off(json!({ "name": "child", "password_policy": "fresh" })).await;
    Family::of(parent, child, "inherit").await.live(3).await;
}

impl Family {
    async fn of(parent: Branch, child: Branch, others_policy: &str) -> Self {
        let birth = json!({ "name": "other", "protected": true, "password_policy": others_policy });
        let other = parent.branch_off(birth).await;
        let (theirs, mine) = (BTreeSet::new(), BTreeSet::new());
        let mut family = Self { parent, child, other, theirs, mine };
        family.look().await;
        family
    }

    /// Lets a history happen that the seed decides, and then tries every password on every branch.
    async fn live(mut self, seed: u64) {
        let dice = SeededEntropy::new(seed);
        for number in 0..EVENTS {
            self.happens(number, &dice).await;
            self.look().await;
        }
        let last = self.child.restore(json!({ "source_branch_id": self.parent.id })).await;
        assert_eq!(last["branch"]["password_policy"], "fresh");
        self.look().await;
        for branch in [&self.parent, &self.other] {
            let answer = branch.create_role("last").await;
            branch.finish(&answer).await;
        }
        for (role, password) in &self.mine {
            refused(self.parent.login_with(role, password).await);
            refused(self.other.login_with(role, password).await);
        }
        for (role, password) in &self.theirs {
            refused(self.child.login_with(role, password).await);
        }
        for branch in [&self.parent, &self.child, &self.other] {
            for (role, password) in passwords(branch).await {
                let session = branch.login_with(&role, &password).await.expect("its own");
                assert_eq!(who(&session).await, role);
            }
        }
    }

    async fn happens(&self, number: usize, dice: &SeededEntropy) {
        let draw = |count: usize| draw(dice, count);
        let side = if draw(2) == 0 { &self.parent } else { &self.child };
        let role = ROLES[draw(ROLES.len())];
        match number % 7 {
            0 | 3 => drop(side.api.post_nothing(&side.role_path(role, "/reset_password")).await),
            1 => drop(
                side.api.post(&side.path("/roles"), &json!({ "role": { "name": role } })).await,
            ),
            2 => self.restore(dice, json!({ "source_branch_id": self.parent.id })).await,
            4 => self.restore(dice, json!({ "source_branch_id": self.other.id })).await,
            // The owner of the database is refused, and stays.
            5 => drop(side.api.delete(&side.role_path(role, "")).await),
            _ => {
                let at = self.child.shown().await["created_at"].clone();
                let wish = json!({ "source_branch_id": self.child.id, "source_timestamp": at });
                self.restore(dice, wish).await;
            }
        }
    }

    /// Restores the child, which keeps what it was before.
    async fn restore(&self, dice: &SeededEntropy, mut wish: Value) {
        wish["preserve_under_name"] = json!(format!("kept-{}", bits(dice)));
        self.child.api.post(&self.child.path("/restore"), &wish).await.expect(200);
    }

    /// Notes the passwords that there are now.
    async fn look(&mut self) {
        self.theirs.extend(passwords(&self.parent).await);
        self.theirs.extend(passwords(&self.other).await);
        self.mine.extend(passwords(&self.child).await);
    }
}

fn draw(dice: &dyn Entropy, count: usize) -> usize {
    usize::try_from(bits(dice) % 1000).expect("a small number") % count
}

async fn passwords(branch: &Branch) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in branch.role_names().await.into_iter().filter(|name| name != "web_access") {
        let password = branch.reveal_password(&name).await;
        found.push((name, password));
    }
    found
}

#[tokio::test]
async fn without_passwords_nobody_logs_in_until_one_is_given() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let of_main = password(&main.add_role("a").await);
    let birth = json!({ "name": "child", "password_policy": "none" });
    let (child, born) = main.begin_child(birth).await;
    child.finish(&born).await;
    assert!(!born.to_string().contains("npg_"), "{born}");
    for password in [&*of_main, "", "a"] {
        refused(child.login_with("a", password).await);
    }
    let reveal = child.role_path("a", "/reveal_password");
    let message = child.api.get(&reveal).await.refused(412, "ROLE_HAS_NO_PASSWORD");
    assert!(message.contains("reset it"), "{message}");
    let mine = child.reset_password("a").await;
    assert_eq!(who(&child.login_with("a", &mine).await.expect("a session")).await, "a");
    assert!(!child.connection_uri(OWNER).await.contains("npg_"));

    child.restore(json!({ "source_branch_id": main.id })).await;
    assert_eq!(who(&child.login_with("a", &mine).await.expect("a session")).await, "a");
    refused(child.login_with("a", &of_main).await);
    refused(child.login_with(OWNER, &main.reveal_password(OWNER).await).await);
}

#[tokio::test]
async fn the_answer_to_a_branchs_creation_shows_its_new_passwords_once() {
    let server = Server::start();
    for is_stored in [true, false] {
        let project = server.begin_project(json!({ "store_passwords": is_stored })).await;
        let main = project.main;
        let birth = json!({ "name": "child", "password_policy": "fresh" });
        let (child, born) = main.begin_child(birth).await;
        child.finish(&born).await;
        let roles = born["roles"].as_array().expect("a list");
        let owner = roles.iter().find(|role| role["name"] == OWNER).expect("the owner");
        let shown = owner["password"].as_str().expect("a password");
        let system = roles.iter().find(|role| role["name"] == "web_access").expect("a role");
        assert_eq!(system.get("password"), None);
        assert!(!project.created.to_string().contains(shown), "it is new");
        let uri = born["connection_uris"][0]["connection_uri"].as_str().expect("a URI");
        assert_eq!(who(&login(uri).await.expect("a session")).await, OWNER);
        assert_eq!(who(&child.login_with(OWNER, shown).await.expect("a session")).await, OWNER);

        let reveal = child.role_path(OWNER, "/reveal_password");
        if is_stored {
            assert_eq!(child.reveal_password(OWNER).await, shown);
        } else {
            child.api.get(&reveal).await.refused(412, "PASSWORDS_NOT_STORED");
        }
        let restored = child.restore(json!({ "source_branch_id": main.id })).await;
        for later in [
            restored,
            child.shown().await,
            child.api.get(&child.path("/roles")).await.expect(200),
            child.api.get(&child.role_path(OWNER, "")).await.expect(200),
        ] {
            assert!(!later.to_string().contains("npg_"), "{later}");
        }
    }
}
