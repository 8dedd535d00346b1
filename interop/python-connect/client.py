#!/usr/bin/env python3
"""Runs gRPC's interop cases with connectrpc against a server.

They are run by Connect, gRPC-Web and gRPC, in binary and in JSON, over HTTP/1.1 and HTTP/2, in plain
text and over TLS. It starts the server itself, prints a line per case, `ok NAME`, `FAIL NAME: why`
or `skip NAME: why`, and fails if a case did.
"""

import argparse
import asyncio
import json
import pathlib
import subprocess
import sys

from pyqwest import Client, HTTPTransport, HTTPVersion

from cases import CASES, HTTP2_ONLY, LONG
from connectrpc.codec import proto_binary_codec, proto_json_codec
from connectrpc.protocol import ProtocolType
from testing import Gzip, services

# Far beyond what any case takes.
CASE_SECONDS = 30

PROTOCOLS = {
    "connect": (ProtocolType.CONNECT, proto_binary_codec()),
    "connect-json": (ProtocolType.CONNECT, proto_json_codec()),
    "grpc-web": (ProtocolType.GRPC_WEB, proto_binary_codec()),
    "grpc-web-json": (ProtocolType.GRPC_WEB, proto_json_codec()),
    "grpc": (ProtocolType.GRPC, proto_binary_codec()),
    "grpc-json": (ProtocolType.GRPC, proto_json_codec()),
}

UNSEEN = [(name, "server_compressed_unary") for name in ("connect", "connect-json")]

TRANSPORTS = {
    "http1": ("http", "http", HTTPVersion.HTTP1),
    "http2": ("tcp", "http", HTTPVersion.HTTP2),
    "http1+tls": ("tls", "https", HTTPVersion.HTTP1),
    "http2+tls": ("tls", "https", HTTPVersion.HTTP2),
}


class Target:
    """A server as a case sees it."""

    def __init__(self, protocol, transport, offered, http):
        self.protocol, self.codec = PROTOCOLS[protocol]
        address, scheme, _ = TRANSPORTS[transport]
        self._url = f"{scheme}://{offered.get(address)}"
        self._http = http

    def client(self, service=services.TestServiceClient, *, send_compression=None):
        return service(
            self._url,
            codec=self.codec,
            protocol=self.protocol,
            accept_compression=(Gzip(),),
            send_compression=send_compression,
            http_client=self._http,
        )


def applies(name, protocol, transport):
    """Whether a case can be had at all, and is worth its time."""
    if transport.startswith("http1") and (protocol in ("grpc", "grpc-json") or name in HTTP2_ONLY):
        return False
    if name in LONG:
        return transport == "http2" and not protocol.endswith("json")
    return name != "get_unary" or protocol.startswith("connect")


async def attempt(case, target):
    """Says why the case failed, or None."""
    try:
        async with asyncio.timeout(CASE_SECONDS):
            await case(target)
    except TimeoutError:
        return f"no end after {CASE_SECONDS} s"
    except Exception as error:  # Whatever it is, it is the case that failed.
        return f"{type(error).__name__}: {error}".replace("\n", "\\n")
    return None


async def run_all(offered, authority, only):
    failed = 0
    for transport, (_, _, version) in TRANSPORTS.items():
        async with HTTPTransport(http_version=version, tls_ca_cert=authority) as http:
            for protocol in PROTOCOLS:
                target = Target(protocol, transport, offered, Client(http))
                for name, case in CASES.items():
                    title = f"connect/{protocol}/{transport}/{name}"
                    if only not in title or not applies(name, protocol, transport):
                        continue
                    absent = offered.get(f"without {transport}") or offered.get(f"without {name}")
                    if (protocol, name) in UNSEEN:
                        absent = absent or "its HTTP client undoes the compression of a body"
                    if absent:
                        print(f"skip {title}: {absent}", flush=True)
                        continue
                    why = await attempt(case, target)
                    failed += why is not None
                    print(f"FAIL {title}: {why}" if why else f"ok {title}", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--certificates", required=True, type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("suites", nargs="*", choices=["connect", []])
    options = parser.parse_args()
    command = [options.server, "--listen", "127.0.0.1:0", "--certificates", options.certificates]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    offered = json.loads(server.stdout.readline())
    authority = (options.certificates / "ca.pem").read_bytes()
    failed = asyncio.run(run_all(offered, authority, options.only))
    server.stdin.close()
    server.wait(10)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
