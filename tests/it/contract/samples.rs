//! Samples of every shape, which together show every field: answers made from the model, as the
//! server makes them, and requests as a client would.

mod account;
mod drift;
mod histories;
mod merges;
mod operations;
mod plans;
mod render;
mod requests;
mod rotations;
mod schemas;
mod webhooks;

use chrono::TimeDelta;
use offshoot::model::annotation::Annotation;
use offshoot::model::branch::{
    Beginning, Branch, BranchPoint, Expiry, Lineage, PasswordPolicy, Source,
};
use offshoot::model::circuit::Circuit;
use offshoot::model::database::{Database, DatabaseId};
use offshoot::model::endpoint::{
    Attachment, Endpoint, EndpointState, Power, Site, TlsMode, Tuning,
};
use offshoot::model::id::{BranchId, ProjectId};
use offshoot::model::lsn::Lsn;
use offshoot::model::origin::Origin;
use offshoot::model::project::{MaintenanceWindow, PgVersion, Project, ProjectSettings, Quota};
use offshoot::model::revision::{Moment, Revision, Timestamp};
use offshoot::model::role::{Login, Role};
use offshoot::model::secret::{Password, Sealed};
use offshoot::wire::health::Health;
use offshoot::wire::neon;
use offshoot::wire::neon::error::{ErrorBody, ErrorCode};
use offshoot::wire::secret::Secret;
use serde::Serialize;
use serde_json::{Map, Value};

use operations::operation_shapes;

/// Returns samples, each with the name of its schema.
pub fn all() -> Vec<(&'static str, Value)> {
    [
        projects(),
        branches(),
        roles(),
        databases(),
        endpoints(),
        others(),
        account::all(),
        drift::all(),
        histories::all(),
        merges::all(),
        plans::all(),
        render::all(),
        webhooks::all(),
        rotations::all(),
        requests::all(),
        schemas::all(),
    ]
    .concat()
}

fn value(shape: impl Serialize) -> Value {
    serde_json::to_value(shape).expect("JSON")
}

fn at() -> Timestamp {
    Timestamp::from_timestamp_micros(1_769_860_800_000_001).expect("a time")
}

fn project_id() -> ProjectId {
    "winter-smoke-11077351".parse().expect("an id")
}

fn branch_id() -> BranchId {
    "br-late-rice-a5cf06kb".parse().expect("an id")
}

fn settings() -> ProjectSettings {
    ProjectSettings {
        quota: Quota {
            active_time_seconds: Some(1),
            compute_time_seconds: Some(2),
            written_data_bytes: Some(3),
            data_transfer_bytes: Some(4),
            logical_size_bytes: Some(5),
        },
        maintenance: Some(MaintenanceWindow { weekdays: vec![7], start: 120, end: 180 }),
    }
}

fn project() -> Project {
    Project {
        id: project_id(),
        name: "shop".parse().expect("a name"),
        pg_version: PgVersion::DEFAULT,
        store_passwords: true,
        history_retention_seconds: Project::DEFAULT_RETENTION_SECONDS,
        password_policy: Some(PasswordPolicy::Fresh),
        settings: settings(),
        endpoint_defaults: Tuning::default(),
        default_branch: branch_id(),
        created_at: at(),
        updated_at: at(),
        deleted_at: None,
    }
}

fn root() -> Branch {
    let moment = Moment { revision: Revision(1), at: at() };
    let name = "main".parse().expect("a name");
    Branch::new(branch_id(), name, Lineage::Root, Beginning { moment, source: None })
}

fn child() -> Branch {
    let point = BranchPoint {
        parent: branch_id(),
        cutoff: Revision(7),
        at: at(),
        lsn: Some(Lsn(0x16B_3F00)),
    };
    let id = "br-cool-dawn-a5child1".parse().expect("an id");
    let began = Beginning {
        moment: Moment { revision: Revision(9), at: at() + TimeDelta::seconds(1) },
        source: Some(Source { branch: branch_id(), cutoff: Revision(7) }),
    };
    Branch {
        id,
        lineage: Lineage::Child(point),
        began,
        expiry: Some(Expiry { at: at(), ttl_seconds: 3600 }),
        password_policy: Some(PasswordPolicy::Fresh),
        annotation: Annotation::new([("ref".to_owned(), "dev".to_owned())].into()).expect("short"),
        ..root()
    }
}

