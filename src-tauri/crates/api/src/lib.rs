//! The local API: REST and a WebSocket above the engine's [`Handle`](wakehub_engine::Handle), and the client with which the command line uses it.
//!
//! [`serve`] listens on a socket in the data directory, for the user who runs WakeHub, and over TCP when the settings say
//! so, for whoever has a token. Every request passes the same gate: rate, host name, site,
//! token. `endpoints` is the one list of what can be asked; router and OpenAPI document are made from it.

mod access;
mod addresses;
pub mod client;
mod endpoints;
mod events;
mod guard;
mod limits;
mod openapi;
mod page;
mod problem;
mod routes;
mod serve;
mod server;
mod shared;
mod socket;
mod tokens;
mod url;
pub mod wire;

pub use access::Gate;
pub use openapi::document;
pub use server::{Options, ServeError, Server, serve};
