"""gRPC's test service on connectrpc; it runs within the server's own process, which is Envoy."""

import asyncio
import os
import threading

from connectrpc.code import Code
from connectrpc.errors import ConnectError

from testing import CODES, ECHO_INITIAL, ECHO_TRAILING, Gzip, messages, services, zeros


class TestService(services.TestService):
    async def empty_call(self, request, ctx):
        return messages.Empty()

    async def unary_call(self, request, ctx):
        as_announced(request)
        refuse(request)
        echo(ctx)
        ctx.response_headers["x-http-method"] = ctx.http_method
        return messages.SimpleResponse(payload=zeros(request.response_size))

    cacheable_unary_call = unary_call

    async def streaming_output_call(self, request, ctx):
        async for reply in replies(request):
            yield reply

    async def streaming_input_call(self, request, ctx):
        size = 0
        async for message in request:
            as_announced(message)
            size += len(message.payload.body) if message.payload else 0
        return messages.StreamingInputCallResponse(aggregated_payload_size=size)

    async def full_duplex_call(self, request, ctx):
        echo(ctx)
        async for message in request:
            refuse(message)
            async for reply in replies(message):
                yield reply

    async def half_duplex_call(self, request, ctx):
        for message in [message async for message in request]:
            async for reply in replies(message):
                yield reply


async def replies(request):
    for parameters in request.response_parameters:
        if parameters.interval_us > 0:
            await asyncio.sleep(parameters.interval_us / 1e6)
        yield messages.StreamingOutputCallResponse(payload=zeros(parameters.size))


def echo(ctx):
    if initial := ctx.request_headers.get(ECHO_INITIAL):
        ctx.response_headers[ECHO_INITIAL] = initial
    if trailing := ctx.request_headers.get(ECHO_TRAILING):
        ctx.response_trailers[ECHO_TRAILING] = trailing


def as_announced(request):
    compressed = Gzip.take() > 0
    announced = request.expect_compressed
    if announced is not None and announced.value != compressed:
        raise ConnectError(Code.INVALID_ARGUMENT, f"compressed is {compressed}")


def refuse(request):
    status = request.response_status
    if status is not None and status.code != 0:
        raise ConnectError(CODES[status.code], status.message)


def end_with_input():
    """Envoy would outlive a server that is killed; its standard input does not."""
    while os.read(0, 1):
        pass
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
app = services.TestServiceASGIApplication(TestService(), compressions=(Gzip(),))