fn endpoint(site: Site, state: EndpointState) -> Endpoint {
    Endpoint {
        id: "ep-royal-brook-a5kfgaqo".parse().expect("an id"),
        branch: branch_id(),
        site,
        desired: Power::Active,
        state,
        tuning: Tuning::default(),
        created_at: at(),
        updated_at: at(),
        started_at: Some(at()),
        suspended_at: Some(at()),
    }
}

fn endpoint_shapes() -> Vec<neon::endpoints::Endpoint> {
    let attachment = Attachment {
        host: "db.example.com".into(),
        port: 5432,
        database: "postgres".into(),
        user: "offshoot_admin".into(),
        password: Sealed(Box::new([1, 2, 3])),
        tls: TlsMode::VerifyFull,
    };
    let endpoints = vec![
        endpoint(Site::Local { port: 54_321 }, EndpointState::Init),
        endpoint(Site::Attached(attachment), EndpointState::Active),
    ];
    let circuit = Circuit::default().failed("no answer".into(), at());
    let circuit = Circuit { opened_at: Some(at()), ..circuit };
    let shown = neon::endpoints::Endpoint::list(&project_id(), endpoints).into_iter();
    shown.map(|endpoint| endpoint.with_circuit(Some(circuit.clone()))).collect()
}

fn role_record() -> Role {
    Role {
        name: "sally".parse().expect("a name"),
        login: Login::Never,
        stands_for: None,
        protected: false,
        born: Revision(7),
        standing: None,
        origin: Origin { branch: branch_id(), revision: Revision(7) },
        expires_at: Some(at()),
        deactivated_at: Some(at()),
        created_at: at(),
        updated_at: at(),
    }
}

fn role_shape() -> neon::roles::Role {
    neon::roles::Role::new(&branch_id(), role_record())
}

fn role_shape_with_password() -> neon::roles::Role {
    role_shape().with_password(Some(&Password::new("npg_Xq3v")))
}

fn database() -> Database {
    Database {
        id: DatabaseId(7),
        name: "shop".parse().expect("a name"),
        owner: "sally".parse().expect("a name"),
        origin: Origin { branch: branch_id(), revision: Revision(7) },
        created_at: at(),
        updated_at: at(),
    }
}

fn database_shape() -> neon::databases::Database {
    neon::databases::Database::new(&branch_id(), database())
}

fn connection_shape() -> neon::connection::ConnectionDetails {
    let secret = |text: &str| Secret::from(&Password::new(text));
    neon::connection::ConnectionDetails {
        connection_uri: secret("postgresql://sally:npg_Xq3v@127.0.0.1:54321/shop"),
        connection_parameters: neon::connection::ConnectionParameters {
            database: "shop".into(),
            password: secret("npg_Xq3v"),
            role: "sally".into(),
            host: "127.0.0.1:54321".into(),
            pooler_host: "127.0.0.1:54321".into(),
            hostname: "127.0.0.1".into(),
            port: 54_321,
        },
    }
}

fn pagination() -> neon::operations::Pagination {
    neon::operations::Pagination { cursor: "winter-smoke-11077351".into() }
}

fn projects() -> Vec<(&'static str, Value)> {
    let shown = neon::projects::Project::from(project());
    let page = neon::projects::ProjectsAnswer {
        projects: vec![project().into()],
        pagination: Some(pagination()),
        applications: Map::new(),
        integrations: Map::new(),
    };
    let created = neon::projects::CreatedProject {
        project: shown.clone(),
        connection_uris: vec![connection_shape()],
        roles: vec![role_shape_with_password()],
        databases: vec![database_shape()],
        operations: operation_shapes(),
        branch: neon::branches::Branch::new(&project(), root()),
        endpoints: endpoint_shapes(),
    };
    let changed =
        neon::projects::ProjectOperations { project: shown.clone(), operations: Vec::new() };
    vec![
        ("ProjectsAnswer", value(page)),
        ("CreatedProject", value(created)),
        ("ProjectOperations", value(changed)),
        ("ProjectAnswer", value(neon::projects::ProjectAnswer { project: shown })),
    ]
}

