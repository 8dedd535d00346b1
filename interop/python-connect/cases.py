"""The cases, by the names that gRPC's descriptions give them where they have them."""

import asyncio

from connectrpc.client import ResponseMetadata
from connectrpc.code import Code
from connectrpc.errors import ConnectError

from testing import CODES, ECHO_INITIAL, ECHO_TRAILING, Gzip, messages, services, zeros

LARGE_REQUEST = 271828
LARGE_RESPONSE = 314159
REQUESTS = (27182, 8, 1828, 45904)
RESPONSES = (31415, 9, 2653, 58979)

ECHOED = {ECHO_INITIAL: "test_initial_metadata_value", ECHO_TRAILING: "q6ur"}

# Streams both ways at once.
HTTP2_ONLY = ("ping_pong", "empty_stream", "custom_metadata_of_a_stream")
# Run where they differ from one another only.
LONG = ("concurrent_large_unary", "rpc_soak")


def equal(what, got, want):
    assert got == want, f"{what}: got {got!r}, want {want!r}"


async def fails(call, code, message=None):
    try:
        await call
    except ConnectError as error:
        equal("code", error.code, code)
        if message is not None:
            equal("message", error.message, message)
    else:
        raise AssertionError("no error")


async def large(client, **more):
    request = messages.SimpleRequest(
        response_size=LARGE_RESPONSE, payload=zeros(LARGE_REQUEST), **more
    )
    reply = await client.unary_call(request)
    equal("bytes", len(reply.payload.body), LARGE_RESPONSE)


async def each(*requests):
    for request in requests:
        yield request


def announced(value):
    return messages.BoolValue(value=value)


def output_request(sizes, **more):
    parameters = [messages.ResponseParameters(size=size, **more) for size in sizes]
    return messages.StreamingOutputCallRequest(response_parameters=parameters)


async def sizes(replies):
    return [len(reply.payload.body) async for reply in replies]


def check_echoed(seen):
    equal("header", seen.headers.get(ECHO_INITIAL), ECHOED[ECHO_INITIAL])
    # Padding may come or not.
    equal("trailer", seen.trailers.get(ECHO_TRAILING, "").rstrip("="), ECHOED[ECHO_TRAILING])


async def empty_unary(target):
    await target.client().empty_call(messages.Empty())


async def large_unary(target):
    await large(target.client())


async def get_unary(target):
    call = target.client().cacheable_unary_call
    request = messages.SimpleRequest(response_size=9, payload=zeros(8))
    reply = await call(request, use_get=True)
    equal("bytes", len(reply.payload.body), 9)
    status = messages.EchoStatus(code=5, message="not here")
    request = messages.SimpleRequest(response_status=status)
    await fails(call(request, use_get=True), Code.NOT_FOUND, "not here")


async def client_compressed_unary(target):
    client = target.client()
    await fails(large(client, expect_compressed=announced(True)), Code.INVALID_ARGUMENT)
    compressing = target.client(send_compression=Gzip())
    await large(compressing, expect_compressed=announced(True))
    await large(client, expect_compressed=announced(False))


async def server_compressed_unary(target):
    for value in (True, False):
        Gzip.take()
        await large(target.client(), response_compressed=announced(value))
        equal("compressed", Gzip.take() > 0, value)


async def client_streaming(target):
    requests = [messages.StreamingInputCallRequest(payload=zeros(size)) for size in REQUESTS]
    reply = await target.client().streaming_input_call(each(*requests))
    equal("bytes in all", reply.aggregated_payload_size, 74922)


async def client_compressed_streaming(target):
    request = messages.StreamingInputCallRequest(
        expect_compressed=announced(True), payload=zeros(27182)
    )
    probe = target.client().streaming_input_call(each(request))
    await fails(probe, Code.INVALID_ARGUMENT)
    # The library compresses all messages of a call or none.
    compressing = target.client(send_compression=Gzip())
    reply = await compressing.streaming_input_call(each(request, request))
    equal("bytes in all", reply.aggregated_payload_size, 54364)


async def server_streaming(target):
    replies = target.client().streaming_output_call(output_request(RESPONSES))
    equal("bytes", await sizes(replies), list(RESPONSES))


async def server_compressed_streaming(target):
    wanted = output_request((31415, 92653))
    for parameters, value in zip(wanted.response_parameters, (True, False)):
        parameters.compressed = announced(value)
    Gzip.take()
    equal("bytes", await sizes(target.client().streaming_output_call(wanted)), [31415, 92653])
    equal("messages that came compressed", Gzip.take(), 1)


