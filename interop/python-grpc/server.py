#!/usr/bin/env python3
"""gRPC's test server on grpcio, in plain text and over TLS.

It prints its addresses as one line of JSON, with the cases it cannot serve, and ends when its
standard input does.
"""

import argparse
import json
import pathlib
import sys
import time
from concurrent import futures

import grpc

from testing import ECHO_INITIAL, ECHO_TRAILING, LIMITS, messages, services, zeros

UNSEEN = "grpcio does not tell a handler whether a message came compressed"


class TestService(services.TestServiceServicer):
    def EmptyCall(self, request, context):
        return messages.Empty()

    def UnaryCall(self, request, context):
        compress(context, request, "response_compressed")
        echo(context)
        check_status(context, request)
        return messages.SimpleResponse(payload=zeros(request.response_size))

    CacheableUnaryCall = UnaryCall

    def StreamingOutputCall(self, request, context):
        if any(parameters.compressed.value for parameters in request.response_parameters):
            context.set_compression(grpc.Compression.Gzip)
        yield from replies(context, request)

    def StreamingInputCall(self, requests, context):
        size = sum(len(request.payload.body) for request in requests)
        return messages.StreamingInputCallResponse(aggregated_payload_size=size)

    def FullDuplexCall(self, requests, context):
        echo(context)
        for request in requests:
            check_status(context, request)
            yield from replies(context, request)

    def HalfDuplexCall(self, requests, context):
        for request in list(requests):
            yield from replies(context, request)


def replies(context, request):
    for parameters in request.response_parameters:
        time.sleep(parameters.interval_us / 1e6)
        if parameters.HasField("compressed") and not parameters.compressed.value:
            context.disable_next_message_compression()
        yield messages.StreamingOutputCallResponse(payload=zeros(parameters.size))


def compress(context, request, field):
    if getattr(request, field).value:
        context.set_compression(grpc.Compression.Gzip)
    elif request.HasField(field):
        context.disable_next_message_compression()


def echo(context):
    for name, value in context.invocation_metadata():
        if name == ECHO_INITIAL:
            context.send_initial_metadata(((name, value),))
        if name == ECHO_TRAILING:
            context.set_trailing_metadata(((name, value),))


def check_status(context, request):
    status = request.response_status
    for code in grpc.StatusCode:
        if status.code != 0 and code.value[0] == status.code:
            context.abort(code, status.message)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--certificates", type=pathlib.Path)
    options = parser.parse_args()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=LIMITS)
    services.add_TestServiceServicer_to_server(TestService(), server)
    offered = {"tcp": f"127.0.0.1:{server.add_insecure_port(options.listen)}"}
    if options.certificates:
        read = lambda name: (options.certificates / name).read_bytes()
        pair = grpc.ssl_server_credentials([(read("key.pem"), read("cert.pem"))])
        offered["tls"] = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', pair)}"
    for case in ("client_compressed_unary", "client_compressed_streaming"):
        offered[f"without {case}"] = UNSEEN
    server.start()
    print(json.dumps(offered), flush=True)
    sys.stdin.read()
    server.stop(grace=None)


if __name__ == "__main__":
    main()
