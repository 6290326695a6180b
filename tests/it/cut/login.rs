//! A login over TLS that is cut.

use offshoot::compute::{Address, Compute};
use offshoot::model::endpoint::TlsMode;

use crate::compute_tls::encrypted;
use crate::crash::rng;
use crate::cut::frames::{Side, Wire};
use crate::cut::places;
use crate::cut::proxy::{Cut, How, Proxy};

/// How many messages a login is cut at, of each side and in each way.
const RESETS: usize = 8;

/// A connection that breaks says nothing about certificates: another try may succeed.
#[tokio::test]
async fn a_login_over_tls_that_is_cut_anywhere_is_tried_again() {
    let server = encrypted().await;
    let mut proxy = Proxy::of(server.port, Wire::Tls).await;
    let address = server.address("boss", "of boss");
    let address = Address { port: proxy.port, tls: TlsMode::Require, ..address };
    let compute = server.attached(address);
    proxy.cut(Cut::Nowhere).await;
    compute.status().await.expect("a login");
    let (seen, _) = proxy.seen();
    let (mut refused, mut rng) = (0, rng());
    for (side, count) in
        [(Side::Offshoot, seen.from_offshoot), (Side::Postgres, seen.from_postgres)]
    {
        for how in [How::Before, How::Inside] {
            for at in places(count, RESETS, &mut rng) {
                let cut = Cut::Message { side, at, how };
                proxy.cut(cut).await;
                // What is said last is waited for by nobody.
                let Err(error) = compute.status().await else { continue };
                refused += 1;
                assert!(error.is_retryable(), "{cut:?} of {seen:?}: {error:?}");
            }
        }
    }
    assert!(0 < refused, "nothing was cut");
}
