//! The TCP ports of local computes: which are taken, and which is next.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::Mutex;

/// Hands out ports, each to one endpoint.
#[derive(Debug)]
pub struct Ports {
    range: RangeInclusive<u16>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    ports: BTreeSet<u16>,
    /// The port that was drawn last. The next one is looked for behind it, so that a port that was
    /// given back is not drawn while its Postgres may still be about to stop.
    last: Option<u16>,
}

impl Ports {
    /// Returns the ports of `range`.
    #[must_use]
    pub fn new(range: RangeInclusive<u16>) -> Self {
        Self { range, taken: Mutex::default() }
    }

    /// Notes that an endpoint has the port.
    pub fn take(&self, port: u16) {
        self.taken.lock().expect("a lock that no panic poisons").ports.insert(port);
    }

    /// Returns the next port that no endpoint has and nobody on this machine listens on; none
    /// where there is none left.
    #[must_use]
    pub fn draw(&self) -> Option<u16> {
        let mut taken = self.taken.lock().expect("a lock that no panic poisons");
        let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
        let (first, end) = (*self.range.start(), *self.range.end());
        let after = taken.last.map_or(first, |last| last.saturating_add(1));
        let mut candidates = (after..=end).chain(first..=end);
        let port = candidates.find(|port| !taken.ports.contains(port) && is_free(port))?;
        taken.ports.insert(port);
        taken.last = Some(port);
        Some(port)
    }

    /// Notes that no endpoint has the port any more.
    pub fn give_back(&self, port: u16) {
        self.taken.lock().expect("a lock that no panic poisons").ports.remove(&port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_or_listened_on_is_not_drawn() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let ports = Ports::new(port..=port);
        assert_eq!(ports.draw(), None, "somebody listens on it");
        drop(listener);
        assert_eq!(ports.draw(), Some(port));
        assert_eq!(ports.draw(), None, "an endpoint has it");
        ports.give_back(port);
        assert_eq!(ports.draw(), Some(port));
    }
}
