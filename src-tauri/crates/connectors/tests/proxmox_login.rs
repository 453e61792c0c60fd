//! Who may ask: certificates, tickets, tokens, and what is said when one of them is wrong.

#[path = "proxmox_fake/fake.rs"]
mod fake;

use fake::{PASSWORD, Proxy, TOKEN, TOKEN_SECRET, fake, machine1, token};
use serde_json::json;
use wakehub_connectors::Connector;
use wakehub_connectors::proxmox::{ProxmoxAuth, ProxmoxConnector, ProxmoxEndpoint};
use wakehub_domain::{ErrorKind, PresentedKind, Secret};

#[tokio::test]
async fn password_logs_in_once_and_reads() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let connector = pve.connector();
    for _ in 0..3 {
        connector.observe().await.unwrap();
    }
    assert_eq!(
        pve.requests().await,
        [
            "POST /access/ticket",
            "GET /cluster/resources",
            "GET /cluster/resources",
            "GET /cluster/resources",
        ]
    );
}

#[tokio::test]
async fn token_needs_no_login() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let connector = ProxmoxConnector::new(pve.with_token());
    connector.observe().await.unwrap();
    assert_eq!(pve.requests().await, ["GET /cluster/resources"]);
}

#[tokio::test]
async fn expired_ticket_is_renewed_once() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let connector = pve.connector();
    connector.observe().await.unwrap();
    pve.call("revoke_tickets", json!([])).await;
    pve.forget().await;
    connector.observe().await.unwrap();
    assert_eq!(
        pve.requests().await,
        [
            "GET /cluster/resources",
            "POST /access/ticket",
            "GET /cluster/resources",
        ]
    );
}

#[tokio::test]
async fn commands_survive_an_expired_ticket() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let connector = pve.connector();
    connector.observe().await.unwrap();
    pve.call("revoke_tickets", json!([])).await;
    connector.start(&fake::vm(100)).await.unwrap();
    assert_eq!(pve.status(100).await, "running");
}

#[tokio::test]
async fn requests_in_parallel_share_one_login() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let connector = pve.connector();
    let (a, b, c) = tokio::join!(
        connector.observe(),
        connector.observe(),
        connector.observe()
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    let logins = pve
        .requests()
        .await
        .iter()
        .filter(|r| r.contains("ticket"))
        .count();
    assert_eq!(logins, 1);
}

#[tokio::test]
async fn a_wrong_password_is_said_in_proxmox_words() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let connector = ProxmoxConnector::new(ProxmoxEndpoint {
        auth: ProxmoxAuth::Password {
            user: "root@pam".to_owned(),
            password: Secret::new("not the password"),
        },
        ..pve.endpoint()
    });
    let error = connector.observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert_eq!(
        error.to_string(),
        "log in as root@pam: authentication failure"
    );
    // One wrong password is one attempt: accounts get locked.
    assert_eq!(pve.requests().await, ["POST /access/ticket"]);
}

#[tokio::test]
async fn a_wrong_token_secret_is_refused_and_never_shown() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let wrong = "00000000-1111-2222-3333-444444444444";
    let connector = ProxmoxConnector::new(ProxmoxEndpoint {
        auth: token(wrong),
        ..pve.endpoint()
    });
    let error = connector.observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert!(!format!("{error:?}").contains(wrong));
    assert_eq!(pve.requests().await.len(), 1);
}

#[tokio::test]
async fn no_secret_stands_in_debug_output_or_echoed_errors() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let endpoint = pve.with_token();
    assert!(!format!("{endpoint:?}").contains(TOKEN_SECRET));
    assert!(!format!("{:?}", pve.endpoint()).contains(PASSWORD));
    // A server that echoes what it was sent.
    let echo = format!("bad header PVEAPIToken={TOKEN}={TOKEN_SECRET}");
    pve.call("fail", json!(["GET", "/cluster/resources", 400, echo]))
        .await;
    let error = ProxmoxConnector::new(endpoint).observe().await.unwrap_err();
    assert_eq!(error.message, format!("bad header PVEAPIToken={TOKEN}=…"));
}

