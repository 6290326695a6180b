//! What is found in the Postgres of a branch, where there is none: the same in each.

use futures_util::future::ready;
use offshoot::control::{ControlError, Probe, Probes};
use offshoot::model::circuit::Circuit;
use offshoot::model::drift::{
    Adoption, Attribute, Deviation, Item, Kind, Response, Side, print_of,
};
use offshoot::model::role::Login;

/// Returns what somebody made, changed and changed, about which it can be decided: to adopt, to revert
/// and to ignore it.
pub fn found() -> [Deviation; 3] {
    let found = |name: &str, attribute, adoption| Deviation {
        item: Item { kind: Kind::Role, name: name.into(), attribute },
        side: Side::Postgres,
        desired: "what the catalog has".into(),
        found: "something else".into(),
        print: print_of(&["something else"]),
        response: Response::Reported,
        is_told: false,
        adoption,
        is_revertible: attribute != Attribute::Unmanaged,
    };
    let veteran = Adoption::Role { name: "veteran".parse().expect("a name"), login: Login::Never };
    [
        found("veteran", Attribute::Unmanaged, Some(veteran)),
        found("sally", Attribute::Login, None),
        found("sally", Attribute::ConnectionLimit, None),
    ]
}

/// Returns the paths of the decisions about what is found, below a branch: the operation and the path.
pub fn decisions(branch: &str) -> Vec<(&'static str, String)> {
    let words = [
        ("adoptProjectBranchDrift", "adopt"),
        ("revertProjectBranchDrift", "revert"),
        ("ignoreProjectBranchDrift", "ignore"),
    ];
    let path = |found: Deviation, word| format!("{branch}/drift/{}/{word}", found.item.id());
    found().into_iter().zip(words).map(|(it, (name, word))| (name, path(it, word))).collect()
}

/// Returns probes that find it, and nothing else.
pub fn probes() -> Probes {
    fn none<T: Send + 'static>() -> Probe<T> {
        Box::new(|_| Box::pin(ready(None)))
    }
    let nobody = || ControlError::ComputeUnavailable("there is none".into());
    Probes {
        lsn: none(),
        sessions: none(),
        effect: Box::new(|_, _| Box::pin(ready(None))),
        holdings: Box::new(|_, _| Box::pin(ready(None))),
        plan: Box::new(move |_| Box::pin(ready(Err(nobody())))),
        circuit: Box::new(|_| Circuit::default()),
        drift: Box::new(|_| Box::pin(ready(Ok(found().into())))),
    }
}
