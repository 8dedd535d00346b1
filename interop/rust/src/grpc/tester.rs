//! What the test service does.

use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use polywire::core::MessageCompression;
use polywire::{BoxStream, Code, Context, Status, Streaming, service};
use tokio::time;

use super::{
    BoolValue, ECHO_INITIAL, ECHO_TRAILING, EchoStatus, Empty, Payload, ResponseParameters,
    SimpleRequest, SimpleResponse, StreamingInputCallRequest, StreamingInputCallResponse,
    StreamingOutputCallRequest, StreamingOutputCallResponse,
};

/// The service every implementation of gRPC offers for its interop cases.
#[derive(Debug, Default)]
pub struct TestService;

#[service(package = "grpc.testing")]
impl TestService {
    /// Nothing for nothing.
    pub async fn empty_call(&self, _empty: Empty) -> Empty {
        Empty {}
    }

    /// As many bytes as the caller asks for, or the status.
    ///
    /// # Errors
    /// The caller asks for one, or for less than no bytes.
    pub async fn unary_call(
        &self,
        cx: &Context,
        request: SimpleRequest,
    ) -> Result<SimpleResponse, Status> {
        echo_metadata(cx);
        let compression = cx.compression();
        as_announced(&compression, request.expect_compressed)?;
        asked_for(request.response_status)?;
        as_wanted(&compression, request.response_compressed);
        Ok(SimpleResponse { payload: Some(payload(request.response_size)?) })
    }

    /// As [`unary_call`](Self::unary_call); what a cache may answer.
    ///
    /// # Errors
    /// As [`unary_call`](Self::unary_call).
    #[rpc(idempotent)]
    pub async fn cacheable_unary_call(
        &self,
        cx: &Context,
        request: SimpleRequest,
    ) -> Result<SimpleResponse, Status> {
        self.unary_call(cx, request).await
    }

    /// The replies the caller asks for.
    pub fn streaming_output_call(
        &self,
        cx: &Context,
        request: StreamingOutputCallRequest,
    ) -> impl Stream<Item = Result<StreamingOutputCallResponse, Status>> + Send + use<> {
        let compression = cx.compression();
        replies(compression, request.response_parameters)
    }

    /// Counts bytes.
    ///
    /// # Errors
    /// The caller's stream ends early, or a message is not compressed as it says.
    pub async fn streaming_input_call(
        &self,
        cx: &Context,
        mut requests: Streaming<StreamingInputCallRequest>,
    ) -> Result<StreamingInputCallResponse, Status> {
        let mut sum = 0_usize;
        let compression = cx.compression();
        while let Some(request) = requests.message().await? {
            as_announced(&compression, request.expect_compressed)?;
            sum = sum.saturating_add(request.payload.map_or(0, |payload| payload.body.len()));
        }
        let aggregated_payload_size = i32::try_from(sum).unwrap_or(i32::MAX);
        Ok(StreamingInputCallResponse { aggregated_payload_size })
    }

    /// The replies each message asks for, as it comes.
    ///
    /// # Errors
    /// None: statuses that are asked for end the stream.
    pub async fn full_duplex_call(
        &self,
        cx: &Context,
        requests: Streaming<StreamingOutputCallRequest>,
    ) -> Result<BoxStream<StreamingOutputCallResponse>, Status> {
        echo_metadata(cx);
        let compression = cx.compression();
        Ok(Box::pin(requests.flat_map(move |request| answer(compression.clone(), request))))
    }

    /// The replies that all messages ask for, once there are no more of them.
    ///
    /// # Errors
    /// The caller's stream ends early.
    pub async fn half_duplex_call(
        &self,
        cx: &Context,
        mut requests: Streaming<StreamingOutputCallRequest>,
    ) -> Result<BoxStream<StreamingOutputCallResponse>, Status> {
        let mut all = Vec::new();
        while let Some(request) = requests.message().await? {
            all.push(Ok(request));
        }
        let compression = cx.compression();
        Ok(Box::pin(
            stream::iter(all).flat_map(move |request| answer(compression.clone(), request)),
        ))
    }
}

fn echo_metadata(cx: &Context) {
    if let Some(value) = cx.metadata.get(ECHO_INITIAL) {
        cx.reply_metadata(ECHO_INITIAL, value);
    }
    if let Some(value) = cx.metadata.get(ECHO_TRAILING) {
        cx.trailers().append(ECHO_TRAILING, value);
    }
}

/// What one message of a stream is answered with.
fn answer(
    compression: MessageCompression,
    request: Result<StreamingOutputCallRequest, Status>,
) -> BoxStream<StreamingOutputCallResponse> {
    let checked = request.and_then(|request| {
        asked_for(request.response_status)?;
        Ok(request.response_parameters)
    });
    match checked {
        Ok(parameters) => Box::pin(replies(compression, parameters)),
        Err(status) => Box::pin(stream::once(async { Err(status) })),
    }
}

fn replies(
    compression: MessageCompression,
    parameters: Vec<ResponseParameters>,
) -> impl Stream<Item = Result<StreamingOutputCallResponse, Status>> + Send {
    stream::iter(parameters).then(move |wanted| {
        let compression = compression.clone();
        async move {
            if let Ok(wait @ 1..) = u64::try_from(wanted.interval_us) {
                time::sleep(Duration::from_micros(wait)).await;
            }
            as_wanted(&compression, wanted.compressed);
            Ok(StreamingOutputCallResponse { payload: Some(payload(wanted.size)?) })
        }
    })
}

/// Refuses a message that is not compressed as it says. On a wire that never compresses single
/// messages none is.
fn as_announced(
    compression: &MessageCompression,
    announced: Option<BoolValue>,
) -> Result<(), Status> {
    let compressed = compression.received_compressed();
    match announced {
        Some(announced) if announced.value != compressed => Err(Status::new(
            Code::InvalidArgument,
            format!("a message with compressed={compressed} that was announced as the other"),
        )),
        _ => Ok(()),
    }
}

/// Has the next message compressed as the caller wants it.
fn as_wanted(compression: &MessageCompression, wanted: Option<BoolValue>) {
    match wanted {
        Some(BoolValue { value: true }) => compression.compress(),
        Some(BoolValue { value: false }) => compression.leave(),
        None => {}
    }
}

fn asked_for(status: Option<EchoStatus>) -> Result<(), Status> {
    match status {
        Some(status) if status.code != 0 => {
            let code = u64::try_from(status.code).map_or(Code::Unknown, Code::from_number);
            Err(Status::new(code, status.message))
        }
        _ => Ok(()),
    }
}

fn payload(size: i32) -> Result<Payload, Status> {
    match usize::try_from(size) {
        Ok(size) if size <= MAX_PAYLOAD_BYTES => Ok(Payload::zeros(size)),
        _ => Err(Status::new(Code::InvalidArgument, format!("a payload of {size} bytes"))),
    }
}

/// A caller may not make the server build more than this.
const MAX_PAYLOAD_BYTES: usize = 16 << 20;