#[tokio::test]
async fn a_second_factor_is_explained() {
    let mut spec = machine1();
    spec["set"] = json!({"tfa": true});
    let Some(pve) = fake(spec).await else { return };
    let error = pve.connector().observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorised);
    assert!(error.message.contains("second factor"), "{error}");
    assert!(error.message.contains("API token"), "{error}");
}

#[tokio::test]
async fn a_self_signed_certificate_is_shown_first_and_pinned_then() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let unpinned = ProxmoxEndpoint {
        pinned: None,
        ..pve.endpoint()
    };
    let error = ProxmoxConnector::new(unpinned).observe().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Untrusted);
    let presented = error.presented.expect("the certificate");
    assert_eq!(presented.kind, PresentedKind::Certificate);
    assert_eq!(presented.endpoint, format!("127.0.0.1:{}", pve.port));
    assert_eq!(presented.algorithm, "CN=pve1.lan");
    assert_eq!(presented.fingerprint, pve.fingerprint);
    assert_eq!(presented.accepted, None);
    assert!(
        pve.requests().await.is_empty(),
        "nothing may be sent to somebody unknown"
    );

    let pinned = ProxmoxEndpoint {
        pinned: Some(presented.fingerprint),
        ..pve.endpoint()
    };
    ProxmoxConnector::new(pinned).observe().await.unwrap();
}

#[tokio::test]
async fn a_pinned_certificate_is_accepted_whatever_the_host_name() {
    let Some(pve) = fake(machine1()).await else {
        return;
    };
    // The certificate names localhost and 127.0.0.1 only.
    let other_name = ProxmoxEndpoint {
        url: format!(
            "https://127.0.0.2:{}",
            Proxy::on("127.0.0.2", pve.port).await.port
        ),
        ..pve.endpoint()
    };
    ProxmoxConnector::new(other_name).observe().await.unwrap();
}

#[tokio::test]
async fn a_changed_certificate_is_a_hard_error_with_both_fingerprints() {
    let Some(old) = fake(machine1()).await else {
        return;
    };
    let Some(mut new) = fake(machine1()).await else {
        return;
    };
    assert_ne!(old.fingerprint, new.fingerprint);
    let connector = ProxmoxConnector::new(ProxmoxEndpoint {
        pinned: Some(old.fingerprint.clone()),
        ..new.endpoint()
    });
    // Trying again must not wear it down.
    for _ in 0..3 {
        let error = connector.observe().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Untrusted);
        assert!(error.message.contains(&old.fingerprint), "{error}");
        assert!(error.message.contains(&new.fingerprint), "{error}");
        let presented = error.presented.expect("the certificate");
        assert_eq!(presented.accepted.as_ref(), Some(&old.fingerprint));
    }
    assert!(new.requests().await.is_empty());
}

#[tokio::test]
async fn the_certificate_reaches_the_error_of_every_attempt_in_parallel() {
    let Some(pve) = fake(machine1()).await else {
        return;
    };
    let connector = ProxmoxConnector::new(ProxmoxEndpoint {
        pinned: None,
        ..pve.with_token()
    });
    let attempts = futures_util::future::join_all((0..16).map(|_| connector.observe())).await;
    for attempt in attempts {
        let error = attempt.unwrap_err();
        assert_eq!(
            error.presented.expect("the certificate").fingerprint,
            pve.fingerprint
        );
    }
}

#[tokio::test]
async fn a_ticket_is_renewed_before_it_expires() {
    let Some(mut pve) = fake(machine1()).await else {
        return;
    };
    let connector = pve.connector();
    connector.observe().await.unwrap();
    for (minutes, logins) in [(80, 1), (11, 2), (80, 2)] {
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(minutes * 60)).await;
        tokio::time::resume();
        connector.observe().await.unwrap();
        let requests = pve.requests().await;
        let seen = requests.iter().filter(|r| r.contains("ticket")).count();
        assert_eq!(seen, logins, "after {minutes} min more");
    }
}

#[tokio::test]
async fn a_user_without_a_realm_is_the_machines_own() {
    let Some(pve) = fake(machine1()).await else {
        return;
    };
    let auth = ProxmoxAuth::Password {
        user: "root".to_owned(),
        password: Secret::new(PASSWORD),
    };
    ProxmoxConnector::new(ProxmoxEndpoint {
        auth,
        ..pve.endpoint()
    })
    .observe()
    .await
    .unwrap();
}
