//! The sample's webhooks, one in each state.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use offshoot::model::event::{EventId, EventKind};
use offshoot::model::revision::{Moment, Revision};
use offshoot::model::secret::Sealed;
use offshoot::model::webhook::{
    Answer, Filter, Place, Queue, Sending, SendingId, Trial, Webhook, WebhookId, WebhookSecret,
    WebhookState,
};
use offshoot::store::StoreError;
use offshoot::store::directory::Directory;
use offshoot::store::engine::LogId;

use super::sample::LOG;

fn event(index: u16) -> EventId {
    EventId { log: LOG.0, revision: Revision(3), index }
}

fn webhook(number: u64, state: WebhookState, Moment { revision, at }: Moment) -> Webhook {
    let secret = |number, until| WebhookSecret { sealed: Sealed(Box::new([number; 30])), until };
    Webhook {
        id: WebhookId(number),
        born: revision,
        name: "a höök".parse().expect("a name"),
        target: "https://receiver.example/offshoot?a=b".parse().expect("a target"),
        filter: Filter::of([EventKind::CredentialsCreated, EventKind::OperationFailed]),
        secrets: vec![secret(1, None), secret(2, Some(at))],
        state,
        sendings: 2,
        created_at: at,
        updated_at: at,
    }
}

/// Puts a webhook that is trying, one that is not, and what they have sent.
pub fn put(directory: &mut Directory, moment: Moment) -> Result<(), StoreError> {
    let trial = Some(Trial { event: event(0), is_resend: false, failures: 2, next_at: moment.at });
    let queue = Queue { epoch: moment.revision, trial, resends: vec![event(1)] };
    let reason = "it was created so".to_owned();
    let disabled = WebhookState::Disabled { at: moment.at, reason };
    let enabled = webhook(7, WebhookState::Enabled(queue), moment);
    let id = enabled.id;
    directory.put_webhook(enabled)?;
    directory.put_webhook(webhook(8, disabled, moment))?;
    let places = [(LOG, Place { revision: Revision(3), index: 1 })];
    directory.set_places(id, &places)?;
    let refused = Answer { status: Some(500), body: "no".into(), error: Some("no".into()) };
    for (number, answer) in [(1, refused), (2, Answer::default())] {
        let sending = Sending {
            id: SendingId(Revision(number)),
            event: event(0),
            kind: EventKind::CredentialsCreated,
            attempt: 1,
            at: moment.at,
            duration_ms: 12,
            answer,
        };
        directory.put_sending(id, sending, 0)?;
    }
    Ok(())
}

/// Says all that a directory holds of webhooks.
pub fn tell(told: &mut String, directory: &Directory) -> Result<(), StoreError> {
    for webhook in directory.webhooks()? {
        let (id, target) = (webhook.id, webhook.target.reveal());
        writeln!(told, "{webhook:?} {target}").expect("a text");
        let sealed: Vec<_> = webhook.secrets.iter().map(|secret| &secret.sealed.0).collect();
        writeln!(told, "{sealed:?} {:?}", directory.place(id, LOG)?).expect("a text");
        writeln!(told, "{:?}", directory.place(id, LogId(9))?).expect("a text");
        directory.scan_sendings(id, None, |sending| {
            writeln!(told, "{sending:?}").expect("a text");
            ControlFlow::Continue(())
        })?;
    }
    Ok(())
}
