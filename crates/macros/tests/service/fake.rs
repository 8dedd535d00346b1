//! What `#[service]` names, made of JSON and nothing else: no client, no server, no socket.

pub(crate) mod __private {
    use std::future::{Future, IntoFuture};
    use std::pin::Pin;
    use std::sync::Arc;

    pub(crate) use polywire_core::{
        Context, Method, MethodDescriptor, Service, ServiceDefinition, ServiceDescriptor, Status,
    };
    pub(crate) use polywire_schema as schema;
    pub(crate) use polywire_schema::__no_message as impl_message;

    pub(crate) mod serde {
        //! serde under a path of the fake's.
        pub(crate) use ::serde::*;
    }

    use ::serde::{Serialize, de::DeserializeOwned};
    use polywire_core::{Body, Code, Encoding, MethodName, Payload, Request, Response};

    /// A value that a test can read.
    pub(crate) fn body(value: &impl Serialize) -> Body {
        let text = serde_json::to_vec(value).expect("plain data");
        Body::Unary(Payload::new(Encoding::Json, text.into()))
    }

    pub(crate) fn value<T: DeserializeOwned>(body: &Body) -> Result<T, Status> {
        let Body::Unary(payload) = body else { panic!("an empty body") };
        serde_json::from_slice(&payload.bytes)
            .map_err(|error| Status::new(Code::InvalidArgument, error.to_string()))
    }

    pub(crate) struct Answer<T>(Result<T, Status>);

    impl<T> Answer<T> {
        pub(crate) fn new(result: Result<T, Status>, _context: Context) -> Self {
            Self(result)
        }
    }

    pub(crate) fn unary<A, R, F, Fut>(descriptor: &'static MethodDescriptor, handler: F) -> Method
    where
        A: DeserializeOwned + Send + 'static,
        R: Serialize + Send + 'static,
        F: Fn(Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer<R>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        Method {
            descriptor,
            handler: Arc::new(move |request: Request| {
                let handler = Arc::clone(&handler);
                Box::pin(async move {
                    let (context, argument) = request.into_parts();
                    let reply = handler(context, value(&argument)?).await.0?;
                    Ok(Response::new(body(&reply)))
                })
            }),
        }
    }

    #[derive(Debug)]
    pub(crate) struct ConnectError;

    #[derive(Debug, Clone)]
    pub(crate) struct Channel(pub(crate) String);

    impl Service for Channel {
        async fn call(&self, _req: Request) -> polywire_core::Reply {
            Err(std::future::ready(Status::new(Code::Unavailable, self.0.clone())).await)
        }
    }

    pub(crate) async fn connect(url: &str) -> Result<Channel, ConnectError> {
        std::future::ready(Ok(Channel(url.to_owned()))).await
    }

    pub(crate) async fn discover(service: &str) -> Result<Channel, ConnectError> {
        std::future::ready(if service.is_empty() {
            Err(ConnectError)
        } else {
            Ok(Channel(service.to_owned()))
        })
        .await
    }

    pub(crate) struct Call<'a, S, A, R> {
        service: &'a S,
        descriptor: &'static MethodDescriptor,
        argument: A,
        reply: std::marker::PhantomData<fn() -> R>,
    }

    impl<'a, S: Service, A, R> Call<'a, S, A, R> {
        pub(crate) fn new(
            service: &'a S,
            descriptor: &'static MethodDescriptor,
            argument: A,
        ) -> Self {
            Self { service, descriptor, argument, reply: std::marker::PhantomData }
        }
    }

    impl<'a, S: Service, A, R> IntoFuture for Call<'a, S, A, R>
    where
        A: Serialize + Send + 'a,
        R: DeserializeOwned,
    {
        type Output = Result<R, Status>;
        type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + 'a>>;

        fn into_future(self) -> Self::IntoFuture {
            Box::pin(async move {
                let name = MethodName::from_dotted(self.descriptor.path).expect("a dot");
                let request = Request::new(name, body(&self.argument));
                value(&self.service.call(request).await?.body)
            })
        }
    }
}
