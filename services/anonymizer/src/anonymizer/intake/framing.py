"""Messages on a stream socket: eight bytes of length, then the content."""

import socket
import struct

_LENGTH = struct.Struct(">Q")
MAX_MESSAGE = 256 * 1024 * 1024


def frame(content: bytes) -> bytes:
    """Return the message that carries `content`."""
    return _LENGTH.pack(len(content)) + content


def length_of(head: bytes) -> int:
    """Return the length that a head announces.

    Raises:
        ValueError: no peer of ours announces so much.
    """
    (length,) = _LENGTH.unpack(head)
    if length > MAX_MESSAGE:
        msg = "a message is too long"
        raise ValueError(msg)
    return int(length)


HEAD_BYTES = _LENGTH.size


def send(connection: socket.socket, content: bytes) -> None:
    """Send one message."""
    connection.sendall(frame(content))


def receive(connection: socket.socket) -> bytes | None:
    """Return the next message; None when the peer is gone."""
    head = _exactly(connection, HEAD_BYTES)
    return None if head is None else _exactly(connection, length_of(head))


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    pieces: list[bytes] = []
    while count:
        piece = connection.recv(min(count, 1 << 20))
        if not piece:
            return None
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
