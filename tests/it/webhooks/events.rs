//! What is told of what was done, whoever did it and over which face.

use chrono::TimeDelta;
use offshoot::control::rotations::RotationRequest;
use offshoot::control::{Asker, BranchRef, BranchRequest, Caller, MergeRequest, RestoreRequest};
use offshoot::model::annotation::Annotation;
use offshoot::model::drift::{
    Adoption, Attribute, Deviation, Item, Kind, Response, Side, print_of,
};
use offshoot::model::endpoint::EndpointState;
use offshoot::model::event::{EventKind, Subject};
use offshoot::model::key::Scope;
use offshoot::model::merge::Choices;
use offshoot::model::operation::Subject as Of;
use offshoot::model::point::Point;
use offshoot::model::progress::Trace;
use offshoot::model::revision::Timestamp;
use offshoot::model::role::Login;
use offshoot::model::rotation::Drain;
use offshoot::model::rules::branches::BranchChange;
use offshoot::model::rules::passes::{Outcome, Problem, Report};
use offshoot::model::rules::rotations::Seen;

use super::{Plane, Received, Receiver};

/// A plane whose webhook is told everything.
struct Watched {
    plane: Plane,
    receiver: Receiver,
    asker: Asker,
}

impl Watched {
    async fn new() -> Self {
        let plane = Plane::new().await;
        let receiver = Receiver::new().await;
        let all = EventKind::ALL.to_vec();
        plane.webhook(&receiver.url(), &all).await;
        Self { plane, receiver, asker: Asker::offshoot() }
    }

    /// Returns what was told since it was last asked, each with what the event's own page adds.
    async fn told(&mut self) -> Vec<String> {
        self.plane.wait(TimeDelta::seconds(1));
        self.plane.dispatcher.settle().await;
        self.receiver.take().iter().map(|received| self.line(received)).collect()
    }

    fn line(&self, received: &Received) -> String {
        let body = received.json();
        let id = body["data"]["id"].as_str().expect("an id").parse().expect("an id");
        let event = self.plane.control.get_event(&Scope::Account, id).expect("an event");
        assert_eq!(body["type"], event.kind.as_str());
        assert_eq!(body["data"]["serviceId"], event.alias.to_string());
        assert!(received.body.len() < 20_000);
        let subject = match event.subject {
            Subject::Branch => String::new(),
            Subject::Role { name, is_default: true } => format!(" {name}, the default"),
            Subject::Role { name, is_default: false } => format!(" {name}"),
            Subject::Rotation { stage, to, .. } => format!(" to {to}, {stage}"),
            Subject::Operation { action, error, .. } => {
                format!(" {action}{}", error.map(|error| format!(": {error}")).unwrap_or_default())
            }
            Subject::Drift { item, response } => {
                format!(" {} of {}, {}", item.attribute.as_str(), item.name, response.as_str())
            }
        };
        format!("{}{subject} of {}", event.kind.as_str(), event.name)
    }

    async fn child(&self, name: &str) -> BranchRef {
        let request = BranchRequest {
            name: Some(name.parse().expect("a name")),
            parent: None,
            point: Point::Head,
            protected: false,
            expires_at: None,
            password_policy: None,
            annotation: Annotation::default(),
            endpoint: None,
        };
        let project = &self.plane.main.project;
        let created = self.plane.control.create_branch(&self.asker, project, request).await;
        let branch = created.expect("a branch").answer.branch.id;
        BranchRef { project: project.clone(), branch }
    }

    async fn pass(&self, problems: Vec<Problem>) {
        let main = &self.plane.main;
        let assignment = self.plane.control.assignment(main).expect("a store").expect("a branch");
        let report = Report {
            branch: main.branch.clone(),
            endpoint: assignment.endpoint.map(|endpoint| endpoint.id),
            revision: assignment.revision,
            outcome: Outcome::Done {
                left: Some(EndpointState::Active),
                mark: None,
                problems,
                delayed: Vec::new(),
                next: Timestamp::UNIX_EPOCH,
            },
            trace: Trace::default(),
        };
        self.plane.control.record_pass(main, report).await.expect("a record");
    }
}

