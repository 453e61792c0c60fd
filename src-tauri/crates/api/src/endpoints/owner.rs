//! Who may reach the API: for the user who runs WakeHub alone.

use wakehub_view::access::{ApiAccess, ApiStatus, NewApiToken, ShownApiToken};

use crate::access;
use crate::problem::Problem;
use crate::routes::{Call, Json, Routes};
use crate::shared::Scope;

use super::{Answered, DELETE, GET, POST, PUT};

pub(super) fn routes(routes: Routes) -> Routes {
    use Scope::Owner;
    routes
        .on(
            GET,
            "/api/v1/access",
            (
                "access",
                "How the API is reached, and its tokens without their secrets",
            ),
            Owner,
            status,
        )
        .on(
            PUT,
            "/api/v1/access",
            ("setAccess", "Switch TCP on or off"),
            Owner,
            set_access,
        )
        .on(
            POST,
            "/api/v1/tokens",
            (
                "addToken",
                "Make a token; the answer is the only time that it is shown",
            ),
            Owner,
            add_token,
        )
        .on(
            DELETE,
            "/api/v1/tokens/{token}",
            ("removeToken", "Remove a token, by id or name"),
            Owner,
            remove_token,
        )
}

async fn status(call: Call, (): ()) -> Answered<Json<ApiStatus>> {
    Ok(Json(access::status(&call.shared).await))
}

async fn set_access(call: Call, Json(wanted): Json<ApiAccess>) -> Answered<Json<ApiStatus>> {
    Ok(Json(access::set(&call.shared, wanted).await?))
}

async fn add_token(call: Call, Json(new): Json<NewApiToken>) -> Answered<Json<ShownApiToken>> {
    Ok(Json(call.shared.tokens.add(new).await?))
}

async fn remove_token(call: Call, (): ()) -> Answered<()> {
    let token = call.word(0);
    if call.shared.tokens.remove(token).await? {
        Ok(())
    } else {
        Err(Problem::not_found(format!("there is no token {token}")))
    }
}
