"""The cases, by the names that gRPC's descriptions give them."""

import concurrent.futures
import queue

import grpc
from grpc._cython import cygrpc

from tap import Tap
from testing import ECHO_INITIAL, ECHO_TRAILING, messages, services, zeros

LARGE_REQUEST = 271828
LARGE_RESPONSE = 314159
REQUESTS = (27182, 8, 1828, 45904)
RESPONSES = (31415, 9, 2653, 58979)

GZIP = grpc.Compression.Gzip
NO_COMPRESS = 0x2


def stub(target):
    return services.TestServiceStub(target.channel())


def equal(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def fails(call, code, details=None):
    try:
        call()
    except grpc.RpcError as error:
        equal("code", error.code(), code)
        if details is not None:
            equal("details", error.details(), details)
    else:
        raise AssertionError(f"no error, want {code}")


def large_request(**more):
    return messages.SimpleRequest(
        response_size=LARGE_RESPONSE, payload=zeros(LARGE_REQUEST), **more
    )


def large(service, **options):
    reply = service.UnaryCall(large_request(), **options)
    equal("bytes", len(reply.payload.body), LARGE_RESPONSE)


def output_request(sizes, **more):
    parameters = [messages.ResponseParameters(size=size) for size in sizes]
    return messages.StreamingOutputCallRequest(response_parameters=parameters, **more)


class Requests:
    """Requests that are made one after another."""

    def __init__(self):
        self._queue = queue.Queue()

    def send(self, request):
        self._queue.put(request)

    def end(self):
        self._queue.put(None)

    def __iter__(self):
        return iter(self._queue.get, None)


def empty_unary(target):
    equal("reply", stub(target).EmptyCall(messages.Empty()), messages.Empty())


def large_unary(target):
    large(stub(target))


def client_compressed_unary(target):
    service = stub(target)
    announced = large_request(expect_compressed=messages.BoolValue(value=True))
    fails(lambda: service.UnaryCall(announced), grpc.StatusCode.INVALID_ARGUMENT)
    reply = service.UnaryCall(announced, compression=GZIP)
    equal("bytes", len(reply.payload.body), LARGE_RESPONSE)
    plain = large_request(expect_compressed=messages.BoolValue(value=False))
    reply = service.UnaryCall(plain)
    equal("bytes", len(reply.payload.body), LARGE_RESPONSE)


def server_compressed_unary(target):
    tap = Tap(target.address)
    service = services.TestServiceStub(target.channel(tap.address))
    for value in (True, False):
        wanted = large_request(response_compressed=messages.BoolValue(value=value))
        reply = service.UnaryCall(wanted)
        equal("bytes", len(reply.payload.body), LARGE_RESPONSE)
    equal("compressed", tap.compressed, [True, False])
    tap.close()


def client_streaming(target):
    requests = (messages.StreamingInputCallRequest(payload=zeros(size)) for size in REQUESTS)
    reply = stub(target).StreamingInputCall(requests)
    equal("bytes in all", reply.aggregated_payload_size, 74922)


def client_compressed_streaming(target):
    service = stub(target)

    def message(value, size):
        announced = messages.BoolValue(value=value)
        return messages.StreamingInputCallRequest(payload=zeros(size), expect_compressed=announced)

    probe = iter([message(True, 27182)])
    fails(lambda: service.StreamingInputCall(probe), grpc.StatusCode.INVALID_ARGUMENT)

    send = cygrpc.SendMessageOperation

    def requests():
        yield message(True, 27182)
        # gRPC's core takes flags with each message, for which Python has no argument.
        cygrpc.SendMessageOperation = lambda request, _: send(request, NO_COMPRESS)
        yield message(False, 45904)

    try:
        reply = service.StreamingInputCall(requests(), compression=GZIP)
    finally:
        cygrpc.SendMessageOperation = send
    equal("bytes in all", reply.aggregated_payload_size, 73086)


def server_streaming(target):
    replies = stub(target).StreamingOutputCall(output_request(RESPONSES))
    equal("bytes", [len(reply.payload.body) for reply in replies], list(RESPONSES))


def server_compressed_streaming(target):
    tap = Tap(target.address)
    service = services.TestServiceStub(target.channel(tap.address))
    request = output_request((31415, 92653))
    for parameters, value in zip(request.response_parameters, (True, False)):
        parameters.compressed.value = value
    replies = service.StreamingOutputCall(request)
    equal("bytes", [len(reply.payload.body) for reply in replies], [31415, 92653])
    equal("compressed", tap.compressed, [True, False])
    tap.close()


def ping_pong(target):
    requests = Requests()
    replies = stub(target).FullDuplexCall(iter(requests))
    for request, response in zip(REQUESTS, RESPONSES):
        requests.send(output_request((response,), payload=zeros(request)))
        equal("bytes", len(next(replies).payload.body), response)
    requests.end()
    equal("the end", list(replies), [])


def empty_stream(target):
    equal("replies", list(stub(target).FullDuplexCall(iter(()))), [])


def custom_metadata(target):
    initial, trailing = (ECHO_INITIAL, "test_initial_metadata_value"), (ECHO_TRAILING, b"\xab\xab\xab")
    metadata = (initial, trailing)

    def check(call):
        headers = [value for name, value in call.initial_metadata() if name == ECHO_INITIAL]
        trailers = [value for name, value in call.trailing_metadata() if name == ECHO_TRAILING]
        equal("headers", headers, [initial[1]])
        equal("trailers", trailers, [trailing[1]])

    service = stub(target)
    request = messages.SimpleRequest(response_size=1, payload=zeros(1))
    check(service.UnaryCall.with_call(request, metadata=metadata)[1])
    call = service.FullDuplexCall(iter([output_request((1,), payload=zeros(1))]), metadata=metadata)
    equal("bytes", [len(reply.payload.body) for reply in call], [1])
    check(call)


def status_code_and_message(target):
    status = messages.EchoStatus(code=2, message="test status message")
    expected = (grpc.StatusCode.UNKNOWN, "test status message")
    service = stub(target)
    fails(lambda: service.UnaryCall(messages.SimpleRequest(response_status=status)), *expected)
    request = messages.StreamingOutputCallRequest(response_status=status)
    fails(lambda: list(service.FullDuplexCall(iter([request]))), *expected)


def special_status_message(target):
    text = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    status = messages.EchoStatus(code=2, message=text)
    request = messages.SimpleRequest(response_status=status)
    fails(lambda: stub(target).UnaryCall(request), grpc.StatusCode.UNKNOWN, text)


def unimplemented_method(target):
    call = stub(target).UnimplementedCall
    fails(lambda: call(messages.Empty()), grpc.StatusCode.UNIMPLEMENTED)


def unimplemented_service(target):
    call = services.UnimplementedServiceStub(target.channel()).UnimplementedCall
    fails(lambda: call(messages.Empty()), grpc.StatusCode.UNIMPLEMENTED)


def cancel_after_begin(target):
    requests = Requests()
    call = stub(target).StreamingInputCall.future(iter(requests))
    call.cancel()
    requests.end()
    equal("cancelled", call.cancelled(), True)
    equal("code", call.code(), grpc.StatusCode.CANCELLED)


def cancel_after_first_response(target):
    requests = Requests()
    call = stub(target).FullDuplexCall(iter(requests))
    requests.send(output_request((RESPONSES[0],), payload=zeros(REQUESTS[0])))
    equal("bytes", len(next(call).payload.body), RESPONSES[0])
    call.cancel()
    requests.end()
    fails(lambda: next(call), grpc.StatusCode.CANCELLED)


def timeout_on_sleeping_server(target):
    requests = Requests()
    requests.send(messages.StreamingOutputCallRequest(payload=zeros(REQUESTS[0])))
    call = stub(target).FullDuplexCall(iter(requests), timeout=0.001)
    try:
        fails(lambda: next(call), grpc.StatusCode.DEADLINE_EXCEEDED)
    finally:
        requests.end()


def concurrent_large_unary(target):
    service = stub(target)
    request = large_request()
    calls = [service.UnaryCall.future(request) for _ in range(1000)]
    for call in calls:
        equal("bytes", len(call.result().payload.body), LARGE_RESPONSE)


def soak(service):
    def worker():
        for _ in range(25):
            large(service())

    with concurrent.futures.ThreadPoolExecutor() as pool:
        for outcome in [pool.submit(worker) for _ in range(4)]:
            outcome.result()


def rpc_soak(target):
    shared = stub(target)
    soak(lambda: shared)


def channel_soak(target):
    soak(lambda: stub(target))


CASES = {
    case.__name__: case
    for case in (
        empty_unary,
        large_unary,
        client_compressed_unary,
        server_compressed_unary,
        client_streaming,
        client_compressed_streaming,
        server_streaming,
        server_compressed_streaming,
        ping_pong,
        empty_stream,
        custom_metadata,
        status_code_and_message,
        special_status_message,
        unimplemented_method,
        unimplemented_service,
        cancel_after_begin,
        cancel_after_first_response,
        timeout_on_sleeping_server,
        concurrent_large_unary,
        rpc_soak,
        channel_soak,
    )
}
