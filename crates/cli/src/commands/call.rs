//! `polywire call`.

mod arguments;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use polywire::core::{Body, Deadline, Metadata, Payload, Request, Response};
use polywire::{CallKind, Service as _};

use self::arguments::Arguments;
use crate::args::MethodArgs;
use crate::dynamic::Hints;
use crate::failure::Failure;
use crate::method::Method;
use crate::output;
use crate::target::Target;

/// Calls once and prints the reply, or the replies as they come.
pub(crate) async fn run(args: &MethodArgs, registry: Option<&str>) -> Result<(), Failure> {
    let arguments = Arguments::of(args)?;
    let (target, method) = reach(args, registry).await?;
    let method = Arc::new(method);
    let body = if method.kind.client_streams() {
        Body::Stream(arguments.stream(&method, target.channel.encoding()))
    } else {
        Body::Unary(method.encode(&arguments.only()?).map_err(Failure::Usage)?)
    };
    // A stream may go on for days.
    let timeout = match method.kind {
        CallKind::Unary => Some(args.connect.patience()),
        _ => args.connect.timeout,
    };
    let response = target.channel.call(request(args, &method, body, timeout)).await?;
    print(&method, response).await
}

async fn print(method: &Method, response: Response) -> Result<(), Failure> {
    let mut replies = match response.body {
        Body::Stream(replies) => replies,
        Body::Unary(payload) => {
            let reply = method.decode(payload)?;
            if method.kind.server_streams() {
                output::line(&reply.to_string());
            } else {
                output::json(&reply);
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    while let Some(payload) = replies.next().await.transpose()? {
        output::line(&method.decode(payload)?.to_string());
    }
    Ok(())
}

/// Finds the peer, and the method as it describes it.
async fn reach(args: &MethodArgs, registry: Option<&str>) -> Result<(Target, Method), Failure> {
    let path = args.method.replace('/', ".");
    Method::name(&path)?;
    let hints = Hints::parse(&args.types).map_err(Failure::Usage)?;
    let target = Target::reach(&args.target, registry, &args.connect).await?;
    let method = Method::find(&target, &path, hints).await?;
    Ok((target, method))
}

/// A request whose deadline counts from now.
fn request(args: &MethodArgs, method: &Method, body: Body, timeout: Option<Duration>) -> Request {
    let mut request = Request::new(method.name.clone(), body);
    #[expect(clippy::disallowed_methods, reason = "the command line is where time comes in")]
    let now = Instant::now();
    request.deadline = timeout.and_then(|timeout| Deadline::after(now, timeout));
    let headers = args.connect.headers.iter();
    request.metadata = headers.map(|(k, v)| (k.clone(), v.clone())).collect::<Metadata>();
    (request.hints.kind, request.hints.idempotent) = (method.kind, method.idempotent);
    request
}

/// A unary call, ready to be made many times.
pub(crate) struct Prepared {
    pub(crate) target: Target,
    method: Method,
    payload: Payload,
}

impl Prepared {
    /// Reaches the peer and encodes the argument.
    pub(crate) async fn new(args: &MethodArgs, registry: Option<&str>) -> Result<Self, Failure> {
        let argument = Arguments::of(args)?.only()?;
        let (target, method) = reach(args, registry).await?;
        if method.kind != CallKind::Unary {
            return Err(Failure::Usage(format!("{} streams", args.method)));
        }
        let payload = method.encode(&argument).map_err(Failure::Usage)?;
        Ok(Self { target, method, payload })
    }

    /// One more request; its deadline counts from now.
    pub(crate) fn request(&self, args: &MethodArgs) -> Request {
        let body = Body::Unary(self.payload.clone());
        request(args, &self.method, body, Some(args.connect.patience()))
    }
}
