//! How an administrator logs in over TLS, to a real Postgres with a certificate of its own.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use offshoot::compute::error::ComputeError;
use offshoot::compute::{Address, Compute};
use offshoot::model::endpoint::TlsMode;
use offshoot::model::progress::Trace;
use offshoot::plan::desired::Desired;

use crate::support::{Catalog, Server};

/// Returns a server that speaks TLS, with a certificate that nobody trusts.
pub async fn encrypted() -> Server {
    let server = Server::started().await;
    let data = server.home().join("data");
    let owner = fs::metadata(&data).expect("the data").uid();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-out"])
        .arg(data.join("server.crt"))
        .arg("-keyout")
        .arg(data.join("server.key"))
        .output()
        .expect("the command `openssl`");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for file in ["server.crt", "server.key"] {
        let file = data.join(file);
        std::os::unix::fs::chown(&file, Some(owner), None).expect("an owner");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
    }
    server.make_maintenance().await;
    server.execute("postgres", "CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'of boss'").await;
    server.execute("postgres", "ALTER SYSTEM SET ssl = on").await;
    server.execute("postgres", "SELECT pg_reload_conf()").await;
    server.wait_until("SELECT current_setting('ssl') = 'on'").await;
    server
}

impl Server {
    async fn log_in_with(&self, tls: TlsMode) -> Result<(), ComputeError> {
        let address = Address { tls, ..self.address("boss", "of boss") };
        self.attached(address).status().await.map(|_| ())
    }

    /// Has Postgres ask for passwords in another way.
    async fn ask_by(&self, method: &str) {
        let hba = format!("local all cloud_admin peer map=offshoot\nhost all all all {method}\n");
        fs::write(self.home().join("pg_hba.conf"), hba).expect("a file");
        self.execute("postgres", "SELECT pg_reload_conf()").await;
        let rule = format!("type = 'host' AND auth_method = '{method}'");
        self.wait_until(&format!("SELECT EXISTS (SELECT FROM pg_hba_file_rules WHERE {rule})"))
            .await;
    }
}

#[tokio::test]
async fn a_pass_over_tls_needs_no_certificate_that_is_trusted_but_a_password_that_is_proven() {
    let server = encrypted().await;
    let address = Address { tls: TlsMode::Require, ..server.address("boss", "of boss") };
    let compute = server.attached(address);
    let converged =
        compute.converge(&Desired::empty().role("sally", 1, "s"), &mut Trace::default()).await;
    assert_eq!(converged.expect("a pass").problems, []);
    for method in ["password", "trust"] {
        server.ask_by(method).await;
        let error = server.log_in_with(TlsMode::Require).await.expect_err(method);
        assert!(matches!(error, ComputeError::Unsupported { .. }), "{method}: {error:?}");
        assert!(!error.is_retryable() && error.to_string().contains("verify-full"), "{error}");
        // It was Postgres that would have taken it.
        server.log_in_with(TlsMode::Disable).await.expect(method);
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_refused_where_it_has_to_be_verified() {
    let server = encrypted().await;
    let error = server.log_in_with(TlsMode::VerifyFull).await.expect_err("a refusal");
    assert!(matches!(error, ComputeError::Tls { .. }), "{error:?}");
}
