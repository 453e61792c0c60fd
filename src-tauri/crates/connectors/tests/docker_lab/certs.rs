//! Certificates for tests, made by openssl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with two authorities (`ca`, `other-ca`), what they signed, and the keys:
///
/// - `server` for the engine's address, `server-expired`, `server-elsewhere` for another name,
/// - `client`, `client-expired`, and `client-other` that the other authority signed.
pub struct Certs {
    dir: PathBuf,
}

impl Certs {
    pub fn new(dir: &Path, address: &str) -> Certs {
        fs::create_dir_all(dir).unwrap();
        let certs = Certs {
            dir: dir.to_owned(),
        };
        certs.authority("ca");
        certs.authority("other-ca");
        let here = format!("subjectAltName=IP:{address},DNS:localhost,IP:127.0.0.1");
        let server = "extendedKeyUsage=serverAuth";
        let client = "extendedKeyUsage=clientAuth";
        certs.signed("server", "ca", 30, &[&here, server]);
        certs.signed("server-expired", "ca", -1, &[&here, server]);
        certs.signed(
            "server-elsewhere",
            "ca",
            30,
            &["subjectAltName=DNS:elsewhere.example", server],
        );
        certs.signed("client", "ca", 30, &[client]);
        certs.signed("client-expired", "ca", -1, &[client]);
        certs.signed("client-other", "other-ca", 30, &[client]);
        certs
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn openssl(&self, args: &[&str]) {
        let done = Command::new("openssl")
            .args(args)
            .current_dir(&self.dir)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "openssl {args:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    const NEW_KEY: [&'static str; 5] = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];

    fn authority(&self, name: &str) {
        let (key, pem, subject) = (
            format!("{name}.key"),
            format!("{name}.pem"),
            format!("/CN={name}"),
        );
        let rest = [
            "-x509", "-days", "30", "-keyout", &key, "-out", &pem, "-subj", &subject,
        ];
        self.openssl(&[&["req"], &Self::NEW_KEY[..], &rest].concat());
    }

    fn signed(&self, name: &str, authority: &str, days: i32, extensions: &[&str]) {
        let file = |suffix: &str| format!("{name}.{suffix}");
        let (key, request, pem, ext) = (file("key"), file("csr"), file("pem"), file("ext"));
        let subject = format!("/CN={name}");
        let rest = ["-keyout", &key, "-out", &request, "-subj", &subject];
        self.openssl(&[&["req"], &Self::NEW_KEY[..], &rest].concat());
        fs::write(self.file(&ext), extensions.join("\n")).unwrap();
        let (ca, ca_key, days) = (
            format!("{authority}.pem"),
            format!("{authority}.key"),
            days.to_string(),
        );
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-days",
            &days,
            "-extfile",
            &ext,
            "-out",
            &pem,
        ]);
    }
}
