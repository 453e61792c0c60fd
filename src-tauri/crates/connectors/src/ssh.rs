//! SSH hosts: sessions kept and reused, commands, streams, shutdown.
