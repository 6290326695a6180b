//! Reach: which machines the server may be sent to by a URL that somebody gave it.
//!
//! A name is resolved here, all its addresses are looked at, and whoever connects does so to one of
//! the very addresses that were looked at: a name that leads elsewhere a moment later leads nowhere.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::BoxFuture;
use ipnet::IpNet;
use url::Host;

use crate::model::webhook::target::Target;

/// How long a name may take to be resolved.
const RESOLVE_TIME: Duration = Duration::from_secs(5);

/// How many addresses of a name are looked at.
const MAX_ADDRESSES: usize = 32;

/// What of the IPv4 addresses is not the public internet.
const CLOSED_V4: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// What of the IPv6 addresses can be the public internet.
const OPEN_V6: &str = "2000::/3";

/// What of that is not, or hides an IPv4 address.
const CLOSED_V6: &[&str] = &["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/// Resolves names. The tests have another than the machine.
pub trait Resolve: Send + Sync {
    /// Returns the addresses of a name.
    fn resolve(&self, name: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>>;
}

/// Resolves names as the machine does.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.take(MAX_ADDRESSES).map(|address| address.ip()).collect())
        })
    }
}

/// What the operator allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Whether what is sent may go unencrypted.
    pub http: bool,
    /// Which networks may be reached besides the public internet.
    pub networks: Vec<IpNet>,
}

/// Which machines may be reached.
pub struct Reach {
    allowed: Allowed,
    resolver: Box<dyn Resolve>,
    closed: Vec<IpNet>,
    open_v6: IpNet,
}

/// A target may not be reached, or cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// What is sent would be readable on the way.
    #[error("url must begin with https://; this server sends nothing unencrypted")]
    Plain,
    /// It is not on the public internet.
    #[error(
        "url leads to {0}, which is not a public address; this server sends nothing to private, \
         local or reserved networks unless its operator allows them"
    )]
    Closed(IpAddr),
    /// Its name leads nowhere.
    #[error("the host of url does not resolve")]
    Unresolved,
}

impl Default for Reach {
    fn default() -> Self {
        Self::new(Allowed::default(), Box::new(SystemResolver))
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reach").field(&self.allowed).finish()
    }
}

impl Reach {
    /// Returns what may be reached where this is allowed.
    #[must_use]
    pub fn new(allowed: Allowed, resolver: Box<dyn Resolve>) -> Self {
        let net = |text: &str| text.parse().expect("a network of a table");
        let closed = CLOSED_V4.iter().chain(CLOSED_V6).map(|text| net(text)).collect();
        Self { allowed, resolver, closed, open_v6: net(OPEN_V6) }
    }

    /// Returns the addresses of a target, each of which may be reached.
    pub async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, Unreachable> {
        if !target.is_https() && !self.allowed.http {
            return Err(Unreachable::Plain);
        }
        let found = match target.host() {
            Host::Ipv4(address) => vec![address.into()],
            Host::Ipv6(address) => vec![address.into()],
            Host::Domain(name) => {
                let resolved = tokio::time::timeout(RESOLVE_TIME, self.resolver.resolve(name));
                resolved.await.ok().and_then(Result::ok).unwrap_or_default()
            }
        };
        // One that is closed among others that are open was put there by somebody.
        if let Some(closed) = found.iter().find(|address| !self.is_open(**address)) {
            return Err(Unreachable::Closed(*closed));
        }
        if found.is_empty() {
            return Err(Unreachable::Unresolved);
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address, target.port())).collect())
    }

    fn is_open(&self, address: IpAddr) -> bool {
        // An IPv4 address in the clothes of an IPv6 one is connected to as what it is.
        let address = address.to_canonical();
        let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        let is_public = match address {
            IpAddr::V4(address) => address != Ipv4Addr::BROADCAST,
            IpAddr::V6(_) => self.open_v6.contains(&address),
        };
        is_in(&self.allowed.networks) || is_public && !is_in(&self.closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Vec<IpAddr>);

    impl Resolve for Fixed {
        fn resolve(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
            let found = self.0.clone();
            Box::pin(async move { Ok(found) })
        }
    }

    async fn addresses(url: &str, allowed: &Allowed, names: &[&str]) -> Result<usize, Unreachable> {
        let names = names.iter().map(|text| text.parse().expect("an address")).collect();
        let reach = Reach::new(allowed.clone(), Box::new(Fixed(names)));
        let target = url.parse().expect("a target");
        reach.addresses(&target).await.map(|found| found.len())
    }

    #[tokio::test]
    async fn what_is_not_public_is_not_reached() {
        for closed in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.9",
            "203.0.113.5",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            let address: IpAddr = closed.parse().expect("an address");
            let expected = Err(Unreachable::Closed(address));
            let none = Allowed::default();
            assert_eq!(addresses("https://a.test/", &none, &[closed]).await, expected, "{closed}");
            let beside = addresses("https://a.test/", &none, &["8.8.8.8", closed]).await;
            assert_eq!(beside, expected, "{closed}");
            let literal = match address {
                IpAddr::V4(address) => format!("https://{address}/"),
                IpAddr::V6(address) => format!("https://[{address}]/"),
            };
            assert_eq!(addresses(&literal, &none, &[]).await, expected, "{closed}");
        }
    }

    #[tokio::test]
    async fn what_is_public_or_allowed_is_reached() {
        let none = Allowed::default();
        let public = ["8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111"];
        assert_eq!(addresses("https://a.test/", &none, &public).await, Ok(4));
        let networks = vec!["127.0.0.0/8".parse().expect("a network")];
        let local = Allowed { http: false, networks };
        assert_eq!(addresses("https://127.0.0.1/", &local, &[]).await, Ok(1));
        assert_eq!(addresses("https://[::ffff:127.0.0.1]/", &local, &[]).await, Ok(1));
        let other = addresses("https://10.0.0.1/", &local, &[]).await;
        assert!(matches!(other, Err(Unreachable::Closed(_))), "{other:?}");
        assert_eq!(addresses("https://a.test/", &none, &[]).await, Err(Unreachable::Unresolved));
    }

    #[tokio::test]
    async fn nothing_is_sent_unencrypted_unless_that_is_allowed() {
        let none = Allowed::default();
        assert_eq!(addresses("http://8.8.8.8/", &none, &[]).await, Err(Unreachable::Plain));
        let http = Allowed { http: true, networks: Vec::new() };
        assert_eq!(addresses("http://8.8.8.8/", &http, &[]).await, Ok(1));
    }
}