fn branches() -> Vec<(&'static str, Value)> {
    let shown = neon::branches::Branch::new(&project(), child());
    let page = neon::branches::BranchesAnswer {
        branches: vec![neon::branches::Branch::new(&project(), root()), shown.clone()],
        annotations: [(shown.id.clone(), neon::branches::Annotation::of(&child()))].into(),
        pagination: neon::branches::BranchesPagination {
            next: Some("eyJ".into()),
            sort_by: "updated_at".into(),
            sort_order: "DESC".into(),
        },
    };
    let annotation = neon::branches::Annotation::of(&child());
    let created = neon::branches::CreatedBranch {
        branch: shown.clone(),
        endpoints: endpoint_shapes(),
        operations: operation_shapes(),
        roles: vec![role_shape()],
        databases: vec![database_shape()],
        connection_uris: Some(vec![connection_shape()]),
        left_out: Some(histories::left_out()),
    };
    let changed =
        neon::branches::BranchOperations { branch: shown.clone(), operations: operation_shapes() };
    vec![
        ("BranchesAnswer", value(page)),
        ("BranchAnswer", value(neon::branches::BranchAnswer { branch: shown, annotation })),
        ("CreatedBranch", value(created)),
        ("BranchOperations", value(changed)),
    ]
}

fn roles() -> Vec<(&'static str, Value)> {
    let changed = neon::roles::RoleOperations {
        role: role_shape_with_password(),
        operations: operation_shapes(),
    };
    let password = Secret::from(&Password::new("npg_Xq3v"));
    let holding = |database| neon::roles::RoleHolding { database, owned: 3, granted: 1 };
    let deletion = neon::roles::Deletion {
        role_name: "sally".into(),
        blocked: true,
        databases: vec!["shop".into()],
        holdings: Some(vec![holding(None), holding(Some("shop".into()))]),
        open_sessions: Some(2),
    };
    let left_out = Some(histories::left_out());
    let roles = neon::roles::RolesAnswer { roles: vec![role_shape()], left_out };
    vec![
        ("RoleAnswer", value(neon::roles::RoleAnswer { role: role_shape() })),
        ("RolesAnswer", value(roles)),
        ("RoleOperations", value(changed)),
        ("PasswordAnswer", value(neon::roles::PasswordAnswer { password })),
        ("DeletionAnswer", value(neon::roles::DeletionAnswer { deletion })),
    ]
}

fn databases() -> Vec<(&'static str, Value)> {
    let database = database_shape();
    let changed = neon::databases::DatabaseOperations {
        database: database.clone(),
        operations: operation_shapes(),
    };
    let left_out = Some(histories::left_out());
    let databases =
        neon::databases::DatabasesAnswer { databases: vec![database.clone()], left_out };
    vec![
        ("DatabaseAnswer", value(neon::databases::DatabaseAnswer { database })),
        ("DatabasesAnswer", value(databases)),
        ("DatabaseOperations", value(changed)),
    ]
}

fn endpoints() -> Vec<(&'static str, Value)> {
    let mut samples = Vec::new();
    for endpoint in endpoint_shapes() {
        let changed = neon::endpoints::EndpointOperations {
            endpoint: endpoint.clone(),
            operations: operation_shapes(),
        };
        samples.push(("EndpointOperations", value(changed)));
        samples.push(("EndpointAnswer", value(neon::endpoints::EndpointAnswer { endpoint })));
    }
    let endpoints = endpoint_shapes();
    samples.push(("EndpointsAnswer", value(neon::endpoints::EndpointsAnswer { endpoints })));
    samples
}

fn others() -> Vec<(&'static str, Value)> {
    let operations = operation_shapes();
    let operation = operations[0].clone();
    let page = neon::operations::OperationsAnswer { operations, pagination: Some(pagination()) };
    let uri = connection_shape().connection_uri;
    let mut samples = vec![
        ("OperationsAnswer", value(page)),
        ("OperationAnswer", value(neon::operations::OperationAnswer { operation })),
        ("ConnectionUriAnswer", value(neon::connection::ConnectionUriAnswer { uri })),
        ("Health", value(Health { status: "ok".into() })),
        ("Health", value(Health { status: "ready".into() })),
    ];
    for code in ErrorCode::ALL {
        let request_id = "0190b6a1-9d0c-7b5e-8a53-0a4c7c5d2f11".to_owned();
        let code = code.as_str().to_owned();
        samples.push((
            "Error",
            value(ErrorBody {
                request_id,
                code,
                message: "no".into(),
                conflicts: merges::conflicts(),
            }),
        ));
    }
    samples
}
