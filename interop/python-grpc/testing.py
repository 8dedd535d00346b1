"""What client and server share."""

import grpc

messages, services = grpc.protos_and_services("testing.proto")

ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"

# Bytes of one message; grpcio's own limit is 4 MiB.
LIMITS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def zeros(size):
    return messages.Payload(body=bytes(size))
