//! Encrypted connections. The certificate and the name of the host are always checked.

use super::options::PostgresOptions;
use crate::error::ConnectError;
use tokio_postgres::config::SslMode;

/// How the server is talked to.
#[derive(Clone)]
pub(super) enum Connector {
    Plain,
    #[cfg(feature = "postgres-tls")]
    Tls(tokio_postgres_rustls::MakeRustlsConnect),
}

impl Connector {
    pub(super) fn new(options: &PostgresOptions) -> Result<Self, ConnectError> {
        if options.config.get_ssl_mode() != SslMode::Require {
            return Ok(Self::Plain);
        }
        Self::tls(options)
    }

    #[cfg(not(feature = "postgres-tls"))]
    fn tls(_: &PostgresOptions) -> Result<Self, ConnectError> {
        Err(ConnectError::NotBuilt { scheme: "postgres://...?sslmode=require", feature: "postgres-tls" })
    }

    #[cfg(feature = "postgres-tls")]
    fn tls(options: &PostgresOptions) -> Result<Self, ConnectError> {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject;
        use std::sync::Arc;

        let invalid = |reason: String| ConnectError::InvalidUrl(reason);
        let mut roots = rustls::RootCertStore::empty();
        match &options.root_certificate {
            Some(path) => {
                let failed = |error: &dyn std::fmt::Display| {
                    invalid(format!(
                        "`sslrootcert` names `{path}`, which holds no certificate that can be read: {error}"
                    ))
                };
                let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
                for certificate in certificates {
                    roots
                        .add(certificate.map_err(|error| failed(&error))?)
                        .map_err(|error| failed(&error))?;
                }
                if roots.is_empty() {
                    return Err(failed(&"it is empty"));
                }
            }
            None => {
                // One that cannot be read is not trusted; the others may be enough.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self::Tls(tokio_postgres_rustls::MakeRustlsConnect::new(config)))
    }
}
