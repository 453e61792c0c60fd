//! Plans, starts and stops, and the questions that they leave.

use wakehub_domain::{Action, CascadeId, QuestionId};
use wakehub_view::wire::{Ask, PlanAnswer, RunAnswer};

use crate::routes::{Call, Json, Perhaps, Routes};
use crate::shared::Scope;
use crate::wire::{AnswerBody, StartBody, StopBody};

use super::{Answered, DELETE, POST};

pub(super) fn routes(routes: Routes) -> Routes {
    use Scope::{Control, Read};
    routes
        .on(
            POST,
            "/api/v1/plan",
            (
                "plan",
                "Look at every node concerned, and plan. Changes nothing",
            ),
            Read,
            plan,
        )
        .patiently()
        .on(
            POST,
            "/api/v1/run",
            ("run", "Look, plan and begin"),
            Control,
            run,
        )
        .patiently()
        .on(
            POST,
            "/api/v1/nodes/{node}/start",
            (
                "start",
                "Start a node, by number or name, with everything it needs",
            ),
            Control,
            start,
        )
        .patiently()
        .on(
            POST,
            "/api/v1/nodes/{node}/stop",
            (
                "stop",
                "Stop a node, by number or name, with everything it hosts",
            ),
            Control,
            stop,
        )
        .on(
            DELETE,
            "/api/v1/queue/{queued}",
            (
                "cancelQueued",
                "Take back an ask that waits for a running cascade",
            ),
            Control,
            cancel_queued,
        )
        .on(
            POST,
            "/api/v1/cascades/{cascade}/cancel",
            ("cancel", "End it after the step in progress"),
            Control,
            cancel,
        )
        .patiently()
        .on(
            POST,
            "/api/v1/cascades/{cascade}/resume",
            (
                "resume",
                "Plan a failed or interrupted one again from what is seen now, and begin",
            ),
            Control,
            resume,
        )
        .on(
            POST,
            "/api/v1/cascades/{cascade}/dismiss",
            ("dismiss", "Take an ended one out of the snapshot"),
            Control,
            dismiss,
        )
        .on(
            POST,
            "/api/v1/questions/{question}/answer",
            ("answer", "Answer a question; the first answer stands"),
            Control,
            answer,
        )
}

async fn plan(call: Call, Json(ask): Json<Ask>) -> Answered<Json<PlanAnswer>> {
    Ok(Json(call.shared.engine.plan(ask).await?))
}

async fn run(call: Call, Json(ask): Json<Ask>) -> Answered<Json<RunAnswer>> {
    begin(&call, ask).await
}

async fn start(call: Call, Perhaps(body): Perhaps<StartBody>) -> Answered<Json<RunAnswer>> {
    let node = call.shared.node(call.word(0))?.id;
    let ask = Ask {
        action: Action::Start,
        node,
        with_dependants: false,
        queue: body.queue,
        automatic: false,
    };
    begin(&call, ask).await
}

async fn stop(call: Call, Perhaps(body): Perhaps<StopBody>) -> Answered<Json<RunAnswer>> {
    let node = call.shared.node(call.word(0))?.id;
    let ask = Ask {
        action: Action::Stop,
        node,
        with_dependants: body.with_dependants,
        queue: body.queue,
        automatic: false,
    };
    begin(&call, ask).await
}

async fn begin(call: &Call, ask: Ask) -> Answered<Json<RunAnswer>> {
    Ok(Json(call.shared.engine.run(ask).await?))
}

fn cascade(call: &Call) -> Answered<CascadeId> {
    call.number(0, "cascade").map(CascadeId)
}

async fn cancel(call: Call, (): ()) -> Answered<()> {
    Ok(call.shared.engine.cancel(cascade(&call)?).await?)
}

async fn cancel_queued(call: Call, (): ()) -> Answered<()> {
    let id = call.number(0, "queued ask")?;
    Ok(call.shared.engine.cancel_queued(id).await?)
}

async fn resume(call: Call, (): ()) -> Answered<Json<RunAnswer>> {
    Ok(Json(call.shared.engine.resume(cascade(&call)?).await?))
}

async fn dismiss(call: Call, (): ()) -> Answered<()> {
    Ok(call.shared.engine.dismiss(cascade(&call)?).await?)
}

async fn answer(call: Call, Json(body): Json<AnswerBody>) -> Answered<()> {
    let question = QuestionId(call.number(0, "question")?);
    Ok(call.shared.engine.answer(question, body.answer).await?)
}
