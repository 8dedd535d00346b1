#!/usr/bin/env python3
"""gRPC's test service on connectrpc, by Connect, gRPC-Web and gRPC.

It runs on pyvoy: HTTP/1.1 and HTTP/2 in plain text on one port, and over TLS on another. It prints
its addresses as one line of JSON, with the cases it cannot serve, and ends when its standard input
does.
"""

import argparse
import asyncio
import json
import os
import pathlib
import sys

from pyvoy import PyvoyServer

BY_ITSELF = "connectrpc's server compresses every message, if the client takes it"


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--certificates", type=pathlib.Path)
    options = parser.parse_args()
    host, port = options.listen.rsplit(":", 1)
    tls = {}
    if options.certificates:
        files = {"tls_key": "key.pem", "tls_cert": "cert.pem"}
        tls = {name: options.certificates / file for name, file in files.items()}
        tls |= {"tls_port": 0, "tls_enable_http3": False}
    # The service is imported by another process.
    here = str(pathlib.Path(__file__).parent)
    os.environ["PYTHONPATH"] = os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])
    async with PyvoyServer("service:app", address=host, port=int(port), **tls) as server:
        address = f"{host}:{server.listener_port}"
        offered = {"tcp": address, "http": address}
        if tls:
            offered["tls"] = f"{host}:{server.listener_port_tls}"
        for case in ("server_compressed_unary", "server_compressed_streaming"):
            offered[f"without {case}"] = BY_ITSELF
        offered["without only-http1+tls"] = "pyvoy agrees to HTTP/2 wherever it has TLS"
        print(json.dumps(offered), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