#[tokio::test]
async fn roles_are_told_of_over_whichever_face_they_come_and_go() {
    let mut watched = Watched::new().await;
    let Watched { plane, asker, .. } = &watched;
    let (control, main, caller) = (&plane.control, &plane.main, Caller::offshoot());
    plane.create_role("sally").await;
    control
        .create_credential(asker, main, Some("app_2".parse().expect("a name")))
        .await
        .expect("one");
    control.reset_role_password(asker, main, &"sally".parse().expect("a name")).await.expect("one");
    control
        .promote_credential(&caller, main, &"sally".parse().expect("a name"))
        .await
        .expect("one");
    control.delete_credential(&caller, main, &"app_2".parse().expect("a name")).await.expect("one");
    control
        .delete_credential(&caller, main, &"neondb_owner".parse().expect("a name"))
        .await
        .expect("one");
    plane.delete_role("sally").await;
    insta::assert_snapshot!(watched.told().await.join("\n"), @r"
    role_created sally of main
    postgres_credentials_created sally of main
    role_created app_2, the default of main
    postgres_credentials_created app_2, the default of main
    postgres_credentials_default_changed app_2, the default of main
    role_changed sally of main
    role_changed sally, the default of main
    postgres_credentials_default_changed sally, the default of main
    role_deleted app_2 of main
    postgres_credentials_deleted app_2 of main
    role_changed neondb_owner of main
    postgres_credentials_deleted neondb_owner of main
    role_deleted sally of main
    postgres_credentials_deleted sally of main
    ");
}

#[tokio::test]
async fn branches_are_told_of_and_what_comes_with_a_catalog_too() {
    let mut watched = Watched::new().await;
    let main = watched.plane.main.clone();
    let child = watched.child("child").await;
    let (control, asker) = (watched.plane.control.clone(), watched.asker.clone());
    let caller = Caller::offshoot();
    watched.plane.create_role("sally").await;
    assert_eq!(watched.told().await.len(), 3);
    let on_child = std::mem::replace(&mut watched.plane.main, child.clone());
    watched.plane.create_role("bob").await;
    watched.plane.main = on_child;
    let merge = MergeRequest { into: main.branch.clone(), choices: Choices::default() };
    control.merge_branch(&asker, &child, merge).await.expect("a merge");
    let restore = RestoreRequest {
        source: main.branch.clone(),
        point: Point::Head,
        preserve_under_name: Some("before".parse().expect("a name")),
    };
    control.restore_branch(&asker, &child, restore).await.expect("a restore");
    let change =
        BranchChange { name: Some("renamed".parse().expect("a name")), ..BranchChange::default() };
    control.update_branch(&caller, &child, change).await.expect("a change");
    control.delete_branch(&caller, &child).await.expect("an end");
    insta::assert_snapshot!(watched.told().await.join("\n"), @r"
    role_created bob of child
    postgres_credentials_created bob of child
    branch_merged of main
    role_created bob of main
    postgres_credentials_created bob of main
    branch_restored of child
    branch_created of before
    role_deleted bob of child
    postgres_credentials_deleted bob of child
    role_created bob of child
    postgres_credentials_created bob of child
    role_created sally of child
    postgres_credentials_created sally of child
    branch_changed of renamed
    branch_deleted of renamed
    ");
}

#[tokio::test]
async fn the_stages_of_a_rotation_are_told() {
    let mut watched = Watched::new().await;
    let (control, asker) = (watched.plane.control.clone(), watched.asker.clone());
    let main = watched.plane.main.clone();
    watched.pass(Vec::new()).await;
    let request = |name: &str| RotationRequest {
        username: Some(name.parse().expect("a name")),
        drain: Drain::Wait,
        grace_seconds: 3600,
        reason: None,
    };
    let begun = control.begin_rotation(&asker, &main, request("next")).await.expect("a rotation");
    let id = begun.answer.rotation.id;
    watched.told().await;
    for _ in 0..8 {
        watched.pass(Vec::new()).await;
        control.advance_rotation(&main, id, Seen::Nobody).await.expect("a look");
    }
    let mut told = watched.told().await;
    told.retain(|line| !line.starts_with("operation"));
    insta::assert_snapshot!(told.join("\n"), @r"
    postgres_credentials_rotation_advanced to next, created of main
    role_changed next, the default of main
    postgres_credentials_default_changed next, the default of main
    postgres_credentials_rotation_advanced to next, promoted of main
    postgres_credentials_rotation_advanced to next, draining of main
    role_changed neondb_owner of main
    postgres_credentials_deleted neondb_owner of main
    postgres_credentials_rotation_advanced to next, login_revoked of main
    postgres_credentials_rotation_completed to next, login_revoked of main
    ");
    let begun = control.begin_rotation(&asker, &main, request("other")).await.expect("a rotation");
    control.abort_rotation(&asker, &main, begun.answer.rotation.id).await.expect("an abort");
    insta::assert_snapshot!(watched.told().await.join("\n"), @r"
    role_created other of main
    postgres_credentials_created other of main
    postgres_credentials_rotation_started to other, planned of main
    role_deleted other of main
    postgres_credentials_deleted other of main
    postgres_credentials_rotation_aborted to other, aborted of main
    ");
}

#[tokio::test]
async fn the_end_of_an_operation_is_told() {
    let mut watched = Watched::new().await;
    watched.pass(Vec::new()).await;
    watched.told().await;
    watched.plane.create_role("sally").await;
    watched.plane.create_role("bob").await;
    watched.told().await;
    let sally = Of::Role("sally".parse().expect("a name"));
    watched.pass(vec![Problem::new(sally, "it is not ours".into())]).await;
    insta::assert_snapshot!(watched.told().await.join("\n"), @r"
    operation_failed apply_config: it is not ours of main
    operation_finished apply_config of main
    ");
}

#[tokio::test]
async fn what_somebody_changed_with_sql_is_told_when_it_is_found_decided_and_over() {
    let mut watched = Watched::new().await;
    let (control, main) = (watched.plane.control.clone(), watched.plane.main.clone());
    let of_sally =
        |found: &str, response| deviation(("sally", Attribute::Login), found, response, None);
    for found in [
        vec![of_sally("NOLOGIN", Response::Reported)],
        vec![of_sally("NOLOGIN", Response::Reported)],
        vec![of_sally("NOLOGIN", Response::Enforced)],
        Vec::new(),
        vec![of_sally("NOLOGIN", Response::Enforced)],
        vec![of_sally("something else", Response::Enforced)],
    ] {
        control.record_drift(&main, found).await.expect("a record");
    }
    let adoption = Adoption::Role { name: "by_hand".parse().expect("a name"), login: Login::Never };
    let by_hand = deviation(
        ("by_hand", Attribute::Unmanaged),
        "made with SQL",
        Response::Reported,
        Some(adoption),
    );
    control.adopt_found(&main, by_hand).await.expect("an adoption");
    insta::assert_snapshot!(watched.told().await.join("\n"), @r"
    drift_found login of sally, reported of main
    drift_decided login of sally, enforced of main
    drift_ended login of sally, enforced of main
    drift_found login of sally, enforced of main
    drift_found login of sally, enforced of main
    role_created by_hand of main
    drift_found unmanaged of by_hand, adopted of main
    ");
}

fn deviation(
    (name, attribute): (&str, Attribute),
    found: &str,
    response: Response,
    adoption: Option<Adoption>,
) -> Deviation {
    Deviation {
        item: Item { kind: Kind::Role, name: name.into(), attribute },
        side: Side::Postgres,
        desired: "something".into(),
        found: found.into(),
        print: print_of(&[found]),
        response,
        is_told: false,
        adoption,
        is_revertible: true,
    }
}
