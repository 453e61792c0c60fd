//! Whom we trust: the system's authorities, or one certificate that the user has accepted.
//!
//! Proxmox signs its certificates itself, so most homelabs need the second. The accepted certificate is recognised by the
//! SHA-256 of its DER, whatever name or expiry it carries; any other certificate is refused and handed to the caller, so
//! that the user can compare it. Nothing is ever accepted unseen.

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, OtherError,
    SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use wakehub_domain::{Presented, PresentedKind};
use x509_parser::prelude::{FromDer, X509Certificate};

/// A subject is shown to the user; nobody needs more of it.
const SUBJECT_LIMIT: usize = 200;

pub(crate) fn client_config(
    endpoint: String,
    pinned: Option<&str>,
) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let pinned = pinned.map(normalise_fingerprint);
    // Without authorities of the system (a bare container) a pin still works.
    let system = match pinned {
        Some(_) => None,
        None => Verifier::new(Arc::clone(&provider)).ok(),
    };
    let trust = Trust {
        endpoint,
        pinned,
        system: Mutex::new(system.map(Arc::new)),
        provider: Arc::clone(&provider),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust))
        .with_no_client_auth();
    // pveproxy closes a connection that idles for 5 s; resuming spares it the expensive half of the next handshake.
    config.resumption = Resumption::in_memory_sessions(8);
    Ok(config)
}

/// SHA-256 as Proxmox and openssl print it: upper-case pairs with colons.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    let pairs: Vec<String> = Sha256::digest(der)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    pairs.join(":")
}

/// Brings a fingerprint that a person wrote, or copied with openssl's `sha256 Fingerprint=`, into that form.
pub(crate) fn normalise_fingerprint(written: &str) -> String {
    let value = written.rsplit('=').next().unwrap_or(written).trim();
    let value = match value.get(..7) {
        Some(prefix) if prefix.eq_ignore_ascii_case("sha256:") => &value[7..],
        Some(_) | None => value,
    };
    let digits: Vec<char> = value
        .chars()
        .filter(char::is_ascii_hexdigit)
        .map(|digit| digit.to_ascii_uppercase())
        .collect();
    let pairs: Vec<String> = digits.chunks(2).map(|pair| pair.iter().collect()).collect();
    pairs.join(":")
}

/// Travels inside the error of the very handshake that failed, so that no other attempt can be mistaken for it.
#[derive(Debug)]
struct Refused(Presented);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate {} is not trusted", self.0.fingerprint)
    }
}

impl Error for Refused {}

/// Finds the certificate that made a handshake fail, however deep the error wraps it.
pub(crate) fn refused_certificate(error: &(dyn Error + 'static)) -> Option<Presented> {
    let TlsError::InvalidCertificate(CertificateError::Other(OtherError(other))) =
        tls_error(error)?
    else {
        return None;
    };
    other
        .downcast_ref::<Refused>()
        .map(|refused| refused.0.clone())
}

pub(crate) fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a TlsError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<TlsError>() {
            return Some(tls);
        }
        // io::Error's own source() skips the error that it wraps.
        next = match error.downcast_ref::<std::io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

#[derive(Debug)]
struct Trust {
    /// `10.77.0.2:8006`
    endpoint: String,
    /// Normalised.
    pinned: Option<String>,
    /// Loaded when first needed: with a pin that fits, never.
    system: Mutex<Option<Arc<Verifier>>>,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    fn system(&self) -> Option<Arc<Verifier>> {
        let mut system = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        if system.is_none() {
            *system = Verifier::new(Arc::clone(&self.provider)).ok().map(Arc::new);
        }
        system.clone()
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let fingerprint = fingerprint(end_entity);
        if self.pinned.as_ref() == Some(&fingerprint) {
            return Ok(ServerCertVerified::assertion());
        }
        let by_system = self.system().and_then(|system| {
            system
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .ok()
        });
        by_system.ok_or_else(|| {
            let refused = Refused(Presented {
                kind: PresentedKind::Certificate,
                endpoint: self.endpoint.clone(),
                algorithm: subject(end_entity),
                fingerprint,
                accepted: self.pinned.clone(),
            });
            TlsError::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refused))))
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn subject(der: &[u8]) -> String {
    match X509Certificate::from_der(der) {
        Ok((_, certificate)) => certificate
            .subject()
            .to_string()
            .chars()
            .filter(|c| !c.is_control())
            .take(SUBJECT_LIMIT)
            .collect(),
        Err(_) => "unreadable certificate".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_written_as_openssl_does() {
        // printf abc | sha256sum
        assert_eq!(
            fingerprint(b"abc"),
            "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD"
        );
    }

    #[test]
    fn a_pin_may_be_written_in_any_way() {
        let expected = fingerprint(b"abc");
        for written in [
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD",
            "sha256 Fingerprint=BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD",
            "SHA256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            " ba 78 16 bf 8f 01 cf ea 41 41 40 de 5d ae 22 23 b0 03 61 a3 96 17 7a 9c b4 10 ff 61 f2 00 15 ad\n",
        ] {
            assert_eq!(normalise_fingerprint(written), expected);
        }
    }

    #[test]
    fn the_certificate_is_found_through_wrapped_errors() {
        let presented = Presented {
            kind: PresentedKind::Certificate,
            endpoint: "10.77.0.2:8006".to_owned(),
            algorithm: "CN=pve2".to_owned(),
            fingerprint: fingerprint(b"abc"),
            accepted: None,
        };
        let tls = TlsError::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(
            Refused(presented.clone()),
        ))));
        let wrapped = std::io::Error::other(std::io::Error::other(tls));
        assert_eq!(refused_certificate(&wrapped), Some(presented));
        assert_eq!(refused_certificate(&std::io::Error::other("no")), None);
    }

    #[test]
    fn a_hostile_certificate_has_a_harmless_subject() {
        assert_eq!(subject(b"\x30\xff\xff"), "unreadable certificate");
    }
}
