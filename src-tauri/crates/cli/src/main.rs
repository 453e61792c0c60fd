//! The `wakehub` command: everything the window can do, without a window.
#![expect(
    clippy::print_stderr,
    reason = "a command line complains on standard error"
)]

mod args;
mod commands;
mod follow;
mod idle;
mod input;
mod judge;
mod outcome;
mod print;
mod reach;
mod savings;
mod states;
mod wakehub;

use clap::Parser;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

use args::Cli;
use outcome::Outcome;

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(log_filter())
        .with_writer(std::io::stderr)
        .init();
    let json = cli.json;
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| anyhow::Error::from(error).into())
        .and_then(|runtime| runtime.block_on(commands::run(cli)));
    match ended {
        Ok(()) => match print::unwritten() {
            Some(why) => {
                eprintln!("wakehub: failed to write the answer: {why}");
                Outcome::Failed.into()
            }
            None => Outcome::Done.into(),
        },
        Err(failure) => {
            match failure.json() {
                Some(value) if json => print::json(&value),
                Some(_) | None => {}
            }
            match failure.text() {
                Some(text) if !json => eprintln!("wakehub: {text}"),
                Some(_) | None => {}
            }
            failure.outcome().into()
        }
    }
}

fn log_filter() -> EnvFilter {
    let off = || EnvFilter::new("off");
    let wanted = EnvFilter::try_from_env("WAKEHUB_LOG").unwrap_or_else(|_| off());
    match wakehub_engine::NOT_LOGGED.parse() {
        Ok(directive) => wanted.add_directive(directive),
        Err(_) => off(),
    }
}
