use super::*;

/// Made by `ssh-keygen -t ed25519` and `-t ecdsa`; the fingerprints are those of `ssh-keygen -l`.
const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAjItUYo/KVqno6YtvZwst+HD+GaGyBpRu8VBb5lSOg1";
const ED25519_FINGERPRINT: &str = "SHA256:nPw5vCePZTvYOPmJpkqMCnDpwaU+FOfkaQaO2clSZy8";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBIvY/nR1FfG4HU4SZgPesJmqsxsWwfJYVZEE+eabORmJdtH/5KJLkRe1gL9QbKDfmxZs8kMSCyocInYgLL6adJs=";

fn keys(text: &str, host: &str, port: u16) -> Vec<String> {
    let known = look_up(&parse(text), host, port);
    known.keys.into_iter().map(|key| key.algorithm).collect()
}

#[test]
fn names_ports_and_case() {
    let text = format!("nas,10.77.0.3 {ED25519} a comment\n[nas]:2222 {ECDSA}\n");
    for host in ["nas", "NAS", "10.77.0.3"] {
        assert_eq!(keys(&text, host, 22), ["ssh-ed25519"], "{host}");
    }
    assert_eq!(keys(&text, "nas", 2222), ["ecdsa-sha2-nistp256"]);
    // Another port is another server.
    assert!(keys(&text, "nas", 2223).is_empty());
    assert!(keys(&text, "nas2", 22).is_empty());
}

#[test]
fn ipv6() {
    let text = format!("fd00::3 {ED25519}\n[fd00::3]:2222 {ECDSA}\n");
    assert_eq!(keys(&text, "fd00::3", 22), ["ssh-ed25519"]);
    assert_eq!(keys(&text, "fd00::3", 2222), ["ecdsa-sha2-nistp256"]);
}

#[test]
fn patterns_and_their_negation() {
    let text = format!("*.lab,!secret.lab,10.77.0.? {ED25519}\n");
    for (host, known) in [
        ("nas.lab", true),
        ("a.b.lab", true),
        ("secret.lab", false),
        ("lab", false),
        ("10.77.0.3", true),
        ("10.77.0.33", false),
    ] {
        assert_eq!(!keys(&text, host, 22).is_empty(), known, "{host}");
    }
    let alone = format!("!secret.lab {ED25519}\n");
    assert!(keys(&alone, "nas.lab", 22).is_empty());
}

#[test]
fn hashed_by_openssh() {
    // `ssh-keygen -H` over `nas` and `[nas]:2222`.
    let text = "|1|jNlgy2N2WdNbMRjw1tfIdDSqfkc=|FW1ikUmTn1gMmX38nXwAgQ9afBI= ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAjItUYo/KVqno6YtvZwst+HD+GaGyBpRu8VBb5lSOg1\n\
        |1|IV3Gw40p2BWGnOD8Bd6cOInZ9dk=|ZcuCFvBE6qp9SAx/fSXXpN66oSc= ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAjItUYo/KVqno6YtvZwst+HD+GaGyBpRu8VBb5lSOg1";
    assert_eq!(keys(text, "nas", 22), ["ssh-ed25519"]);
    assert_eq!(keys(text, "nas", 2222), ["ssh-ed25519"]);
    assert!(keys(text, "nas", 2223).is_empty());
    assert!(keys(text, "other", 22).is_empty());
}

#[test]
fn a_bad_line_does_not_hide_the_others() {
    for bad in [
        "nas",
        "nas ssh-ed25519",
        "nas ssh-ed25519 not-base64!",
        "nas ssh-ed25519 AAAA",
        "|1|salt nas ssh-ed25519",
        "@revoked",
        "@unknown nas ssh-ed25519 AAAA",
        "nas ssh-ed25519 //////////8=",
        "\u{feff}nas 1024 35 123456",
    ] {
        let text = format!("{bad}\nnas {ED25519}\n{bad}\n");
        assert_eq!(keys(&text, "nas", 22), ["ssh-ed25519"], "{bad}");
    }
    // A key that calls itself other than its line does.
    let key = ED25519.split(' ').nth(1).unwrap();
    assert!(keys(&format!("nas ssh-rsa {key}\n"), "nas", 22).is_empty());
}

#[test]
fn markers() {
    let text = format!("@revoked nas {ED25519}\n@cert-authority *.lab {ECDSA}\n");
    let known = look_up(&parse(&text), "nas", 22);
    assert!(known.keys.is_empty());
    assert_eq!(known.revoked[0].fingerprint, ED25519_FINGERPRINT);
    assert!(keys(&text, "nas.lab", 22).is_empty());
}

#[test]
fn the_fingerprint_is_openssh_s() {
    let blob = STANDARD.decode(ED25519.split(' ').nth(1).unwrap()).unwrap();
    let key = identify(&blob).unwrap();
    assert_eq!(key.algorithm, "ssh-ed25519");
    assert_eq!(key.fingerprint, ED25519_FINGERPRINT);
    assert_eq!(identify(&[]), None);
    assert_eq!(identify(&[0, 0, 0, 9, 1]), None);
}

#[test]
fn many_stars_end_in_time() {
    let name = "a".repeat(2000);
    assert!(!glob_matches(b"*a*a*a*a*a*a*a*a*a*a*b", name.as_bytes()));
    assert!(glob_matches(b"***", b""));
    assert!(!glob_matches(b"?", b""));
}
