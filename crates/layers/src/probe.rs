//! A service for this crate's tests.

use polywire_core::{Body, Code, MethodName, Reply, Request, Response, Service, Status};

/// Answers `P.Ok` at once, fails `P.Fail`, panics on `P.Panic`, and never answers anything else.
#[derive(Debug)]
pub(crate) struct Probe;

impl Service for Probe {
    async fn call(&self, req: Request) -> Reply {
        match req.method.method() {
            "Ok" => Ok(Response::default()),
            "Fail" => Err(Status::new(Code::NotFound, "nothing there")),
            "Panic" => panic!("on purpose"),
            _ => std::future::pending().await,
        }
    }
}

pub(crate) fn request(method: &str) -> Request {
    Request::new(MethodName::new("P", method), Body::Empty)
}
