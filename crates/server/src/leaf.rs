//! Where bytes become values: the handler of one method.

use std::sync::Arc;

use polywire_codec::Message;
use polywire_core::{
    Body, Code, Context, Method, MethodDescriptor, ReplyFuture, Request, Response, Status,
};

use crate::detached::Detached;

/// A method answered by a typed function: decodes the argument, calls, encodes the result in the
/// encoding that the argument had.
pub fn unary<A, R, F, Fut>(descriptor: &'static MethodDescriptor, call: F) -> Method
where
    A: Message,
    R: Message,
    F: Fn(Context, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, Status>> + Send + 'static,
{
    let call = Arc::new(call);
    let detached = descriptor.detached.then(|| Arc::new(Detached::default()));
    let handler = Arc::new(move |request: Request| {
        let call = Arc::clone(&call);
        let answer = async move {
            let (context, body) = request.into_parts();
            let Body::Unary(payload) = body else {
                return Err(Status::new(Code::InvalidArgument, "the argument is missing"));
            };
            let argument = A::decode(&payload).map_err(|error| error.into_argument_status())?;
            let reply = call(context, argument).await?;
            let reply =
                reply.encode(payload.encoding).map_err(|error| error.into_reply_status())?;
            Ok(Response::unary(reply))
        };
        match &detached {
            None => Box::pin(answer) as ReplyFuture,
            Some(detached) => {
                let detached = Arc::clone(detached);
                Box::pin(async move { detached.run(answer).await })
            }
        }
    });
    Method { descriptor, handler }
}
