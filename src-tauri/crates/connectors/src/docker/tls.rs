//! Client certificates, and what goes wrong with certificates in words that say what to do.

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wakehub_domain::{ConnectorError, ErrorKind};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The files of one endpoint, read and checked.
#[derive(Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    /// Trusts the same authority, and shows no certificate of its own.
    anonymous: Arc<ClientConfig>,
    own: Arc<CertifiedKey>,
}

impl Tls {
    /// # Errors
    /// [`ErrorKind::NoSecret`] when a file cannot be read or holds something else, with its path and never its content.
    pub(super) async fn load(ca: &Path, cert: &Path, key: &Path) -> Result<Tls, ConnectorError> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in certificates(ca, &read(ca).await?)? {
            roots.add(authority).map_err(|error| unusable(ca, error))?;
        }
        let chain = certificates(cert, &read(cert).await?)?;
        let own = Arc::new(certified(&provider, chain, key, &read(key).await?)?);
        let config = || {
            ClientConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
                .map(|builder| builder.with_root_certificates(roots.clone()))
                .map_err(|error| unusable(ca, error))
        };
        let resolver = Arc::new(SingleCertAndKey::from(own.clone()));
        Ok(Tls {
            config: Arc::new(config()?.with_client_cert_resolver(resolver)),
            anonymous: Arc::new(config()?.with_no_client_auth()),
            own,
        })
    }

    /// # Errors
    /// As of [`explained`]; an IO error that is none of TLS's comes back as it is.
    pub(super) async fn handshake<S: Stream>(
        &self,
        host: &str,
        socket: S,
    ) -> Result<TlsStream<S>, std::io::Error> {
        shake_hands(self.config.clone(), host, socket).await
    }

    /// Whether the engine serves somebody who shows no certificate. TLS 1.3 engines refuse only after the handshake, so a
    /// harmless question is asked.
    pub(super) async fn lets_anybody_in(&self, host: &str, socket: TcpStream) -> bool {
        let asking = async {
            let mut stream = shake_hands(self.anonymous.clone(), host, socket).await?;
            let question = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";
            stream.write_all(question).await?;
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        asking.await.is_ok_and(|answer| &answer == b"HTTP/1.1 200")
    }

    /// Why an engine may refuse our certificate, as far as the certificate itself shows.
    fn own_fault(&self) -> Option<String> {
        let (_, certificate) = X509Certificate::from_der(self.own.end_entity_cert().ok()?).ok()?;
        let validity = certificate.validity();
        if validity.is_valid() {
            return None;
        }
        Some(format!(
            "it is valid from {} to {}",
            validity.not_before, validity.not_after
        ))
    }

    /// What a TLS failure means for the user.
    pub(super) fn explained(&self, operation: &str, error: &rustls::Error) -> ConnectorError {
        if let rustls::Error::InvalidCertificate(what) = error {
            let message = not_trusted(what).unwrap_or_else(|| error.to_string());
            return ConnectorError::new(ErrorKind::Untrusted, operation, message);
        }
        if let rustls::Error::AlertReceived(alert) = error
            && concerns_our_certificate(*alert)
        {
            let fault = self
                .own_fault()
                .map(|fault| format!("; {fault}"))
                .unwrap_or_default();
            let message = format!(
                "the engine refused the client certificate: {}{fault}",
                words(*alert)
            );
            return ConnectorError::new(ErrorKind::Unauthorised, operation, message);
        }
        let message = if matches!(error, rustls::Error::InvalidMessage(_)) {
            format!("the engine does not speak TLS on this port ({error})")
        } else {
            error.to_string()
        };
        ConnectorError::new(ErrorKind::Protocol, operation, message)
    }
}

/// What TLS may go over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

async fn shake_hands<S: Stream>(
    config: Arc<ClientConfig>,
    host: &str,
    socket: S,
) -> Result<TlsStream<S>, std::io::Error> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error))?;
    TlsConnector::from(config).connect(name, socket).await
}

/// The TLS error inside an IO error, if it is one.
pub(super) fn within(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// What the engine showed of itself: subject, end of validity, SHA-256.
pub(super) fn shown(stream: &TlsStream<TcpStream>) -> Option<String> {
    let (_, session) = stream.get_ref();
    let der = session.peer_certificates()?.first()?;
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let pairs: Vec<String> = Sha256::digest(der)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    Some(format!(
        "{}, valid until {}, SHA-256 {}",
        certificate.subject(),
        certificate.validity().not_after,
        pairs.join(":")
    ))
}

fn concerns_our_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRequired
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError
    )
}

/// `BadCertificate` as RFC 8446 spells it: `bad certificate`.
fn words(alert: AlertDescription) -> String {
    let name = format!("{alert:?}");
    let mut out = String::new();
    for (at, letter) in name.char_indices() {
        let after_small = at > 0 && name.as_bytes()[at - 1].is_ascii_lowercase();
        if letter.is_ascii_uppercase() && after_small {
            out.push(' ');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

fn not_trusted(error: &CertificateError) -> Option<String> {
    if matches!(error, CertificateError::UnknownIssuer) {
        return Some(
            "the engine's certificate is not signed by the authority in ca.pem (unknown issuer)"
                .into(),
        );
    }
    if matches!(error, CertificateError::BadSignature) {
        return Some("the engine's certificate is signed by another key than the authority in ca.pem (bad signature)".into());
    }
    if matches!(
        error,
        CertificateError::Expired | CertificateError::ExpiredContext { .. }
    ) {
        return Some(format!("the engine's certificate has expired ({error})"));
    }
    if matches!(
        error,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
    ) {
        return Some(format!(
            "the engine's certificate is made for another name ({error})"
        ));
    }
    None
}

async fn read(path: &Path) -> Result<Vec<u8>, ConnectorError> {
    tokio::fs::read(path)
        .await
        .map_err(|error| unusable(path, super::transport::io_words(&error)))
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConnectorError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| unusable(path, "it is not PEM"))?;
    if found.is_empty() {
        return Err(unusable(path, "it holds no certificate"));
    }
    Ok(found)
}

fn certified(
    provider: &CryptoProvider,
    chain: Vec<CertificateDer<'static>>,
    path: &Path,
    pem: &[u8],
) -> Result<CertifiedKey, ConnectorError> {
    // The parser's own errors could quote the file, so none of them is passed on.
    let key = PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| unusable(path, "it holds no private key without a passphrase"))?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|_| unusable(path, "its kind of key is not supported"))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(certified)
        }
        Err(_) => Err(unusable(path, "it does not belong to the certificate")),
    }
}

fn unusable(path: &Path, reason: impl fmt::Display) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::NoSecret,
        "read the TLS files",
        format!("{}: {reason}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_read_as_words() {
        assert_eq!(words(AlertDescription::BadCertificate), "bad certificate");
        assert_eq!(words(AlertDescription::UnknownCA), "unknown ca");
        assert_eq!(
            words(AlertDescription::CertificateRequired),
            "certificate required"
        );
    }
}
