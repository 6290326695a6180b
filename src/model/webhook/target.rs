//! Target: the URL to which a webhook's events are sent, checked once.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The longest URL, in bytes.
pub const URL_MAX_BYTES: usize = 2048;

/// The URL to which a webhook's events are sent: HTTP or HTTPS, with a host, and without credentials.
///
/// Its query may hold a token, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Url);

/// The text cannot be where events are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is too long.
    #[error("url has more than {URL_MAX_BYTES} bytes; give a shorter one")]
    TooLong,
    /// It is no URL.
    #[error("url is not an absolute URL, as https://example.com/hook is")]
    Malformed,
    /// It is of another kind.
    #[error("url must begin with https://")]
    Scheme,
    /// It holds a name or a password, which would be shown to everybody who may read the webhook.
    #[error(
        "url must not hold a user name or a password; check the signature of what arrives instead"
    )]
    Credentials,
    /// It has a part that is never sent.
    #[error("url must not have a fragment (#…), because it is never sent")]
    Fragment,
    /// It names no port that one could connect to.
    #[error("url must not have the port 0")]
    Port,
}

impl Target {
    /// Returns the URL as text, its query included.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.as_str()
    }

    /// Whether what is sent is encrypted on the way.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> Host<&str> {
        self.0.host().expect("a target has a host")
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().expect("HTTP and HTTPS have a port")
    }

    /// Returns the host, with the port where it is not the usual one, as a request names it.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.0.host_str().expect("a target has a host");
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Returns the path and the query, as a request names them.
    #[must_use]
    pub fn path(&self) -> String {
        let query = self.0.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.0.path())
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if URL_MAX_BYTES < text.len() {
            return Err(TargetError::TooLong);
        }
        let url: Url = text.parse().map_err(|_| TargetError::Malformed)?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(TargetError::Scheme);
        }
        if !url.has_host() {
            return Err(TargetError::Malformed);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(TargetError::Fragment);
        }
        // What is escaped is longer.
        if URL_MAX_BYTES < url.as_str().len() {
            return Err(TargetError::TooLong);
        }
        if url.port() == Some(0) {
            return Err(TargetError::Port);
        }
        Ok(Self(url))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Target(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_absolute_url_without_credentials() {
        let long = format!("https://example.com/{}", "x".repeat(URL_MAX_BYTES));
        let escaped = format!("https://example.com/{}", "ü".repeat(URL_MAX_BYTES / 3));
        for (text, expected) in [
            ("", TargetError::Malformed),
            ("example.com/hook", TargetError::Malformed),
            ("https://", TargetError::Malformed),
            ("https:///x y", TargetError::Malformed),
            ("ftp://example.com", TargetError::Scheme),
            ("file:///etc/passwd", TargetError::Scheme),
            ("javascript:alert(1)", TargetError::Scheme),
            ("https://user@example.com/", TargetError::Credentials),
            ("https://:secret@example.com/", TargetError::Credentials),
            ("https://example.com/#x", TargetError::Fragment),
            ("https://example.com:0/", TargetError::Port),
            (&long, TargetError::TooLong),
            (&escaped, TargetError::TooLong),
        ] {
            assert_eq!(text.parse::<Target>(), Err(expected), "{text:.40}");
        }
    }

    #[test]
    fn a_target_says_how_it_is_asked() {
        let target: Target = "HTTPS://Example.com:8443/a b?c=d".parse().expect("a target");
        assert_eq!(target.reveal(), "https://example.com:8443/a%20b?c=d");
        assert_eq!((target.authority(), target.port()), ("example.com:8443".into(), 8443));
        assert_eq!(target.path(), "/a%20b?c=d");
        assert_eq!(format!("{target:?}"), "Target(..)");
        let plain: Target = "https://example.com".parse().expect("a target");
        assert_eq!((plain.authority(), plain.port()), ("example.com".into(), 443));
        assert_eq!(plain.path(), "/");
    }

    #[test]
    fn an_address_is_one_however_it_is_written() {
        for text in ["http://2130706433/", "http://0x7f.1/", "http://127.0.0.1./", "http://①②⑦.1/"]
        {
            let target: Target = text.parse().expect("a target");
            assert_eq!(target.host(), Host::<&str>::Ipv4(std::net::Ipv4Addr::LOCALHOST), "{text}");
        }
    }
}
