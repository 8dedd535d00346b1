"""What client and server share."""

from connectrpc.code import Code
from connectrpc.compression.gzip import GzipCompression
from gen import testing_connect as services
from gen import testing_pb as messages

__all__ = ["CODES", "ECHO_INITIAL", "ECHO_TRAILING", "Gzip", "messages", "services", "zeros"]

ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"

# By their numbers, as gRPC has them.
CODES = {
    1: Code.CANCELED,
    2: Code.UNKNOWN,
    3: Code.INVALID_ARGUMENT,
    4: Code.DEADLINE_EXCEEDED,
    5: Code.NOT_FOUND,
    6: Code.ALREADY_EXISTS,
    7: Code.PERMISSION_DENIED,
    8: Code.RESOURCE_EXHAUSTED,
    9: Code.FAILED_PRECONDITION,
    10: Code.ABORTED,
    11: Code.OUT_OF_RANGE,
    12: Code.UNIMPLEMENTED,
    13: Code.INTERNAL,
    14: Code.UNAVAILABLE,
    15: Code.DATA_LOSS,
    16: Code.UNAUTHENTICATED,
}


class Gzip(GzipCompression):
    """Counts, since the library does not say which messages came compressed.

    The cases that ask run one after another.
    """

    inflated = 0

    def decompress(self, data, read_max_bytes=None):
        Gzip.inflated += 1
        return super().decompress(data, read_max_bytes)

    @staticmethod
    def take():
        """How many messages came compressed since this was asked last."""
        count, Gzip.inflated = Gzip.inflated, 0
        return count


def zeros(size):
    return messages.Payload(body=bytes(size))
