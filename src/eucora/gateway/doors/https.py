"""HTTPS/2: what Granian hands over (RSGI) becomes a Request; an answer becomes a response. Bodies are bounded here."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from eucora.problems import EucoraError, Refused, TryLater, document
from eucora_wire.problems import MEDIA_TYPE, Document

Headers = list[tuple[str, str]]

JSON: Headers = [("content-type", "application/json"), ("cache-control", "no-store")]
PROBLEM: Headers = [("content-type", MEDIA_TYPE), ("cache-control", "no-store")]

encode = msgspec.json.Encoder().encode


class Scope(Protocol):
    """RSGI: what is known of a request before its body."""

    proto: str
    method: str
    path: str
    client: str

    @property
    def headers(self) -> Any: ...


class Exchange(Protocol):
    """RSGI: reads the body, gives the response."""

    async def __call__(self) -> bytes: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...


class Request(Struct, frozen=True, gc=False):
    """`headers` in lower case. `body` is None when it is larger than the limit; then it was not read to its end."""

    headers: Mapping[str, str]
    body: bytes | None
    origin: str


class Response(Struct, frozen=True, gc=False):
    """What goes back."""

    status: int
    headers: Headers
    body: bytes


async def receive(scope: Scope, exchange: Exchange, most: int) -> Request:
    """The request with its body, of which never more than `most` bytes and a frame are held."""
    headers = dict(scope.headers.items())
    return Request(headers, await _body(headers.get("content-length"), exchange, most), origin_of(scope))


async def _body(length: str | None, exchange: Exchange, most: int) -> bytes | None:
    if length is None or not length.isdecimal():
        return await _stream(exchange, most)
    # HTTP/2 itself refuses a body that is not as long as it says.
    return await exchange() if int(length) <= most else None


async def _stream(exchange: Exchange, most: int) -> bytes | None:
    pieces, size = [], 0
    async for piece in exchange:
        size += len(piece)
        if size > most:
            return None
        pieces.append(bytes(piece))
    return b"".join(pieces)


def origin_of(scope: Scope) -> str:
    """The address that asks, without its port."""
    return scope.client.rpartition(":")[0].strip("[]")


def good(answer: object) -> Response:
    """200 with a struct as JSON."""
    return Response(200, JSON, encode(answer))


def problem(found: Document) -> Response:
    """A problem document under its own status."""
    if found.retry_after_s is None:
        return Response(found.status, PROBLEM, encode(found))
    wait = str(max(1, round(found.retry_after_s)))
    return Response(found.status, [*PROBLEM, ("retry-after", wait)], encode(found))


def refusal(reason: EucoraError) -> Response:
    """What the sender is told of a failure; whatever is not for it is `internal`."""
    if isinstance(reason, Refused | TryLater):
        return problem(reason.document)
    return problem(document("internal"))


def reply(exchange: Exchange, response: Response) -> None:
    """Send it."""
    exchange.response_bytes(response.status, response.headers, response.body)
