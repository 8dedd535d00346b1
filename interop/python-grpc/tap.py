"""Shows which messages a server sends compressed, since grpcio tells nobody.

It stands between the two and reads the frames of HTTP/2 (RFC 9113, section 4.1) that the server
sends; in them, a message is a flag, four bytes of length, and so many bytes.
"""

import contextlib
import socket
import struct
import threading

DATA = 0x0
PADDED = 0x8


class Tap:
    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.compressed = []
        self._streams = {}
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for pump in ((client, server, lambda _: None), (server, client, Frames(self._data))):
                    threading.Thread(target=_pump, args=pump, daemon=True).start()

    def _data(self, stream, data):
        unread = self._streams.setdefault(stream, bytearray())
        unread += data
        while len(unread) >= 5:
            flag, length = struct.unpack(">BI", unread[:5])
            if len(unread) < 5 + length:
                return
            self.compressed.append(flag == 1)
            del unread[: 5 + length]


class Frames:
    """Hands on what frames of data hold."""

    def __init__(self, data):
        self._data = data
        self._unread = bytearray()

    def __call__(self, chunk):
        self._unread += chunk
        while len(self._unread) >= 9:
            length = int.from_bytes(self._unread[:3], "big")
            if len(self._unread) < 9 + length:
                return
            kind, flags = self._unread[3], self._unread[4]
            payload = self._unread[9 : 9 + length]
            if kind == DATA:
                if flags & PADDED:
                    payload = payload[1 : len(payload) - payload[0]]
                self._data(bytes(self._unread[5:9]), payload)
            del self._unread[: 9 + length]


def _pump(source, sink, see):
    with contextlib.suppress(OSError), source, sink:
        while chunk := source.recv(1 << 16):
            see(chunk)
            sink.sendall(chunk)
