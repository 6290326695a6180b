//! Events: what receivers read of the ones that they were told.

use axum::extract::State;

use crate::api::answer::{Answer, Found};
use crate::api::extract::InEvent;
use crate::api::keys::Opened;
use crate::control::{Caller, ControlPlane};
use crate::wire::render::events::Event;

/// Shows an event.
pub(super) async fn retrieve_event(
    State(control): State<ControlPlane>,
    _: Caller,
    Opened(scope): Opened,
    InEvent(id): InEvent,
) -> Answer<Event> {
    Ok(Found(control.get_event(&scope, id)?.into()))
}
