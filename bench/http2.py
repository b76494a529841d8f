"""A lean HTTP/2 client for load: what a fleet's thousand processes do, at the price of one.

Requests are made ready beforehand as frames (RFC 9113) with a header block of literals (RFC 7541 §6.2.2), so that a send
is a copy with its stream's number. The server is asked for no dynamic table: a header block then means the same whenever
it comes, and is decoded once.
"""

import asyncio
import ssl
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from hpack import Decoder

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7, 0x8
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE = 0x1, 0x4
LARGEST_WINDOW, FIRST_WINDOW, LARGEST_FRAME = 2**31 - 1, 65_535, 16_384

PREFACE = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + struct.pack(">HBBBI", 0, 12, SETTINGS, 0, 0)
    + struct.pack(">HIHI", HEADER_TABLE_SIZE, 0, INITIAL_WINDOW_SIZE, LARGEST_WINDOW)
    + struct.pack(">HBBBII", 0, 4, WINDOW_UPDATE, 0, 0, LARGEST_WINDOW - FIRST_WINDOW)
)


class Lost(ConnectionError):
    """The connection ended, or the server gave a stream up."""


@dataclass(frozen=True, slots=True)
class Made:
    """A request but for the number of its stream: a header block, which may still grow, and a body."""

    block: bytes
    body: bytes


def made(method: str, authority: str, path: str, headers: Mapping[str, str], body: bytes) -> Made:
    """A request, ready to be sent any time."""
    pseudo = {":method": method, ":scheme": "https", ":authority": authority, ":path": path}
    return Made(literals({**pseudo, **headers}), body)


def literals(headers: Mapping[str, str]) -> bytes:
    """Fields without indexing and without Huffman: one octet 0, then name and value by their lengths."""
    return b"".join(
        b"\x00" + _length(len(name)) + name.encode() + _length(len(value)) + value.encode()
        for name, value in headers.items()
    )


def _length(n: int) -> bytes:
    """RFC 7541 §5.1 with a prefix of seven bits."""
    if n < 127:
        return bytes((n,))
    rest, octets = n - 127, bytearray((127,))
    while rest >= 128:
        octets.append(rest % 128 | 128)
        rest //= 128
    return bytes((*octets, rest))


@dataclass(slots=True)
class Answered:
    """What one stream has answered."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


class Client(asyncio.Protocol):
    """One connection. `send` gives the status, `ask` all of the answer; as many at once as the server allows."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._known: dict[bytes, tuple[int, dict[str, str]]] = {}
        self._waiting: dict[int, asyncio.Future[Answered]] = {}
        self._answers: dict[int, Answered] = {}
        self._unread = bytearray()
        self._unsent: list[bytes] = []
        self._window, self._room = FIRST_WINDOW, asyncio.Event()
        self._next = 1
        self._lost: Exception | None = None
        self._transport: asyncio.WriteTransport

    async def send(self, request: Made, more: Mapping[str, str]) -> int:
        """The status of the answer, once all of it is here. Raises Lost."""
        return (await self.ask(request, more)).status

    def close(self) -> None:
        self._transport.close()

    async def ask(self, request: Made, more: Mapping[str, str]) -> Answered:
        """The answer, once all of it is here. Raises Lost."""
        if self._lost is not None:
            raise Lost from self._lost
        while self._window < len(request.body):
            self._room.clear()
            await self._room.wait()
        self._window -= len(request.body)
        stream, self._next = self._next, self._next + 2
        block = request.block + literals(more)
        self._write(_frame(HEADERS, END_HEADERS | (0 if request.body else END_STREAM), stream, block))
        for at in range(0, len(request.body), LARGEST_FRAME):
            last = at + LARGEST_FRAME >= len(request.body)
            self._write(_frame(DATA, END_STREAM if last else 0, stream, request.body[at : at + LARGEST_FRAME]))
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting[stream] = answer
        return await answer

    def _write(self, frame: bytes) -> None:
        """What is sent in one turn of the loop goes out in one piece."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(frame)

    def _flush(self) -> None:
        self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.write(PREFACE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = exc or Lost("closed")
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Lost())
        self._room.set()

    def data_received(self, data: bytes) -> None:
        self._unread += data
        at = 0
        while len(self._unread) - at >= 9:
            size = int.from_bytes(self._unread[at : at + 3], "big")
            if len(self._unread) - at < 9 + size:
                break
            kind, flags, stream = struct.unpack_from(">BBI", self._unread, at + 3)
            self._take(kind, flags, stream, bytes(self._unread[at + 9 : at + 9 + size]))
            at += 9 + size
        del self._unread[:at]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == HEADERS:
            self._answers[stream] = Answered(*self._head(payload))
        elif kind == DATA:
            self._answers[stream].body += payload
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            answer, found = self._waiting.pop(stream), self._answers.pop(stream)
            if not answer.done():  # who asked may have stopped waiting
                answer.set_result(found)
        elif kind == WINDOW_UPDATE and stream == 0:
            self._window += int.from_bytes(payload, "big")
            self._room.set()
        elif kind == SETTINGS and not flags & ACK:
            self._write(_frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self._write(_frame(PING, ACK, 0, payload))
        elif kind == RST_STREAM and (reset := self._waiting.pop(stream, None)) is not None and not reset.done():
            reset.set_exception(Lost("reset"))
        elif kind == GOAWAY:
            self._transport.close()

    def _head(self, block: bytes) -> tuple[int, dict[str, str]]:
        known = self._known.get(block)
        if known is None:
            fields = {str(name): str(value) for name, value in self._decoder.decode(block)}
            known = self._known[block] = int(fields[":status"]), fields
        return known


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">HBBBI", len(payload) >> 8, len(payload) & 255, kind, flags, stream) + payload


async def connect(host: str, port: int, context: ssl.SSLContext) -> Client:
    """A connection that speaks HTTP/2. Raises OSError."""
    context.set_alpn_protocols(["h2"])
    _, client = await asyncio.get_running_loop().create_connection(Client, host, port, ssl=context)
    return client