async def compressed_both_ways(target):
    client = target.client(send_compression=Gzip())
    await large(client, expect_compressed=announced(True), response_compressed=announced(True))
    Gzip.take()
    wanted = output_request(RESPONSES, compressed=announced(True))
    equal("bytes", await sizes(client.streaming_output_call(wanted)), list(RESPONSES))
    assert Gzip.take() > 0, "no reply of the stream came compressed"


async def ping_pong(target):
    requests = asyncio.Queue()

    async def queued():
        while (request := await requests.get()) is not None:
            yield request

    async def ask(request, response):
        message = output_request((response,))
        message.payload = zeros(request)
        await requests.put(message)

    await ask(REQUESTS[0], RESPONSES[0])
    replied = 0
    async for reply in target.client().full_duplex_call(queued()):
        equal("bytes", len(reply.payload.body), RESPONSES[replied])
        replied += 1
        if replied < len(RESPONSES):
            await ask(REQUESTS[replied], RESPONSES[replied])
        else:
            await requests.put(None)
    equal("replies", replied, len(RESPONSES))


async def empty_stream(target):
    equal("replies", await sizes(target.client().full_duplex_call(each())), [])


async def custom_metadata(target):
    request = messages.SimpleRequest(response_size=1, payload=zeros(1))
    with ResponseMetadata() as seen:
        await target.client().unary_call(request, headers=ECHOED)
    check_echoed(seen)


async def custom_metadata_of_a_stream(target):
    with ResponseMetadata() as seen:
        replies = target.client().full_duplex_call(each(output_request((1,))), headers=ECHOED)
        equal("bytes", await sizes(replies), [1])
    check_echoed(seen)


async def status_code_and_message(target):
    status = messages.EchoStatus(code=2, message="test status message")
    request = messages.SimpleRequest(response_status=status)
    await fails(target.client().unary_call(request), Code.UNKNOWN, status.message)


async def every_status_code(target):
    for number in range(1, 17):
        status = messages.EchoStatus(code=number, message=f"this is {number}")
        call = target.client().unary_call(messages.SimpleRequest(response_status=status))
        await fails(call, CODES[number], status.message)


async def special_status_message(target):
    text = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
    request = messages.SimpleRequest(response_status=messages.EchoStatus(code=2, message=text))
    await fails(target.client().unary_call(request), Code.UNKNOWN, text)


async def unimplemented_method(target):
    await fails(target.client().unimplemented_call(messages.Empty()), Code.UNIMPLEMENTED)


async def unimplemented_service(target):
    missing = target.client(services.UnimplementedServiceClient)
    await fails(missing.unimplemented_call(messages.Empty()), Code.UNIMPLEMENTED)


async def cancel_after_begin(target):
    begun = asyncio.Event()

    async def nothing():
        begun.set()
        await asyncio.Event().wait()
        yield

    call = asyncio.create_task(target.client().streaming_input_call(nothing()))
    await begun.wait()
    call.cancel()
    await fails(call, Code.CANCELED)
    await empty_unary(target)


async def cancel_after_first_response(target):
    late = output_request((1, 1))
    late.response_parameters[1].interval_us = 10_000_000
    first = asyncio.Event()

    async def read():
        async for _ in target.client().streaming_output_call(late):
            first.set()

    call = asyncio.create_task(read())
    await first.wait()
    call.cancel()
    await fails(call, Code.CANCELED)
    await empty_unary(target)


async def timeout_on_sleeping_server(target):
    late = output_request((1,), interval_us=10_000_000)
    replies = target.client().streaming_output_call(late, timeout_ms=50)
    await fails(sizes(replies), Code.DEADLINE_EXCEEDED)


async def concurrent_large_unary(target):
    client = target.client()
    await asyncio.gather(*(large(client) for _ in range(200)))


async def rpc_soak(target):
    client = target.client()

    async def worker():
        for _ in range(25):
            await large(client)

    await asyncio.gather(*(worker() for _ in range(4)))


CASES = {
    case.__name__: case
    for case in (
        empty_unary,
        large_unary,
        get_unary,
        client_compressed_unary,
        server_compressed_unary,
        client_streaming,
        client_compressed_streaming,
        server_streaming,
        server_compressed_streaming,
        compressed_both_ways,
        ping_pong,
        empty_stream,
        custom_metadata,
        custom_metadata_of_a_stream,
        status_code_and_message,
        every_status_code,
        special_status_message,
        unimplemented_method,
        unimplemented_service,
        cancel_after_begin,
        cancel_after_first_response,
        timeout_on_sleeping_server,
        concurrent_large_unary,
        rpc_soak,
    )
}
