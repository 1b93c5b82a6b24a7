"""Objects over a socket between two processes: a pickle and its arrays, behind their lengths.

Only for processes that trust each other. Imports nothing of this package.
"""

from __future__ import annotations

import pickle
import socket
import struct
from typing import Any

PROTOCOL = 5
COUNT = struct.Struct("<Q")


def packed(message: Any) -> list[memoryview]:
    """Return the pieces to send: how many parts there are, their lengths, the parts.

    The first part is the pickle, the others are the arrays, which are not copied.
    """
    arrays: list[pickle.PickleBuffer] = []
    parts = [memoryview(pickle.dumps(message, PROTOCOL, buffer_callback=arrays.append))]
    parts += [array.raw() for array in arrays]
    lengths = struct.pack(f"<{len(parts)}Q", *(part.nbytes for part in parts))
    head = memoryview(COUNT.pack(len(parts)) + lengths)
    return [piece for piece in (head, *parts) if piece.nbytes]


class Incoming:
    """A message that arrives piece by piece.

    Write what arrives into `space`, say how much it was by `advance`, until that returns True.
    """

    def __init__(self) -> None:
        self._lengths: list[int] | None = None
        self._part = bytearray()
        self._free = memoryview(self._part)
        self._parts: list[bytearray] = []
        self._begin(bytearray(COUNT.size))

    @property
    def space(self) -> memoryview:
        """Where the next bytes belong."""
        return self._free

    def advance(self, n_bytes: int) -> bool:
        """Take note of bytes that were written, and return whether the message is complete."""
        self._free = self._free[n_bytes:]
        return not len(self._free) and not self._has_next()

    def message(self) -> Any:
        """Return the object."""
        return pickle.loads(self._parts[0], buffers=self._parts[1:])

    def _begin(self, part: bytearray) -> None:
        self._part = part
        self._free = memoryview(part)

    def _has_next(self) -> bool:
        """Begin what comes after the piece that is complete, and return whether there is any."""
        if self._lengths is None:
            self._lengths = []
            (n_parts,) = COUNT.unpack(self._part)
            self._begin(bytearray(n_parts * COUNT.size))
            return True
        if not self._lengths:
            self._lengths = list(struct.unpack(f"<{len(self._part) // COUNT.size}Q", self._part))
        else:
            self._parts.append(self._part)
        # Empty parts take no bytes that could be waited for.
        while len(self._parts) < len(self._lengths):
            length = self._lengths[len(self._parts)]
            if length:
                self._begin(bytearray(length))
                return True
            self._parts.append(bytearray())
        return False


def send(channel: socket.socket, message: Any) -> None:
    """Send a message over a socket that blocks."""
    for piece in packed(message):
        channel.sendall(piece)


def receive(channel: socket.socket) -> Any:
    """Return the next message of a socket that blocks.

    Raises
    ------
    EOFError
        If the other side has ended.
    """
    incoming = Incoming()
    is_complete = False
    while not is_complete:
        n_bytes = channel.recv_into(incoming.space)
        if not n_bytes:
            raise EOFError("the other process has ended")
        is_complete = incoming.advance(n_bytes)
    return incoming.message()
