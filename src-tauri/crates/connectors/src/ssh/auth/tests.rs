use super::*;

/// The first lines of what `ssh-keygen` and `openssl` write; the keys themselves are not needed.
#[test]
fn key_files_are_told_apart() {
    // "openssh-key-v1", then the cipher's name
    let openssh = |cipher: &str| {
        let mut bytes = b"openssh-key-v1\0".to_vec();
        bytes.extend(u32::try_from(cipher.len()).unwrap().to_be_bytes());
        bytes.extend(cipher.as_bytes());
        bytes.extend([0; 60]);
        let body = STANDARD.encode(bytes);
        let (first, second) = body.split_at(64);
        format!(
            "-----BEGIN OPENSSH PRIVATE KEY-----\n{first}\n{second}\n-----END OPENSSH PRIVATE KEY-----\n"
        )
    };
    let plain = openssh("none");
    let locked = openssh("aes256-ctr");
    let pem =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMIIE";
    for (file, expected) in [
        (plain.as_str(), KeyForm::Plain),
        (&locked, KeyForm::Encrypted),
        (pem, KeyForm::Encrypted),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n", KeyForm::Plain),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE\n",
            KeyForm::Encrypted,
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n", KeyForm::Plain),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", KeyForm::Putty),
        ("ssh-ed25519 AAAA me@here\n", KeyForm::Public),
        ("ecdsa-sha2-nistp256 AAAA\n", KeyForm::Public),
        ("-----BEGIN CERTIFICATE-----\nMIIE\n", KeyForm::Unknown),
        ("", KeyForm::Unknown),
        ("hello", KeyForm::Unknown),
    ] {
        assert_eq!(KeyForm::of(file.as_bytes()), expected, "{file}");
    }
}

#[test]
fn methods_are_whole_words() {
    assert!(offers("publickey,password", "password"));
    assert!(!offers("publickey,hostbased", "password"));
    assert!(!offers("", "password"));
}

#[test]
fn only_hidden_prompts_get_the_password() {
    let secret = Secret::new("hunter2");
    let prompt = |echo| Prompt {
        text: "?".into(),
        echo,
    };
    let answers = Answer(&secret).prompt("root", "", &[prompt(true), prompt(false)]);
    assert_eq!(answers, ["", "hunter2"]);
}
