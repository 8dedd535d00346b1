//! Makes the calls that the runner asks for, and tells what came of each.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a command line tool reports so")]

mod calls;
mod channels;
mod messages;

use std::error::Error;
use std::io;
use std::process::ExitCode;

use futures_util::{StreamExt as _, stream};
use polywire_conformance::proto::client_compat_response::Result as Outcome;
use polywire_conformance::proto::{ClientCompatRequest, ClientCompatResponse, ClientErrorResult};
use polywire_conformance::stdio;
use tokio::io::{stdin, stdout};

use self::channels::Channels;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance-client: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let channels = Channels::default();
    let wanted = stream::unfold(stdin(), |mut input| async move {
        let next: io::Result<Option<ClientCompatRequest>> = stdio::read(&mut input).await;
        next.transpose().map(|item| (item, input))
    });
    let mut answers = wanted
        .map(|wanted| async { Ok::<_, io::Error>(answer(&channels, wanted?).await) })
        .buffer_unordered(AT_ONCE)
        .boxed_local();
    while let Some(answer) = answers.next().await {
        stdio::write(&mut stdout(), &answer?).await?;
    }
    Ok(())
}

async fn answer(channels: &Channels, wanted: ClientCompatRequest) -> ClientCompatResponse {
    let test_name = wanted.test_name.clone();
    let outcome = match calls::make(channels, wanted).await {
        Ok(result) => Outcome::Response(result),
        Err(error) => Outcome::Error(ClientErrorResult { message: error.to_string() }),
    };
    ClientCompatResponse { test_name, result: Some(outcome) }
}

/// How many calls are under way at once.
const AT_ONCE: usize = 16;
