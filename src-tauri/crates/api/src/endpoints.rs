//! Everything that can be asked, in the order of the document.

mod cascades;
mod homelab;
mod looking;
mod nodes;
mod owner;

use axum::http::Method;

use crate::problem::Problem;
use crate::routes::Routes;
use crate::wire::EventKind;

type Answered<T> = Result<T, Problem>;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

pub(crate) fn all(routes: Routes) -> Routes {
    let routes = cascades::routes(looking::routes(routes));
    homelab::routes(owner::routes(nodes::routes(routes)))
}

/// The kinds by the words of a query.
pub(crate) fn kind(word: &str) -> Answered<EventKind> {
    let known = EventKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == word);
    known.ok_or_else(|| {
        let all: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        Problem::invalid(format!(
            "there is no kind {word:?}; there are {}",
            all.join(", ")
        ))
    })
}
