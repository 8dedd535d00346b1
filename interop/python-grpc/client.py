#!/usr/bin/env python3
"""Runs gRPC's interop cases with grpcio against a server.

It starts the server itself, prints a line per case, `ok NAME`, `FAIL NAME: why` or
`skip NAME: why`, and fails if a case did.
"""

import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys

import grpc

from cases import CASES
from testing import LIMITS

# Far beyond what any case takes.
CASE_SECONDS = 60


class Target:
    """A server as a case sees it."""

    def __init__(self, transport, address, credentials):
        self.transport = transport
        self.address = address
        self._credentials = credentials
        self._open = []

    def channel(self, address=None):
        # Without it channels to one address would share a connection.
        options = LIMITS + [("grpc.use_local_subchannel_pool", 1)]
        address = address or self.address
        if self._credentials is None:
            channel = grpc.insecure_channel(address, options)
        else:
            channel = grpc.secure_channel(address, self._credentials, options)
        self._open.append(channel)
        return channel

    def close(self):
        for channel in self._open:
            channel.close()


def run(case, target, pool):
    """Says why the case failed, or None."""
    try:
        pool.submit(case, target).result(CASE_SECONDS)
    except concurrent.futures.TimeoutError:
        return f"no end after {CASE_SECONDS} s"
    except Exception as error:  # Whatever it is, it is the case that failed.
        return f"{type(error).__name__}: {error}".replace("\n", "\\n")
    finally:
        target.close()
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--certificates", required=True, type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("suites", nargs="*", choices=["grpc", []])
    options = parser.parse_args()
    command = [options.server, "--listen", "127.0.0.1:0", "--certificates", options.certificates]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    offered = json.loads(server.stdout.readline())
    authority = (options.certificates / "ca.pem").read_bytes()
    transports = {"tcp": None, "tls": grpc.ssl_channel_credentials(authority)}
    pool = concurrent.futures.ThreadPoolExecutor()
    failed = 0
    for transport, credentials in transports.items():
        for name, case in CASES.items():
            title = f"grpc/{transport}/{name}"
            if options.only not in title:
                continue
            absent = offered.get(f"without {name}")
            if transport == "tls" and name.startswith("server_compressed"):
                absent = absent or "which messages come compressed cannot be seen through TLS"
            if absent:
                print(f"skip {title}: {absent}", flush=True)
                continue
            why = run(case, Target(transport, offered[transport], credentials), pool)
            failed += why is not None
            print(f"FAIL {title}: {why}" if why else f"ok {title}", flush=True)
    server.stdin.close()
    server.wait(10)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
