//! An authority of a machine's own, for an engine that asks for client certificates.

use std::fs;
use std::path::Path;

use crate::process::run;

/// An authority, a server certificate for this address and a client certificate, by the names that Docker gives them.
pub(super) fn make(folder: &Path, name: &str, address: &str) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let path = |file: &str| folder.join(file).display().to_string();
    let new_key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    let openssl =
        |first: &[&str], rest: &[&str]| run("openssl", &[first, rest].concat(), "").map(drop);
    let (ca, ca_key) = (path("ca.pem"), path("ca-key.pem"));
    openssl(
        &["req", "-x509", "-days", "30", "-subj", "/CN=lab"],
        &[&new_key[..], &["-keyout", &ca_key, "-out", &ca]].concat(),
    )?;
    let alternative =
        format!("subjectAltName=IP:{address},DNS:{name}\nextendedKeyUsage=serverAuth\n");
    for (certificate, key, extensions) in [
        ("server-cert.pem", "server-key.pem", alternative.as_str()),
        ("cert.pem", "key.pem", "extendedKeyUsage=clientAuth\n"),
    ] {
        let (request, extension_file) = (path("request.csr"), path("extensions"));
        fs::write(&extension_file, extensions)?;
        let subject = format!("/CN={name}");
        openssl(
            &["req", "-subj", &subject],
            &[&new_key[..], &["-keyout", &path(key), "-out", &request]].concat(),
        )?;
        openssl(
            &[
                "x509", "-req", "-days", "30", "-in", &request, "-CA", &ca, "-CAkey", &ca_key,
            ],
            &[
                "-CAcreateserial",
                "-extfile",
                &extension_file,
                "-out",
                &path(certificate),
            ],
        )?;
    }
    Ok(())
}
