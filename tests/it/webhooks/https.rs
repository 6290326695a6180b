//! Receivers that speak TLS: whom the server believes.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use offshoot::deliver::Dispatcher;
use offshoot::deliver::sender::Sender;
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::Plane;

/// How long a receiver may take: longer than an answer, for TLS takes time where tests are slow.
const TIME: Duration = Duration::from_secs(10);

/// Starts a receiver that shows a certificate for a name, and takes every event. Returns its port, and
/// the certificate.
async fn receiver(name: &str) -> (u16, CertificateDer<'static>) {
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let key = KeyPair::generate().expect("a key");
    let certificate: CertificateDer = params.self_signed(&key).expect("a certificate").into();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a certificate and its key");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut bytes = [0; 4096];
            if stream.read(&mut bytes).await.is_ok() {
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.ok();
                stream.shutdown().await.ok();
            }
        }
    });
    (port, certificate)
}

#[tokio::test]
async fn only_a_receiver_that_proves_its_name_is_sent_anything() {
    let mut plane = Plane::new().await;
    let (port, certificate) = receiver("localhost").await;
    let mut roots = RootCertStore::empty();
    let strangers = Sender::trusting(plane.control.reach(), TIME, roots.clone());
    roots.add(certificate).expect("a certificate");
    let (id, _) = plane.webhook(&format!("https://localhost:{port}/"), &[]).await;
    // The certificate is for the name, not for the address.
    let (by_address, _) = plane.webhook(&format!("https://127.0.0.1:{port}/"), &[]).await;
    plane.create_role("sally").await;
    plane.dispatcher = Dispatcher::new(plane.control.clone(), plane.clock.clone(), strangers);
    plane.dispatcher.settle().await;
    let friends = Sender::trusting(plane.control.reach(), TIME, roots);
    plane.dispatcher = Dispatcher::new(plane.control.clone(), plane.clock.clone(), friends);
    plane.wait(TimeDelta::minutes(1));
    plane.dispatcher.settle().await;
    let ends = plane.ends(id);
    assert!(ends[0].1.as_ref().is_some_and(|error| error.starts_with("TLS failed")), "{ends:?}");
    assert_eq!(ends[1], (Some(204), None));
    for (status, error) in plane.ends(by_address) {
        assert_eq!(status, None);
        assert!(error.as_ref().is_some_and(|error| error.starts_with("TLS failed")), "{error:?}");
    }
}
