//! Samples of what Render's clients are shown.

use offshoot::model::alias::Alias;
use offshoot::model::endpoint::{EndpointState, Power, Site};
use offshoot::model::instance::Instance;
use offshoot::model::role::{Login, Role};
use offshoot::model::secret::Password;
use offshoot::wire::neon::error::ErrorCode;
use offshoot::wire::render::credentials::{Nothing, PostgresUser, PostgresUserRequest};
use offshoot::wire::render::error::RenderError;
use offshoot::wire::render::postgres::{Postgres, PostgresConnectionInfo, PostgresWithCursor};
use offshoot::wire::secret::Secret;
use serde_json::Value;

use super::{child, endpoint, project, role_record, root, value};

fn instance(state: Option<(Power, EndpointState)>) -> Postgres {
    let (root, child) = (root(), child());
    let endpoint = state.map(|(desired, state)| {
        let endpoint = endpoint(Site::Local { port: 54_321 }, state);
        offshoot::model::endpoint::Endpoint { desired, ..endpoint }
    });
    let instance = Instance {
        alias: Alias { log: 7, born: child.born },
        parent: Some(Alias { log: 7, born: root.born }),
        project: project(),
        branch: child,
        endpoint,
        database: Some("shop".parse().expect("a name")),
        user: Some("sally".parse().expect("a name")),
    };
    instance.into()
}

pub(super) fn all() -> Vec<(&'static str, Value)> {
    let secret = |text: &str| Secret::from(&Password::new(text));
    let sally = PostgresUser::new(Role { login: Login::Unset, ..role_record() }, true, Some(2));
    let uri = secret("postgresql://sally:npg_Xq3v@127.0.0.1:54321/shop");
    let info = PostgresConnectionInfo {
        password: secret("npg_Xq3v"),
        internal_connection_string: uri.clone(),
        external_connection_string: uri,
        psql_command: secret("PGPASSWORD=npg_Xq3v psql -h 127.0.0.1 -p 54321 -U sally shop"),
    };
    let error = |code: &ErrorCode| RenderError {
        id: "0190b6a1-9d0c-7b5e-8a53-0a4c7c5d2f11".into(),
        message: "no".into(),
        code: code.as_str().into(),
    };
    let mut samples: Vec<_> = [
        None,
        Some((Power::Idle, EndpointState::Idle)),
        Some((Power::Active, EndpointState::Init)),
        Some((Power::Active, EndpointState::Active)),
    ]
    .into_iter()
    .map(|state| ("Postgres", value(instance(state))))
    .collect();
    let page = [PostgresWithCursor { postgres: instance(None), cursor: "dpg-".into() }];
    samples.extend([
        ("PostgresPage", value(page)),
        ("PostgresUsers", value([sally.clone()])),
        ("PostgresUser", value(sally.with_password(Some(&Password::new("npg_Xq3v"))))),
        ("PostgresUserRequest", value(PostgresUserRequest { username: Some("app_2".into()) })),
        ("PostgresConnectionInfo", value(info)),
        ("Nothing", value(Nothing {})),
    ]);
    samples.extend(ErrorCode::ALL.iter().map(|code| ("RenderError", value(error(code)))));
    samples
}
