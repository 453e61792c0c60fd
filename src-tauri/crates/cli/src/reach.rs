//! `wakehub api` and `wakehub token`: who else may reach WakeHub.

use serde_json::json;
use wakehub_view::access::{ApiAccess, ApiScope, ApiStatus, NewApiToken, PlainHttp};

use crate::args::{ApiCommand, PlainFrom, TokenCommand, TokenScope};
use crate::outcome::Failure;
use crate::print;
use crate::wakehub::Wakehub;

pub async fn api(wakehub: &Wakehub, command: ApiCommand, json: bool) -> Result<(), Failure> {
    let status = match command {
        ApiCommand::Status => wakehub.access().await?,
        ApiCommand::On {
            listen,
            plain_http,
            host,
        } => {
            let access = ApiAccess {
                tcp: true,
                listen,
                plain_http: match plain_http {
                    PlainFrom::ThisComputer => PlainHttp::ThisComputer,
                    PlainFrom::PrivateNetworks => PlainHttp::PrivateNetworks,
                    PlainFrom::Anywhere => PlainHttp::Anywhere,
                },
                hosts: host,
            };
            wakehub.set_access(access).await?
        }
        ApiCommand::Off => {
            let before = wakehub.access().await?.access;
            let access = ApiAccess {
                tcp: false,
                ..before
            };
            wakehub.set_access(access).await?
        }
    };
    if json {
        print::json(&json!(status));
    } else {
        tell(&status);
    }
    match status.failure {
        Some(_) => Err(Failure::Told),
        None => Ok(()),
    }
}

fn tell(status: &ApiStatus) {
    match (&status.listening, &status.failure) {
        (Some(address), _) => print::line(&format!("on: http://{address}")),
        (None, Some(failure)) => print::line(&format!("on, but it does not answer: {failure}")),
        (None, None) if status.access.tcp => print::line(&format!(
            "on: http://{}, as soon as WakeHub runs",
            status.access.listen
        )),
        (None, None) => print::line("off"),
    }
    if status.access.tcp && status.access.plain_http > PlainHttp::ThisComputer {
        print::line("plain HTTP: whoever can read the traffic on the way can read the tokens");
    }
    if status.access.tcp && status.tokens.is_empty() {
        print::line("there is no token yet: wakehub token add NAME --scope control");
    }
}

pub async fn token(wakehub: &Wakehub, command: TokenCommand, json: bool) -> Result<(), Failure> {
    match command {
        TokenCommand::Add { name, scope } => {
            let scope = match scope {
                TokenScope::Read => ApiScope::Read,
                TokenScope::Control => ApiScope::Control,
            };
            let shown = wakehub.add_token(NewApiToken { name, scope }).await?;
            if json {
                print::json(&json!(shown));
            } else {
                print::line(&shown.token);
                print::line("It is shown this once. Send it as: Authorization: Bearer TOKEN");
            }
        }
        TokenCommand::List => {
            let tokens = wakehub.access().await?.tokens;
            if json {
                print::json(&json!(tokens));
            } else {
                for token in tokens {
                    print::line(&format!(
                        "{}  {:<8}{}",
                        token.id,
                        token.scope.as_str(),
                        token.name
                    ));
                }
            }
        }
        TokenCommand::Remove { token } => {
            wakehub.remove_token(&token).await?;
            if json {
                print::json(&json!({ "removed": token }));
            }
        }
    }
    Ok(())
}
