//! Magic packets: what wakes a machine whose network card listens while it sleeps.
//!
//! Nobody answers a magic packet, so all that can be known is whether it left. Where it must go differs between homes
//! (VLANs, VPNs, several interfaces), so it goes everywhere it may help: see [`route`](self::route).

mod config;
mod connector;
mod packet;
mod route;
mod send;

pub use config::WolEndpoint;
pub use connector::WolConnector;
pub use packet::{Mac, NotAMac};
