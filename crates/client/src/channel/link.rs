//! A connection of whichever kind a node's wire has.

use std::mem;
use std::pin::Pin;

use polywire_core::{
    Body, Encoding, MessageCompression, PayloadStream, Reencode, Reply, Request, Status,
};

use crate::ClientError;
use crate::connection::Connection;
use crate::error::Sent;
use crate::http::{HttpConnection, HttpPool};

/// A connection, and how it wants arguments to be encoded.
#[derive(Debug)]
pub(crate) struct Link {
    carrier: Carrier,
    encoding: Encoding,
}

/// A connection of whichever kind a node's wire has.
#[derive(Debug)]
pub(super) enum Carrier {
    /// Calls have numbers.
    Mux(Connection),
    /// Calls have streams of HTTP/2.
    Http(HttpConnection),
    /// Calls have connections of HTTP/1.1.
    Pool(HttpPool),
}

/// A call under way.
type ReplyIn<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

impl Link {
    pub(super) const fn new(carrier: Carrier, encoding: Encoding) -> Self {
        Self { carrier, encoding }
    }

    /// Sends a call and waits for its reply.
    ///
    /// **Cancel safe**: dropping the future withdraws the call.
    pub(super) async fn call(&self, request: &Request) -> Reply {
        if self.wants_otherwise(request)
            && let Some(call) = self.call_otherwise(request)
        {
            return call.await;
        }
        match &self.carrier {
            Carrier::Mux(connection) => connection.call(request).await,
            // The future of such a call is large, and moved with every call if it is not boxed.
            Carrier::Http(connection) => Box::pin(connection.call(request)).await,
            Carrier::Pool(pool) => Box::pin(pool.call(request)).await,
        }
    }

    /// Whether the argument is encoded otherwise than this connection wants it.
    fn wants_otherwise(&self, request: &Request) -> bool {
        match &request.body {
            Body::Unary(argument) => argument.encoding != self.encoding,
            Body::Stream(values) => values.encoding() != self.encoding,
            _ => false,
        }
    }

    /// As [`call`](Self::call), with the argument encoded again. Boxed, since calls that need it not
    /// are not to carry its room.
    fn call_otherwise<'a>(&'a self, request: &'a Request) -> Option<ReplyIn<'a>> {
        let other = self.reencoded(request)?;
        Some(Box::pin(async move { self.call(&other?.request).await }))
    }

    /// The call with its argument as this connection wants it, if it can be had otherwise. What
    /// cannot is left to the wire, some of which carry other encodings too, while others say why
    /// not.
    fn reencoded<'a>(&self, request: &'a Request) -> Option<Result<Otherwise<'a>, Status>> {
        let (body, source) = match &request.body {
            Body::Unary(_) => {
                let again = request.extensions.get::<Reencode>()?;
                (again.to(self.encoding).map(Body::Unary), None)
            }
            Body::Stream(values) => {
                (Ok(Body::Stream(values.take_as(self.encoding)?)), Some(values))
            }
            _ => return None,
        };
        Some(match body {
            Ok(body) => {
                let mut other = Request::new(request.method.clone(), body);
                other.metadata = request.metadata.clone();
                other.deadline = request.deadline;
                other.hints = request.hints;
                if let Some(choice) = request.extensions.get::<MessageCompression>() {
                    other.extensions.insert(choice.clone());
                }
                Ok(Otherwise { request: other, source })
            }
            Err(why) => {
                let error = ClientError::Encode { why: why.to_string() };
                Err(error.into_status(Sent::No))
            }
        })
    }

    /// Whether calls can still be sent.
    pub(super) fn is_open(&self) -> bool {
        match &self.carrier {
            Carrier::Mux(connection) => connection.is_open(),
            Carrier::Http(connection) => connection.is_open(),
            Carrier::Pool(pool) => pool.is_open(),
        }
    }

    /// Whether the peer is there as far as is known: a pool is open also without connections.
    pub(super) fn is_live(&self) -> bool {
        match &self.carrier {
            Carrier::Pool(pool) => pool.is_open() && pool.has_idle(),
            Carrier::Mux(_) | Carrier::Http(_) => self.is_open(),
        }
    }

    /// Closes the connection; calls that wait end.
    pub(super) fn close(&self) {
        match &self.carrier {
            Carrier::Mux(connection) => connection.close(),
            Carrier::Http(connection) => connection.close(),
            Carrier::Pool(pool) => pool.close(),
        }
    }
}

/// A call with its argument encoded again. A stream of arguments that no connection took out of it
/// goes back where it came from, so that another node can have it.
struct Otherwise<'a> {
    request: Request,
    source: Option<&'a PayloadStream>,
}

impl Drop for Otherwise<'_> {
    fn drop(&mut self) {
        if let Some(source) = self.source
            && let Body::Stream(values) = mem::take(&mut self.request.body)
        {
            // Once they are on their way there is nothing to give back.
            let _was_unused = source.give_back(values);
        }
    }
}
