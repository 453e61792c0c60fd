use super::*;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_port_accepts_or_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(accepts("127.0.0.1", port).await, Ok(true));
    drop(listener);
    assert_eq!(accepts("127.0.0.1", port).await, Ok(false));
    assert_eq!(accepts("[::1]", port).await, Ok(false));
}

#[tokio::test]
async fn who_cannot_be_found_is_not_known() {
    let told = accepts("nobody.invalid", 22).await.unwrap_err();
    assert!(told.starts_with("port 22 of nobody.invalid: "), "{told}");
}
