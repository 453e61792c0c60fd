//! Magic packets.
