//! A homelab in network namespaces.
