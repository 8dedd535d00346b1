//! `polywire call`.

use std::io::Read as _;
use std::time::Instant;

use polywire::codec;
use polywire::core::{Body, Deadline, Encoding, Metadata, MethodName, Payload, Request, Response};
use polywire::gob::{Frame, TypeTable, decode_value};
use polywire::reflection::MethodInfo;
use polywire::{Code, Service as _, Status};
use serde_json::Value as Json;

use crate::args::MethodArgs;
use crate::dynamic::{Hints, Known, to_json, to_payload};
use crate::failure::Failure;
use crate::target::Target;
use crate::{output, suggest};

/// Calls once and prints the reply.
pub(crate) async fn run(args: &MethodArgs, registry: Option<&str>) -> Result<(), Failure> {
    let prepared = Prepared::new(args, registry).await?;
    let response = prepared.target.channel.call(prepared.request(args)).await?;
    output::json(&prepared.reply(response)?);
    Ok(())
}

/// A call, ready to be made once or many times.
pub(crate) struct Prepared {
    pub(crate) target: Target,
    name: MethodName,
    payload: Payload,
}

impl Prepared {
    /// Reaches the peer and encodes the argument.
    pub(crate) async fn new(args: &MethodArgs, registry: Option<&str>) -> Result<Self, Failure> {
        let path = args.method.replace('/', ".");
        let name = MethodName::from_dotted(path.clone())
            .map_err(|_| Failure::Usage(format!("`{path}` is not SERVICE.METHOD")))?;
        let json = argument(args)?;
        let hints = Hints::parse(&args.types).map_err(Failure::Usage)?;
        let target = Target::reach(&args.target, registry, &args.connect).await?;
        let method = known_method(&target, &path)?;
        let payload = match target.channel.encoding() {
            Encoding::Gob => {
                let known = method.and_then(|method| known(&target, method.request));
                to_payload(&json, known, &hints).map_err(Failure::Usage)?
            }
            encoding => Payload::new(encoding, json.to_string().into()),
        };
        Ok(Self { target, name, payload })
    }

    /// One more request; its deadline counts from now.
    pub(crate) fn request(&self, args: &MethodArgs) -> Request {
        let mut request = Request::new(self.name.clone(), Body::Unary(self.payload.clone()));
        #[expect(clippy::disallowed_methods, reason = "the command line is where time comes in")]
        let now = Instant::now();
        request.deadline = Deadline::after(now, args.connect.timeout);
        let headers = args.connect.headers.iter();
        request.metadata = headers.map(|(k, v)| (k.clone(), v.clone())).collect::<Metadata>();
        request
    }

    /// The reply as JSON.
    fn reply(&self, response: Response) -> Result<Json, Failure> {
        let Body::Unary(payload) = response.body else { return Ok(Json::Null) };
        if payload.encoding != Encoding::Gob {
            let bad = |error| unreadable(&codec::json::JsonError::Serde(format!("{error}")));
            return serde_json::from_slice(&payload.bytes)
                .map_err(|error: serde_json::Error| bad(error));
        }
        let table = payload.context.as_ref().map(TypeTable::from_context).unwrap_or_default();
        let value =
            decode_value(&Frame::new(payload.bytes, table)).map_err(|error| unreadable(&error))?;
        let method = known_method(&self.target, self.name.as_str())?;
        let known = method.and_then(|method| known(&self.target, method.reply));
        Ok(to_json(&value, known))
    }
}

/// The argument from the command line, a file or standard input.
fn argument(args: &MethodArgs) -> Result<Json, Failure> {
    let text = match args.json.as_deref().or(args.data.as_deref()) {
        None => "{}".to_owned(),
        Some("@-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
        Some(text) => match text.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| Failure::Environment(format!("cannot read {file}: {error}")))?,
            None => text.to_owned(),
        },
    };
    serde_json::from_str(&text)
        .map_err(|error| Failure::Usage(format!("the argument is no JSON: {error}")))
}

/// The method as the peer describes it; an error if it describes itself without it.
fn known_method<'t>(target: &'t Target, path: &str) -> Result<Option<&'t MethodInfo>, Failure> {
    let Some(description) = &target.description else { return Ok(None) };
    if let Some(method) = description.method(path) {
        return Ok(Some(method));
    }
    let paths: Vec<String> = description
        .services
        .iter()
        .flat_map(|service| {
            service.methods.iter().map(|method| format!("{}.{}", service.name, method.name))
        })
        .collect();
    let text = suggest::unknown("method", path, path, paths.iter().map(String::as_str));
    Err(Status::new(Code::Unimplemented, text).into())
}

fn known(target: &Target, position: u32) -> Option<Known<'_>> {
    target.description.as_ref().and_then(|description| Known::new(description, position))
}

fn unreadable(error: &dyn std::error::Error) -> Failure {
    Status::new(Code::Internal, format!("the reply cannot be read: {error}")).into()
}
