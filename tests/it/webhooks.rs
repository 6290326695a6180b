//! Webhooks over a clock in the test's hand: what is sent, when, and what is remembered of it.

mod events;
mod https;
mod places;
mod receiver;
mod retries;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use offshoot::clock::{Clock, ManualClock};
use offshoot::control::webhooks::{SendingQuery, WebhookRequest};
use offshoot::control::{
    Asker, BranchRef, Caller, ControlPlane, Machine, Owned, ProjectRequest, RoleRequest, Settings,
};
use offshoot::deliver::Dispatcher;
use offshoot::deliver::sender::Sender;
use offshoot::entropy::SeededEntropy;
use offshoot::model::event::EventKind;
use offshoot::model::project::PgVersion;
use offshoot::model::secret::Password;
use offshoot::model::webhook::{Filter, Sending, Webhook, WebhookId, WebhookState};
use offshoot::ports::Ports;
use offshoot::reach::{Allowed, Reach, Resolve, SystemResolver};
use offshoot::room::{FileSystem, Room};
use offshoot::store::Store;
use offshoot::vault::{KEY_BYTES, Vault};

use crate::store::memory::Memory;
use crate::store::support::{CACHE_BYTES, clock};
pub use receiver::{Act, Received, Receiver};

/// How long these receivers may take. Those that answer at all do so at once.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// A server without a network of its own, one project, and a dispatcher that the test has look.
struct Plane {
    engine: Arc<Memory>,
    clock: Arc<ManualClock>,
    control: ControlPlane,
    dispatcher: Dispatcher,
    main: BranchRef,
}

fn local() -> Allowed {
    Allowed { http: true, networks: vec!["127.0.0.0/8".parse().expect("a network")] }
}

async fn open(
    engine: &Arc<Memory>,
    clock: &Arc<ManualClock>,
    reach: Reach,
) -> (ControlPlane, Dispatcher) {
    let store = Store::over(engine.clone(), CACHE_BYTES, clock.clone()).expect("a store");
    let machine = Machine {
        clock: clock.clone(),
        entropy: Arc::new(SeededEntropy::new(1)),
        vault: Vault::new(&[7; KEY_BYTES]),
        ports: Ports::new(42_000..=42_099),
        room: Arc::new(Room::new(Box::new(FileSystem(std::env::temp_dir())), 0)),
    };
    let installed = vec![PgVersion::DEFAULT];
    let settings = Settings { installed, reach: Arc::new(reach), ..Settings::default() };
    let control = ControlPlane::open(store, machine, settings).await.expect("use cases");
    let sender = Sender::new(control.reach(), ANSWER_TIME);
    let dispatcher = Dispatcher::new(control.clone(), clock.clone(), sender);
    (control, dispatcher)
}

impl Plane {
    async fn new() -> Self {
        Self::resolving(Box::new(SystemResolver)).await
    }

    /// Returns a plane with names of its own.
    async fn resolving(resolver: Box<dyn Resolve>) -> Self {
        let (engine, clock) = (Arc::new(Memory::default()), clock());
        let (control, dispatcher) = open(&engine, &clock, Reach::new(local(), resolver)).await;
        let created = control.create_project(&Asker::offshoot(), ProjectRequest::default()).await;
        let created = created.expect("a project").answer;
        let main = BranchRef { project: created.project.id, branch: created.branch.id };
        Self { engine, clock, control, dispatcher, main }
    }

    /// Goes on as after a crash: nothing is left but what is kept.
    async fn restarted(self) -> Self {
        let Self { engine, clock, control, dispatcher, main } = self;
        control.store().close().await;
        drop(dispatcher);
        let reach = Reach::new(local(), Box::new(SystemResolver));
        let (control, dispatcher) = open(&engine, &clock, reach).await;
        Self { engine, clock, control, dispatcher, main }
    }

    async fn webhook(&self, url: &str, kinds: &[EventKind]) -> (WebhookId, Password) {
        let request = WebhookRequest {
            name: "a hook".parse().expect("a name"),
            target: url.parse().expect("a target"),
            filter: Filter::of(kinds.iter().copied()),
            is_enabled: true,
        };
        let created = self.control.create_webhook(&Asker::offshoot(), request).await;
        let (webhook, secret) = created.expect("a webhook").answer;
        (webhook.id, secret)
    }

    /// Returns a webhook of a receiver that asks for nothing in particular.
    async fn hooked(&self, receiver: &Receiver) -> WebhookId {
        self.webhook(&receiver.url(), &[]).await.0
    }

    async fn create_role(&self, name: &str) {
        let name = name.parse().expect("a name");
        let request = RoleRequest { name, no_login: false, expires_at: None };
        let created = self.control.create_role(&Asker::offshoot(), &self.main, request).await;
        created.expect("a role");
    }

    async fn delete_role(&self, name: &str) {
        let name = name.parse().expect("a name");
        let caller = Caller::offshoot();
        let deleted = self.control.delete_role(&caller, &self.main, &name, Owned::Reassign);
        deleted.await.expect("a role");
    }

    fn wait(&self, time: TimeDelta) {
        self.clock.advance_micros(time.num_microseconds().expect("a short time"));
    }

    fn get(&self, id: WebhookId) -> Webhook {
        self.control.get_webhook(id).expect("a webhook")
    }

    /// Returns what became of what a webhook sent, oldest first.
    fn sendings(&self, id: WebhookId) -> Vec<Sending> {
        let query = SendingQuery { limit: 100, ..SendingQuery::default() };
        let mut found = self.control.list_sendings(id, query).expect("a webhook");
        found.reverse();
        found
    }

    /// Returns how each of them ended: the status, and what is said of it.
    fn ends(&self, id: WebhookId) -> Vec<(Option<u16>, Option<String>)> {
        let end = |sending: Sending| (sending.answer.status, sending.answer.error);
        self.sendings(id).into_iter().map(end).collect()
    }

    /// Moves the clock to when the webhook sends again, and returns after how many seconds that is.
    fn wait_for_retry(&self, id: WebhookId) -> i64 {
        let WebhookState::Enabled(queue) = self.get(id).state else { panic!("it is disabled") };
        let pause = queue.trial.expect("an event that was not taken").next_at - self.clock.now();
        self.wait(pause);
        pause.num_seconds()
    }
}
