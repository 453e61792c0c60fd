//! What concerns all nodes: homelab.toml in and out, what was saved, and the pause of automatic stops.

use wakehub_view::savings::{SavingsAsk, SavingsView};
use wakehub_view::wire::ImportReport;

use crate::routes::{Call, Json, Routes, Toml};
use crate::shared::Scope;
use crate::wire::PauseBody;

use super::{Answered, GET, POST, PUT};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(
            GET,
            "/api/v1/homelab",
            ("export", "The homelab as homelab.toml, without secrets"),
            Scope::Read,
            export,
        )
        .patiently()
        .on(
            POST,
            "/api/v1/homelab",
            (
                "import",
                "Add and change nodes from a homelab.toml, all or nothing",
            ),
            Scope::Control,
            import,
        )
        .on(
            POST,
            "/api/v1/savings",
            (
                "savings",
                "What was saved by keeping nodes off, by day, week or month",
            ),
            Scope::Read,
            savings,
        )
        .on(
            PUT,
            "/api/v1/stops/pause",
            (
                "pauseStops",
                "Stop nothing automatically until a time, or allow it again",
            ),
            Scope::Control,
            pause,
        )
}

async fn savings(call: Call, Json(ask): Json<SavingsAsk>) -> Answered<Json<SavingsView>> {
    Ok(Json(call.shared.engine.savings(ask).await?))
}

async fn pause(call: Call, Json(body): Json<PauseBody>) -> Answered<()> {
    Ok(call.shared.engine.pause_stops(body.until).await?)
}

async fn export(call: Call, (): ()) -> Answered<Toml> {
    Ok(Toml(call.shared.engine.export().await?))
}

async fn import(call: Call, Toml(text): Toml) -> Answered<Json<ImportReport>> {
    Ok(Json(call.shared.engine.import(text).await?))
}
