//! JSON from the command line, a file or standard input.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::thread;

use futures_util::stream;
use polywire::core::{Encoding, PayloadStream};
use polywire::{Code, Status};
use serde_json::{Deserializer, Value as Json};
use tokio::sync::mpsc;

use crate::args::MethodArgs;
use crate::failure::Failure;
use crate::method::Method;

/// What the method is given.
pub(super) enum Arguments {
    Known(Vec<Json>),
    /// Standard input, which may go on as long as the call.
    Input,
}

impl Arguments {
    /// Reads all but standard input.
    pub(super) fn of(args: &MethodArgs) -> Result<Self, Failure> {
        let text = match args.json.as_deref().or(args.data.as_deref()) {
            None => return Ok(Self::Known(vec![Json::Object(serde_json::Map::new())])),
            Some("@-") => return Ok(Self::Input),
            Some(text) => match text.strip_prefix('@') {
                Some(file) => std::fs::read_to_string(file).map_err(|error| {
                    Failure::Environment(format!("cannot read {file}: {error}"))
                })?,
                None => text.to_owned(),
            },
        };
        parse(&text).map(Self::Known)
    }

    /// The argument of a method that takes one.
    pub(super) fn only(self) -> Result<Json, Failure> {
        let mut values = match self {
            Self::Known(values) => values,
            Self::Input => {
                let mut text = String::new();
                io::stdin().read_to_string(&mut text)?;
                parse(&text)?
            }
        };
        let only = values.pop().filter(|_| values.is_empty());
        only.ok_or_else(|| Failure::Usage("the method takes one argument".to_owned()))
    }

    /// The arguments of a method that takes any number, as they come.
    pub(super) fn stream(self, method: &Arc<Method>, encoding: Encoding) -> PayloadStream {
        let method = Arc::clone(method);
        let encode = move |json: Result<Json, String>| {
            let payload = json.and_then(|json| method.encode(&json));
            payload.map_err(|text| Status::new(Code::InvalidArgument, text))
        };
        match self {
            Self::Known(values) => {
                PayloadStream::new(encoding, stream::iter(values.into_iter().map(Ok).map(encode)))
            }
            Self::Input => {
                let values = stream::unfold((input(), encode), async |(mut values, encode)| {
                    let value = encode(values.recv().await?);
                    Some((value, (values, encode)))
                });
                PayloadStream::new(encoding, values)
            }
        }
    }
}

fn parse(text: &str) -> Result<Vec<Json>, Failure> {
    let values = Deserializer::from_str(text).into_iter::<Json>().collect::<Result<_, _>>();
    values.map_err(|error| Failure::Usage(explain(&error)))
}

/// The values on standard input. The thread ends with the input, or with the program: a read
/// cannot be called off, and a task of the runtime's would keep the program from ending.
fn input() -> mpsc::Receiver<Result<Json, String>> {
    let (sender, receiver) = mpsc::channel(1);
    thread::spawn(move || {
        for value in Deserializer::from_reader(io::stdin().lock()).into_iter::<Json>() {
            let failed = value.is_err();
            let sent = sender.blocking_send(value.map_err(|error| explain(&error)));
            if failed || sent.is_err() {
                break;
            }
        }
    });
    receiver
}

fn explain(error: &serde_json::Error) -> String {
    format!("the argument is no JSON: {error}")
}
