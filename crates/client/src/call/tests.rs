use std::sync::Mutex;

use polywire_core::{Body, Encoding, Origin, Payload, Reply, Response};
use polywire_schema::Schema;

use super::*;

/// Answers with its argument and keeps what it was asked.
#[derive(Default)]
struct Echo(Mutex<Vec<Request>>);

impl Service for Echo {
    async fn call(&self, request: Request) -> Reply {
        let Body::Unary(payload) = &request.body else { panic!("no argument") };
        let body = Body::Unary(payload.clone());
        self.0.lock().unwrap().push(request);
        Ok(Response::new(body))
    }

    fn encoding(&self) -> Encoding {
        Encoding::GoJson
    }
}

static ECHO: MethodDescriptor =
    MethodDescriptor::new("Echo", "Test.Echo", || i64::TYPE, || i64::TYPE).idempotent();

#[tokio::test]
async fn a_call_encodes_as_its_service_wants_and_decodes_the_reply() {
    let echo = Echo::default();
    let reply: i64 = Call::new(&echo, &ECHO, 7_i64).metadata("a", "1").retries(5).await.unwrap();
    assert_eq!(reply, 7);
    let asked = echo.0.lock().unwrap();
    let request = &asked[0];
    assert_eq!(request.method.as_str(), "Test.Echo");
    assert_eq!(request.metadata.get("a"), Some("1"));
    assert_eq!((request.hints.idempotent, request.hints.retries), (true, Some(5)));
    assert!(matches!(&request.body, Body::Unary(Payload { bytes, .. }) if &**bytes == b"7"));
    assert_eq!(request.deadline, None);
}

#[tokio::test]
async fn a_service_may_go_by_another_name() {
    let echo = Echo::default();
    let _reply: i64 = Call::new(&echo, &ECHO, 7_i64).service_name("net.rpc.Echo").await.unwrap();
    assert_eq!(echo.0.lock().unwrap()[0].method.as_str(), "net.rpc.Echo.Echo");
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_the_inherited_deadline_and_the_own_timeout_counts() {
    let echo = Echo::default();
    let now = Instant::now().into_std();
    let mut context = Context::new(MethodName::new("Front", "Ask"));
    context.deadline = Deadline::after(now, Duration::from_secs(2));
    context.metadata.append("traceparent", "00-ab-cd-01");
    context.metadata.append("authorization", "secret");
    for seconds in [1, 3] {
        let call: Call<'_, _, _, i64> = Call::new(&echo, &ECHO, 7_i64);
        call.context(&context).timeout(Duration::from_secs(seconds)).await.unwrap();
    }
    let asked = echo.0.lock().unwrap();
    for (request, seconds) in asked.iter().zip([1, 2]) {
        assert_eq!(request.deadline, Deadline::after(now, Duration::from_secs(seconds)));
        assert_eq!(request.metadata.get("traceparent"), Some("00-ab-cd-01"));
        assert_eq!(request.metadata.get("authorization"), None);
    }
}

#[tokio::test]
async fn a_reply_of_another_type_is_a_decode_error_and_was_answered() {
    let echo = Echo::default();
    let reply: Result<String, Status> = Call::new(&echo, &ECHO, 7_i64).await;
    let status = reply.unwrap_err();
    assert!(status.message().starts_with("reading body "), "{status}");
    assert_eq!(status.origin(), Origin::Service);
    assert!(matches!(status.cause(), Some(ClientError::Decode { .. })));
}

#[tokio::test]
async fn an_argument_that_cannot_be_encoded_is_not_sent() {
    let echo = Echo::default();
    let reply: Result<f64, Status> = Call::new(&echo, &ECHO, f64::NAN).await;
    let status = reply.unwrap_err();
    assert!(status.message().starts_with("writing body "), "{status}");
    assert_eq!(status.origin(), Origin::NotSent);
    assert!(echo.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn options_travel_with_the_call_and_later_ones_add_to_them() {
    let echo = Echo::default();
    let both = CallOptions::new().filter(Filter::version("1")).retries(4);
    let call: Call<'_, _, _, i64> = Call::new(&echo, &ECHO, 7_i64);
    call.options(&both)
        .filter(Filter::label("zone", "a"))
        .addresses(["a:1"])
        .attempt_timeout(Duration::from_secs(1))
        .await
        .unwrap();
    let asked = echo.0.lock().unwrap();
    let options = asked[0].extensions.get::<CallOptions>().unwrap();
    let filters: Vec<_> = options.filters.iter().map(ToString::to_string).collect();
    assert_eq!(filters, ["version 1", "zone=a"]);
    assert_eq!((options.retries, options.attempt_timeout), (Some(4), Some(Duration::from_secs(1))));
    assert_eq!(options.addresses.as_deref(), Some(&["a:1".to_owned()][..]));
    assert_eq!(asked[0].hints.retries, None);
}

#[tokio::test]
async fn a_call_without_options_carries_none() {
    let echo = Echo::default();
    let _reply: i64 = Call::new(&echo, &ECHO, 7_i64).retries(1).await.unwrap();
    assert!(echo.0.lock().unwrap()[0].extensions.get::<CallOptions>().is_none());
}
