//! Samples of webhooks and events.

use offshoot::model::alias::Alias;
use offshoot::model::cause::Caller;
use offshoot::model::drift::{Attribute, Item, Kind, Response};
use offshoot::model::event::{self, EventId, EventKind, Subject};
use offshoot::model::id::OperationId;
use offshoot::model::revision::{Moment, Revision, Timestamp};
use offshoot::model::rotation::RotationId;
use offshoot::model::secret::{Password, Sealed};
use offshoot::model::webhook::{
    Answer, Filter, Queue, Sending, SendingId, Trial, Webhook, WebhookId, WebhookSecret,
    WebhookState,
};
use offshoot::wire::render::{events as told, webhooks as wire};
use offshoot::wire::time::Time;
use serde_json::Value;
use uuid::Uuid;

use super::{child, project, value};

fn id() -> EventId {
    EventId { log: 7, revision: Revision(33), index: 2 }
}

fn webhook(state: WebhookState) -> wire::Webhook {
    let webhook = Webhook {
        id: WebhookId(7),
        born: Revision(3),
        name: "credentials".parse().expect("a name"),
        target: "https://receiver.example/offshoot".parse().expect("a target"),
        filter: Filter::of(EventKind::ALL.iter().copied()),
        secrets: vec![WebhookSecret { sealed: Sealed(Box::new([7])), until: None }],
        state,
        sendings: 0,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    };
    wire::Webhook::from(webhook).with_secret(&Password::new("whsec_Xq3v"))
}

fn sending(answer: Answer) -> wire::WebhookEvent {
    let sending = Sending {
        id: SendingId(Revision(8)),
        event: id(),
        kind: EventKind::CredentialsCreated,
        attempt: 1,
        at: Timestamp::UNIX_EPOCH,
        duration_ms: 12,
        answer,
    };
    sending.into()
}

fn event(kind: EventKind, subject: Subject) -> told::Event {
    let event = event::Event {
        id: id(),
        kind,
        moment: Moment { revision: Revision(33), at: Timestamp::UNIX_EPOCH },
        caller: Caller::offshoot(),
        project: project().id,
        branch: child().id,
        alias: Alias { log: 7, born: child().born },
        name: child().name,
        subject,
    };
    event.into()
}

pub(super) fn all() -> Vec<(&'static str, Value)> {
    let trial =
        Trial { event: id(), is_resend: false, failures: 3, next_at: Timestamp::UNIX_EPOCH };
    let trying = Queue { trial: Some(trial), ..Queue::new(Revision(3)) };
    let disabled = WebhookState::Disabled { at: Timestamp::UNIX_EPOCH, reason: "gone".into() };
    let shown = webhook(WebhookState::Enabled(trying));
    let refused = Answer { status: Some(500), body: "no".into(), error: Some("no".into()) };
    let name = || "app_2".parse().expect("a name");
    let rotation = Subject::Rotation { id: RotationId(Uuid::nil()), stage: "created", to: name() };
    let failed = Subject::Operation {
        id: OperationId(Uuid::nil()),
        action: "apply_config",
        error: Some("no".into()),
    };
    let item = Item { kind: Kind::Role, name: "app_2".into(), attribute: Attribute::Login };
    let drift = Subject::Drift { item, response: Response::Reported };
    let page = [wire::WebhookWithCursor { webhook: shown.clone(), cursor: "whk-".into() }];
    let sent =
        [wire::WebhookEventWithCursor { webhook_event: sending(refused), cursor: "whe-".into() }];
    let new = wire::WebhookRequest {
        owner_id: Some("org-offshoot".into()),
        url: "https://receiver.example/offshoot".into(),
        name: "credentials".into(),
        enabled: Some(true),
        event_filter: Some(vec!["role_created".into()]),
    };
    let change = wire::WebhookUpdateRequest {
        url: Some(new.url.clone()),
        name: Some(new.name.clone()),
        enabled: Some(false),
        event_filter: Some(Vec::new()),
    };
    vec![
        ("Webhook", value(shown)),
        ("Webhook", value(webhook(disabled))),
        ("WebhookPage", value(page)),
        ("WebhookEventPage", value(sent)),
        ("WebhookRequest", value(new)),
        ("WebhookUpdateRequest", value(change)),
        ("WebhookSecretRequest", value(wire::WebhookSecretRequest { overlap_seconds: Some(60) })),
        (
            "WebhookReplayRequest",
            value(wire::WebhookReplayRequest { since: Time(Timestamp::UNIX_EPOCH) }),
        ),
        ("Event", value(event(EventKind::BranchCreated, Subject::Branch))),
        (
            "Event",
            value(event(
                EventKind::CredentialsCreated,
                Subject::Role { name: name(), is_default: true },
            )),
        ),
        ("Event", value(event(EventKind::RotationAdvanced, rotation))),
        ("Event", value(event(EventKind::OperationFailed, failed))),
        ("Event", value(event(EventKind::DriftFound, drift))),
    ]
}
