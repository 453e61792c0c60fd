//! What sending needs to know.

use wakehub_domain::Secret;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WolEndpoint {
    /// Six bytes in hexadecimal; see [`Mac`](super::Mac) for the forms.
    pub mac: String,
    /// The machine's host name or IP address; without one the packet goes to the broadcast address of every interface.
    pub address: Option<String>,
    /// An IPv4 address that is sent to as well, for a machine behind a router that passes it on.
    pub broadcast: Option<String>,
    /// The name of the interface of this computer to send from.
    pub interface: Option<String>,
    /// SecureOn: six bytes in hexadecimal.
    pub password: Option<Secret>,
}
