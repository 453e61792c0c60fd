//! Whether a node is used: a corpus of traces as text, the laws against a naive oracle, and what a rule may say.

#![expect(clippy::unwrap_used, reason = "test code")]

mod laws;
mod oracle;
mod past;
mod probe;
mod rules;
mod suggest;
mod trace;
mod traces;
mod words;
